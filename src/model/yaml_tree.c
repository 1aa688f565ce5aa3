/* yaml_tree.c: making libyaml's events into a tree, and looking values up in it. */
#include "model/yaml_tree.h"
#include "model/refuse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"

typedef struct Anchor {
    char *name;
    int node;
} Anchor;

struct YamlTree {
    YamlNode *nodes; /* nodes[0] is the root */
    int node_count;
    int node_capacity;
    Anchor *anchors;
    int anchor_count;
};

/* A collection that is being filled. */
typedef struct OpenNode {
    int node;
    int last_child; /* -1: none yet */
} OpenNode;

typedef struct TreeBuilder {
    YamlTree *tree;
    OpenNode open[YAML_MAX_DEPTH];
    int depth;
    const char *source;
    cleave_status status; /* why a function below returned false */
    cleave_error *error;
} TreeBuilder;

static bool builder_refuse(TreeBuilder *b, const yaml_event_t *event, const char *why) {
    b->status = model_refuse(b->error, b->source, ADVICE_CONFIG, "line %zu: %s",
                             event->start_mark.line + 1, why);
    return false;
}

static bool builder_fail_memory(TreeBuilder *b, size_t bytes) {
    b->status = error_memory(b->error, "a configuration", bytes);
    return false;
}

static bool builder_make_room(TreeBuilder *b) {
    YamlTree *tree = b->tree;
    if (tree->node_count < tree->node_capacity)
        return true;
    int capacity = tree->node_capacity ? 2 * tree->node_capacity : 256;
    YamlNode *nodes = realloc(tree->nodes, (size_t)capacity * sizeof(*nodes));
    if (!nodes)
        return builder_fail_memory(b, (size_t)capacity * sizeof(*nodes));
    tree->nodes = nodes;
    tree->node_capacity = capacity;
    return true;
}

/* Appends a node to the innermost open collection. NULL on failure. */
static YamlNode *builder_add_node(TreeBuilder *b, const yaml_event_t *event, YamlKind kind) {
    YamlTree *tree = b->tree;
    if (tree->node_count >= YAML_MAX_NODES) {
        builder_refuse(b, event, "more than 20000 values, which no configuration has");
        return NULL;
    }
    if (!builder_make_room(b))
        return NULL;
    int index = tree->node_count++;
    tree->nodes[index] =
        (YamlNode){.kind = kind, .line = (int)event->start_mark.line + 1, .first = -1, .next = -1};
    if (b->depth > 0) {
        OpenNode *parent = &b->open[b->depth - 1];
        if (parent->last_child < 0)
            tree->nodes[parent->node].first = index;
        else
            tree->nodes[parent->last_child].next = index;
        parent->last_child = index;
    }
    return &tree->nodes[index];
}

/* Gives the newest node a name, if it has one. */
static bool builder_add_anchor(TreeBuilder *b, const yaml_event_t *event,
                               const yaml_char_t *anchor) {
    YamlTree *tree = b->tree;
    if (!anchor)
        return true;
    if (tree->anchor_count == YAML_MAX_ANCHORS)
        return builder_refuse(b, event, "more than 1000 anchors, which no configuration has");
    if (!tree->anchors)
        tree->anchors = calloc(YAML_MAX_ANCHORS, sizeof(*tree->anchors));
    char *name = string_copy((const char *)anchor);
    if (!tree->anchors || !name) {
        free(name);
        return builder_fail_memory(b, YAML_MAX_ANCHORS * sizeof(*tree->anchors));
    }
    tree->anchors[tree->anchor_count++] = (Anchor){name, tree->node_count - 1};
    return true;
}

static bool builder_add_scalar(TreeBuilder *b, const yaml_event_t *event) {
    YamlNode *scalar = builder_add_node(b, event, YAML_SCALAR);
    if (!scalar)
        return false;
    size_t length = event->data.scalar.length;
    scalar->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    scalar->text = malloc(length + 1);
    if (!scalar->text)
        return builder_fail_memory(b, length + 1);
    memcpy(scalar->text, event->data.scalar.value, length);
    scalar->text[length] = '\0';
    return builder_add_anchor(b, event, event->data.scalar.anchor);
}

static bool builder_add_alias(TreeBuilder *b, const yaml_event_t *event) {
    const char *name = (const char *)event->data.alias.anchor;
    const YamlTree *tree = b->tree;
    int target = tree->anchor_count - 1;
    while (target >= 0 && strcmp(tree->anchors[target].name, name) != 0)
        target--;
    if (target < 0)
        return builder_refuse(b, event, "an alias of an anchor that is not there");
    YamlNode *alias = builder_add_node(b, event, YAML_ALIAS);
    if (alias)
        alias->first = tree->anchors[target].node;
    return alias != NULL;
}

static bool builder_open_collection(TreeBuilder *b, const yaml_event_t *event, YamlKind kind,
                                    const yaml_char_t *anchor) {
    if (b->depth == YAML_MAX_DEPTH)
        return builder_refuse(b, event, "nested more than 64 deep, which no configuration is");
    if (!builder_add_node(b, event, kind) || !builder_add_anchor(b, event, anchor))
        return false;
    b->open[b->depth++] = (OpenNode){b->tree->node_count - 1, -1};
    return true;
}

static bool builder_add_event(TreeBuilder *b, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return builder_add_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return builder_add_alias(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return builder_open_collection(b, event, YAML_SEQUENCE, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return builder_open_collection(b, event, YAML_MAP, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return true;
    default:
        return true;
    }
}

static cleave_status builder_refuse_syntax(const TreeBuilder *b, const yaml_parser_t *parser) {
    if (parser->error == YAML_MEMORY_ERROR)
        return error_memory(b->error, "a configuration", YAML_MAX_BYTES);
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_READER_ERROR)
        return model_refuse(b->error, b->source, "save it as UTF-8, or " ADVICE_CONFIG,
                            "not YAML text: byte %zu: %s", parser->problem_offset, problem);
    return model_refuse(b->error, b->source, ADVICE_CONFIG,
                        "line %zu, column %zu: not valid YAML: %s", parser->problem_mark.line + 1,
                        parser->problem_mark.column + 1, problem);
}

/* Reads events until the end of the first document. */
static cleave_status builder_read_document(TreeBuilder *b, yaml_parser_t *parser) {
    bool more = true;
    while (more) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return builder_refuse_syntax(b, parser);
        more = event.type != YAML_DOCUMENT_END_EVENT && event.type != YAML_STREAM_END_EVENT &&
               builder_add_event(b, &event);
        yaml_event_delete(&event);
    }
    return b->status;
}

/* libyaml compares each %TAG directive with all before it, so a megabyte of them takes it seconds.
 * In every encoding each of them has a percent sign. */
static bool has_many_directives(const char *text, size_t size) {
    size_t found = 0;
    for (size_t i = 0; i < size; i++)
        found += text[i] == '%' ? 1 : 0;
    return found > YAML_MAX_PERCENT;
}

cleave_status yaml_tree_parse(YamlTree **tree, const char *text, size_t size, const char *source,
                              cleave_error *error) {
    *tree = NULL;
    if (size > YAML_MAX_BYTES)
        return model_refuse(error, source, ADVICE_CONFIG,
                            "%zu bytes long, where a configuration has a few thousand", size);
    if (has_many_directives(text, size))
        return model_refuse(error, source, ADVICE_CONFIG,
                            "more than %d percent signs or directives, which no configuration has",
                            YAML_MAX_PERCENT);
    yaml_parser_t parser;
    YamlTree *built = calloc(1, sizeof(*built));
    if (!built)
        return error_memory(error, "a configuration", sizeof(*built));
    if (!yaml_parser_initialize(&parser)) {
        free(built);
        return error_memory(error, "a configuration", size);
    }
    TreeBuilder builder = {.tree = built, .depth = 0, .source = source, .error = error};
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text ? text : ""), size);
    cleave_status status = builder_read_document(&builder, &parser);
    yaml_parser_delete(&parser);
    if (status != CLEAVE_OK) {
        yaml_tree_free(built);
        return status;
    }
    *tree = built;
    return CLEAVE_OK;
}

void yaml_tree_free(YamlTree *tree) {
    if (!tree)
        return;
    for (int i = 0; i < tree->node_count; i++)
        free(tree->nodes[i].text);
    for (int i = 0; i < tree->anchor_count; i++)
        free(tree->anchors[i].name);
    free(tree->nodes);
    free(tree->anchors);
    free(tree);
}

const YamlNode *yaml_root(const YamlTree *tree) {
    return tree->node_count > 0 ? &tree->nodes[0] : NULL;
}

/* An alias never refers to another alias, so one step is enough. */
static const YamlNode *yaml_resolve(const YamlTree *tree, int index) {
    if (index < 0)
        return NULL;
    const YamlNode *node = &tree->nodes[index];
    return node->kind == YAML_ALIAS ? &tree->nodes[node->first] : node;
}

const YamlNode *yaml_first(const YamlTree *tree, const YamlNode *parent, int *position) {
    *position = parent->kind == YAML_SCALAR ? -1 : parent->first;
    return yaml_resolve(tree, *position);
}

const YamlNode *yaml_next(const YamlTree *tree, int *position) {
    *position = *position < 0 ? -1 : tree->nodes[*position].next;
    return yaml_resolve(tree, *position);
}

static const YamlNode *yaml_find_own(const YamlTree *tree, const YamlNode *map, const char *key) {
    const YamlNode *found = NULL;
    int position;
    const YamlNode *name = yaml_first(tree, map, &position);
    while (name) {
        const YamlNode *value = yaml_next(tree, &position);
        if (name->kind == YAML_SCALAR && strcmp(name->text, key) == 0)
            found = value;
        name = yaml_next(tree, &position);
    }
    return found;
}

/* Merges may nest and share, so following all of them could take very long. `budget` counts the
 * maps that one look-up may still visit; honest configurations need far fewer. */
static const YamlNode *yaml_find_merged(const YamlTree *tree, const YamlNode *map, const char *key,
                                        int depth, int *budget) {
    const YamlNode *found = yaml_find_own(tree, map, key);
    const YamlNode *merge = yaml_find_own(tree, map, "<<");
    if (found || !merge || depth == 8 || --*budget < 0)
        return found;
    if (merge->kind == YAML_MAP)
        return yaml_find_merged(tree, merge, key, depth + 1, budget);
    int position;
    const YamlNode *source = yaml_first(tree, merge, &position);
    for (; source && !found; source = yaml_next(tree, &position))
        if (source->kind == YAML_MAP)
            found = yaml_find_merged(tree, source, key, depth + 1, budget);
    return found;
}

const YamlNode *yaml_find(const YamlTree *tree, const YamlNode *map, const char *key) {
    int budget = 64;
    if (!map || map->kind != YAML_MAP)
        return NULL;
    return yaml_find_merged(tree, map, key, 0, &budget);
}
