/* yaml_tree.h: the first document of a YAML text as a tree of bounded size. Aliases and merge keys
 * are resolved on look-up. What the values mean is decided in config.c. */
#ifndef CLEAVE_MODEL_YAML_TREE_H
#define CLEAVE_MODEL_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A model's configuration has about a hundred nodes in two or three levels. These limits are far
 * above that, and stop a hostile text before it costs much time or memory. */
#define YAML_MAX_BYTES   ((size_t)1 << 20)
#define YAML_MAX_NODES   20000
#define YAML_MAX_DEPTH   64
#define YAML_MAX_ANCHORS 1000
#define YAML_MAX_PERCENT 1000

typedef struct YamlTree YamlTree;

typedef enum YamlKind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAP, YAML_ALIAS } YamlKind;

typedef struct YamlNode {
    YamlKind kind;
    bool plain; /* scalar without quotes: null and true are not just text */
    char *text; /* scalar only */
    int line;   /* counted from 1 */
    int first;  /* first child, in a map keys and values in turn; alias: its target; -1: none */
    int next;   /* next sibling; -1: none */
} YamlNode;

/* `source` names the text in errors. An empty text gives a tree without a root. On failure *tree is
 * NULL. */
cleave_status yaml_tree_parse(YamlTree **tree, const char *text, size_t size, const char *source,
                              cleave_error *error);
void yaml_tree_free(YamlTree *tree);

const YamlNode *yaml_root(const YamlTree *tree); /* NULL: an empty text */

/* The value of a key: the last one if the key is repeated, else what `<<` merges in. NULL if the
 * key is missing, or the node is NULL or not a map. */
const YamlNode *yaml_find(const YamlTree *tree, const YamlNode *map, const char *key);

/* Children in order, aliases resolved: child = yaml_first(tree, parent), yaml_next(…). `position`
 * keeps the place. NULL at the end. */
const YamlNode *yaml_first(const YamlTree *tree, const YamlNode *parent, int *position);
const YamlNode *yaml_next(const YamlTree *tree, int *position);

/* What scalars mean, independent of the locale. Only plain ones can be null; numbers and booleans
 * may be quoted. */
bool yaml_is_null(const YamlNode *node); /* true for a NULL node, too */
bool yaml_number(const char *text, double *value);
bool yaml_boolean(const char *text, bool *value);

#endif
