/* inspect_plan.c: how each class of the network's layers is computed, and what it costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocate.h"
#include "exit_code.h"
#include "inspect.h"
#include "measuring.h"
#include "message.h"
#include "table.h"

int inspect_plan_make(Inspection *inspection) {
    cleave_separator_settings settings = inspection->options->separator;
    cleave_error error;
    Measuring measuring;
    if (!inspection->options->show_plan)
        return EXIT_DONE;
    settings.log = message_logger();
    measuring_begin(&measuring, inspection->options, &settings);
    cleave_status status =
        cleave_model_plan(inspection->model, &settings, &inspection->plan, &error);
    measuring_end(&measuring);
    if (status == CLEAVE_OK)
        return EXIT_DONE;
    message_error("%s", error.text);
    return status == CLEAVE_ERROR_ARGUMENT ? EXIT_USAGE
           : status == CLEAVE_ERROR_MODEL  ? EXIT_MODEL
                                           : EXIT_DEVICE;
}

/* "conv 3x3", and "up 2x2" for a transposed convolution, whose kernel is the factor. */
static char *layer_name(const cleave_layer *layer) {
    if (layer->kernel[0] == 0)
        return copy_text(layer->op);
    bool transposed = strcmp(layer->op, "conv_transposed") == 0;
    return format_text("%s %dx%d", transposed ? "up" : layer->op, layer->kernel[0],
                       layer->kernel[1]);
}

/* "1024x256", or the samples of a waveform. */
static char *size_text(const int *shape) {
    return shape[2] > 1 ? format_text("%dx%d", shape[1], shape[2]) : format_text("%d", shape[1]);
}

static void add_row(Table *table, const cleave_layer *layer) {
    bool has_patch = layer->patch[0] > 0;
    char *cells[] = {layer_name(layer),
                     format_text("%d>%d", layer->input[0], layer->output[0]),
                     size_text(layer->output),
                     format_text("%d", layer->count),
                     copy_text(layer->algorithm),
                     has_patch ? format_text("%dx%d", layer->patch[0], layer->patch[1])
                               : copy_text(""),
                     copy_text(layer->first),
                     format_text("%.2f", layer->flops / 1e9),
                     format_text("%.1f %%", 100.0 * layer->share)};
    table_row(table, (const char *const *)cells);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        free(cells[i]);
}

/* How the source of the plan is told. */
static const char *source_text(const char *source) {
    return strcmp(source, "estimate") == 0 ? "estimated"
           : strcmp(source, "cache") == 0  ? "measured here before"
                                           : "measured here now";
}

void inspect_plan_print(const Inspection *inspection) {
    static const char *const headers[] = {"layer", "channels", "size",  "count", "algorithm",
                                          "patch", "first",    "GFLOP", "share"};
    const cleave_layer_list *plan = &inspection->plan;
    Table *table = table_new("lllrlllrr", headers);
    for (int i = 0; i < plan->count; i++)
        add_row(table, &plan->layers[i]);
    table_print(table, stdout);
    printf("How layers are computed on the CPU, %s.\n", source_text(plan->source));
    puts("Sizes: frequencies x frames of the output. GFLOP: of all layers of a line, for\n"
         "one chunk, by direct computation. Share: of the time. Winograd takes patches of\n"
         "tiles of 4x4 one by one, with all weights transformed first; or all patches are\n"
         "loaded first, and the weights transformed on the way.");
    table_free(table);
}

static json_t *pair(const int *values) {
    json_t *array = json_new_array();
    for (int i = 0; i < 2; i++)
        json_append(array, json_integer(values[i]));
    return array;
}

static json_t *shape_json(const int *shape) {
    json_t *array = json_new_array();
    for (int i = 0; i < (shape[2] > 1 ? 3 : 2); i++)
        json_append(array, json_integer(shape[i]));
    return array;
}

static json_t *layer_json(const cleave_layer *layer) {
    bool is_conv = layer->kernel[0] > 0;
    json_t *object = json_new_object();
    json_put_text(object, "op", layer->op);
    json_put(object, "kernel", is_conv ? pair(layer->kernel) : json_null());
    json_put(object, "stride", is_conv ? pair(layer->stride) : json_null());
    json_put(object, "input", shape_json(layer->input));
    json_put(object, "output", shape_json(layer->output));
    json_put_integer(object, "count", layer->count);
    json_put_text(object, "algorithm", is_conv ? layer->algorithm : NULL);
    json_put(object, "patch", layer->patch[0] > 0 ? pair(layer->patch) : json_null());
    json_put_text(object, "first", *layer->first != '\0' ? layer->first : NULL);
    json_put_number(object, "flops_per_chunk", layer->flops);
    json_put_number(object, "share", layer->share);
    return object;
}

void inspect_plan_put(const Inspection *inspection, json_t *object) {
    json_t *plan = json_new_object();
    json_t *layers = json_new_array();
    for (int i = 0; i < inspection->plan.count; i++)
        json_append(layers, layer_json(&inspection->plan.layers[i]));
    json_put_text(plan, "source", inspection->plan.source);
    json_put(plan, "layers", layers);
    json_put(object, "plan", plan);
}
