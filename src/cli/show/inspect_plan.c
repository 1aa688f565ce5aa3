/* inspect_plan.c: how each class of the network's layers is computed, and what it costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/table.h"
#include "cli/show/inspect.h"
#include "cli/show/layer_text.h"

int inspect_plan_make(Inspection *inspection) {
    cleave_separator_settings settings = inspection->options->separator;
    cleave_error error;
    if (!inspection->options->plan)
        return EXIT_DONE;
    settings.log = message_logger();
    cleave_status status =
        cleave_model_plan(inspection->model, &settings, &inspection->plan, &error);
    if (status == CLEAVE_OK)
        return EXIT_DONE;
    message_error("%s", error.text);
    return exit_code_of(status);
}

static void plan_add_row(Table *table, const cleave_layer *layer) {
    char *cells[] = {layer_name(layer->op, layer->kernel),
                     format_text("%d>%d", layer->input[0], layer->output[0]),
                     layer_size(layer->output),
                     format_text("%d", layer->count),
                     copy_text(layer->how),
                     format_text("%.2f", layer->flops / 1e9),
                     format_text("%.1f %%", 100.0 * layer->share)};
    table_row(table, (const char *const *)cells);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        free(cells[i]);
}

#define PLAN_FIGURES                                                                    \
    "\nSizes: frequencies (of tokens: features) x frames of the output.\n"              \
    "GFLOP: of all layers of a line, for one chunk, by direct computation. Share: of\n" \
    "the time"

/* The words of `how`, which each kind of device has its own of. */
static void plan_explain(const Inspection *inspection) {
    char device[32];
    inspect_device(inspection, device, sizeof device);
    if (strncmp(device, "cuda", strlen("cuda")) == 0)
        printf("How layers are computed on %s." PLAN_FIGURES
               ", as far as FLOPs tell. Columns: output channels that are computed\n"
               "together. Halo: an area is loaded once, with its border, for all nine taps.\n"
               "Gather: each tap loads its own. Split: normalised and activated beforehand.\n",
               device);
    else if (inspection->info->dim > 0)
        puts("How layers are computed on the CPU. Channels: bands. Sizes: features x frames\n"
             "of the output. GFLOP: of all layers of a line, for one chunk, by direct\n"
             "computation. Share: of the time, as far as FLOPs tell.");
    else
        puts("How layers are computed on the CPU." PLAN_FIGURES
             ". Winograd works on patches of so many tiles of 4x4. Weights first: it\n"
             "transforms all weights, then takes patch by patch. Patches first: it loads all\n"
             "patches, and transforms the weights on the way.");
}

void inspect_plan_print(const Inspection *inspection) {
    static const char *const headers[] = {"layer", "channels", "size", "count",
                                          "how",   "GFLOP",    "share"};
    const cleave_layer_list *plan = &inspection->plan;
    Table *table = table_new("lllrlrr", headers);
    for (int i = 0; i < plan->count; i++)
        plan_add_row(table, plan->layers[i]);
    table_print(table, stdout);
    plan_explain(inspection);
    table_free(table);
}

static json_t *layer_json(const cleave_layer *layer) {
    bool is_conv = layer->kernel[0] > 0;
    json_t *object = json_new_object();
    json_put_text(object, "op", layer->op);
    json_put(object, "kernel", is_conv ? layer_pair_json(layer->kernel) : json_null());
    json_put(object, "stride", is_conv ? layer_pair_json(layer->stride) : json_null());
    json_put(object, "input", layer_shape_json(layer->input));
    json_put(object, "output", layer_shape_json(layer->output));
    json_put_integer(object, "count", layer->count);
    json_put_text(object, "how", layer->how[0] != '\0' ? layer->how : NULL);
    json_put_number(object, "flops_per_chunk", layer->flops);
    json_put_number(object, "share", layer->share);
    return object;
}

void inspect_plan_put(const Inspection *inspection, json_t *object) {
    json_t *plan = json_new_object();
    json_t *layers = json_new_array();
    for (int i = 0; i < inspection->plan.count; i++)
        json_append(layers, layer_json(inspection->plan.layers[i]));
    json_put(plan, "layers", layers);
    json_put(object, "plan", plan);
}
