/* config_keys.h: reading single keys of a configuration, for config.c and the families of networks.
 * Which keys there are is theirs to say. */
#ifndef CLEAVE_MODEL_CONFIG_KEYS_H
#define CLEAVE_MODEL_CONFIG_KEYS_H

#include "model/checkpoint.h"
#include "model/config.h"
#include "model/yaml_tree.h"

typedef struct ConfigReader {
    const YamlTree *tree;
    const Checkpoint *checkpoint; /* decides what the text does not; may be NULL */
    const char *source;           /* for errors */
    Config *config;
    cleave_error *error;
} ConfigReader;

/* A whole number of the configuration. */
typedef struct IntegerKey {
    const char *section;
    const char *name;
    int minimum;
    int maximum;
    int fallback;  /* its value where the key is missing; CONFIG_REQUIRED: that is an error */
    size_t offset; /* in Config */
} IntegerKey;

#define CONFIG_REQUIRED INT32_MIN

/* A section's value of that name; NULL if it is missing or null. */
const YamlNode *config_find(const ConfigReader *reader, const char *section, const char *name);

/* The error "SOURCE: line N: …" about a value. */
cleave_status config_refuse(const ConfigReader *reader, const YamlNode *node, const char *format,
                            ...) __attribute__((format(printf, 3, 4)));

/* The error about a missing key. */
cleave_status config_refuse_missing(const ConfigReader *reader, const char *section,
                                    const char *name);

/* The text of a value for an error. */
const char *config_node_text(const YamlNode *node);

/* Reads `node` as a whole number in the key's range. */
cleave_status config_read_integer(const ConfigReader *reader, const YamlNode *node,
                                  const IntegerKey *key, int *result);

/* Reads all of these keys into reader->config. */
cleave_status config_read_integers(const ConfigReader *reader, const IntegerKey *keys,
                                   size_t count);

/* Reads true or false; `fallback` where the key is missing. */
cleave_status config_read_boolean(const ConfigReader *reader, const char *section, const char *name,
                                  bool fallback, bool *result);

/* Reads model.NAME, one word, into text[size], cut to fit and as "none" where it is null. The key
 * must be there. */
cleave_status config_read_name(const ConfigReader *reader, const char *name, char *text,
                               size_t size, const YamlNode **node);

/* Reads model.NAME as an activation: "gelu", "elu1.0", … */
cleave_status config_read_act(const ConfigReader *reader, const char *name);

#endif
