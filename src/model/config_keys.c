/* config_keys.c: reading single keys, with errors that name the key, the line and the value. */
#include "model/config_keys.h"
#include "model/refuse.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "graph/ops.h"

const YamlNode *config_find(const ConfigReader *r, const char *section, const char *name) {
    const YamlNode *map = yaml_find(r->tree, yaml_root(r->tree), section);
    const YamlNode *value = yaml_find(r->tree, map, name);
    return yaml_is_null(value) ? NULL : value;
}

cleave_status config_refuse(const ConfigReader *r, const YamlNode *node, const char *format, ...) {
    char reason[CLEAVE_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    utf8_show_format(reason, sizeof(reason), format, args);
    va_end(args);
    return model_refuse(r->error, r->source, NULL, "line %d: %s", node->line, reason);
}

cleave_status config_refuse_missing(const ConfigReader *r, const char *section, const char *name) {
    return model_refuse(r->error, r->source, ADVICE_CONFIG, "%s.%s is missing", section, name);
}

const char *config_node_text(const YamlNode *node) {
    return node->kind == YAML_SCALAR ? node->text : "a list or a map";
}

/* ---- Whole numbers ---- */

cleave_status config_read_integer(const ConfigReader *r, const YamlNode *node,
                                  const IntegerKey *key, int *result) {
    double value = 0;
    bool valid = node->kind == YAML_SCALAR && yaml_number(node->text, &value) &&
                 value == floor(value) && value >= key->minimum && value <= key->maximum;
    if (!valid)
        return error_advise(r->error,
                            config_refuse(r, node, "%s.%s is '" UTF8_CUT(40) "'", key->section,
                                          key->name, config_node_text(node)),
                            "it must be a whole number from %d to %d", key->minimum, key->maximum);
    *result = (int)value;
    return CLEAVE_OK;
}

cleave_status config_read_integers(const ConfigReader *r, const IntegerKey *keys, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const IntegerKey *key = &keys[i];
        int *field = (int *)(void *)((char *)r->config + key->offset);
        const YamlNode *node = config_find(r, key->section, key->name);
        *field = key->fallback;
        if (!node && key->fallback == CONFIG_REQUIRED)
            return config_refuse_missing(r, key->section, key->name);
        cleave_status status = node ? config_read_integer(r, node, key, field) : CLEAVE_OK;
        if (status != CLEAVE_OK)
            return status;
    }
    return CLEAVE_OK;
}

/* ---- True or false ---- */

cleave_status config_read_boolean(const ConfigReader *r, const char *section, const char *name,
                                  bool fallback, bool *result) {
    const YamlNode *node = config_find(r, section, name);
    *result = fallback;
    if (!node || (node->kind == YAML_SCALAR && yaml_boolean(node->text, result)))
        return CLEAVE_OK;
    return error_advise(r->error,
                        config_refuse(r, node, "%s.%s is '" UTF8_CUT(40) "'", section, name,
                                      config_node_text(node)),
                        "it must be true or false");
}

/* ---- Words ---- */

cleave_status config_read_name(const ConfigReader *r, const char *name, char *text, size_t size,
                               const YamlNode **node) {
    const YamlNode *model = yaml_find(r->tree, yaml_root(r->tree), "model");
    *node = yaml_find(r->tree, model, name);
    if (!*node)
        return config_refuse_missing(r, "model", name);
    if ((*node)->kind != YAML_SCALAR)
        return error_advise(r->error, config_refuse(r, *node, "model.%s is a list or a map", name),
                            "it must be one word");
    utf8_show(text, size, yaml_is_null(*node) ? "none" : (*node)->text);
    return CLEAVE_OK;
}

/* ---- Activations ---- */

static bool act_parse(const char *text, ActKind kind, double *alpha) {
    const ActInfo *act = act_info(kind);
    size_t length = strlen(act->name);
    *alpha = 0;
    if (!act->has_alpha)
        return strcmp(text, act->name) == 0;
    return strncmp(text, act->name, length) == 0 && yaml_number(text + length, alpha) &&
           *alpha >= 0 && *alpha <= 1e6;
}

/* "gelu, relu, or elu with its alpha, such as elu1.0" */
static const char *act_choices(char *text, size_t size) {
    size_t used = 0;
    for (int kind = ACT_NONE + 1; kind < ACT_KINDS && used < size; kind++) {
        const ActInfo *act = act_info((ActKind)kind);
        const char *before = kind == ACT_NONE + 1 ? "" : kind < ACT_KINDS - 1 ? ", " : ", or ";
        int length = act->has_alpha
                         ? snprintf(text + used, size - used, "%s%s with its alpha, such as %s1.0",
                                    before, act->name, act->name)
                         : snprintf(text + used, size - used, "%s%s", before, act->name);
        used += length > 0 ? (size_t)length : 0;
    }
    return text;
}

cleave_status config_read_act(const ConfigReader *r, const char *name) {
    Config *config = r->config;
    const YamlNode *node = NULL;
    char choices[200];
    double alpha = 0;
    cleave_status status =
        config_read_name(r, name, config->act_name, sizeof(config->act_name), &node);
    if (status != CLEAVE_OK)
        return status;
    config->act = ACT_NONE;
    for (int kind = ACT_NONE + 1; kind < ACT_KINDS && config->act == ACT_NONE; kind++)
        if (act_parse(node->text, (ActKind)kind, &alpha))
            config->act = (ActKind)kind;
    if (config->act == ACT_NONE)
        return error_advise(
            r->error, config_refuse(r, node, "model.%s is '" UTF8_CUT(40) "'", name, node->text),
            "it must be %s", act_choices(choices, sizeof(choices)));
    config->act_alpha = (float)alpha;
    return CLEAVE_OK;
}
