/* cmd_inspect.c: `cleave inspect`: what a model is, as a table or as JSON. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/json.h"
#include "cli/console/message.h"
#include "cli/console/table.h"
#include "cli/console/text.h"
#include "cli/options/separator_options.h"
#include "cli/show/commands.h"
#include "cli/show/inspect.h"

/* Each architecture has sizes of its own, by the names of the configuration. */
static bool is_roformer(const cleave_model_info *info) {
    return info->dim > 0;
}

static void inspect_put_mdx23c(json_t *object, const cleave_model_info *info) {
    json_t *scale = json_new_array();
    json_append(scale, json_integer(info->scale[0]));
    json_append(scale, json_integer(info->scale[1]));
    json_put_integer(object, "num_subbands", info->num_subbands);
    json_put_integer(object, "num_scales", info->num_scales);
    json_put_integer(object, "num_blocks_per_scale", info->num_blocks_per_scale);
    json_put_integer(object, "num_channels", info->num_channels);
    json_put_integer(object, "growth", info->growth);
    json_put_integer(object, "bottleneck_factor", info->bottleneck_factor);
    json_put(object, "scale", scale);
    json_put_text(object, "norm", info->norm);
    json_put_text(object, "act", info->act);
}

static void inspect_put_roformer(json_t *object, const cleave_model_info *info) {
    json_put_integer(object, "dim", info->dim);
    json_put_integer(object, "depth", info->depth);
    json_put_integer(object, "heads", info->heads);
    json_put_integer(object, "dim_head", info->dim_head);
    json_put_integer(object, "bands", info->bands);
    json_put_integer(object, "time_transformer_depth", info->time_transformer_depth);
    json_put_integer(object, "freq_transformer_depth", info->freq_transformer_depth);
    json_put_integer(object, "mask_estimator_depth", info->mask_estimator_depth);
    json_put_integer(object, "mlp_expansion_factor", info->mlp_expansion_factor);
}

static void inspect_print_json(const Inspection *inspection) {
    const cleave_model_info *info = inspection->info;
    json_t *object = json_new_object();
    json_t *stems = json_new_array();
    for (int i = 0; i < info->stem_count; i++)
        json_append_text(stems, info->stems[i]);
    json_put_text(object, "path", info->path);
    json_put_text(object, "name", info->name);
    json_put_text(object, "config_source", info->config_source);
    json_put_text(object, "architecture", info->architecture);
    json_put_text(object, "container", info->container);
    json_put_text(object, "weight_type", info->weight_type);
    json_put(object, "stems", stems);
    json_put_integer(object, "channels", info->channels);
    json_put_integer(object, "sample_rate", info->sample_rate);
    json_put_integer(object, "chunk_size", info->chunk_size);
    json_put_integer(object, "n_fft", info->n_fft);
    json_put_integer(object, "hop_length", info->hop_length);
    json_put_integer(object, "dim_f", info->dim_f);
    json_put_integer(object, "dim_t", info->dim_t);
    if (is_roformer(info))
        inspect_put_roformer(object, info);
    else
        inspect_put_mdx23c(object, info);
    json_put_integer(object, "default_overlap", info->default_overlap);
    json_put_bool(object, "normalize", info->normalize);
    json_put_integer(object, "parameters", info->parameters);
    json_put_number(object, "flops_per_chunk", info->flops_per_chunk);
    inspect_network_put(inspection, object);
    if (inspection->options->plan)
        inspect_plan_put(inspection, object);
    inspect_memory_put(inspection, object);
    inspect_files_put(inspection, object);
    json_print_indented(object);
}

/* Takes ownership of `value`. */
static void inspect_add(Table *table, const char *key, char *value) {
    const char *row[] = {key, value};
    table_row(table, row);
    free(value);
}

static char *joined_stems(const cleave_model_info *info) {
    char *names = copy_text("");
    for (int i = 0; i < info->stem_count; i++)
        append_text(&names, "%s%s", i > 0 ? ", " : "", info->stems[i]);
    return names;
}

/* 112345678 becomes "112.3 M" and the unit. */
static char *count_text(double count, const char *unit) {
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    int step = 0;
    while (count >= 999.95 && step < 5) {
        count /= 1000.0;
        step++;
    }
    return format_text("%.*f %s%s", step == 0 ? 0 : 1, count, prefixes[step], unit);
}

static char *cost_text(const cleave_model_info *info) {
    char *per_chunk = count_text(info->flops_per_chunk, "FLOP");
    double seconds = (double)info->chunk_size / info->sample_rate;
    char *per_second = count_text(info->flops_per_chunk / seconds, "FLOP");
    char *text = format_text("%s per chunk, %s per second at overlap 1", per_chunk, per_second);
    free(per_chunk);
    free(per_second);
    return text;
}

static void inspect_add_file(Table *table, const cleave_model_info *info) {
    char *parameters = count_text((double)info->parameters, "");
    inspect_add(table, "model", copy_text(info->path));
    inspect_add(table, "configuration", copy_text(info->config_source));
    inspect_add(table, "container",
                format_text("%s, weights %s", info->container, info->weight_type));
    inspect_add(table, "stems", joined_stems(info));
    inspect_add(
        table, "audio",
        format_text("%s, %d Hz", info->channels == 1 ? "mono" : "stereo", info->sample_rate));
    inspect_add(table, "parameters", parameters);
    inspect_add(table, "cost", cost_text(info));
}

static void inspect_add_mdx23c(Table *table, const cleave_model_info *info) {
    inspect_add(table, "network",
                format_text("%s: %d channels, growth %d, %d subbands, bottleneck factor %d",
                            info->architecture, info->num_channels, info->growth,
                            info->num_subbands, info->bottleneck_factor));
    inspect_add(table, "scales",
                format_text("%d, by %d in time and %d in frequency; blocks per scale %d",
                            info->num_scales, info->scale[0], info->scale[1],
                            info->num_blocks_per_scale));
    inspect_add(table, "norm, act", format_text("%s, %s", info->norm, info->act));
}

static void inspect_add_roformer(Table *table, const cleave_model_info *info) {
    inspect_add(table, "network",
                format_text("%s: %d blocks, dim %d, %d heads of %d, %d bands", info->architecture,
                            info->depth, info->dim, info->heads, info->dim_head, info->bands));
    inspect_add(table, "layers",
                format_text("per block %d along time and %d along the bands",
                            info->time_transformer_depth, info->freq_transformer_depth));
    inspect_add(table, "masks",
                format_text("depth %d, expansion factor %d", info->mask_estimator_depth,
                            info->mlp_expansion_factor));
}

static void inspect_add_network(Table *table, const cleave_model_info *info) {
    inspect_add(table, "chunk",
                format_text("%d samples, %.2f s", info->chunk_size,
                            (double)info->chunk_size / info->sample_rate));
    inspect_add(table, "STFT",
                format_text("n_fft %d, hop %d, %d bins kept, %d frames", info->n_fft,
                            info->hop_length, info->dim_f, info->dim_t));
    if (is_roformer(info))
        inspect_add_roformer(table, info);
    else
        inspect_add_mdx23c(table, info);
    inspect_add(table, "defaults",
                format_text("overlap %d, normalize %s", info->default_overlap,
                            info->normalize ? "yes" : "no"));
}

static void inspect_print_table(const cleave_model_info *info) {
    Table *table = table_new("ll", NULL);
    inspect_add_file(table, info);
    inspect_add_network(table, info);
    table_print(table, stdout);
    table_free(table);
}

static void inspect_print(const Inspection *inspection) {
    inspect_print_table(inspection->info);
    putchar('\n');
    inspect_network_print(inspection);
    putchar('\n');
    if (inspection->options->plan) {
        inspect_plan_print(inspection);
        putchar('\n');
    }
    inspect_memory_print(inspection);
    putchar('\n');
    inspect_files_print(inspection);
}

/* Whether the model has the stems that are asked for. Returns an exit code. */
static int inspect_check_stems(const Inspection *inspection) {
    cleave_memory_need need;
    cleave_error error;
    if (inspection->options->stems == NULL ||
        cleave_model_memory(inspection->model, &inspection->options->separator, &need, &error) !=
            CLEAVE_ERROR_ARGUMENT)
        return EXIT_DONE;
    message_error("%s", error.text);
    return EXIT_USAGE;
}

static int inspect_run(const void *arguments) {
    const InspectOptions *options = arguments;
    ModelOptions named = model_options_of_input(&options->model, &options->line);
    cleave_model *model = NULL;
    int code = model_open(&model, &named, "", NULL);
    if (code != EXIT_DONE)
        return code;
    cleave_model_info info;
    cleave_model_get_info(model, &info);
    Inspection inspection = {.options = options, .model = model, .info = &info};
    code = inspect_check_stems(&inspection);
    if (code == EXIT_DONE)
        code = inspect_plan_make(&inspection);
    if (code == EXIT_DONE && options->line.json)
        inspect_print_json(&inspection);
    else if (code == EXIT_DONE)
        inspect_print(&inspection);
    cleave_layer_list_free(&inspection.plan);
    cleave_model_close(model);
    return code;
}

/* ---- Options ----------------------------------------------------------------------------- */

/* The offset of a field. */
#define AT(field) offsetof(InspectOptions, field)

static const Option inspect_rows[] = {
    {OPTION_GROUP, .rows = config_rows, .at = AT(model)},
    {OPTION_GROUP, .rows = device_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = threads_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = overlap_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = memory_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = blend_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = stems_rows, .at = AT(stems)},
    {OPTION_FLAG, 0, "plan", NULL, AT(plan), "show how each layer is computed, and what it costs"},
    {OPTION_GROUP, .rows = compile_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = telling_rows, .at = AT(line)},
    {OPTION_END}};

static void inspect_set_defaults(void *arguments) {
    InspectOptions *options = arguments;
    model_options_default(&options->model);
    cleave_separator_settings_default(&options->separator);
}

static bool inspect_complete(void *arguments) {
    InspectOptions *options = arguments;
    separator_set_stems(&options->separator, options->stems);
    return true;
}

const Command command_inspect = {.name = "inspect",
                                 .usage = "inspect [OPTION...] [MODEL]",
                                 .summary = "show what a network is",
                                 .maximum_inputs = 1,
                                 .complete = COMPLETE_MODEL,
                                 .rows = inspect_rows,
                                 .options_size = sizeof(InspectOptions),
                                 .set_defaults = inspect_set_defaults,
                                 .check = inspect_complete,
                                 .run = inspect_run};
