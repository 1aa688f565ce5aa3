/* inspect_files.c: the files that a model is made of, and the groups of weights in its checkpoint.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/message.h"
#include "cli/console/table.h"
#include "cli/console/text.h"
#include "cli/show/inspect.h"

/* ---- Files ------------------------------------------------------------------------------- */

/* Names of a configuration beside a model, in the order in which they are tried; %s is the model's
 * name. */
static const char *const candidates[] = {"%s.yaml", "%s.yml", "model.yaml", "model.yml",
                                         "config_model.yaml"};

#define CANDIDATES (sizeof candidates / sizeof *candidates)

static char *candidate_name(const cleave_model_info *info, size_t index) {
    const char *place = strstr(candidates[index], "%s");
    return place != NULL ? format_text("%s%s", info->name, place + 2)
                         : copy_text(candidates[index]);
}

/* `name` in the model's folder. */
static char *path_beside(const cleave_model_info *info, const char *name) {
    const char *slash = strrchr(info->path, '/');
    return slash != NULL ? format_text("%.*s/%s", (int)(slash - info->path), info->path, name)
                         : copy_text(name);
}

/* -1 where there is no such file. */
static int64_t file_size(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

static void add_file(Table *table, const char *name, const char *what, int64_t size, bool used) {
    ShortText bytes = text_bytes(size);
    const char *row[] = {name, what, size < 0 ? "" : bytes.text,
                         used       ? "used"
                         : size < 0 ? "not there"
                                    : "not used"};
    table_row(table, row);
}

/* Whether an earlier candidate has the same name, which happens if the model is called "model". */
static bool is_listed(const cleave_model_info *info, size_t index) {
    char *name = candidate_name(info, index);
    bool listed = false;
    for (size_t i = 0; i < index && !listed; i++) {
        char *earlier = candidate_name(info, i);
        listed = strcmp(earlier, name) == 0;
        free(earlier);
    }
    free(name);
    return listed;
}

static void print_files(const cleave_model_info *info) {
    static const char *const headers[] = {"file", "holds", "size", ""};
    char *model = text_file_name(info->path);
    bool found = false;
    Table *table = table_new("plrl", headers);
    add_file(table, model, "weights", file_size(info->path), true);
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (is_listed(info, i))
            continue;
        char *name = candidate_name(info, i);
        char *path = path_beside(info, name);
        bool used = !found && strcmp(path, info->config_source) == 0;
        add_file(table, name, i == 0 ? "configuration" : "or that", file_size(path), used);
        found = found || used;
        free(name);
        free(path);
    }
    if (!found) { /* the header of the checkpoint, or what -c names */
        char *name = text_file_name(info->config_source);
        add_file(table, name, "configuration", file_size(info->config_source), true);
        free(name);
    }
    table_print(table, stdout);
    puts("A model is its weights and its configuration, side by side. The first of these\n"
         "configurations that is there is used, then a safetensors header's; -c names\n"
         "another.");
    table_free(table);
    free(model);
}

/* ---- Weights ----------------------------------------------------------------------------- */

/* Weights whose names begin alike: a part of the network. */
typedef struct Group {
    const char *name;
    size_t length; /* of the front */
    int tensors;
    int64_t values;
    const cleave_weight *largest;
} Group;

/* "encoder_blocks.0" of "encoder_blocks.0.tfc_tdf…", and "final_conv" of "final_conv.0.weight". */
static size_t front_length(const char *name) {
    size_t length = strcspn(name, ".");
    size_t digits = name[length] == '.' ? strspn(name + length + 1, "0123456789") : 0;
    bool numbered = strncmp(name, "encoder_", 8) == 0 || strncmp(name, "decoder_", 8) == 0;
    return numbered && digits > 0 ? length + 1 + digits : length;
}

static int64_t weight_elements(const cleave_weight *weight) {
    int64_t count = 1;
    for (int i = 0; i < weight->dim_count; i++)
        count *= weight->dims[i];
    return count;
}

static char *dims_text(const cleave_weight *weight) {
    char *text = copy_text("(");
    for (int i = 0; i < weight->dim_count; i++)
        append_text(&text, "%s%" PRId64, i > 0 ? ", " : "", weight->dims[i]);
    append_text(&text, ")");
    return text;
}

static cleave_weight *list_weights(const Inspection *inspection, int *count) {
    *count = cleave_model_weights(inspection->model, NULL, 0);
    cleave_weight *weights = allocate((size_t)*count, sizeof *weights);
    cleave_model_weights(inspection->model, weights, *count);
    return weights;
}

/* Groups in the order in which the file first names them; at most `count`. */
static Group *list_groups(const cleave_weight *weights, int count, int *group_count) {
    Group *groups = allocate((size_t)count, sizeof *groups);
    *group_count = 0;
    for (int i = 0; i < count; i++) {
        const cleave_weight *weight = &weights[i];
        size_t length = front_length(weight->name);
        int at = 0;
        while (at < *group_count &&
               (groups[at].length != length || strncmp(groups[at].name, weight->name, length) != 0))
            at++;
        if (at == *group_count)
            groups[(*group_count)++] =
                (Group){.name = weight->name, .length = length, .largest = weight};
        Group *group = &groups[at];
        group->tensors++;
        group->values += weight_elements(weight);
        if (weight_elements(weight) > weight_elements(group->largest))
            group->largest = weight;
    }
    return groups;
}

static void print_groups(const Group *groups, int count) {
    static const char *const headers[] = {"weights", "tensors", "values", "type", "largest"};
    Table *table = table_new("prrll", headers);
    for (int i = 0; i < count; i++) {
        char *name = copy_bytes(groups[i].name, groups[i].length);
        char *tensors = format_text("%d", groups[i].tensors);
        char *values = format_text("%" PRId64, groups[i].values);
        char *largest = dims_text(groups[i].largest);
        const char *row[] = {name, tensors, values, groups[i].largest->type, largest};
        table_row(table, row);
        free(name);
        free(tensors);
        free(values);
        free(largest);
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_weights(const cleave_weight *weights, int count) {
    static const char *const headers[] = {"weight", "type", "shape"};
    Table *table = table_new("pll", headers);
    for (int i = 0; i < count; i++) {
        char *shape = dims_text(&weights[i]);
        const char *row[] = {weights[i].name, weights[i].type, shape};
        table_row(table, row);
        free(shape);
    }
    table_print(table, stdout);
    table_free(table);
}

void inspect_files_print(const Inspection *inspection) {
    int count = 0;
    int group_count = 0;
    cleave_weight *weights = list_weights(inspection, &count);
    Group *groups = list_groups(weights, count, &group_count);
    print_files(inspection->info);
    putchar('\n');
    if (inspection->options->line.verbosity >= VERBOSITY_INFO)
        print_weights(weights, count);
    else
        print_groups(groups, group_count);
    free(groups);
    free(weights);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *dims_json(const cleave_weight *weight) {
    json_t *dims = json_new_array();
    for (int i = 0; i < weight->dim_count; i++)
        json_append(dims, json_integer(weight->dims[i]));
    return dims;
}

static json_t *groups_json(const Group *groups, int count) {
    json_t *list = json_new_array();
    for (int i = 0; i < count; i++) {
        char *name = copy_bytes(groups[i].name, groups[i].length);
        json_t *object = json_new_object();
        json_put_text(object, "prefix", name);
        json_put_integer(object, "tensors", groups[i].tensors);
        json_put_integer(object, "values", groups[i].values);
        json_put_text(object, "type", groups[i].largest->type);
        json_put(object, "largest", dims_json(groups[i].largest));
        json_append(list, object);
        free(name);
    }
    return list;
}

static json_t *weights_json(const cleave_weight *weights, int count) {
    json_t *list = json_new_array();
    for (int i = 0; i < count; i++) {
        json_t *object = json_new_object();
        json_put_text(object, "name", weights[i].name);
        json_put_text(object, "type", weights[i].type);
        json_put(object, "shape", dims_json(&weights[i]));
        json_append(list, object);
    }
    return list;
}

static json_t *candidates_json(const cleave_model_info *info) {
    json_t *list = json_new_array();
    for (size_t i = 0; i < CANDIDATES; i++) {
        char *name = candidate_name(info, i);
        json_append_text(list, name);
        free(name);
    }
    return list;
}

void inspect_files_put(const Inspection *inspection, json_t *object) {
    int count = 0;
    int group_count = 0;
    cleave_weight *weights = list_weights(inspection, &count);
    Group *groups = list_groups(weights, count, &group_count);
    json_put(object, "config_candidates", candidates_json(inspection->info));
    json_put(object, "weight_groups", groups_json(groups, group_count));
    if (inspection->options->line.verbosity >= VERBOSITY_INFO)
        json_put(object, "weights", weights_json(weights, count));
    free(groups);
    free(weights);
}
