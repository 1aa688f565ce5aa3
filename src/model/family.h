/* family.h: what sets one family of networks apart from the others. Each family is a file of its
 * own, such as mdx23c.c, and a row in families.c. */
#ifndef CLEAVE_MODEL_FAMILY_H
#define CLEAVE_MODEL_FAMILY_H

#include "model/config_keys.h"
#include "model/network.h"

struct NetworkFamily {
    const char *name;
    const char *mark; /* family_names.h */

    /* ---- The configuration ---- */

    const char *key; /* of the section "model"; no other family's configurations have it */
    const IntegerKey *integer_keys;
    size_t integer_key_count;

    /* Reads all other keys of the section "model". */
    cleave_status (*read)(const ConfigReader *reader);

    /* Whether sizes that passed their own range checks fit together. */
    cleave_status (*check)(const Config *config, const char *source, cleave_error *error);

    /* See config_check_frames(). */
    cleave_status (*check_frames)(const Config *config, int frames, const char *what,
                                  cleave_error *error);

    /* ---- The network ---- */

    /* Appends the nodes to network->graph, and lists their weights and parts. Returns the output
     * node, or -1 if memory ran out. */
    int (*describe)(Network *network, int samples);

    /* Writes which key of the configuration seems to be wrong for a checkpoint that does not fit;
     * false: no idea. */
    bool (*hint)(const Config *config, const Checkpoint *checkpoint, char *hint, size_t size);
};

/* The family of a configuration; MDX23C where no key says so. */
const NetworkFamily *family_find(const YamlTree *tree);

#endif
