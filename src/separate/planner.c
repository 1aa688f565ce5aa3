/* planner.c: see planner.h. */
#include "separate/planner.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cleave/extra.h"
#include "separate/plan_cache.h"

/* Measures, and keeps what was found where there is a path. */
static cleave_status measure(NetworkPlan *plan, const PlanKey *key, const char *path,
                             const CompileOptions *options,
                             const cleave_separator_settings *settings, cleave_error *error) {
    PlanProgress progress = {settings->plan_progress, settings->plan_progress_user};
    double begin = clock_seconds();
    cleave_status status = backend_measure(key->backend, plan, options, &progress, error);
    if (status != CLEAVE_OK)
        return status;
    log_write(options->log, CLEAVE_LOG_INFO, "plan: measured in %.1f s", clock_seconds() - begin);
    if (path)
        plan_cache_write(plan, key, path, options->log);
    else
        log_write(options->log, CLEAVE_LOG_INFO,
                  "plan: it cannot be kept: neither XDG_CACHE_HOME nor HOME names a folder");
    return CLEAVE_OK;
}

/* The plan as it was measured before, or, where `now`, as it is measured now. */
static cleave_status find(NetworkPlan *plan, const char **source, const Device *device,
                          const CompileOptions *options, const cleave_separator_settings *settings,
                          bool now, cleave_error *error) {
    PlanKey key = {device->backend, device->info.name, device->info.kernels,
                   precision_name(options->precision)};
    char *path = plan_cache_path(plan, &key);
    cleave_status status = CLEAVE_OK;
    if (path && plan_cache_read(plan, &key, path, options->log)) {
        *source = "cache";
    } else if (now) {
        *source = "measurement";
        status = measure(plan, &key, path, options, settings, error);
    }
    free(path);
    return status;
}

static cleave_status make(NetworkPlan *plan, const char **source, const Device *device,
                          const Graph *graph, const CompileOptions *options,
                          const cleave_separator_settings *settings, bool now,
                          cleave_error *error) {
    *source = "estimate";
    cleave_status status = backend_layers(device->backend, plan, graph, options, error);
    if (status == CLEAVE_OK && settings->plan == CLEAVE_PLAN_MEASURE)
        status = find(plan, source, device, options, settings, now, error);
    if (status != CLEAVE_OK)
        network_plan_free(plan);
    return status;
}

cleave_status planner_plan(NetworkPlan *plan, const char **source, const Device *device,
                           const Graph *graph, const CompileOptions *options,
                           const cleave_separator_settings *settings, cleave_error *error) {
    return make(plan, source, device, graph, options, settings, true, error);
}

cleave_status planner_recall(NetworkPlan *plan, const Device *device, const Graph *graph,
                             const CompileOptions *options,
                             const cleave_separator_settings *settings, cleave_error *error) {
    const char *source = NULL;
    return make(plan, &source, device, graph, options, settings, false, error);
}

/* ---- For people ---- */

/* The graph's height is time and its width frequency, but in a waveform, whose height is 1. */
static void set_shape(int *shape, int channels, int height, int width) {
    shape[0] = channels;
    shape[1] = width;
    shape[2] = height;
}

static cleave_layer describe(const LayerPlan *plan) {
    const LayerClass *class = &plan->layer;
    cleave_layer layer = {.op = graph_op_name(class->op),
                          .count = plan->count,
                          .algorithm = "",
                          .first = "",
                          .flops = plan->flops * plan->count};
    set_shape(layer.input, plan->channels, class->input_height, class->input_width);
    set_shape(layer.output, class->output.channels, class->output.height, class->output.width);
    if (class->op != OP_CONV && class->op != OP_CONV_TRANSPOSED)
        return layer;
    for (int i = 0; i < 2; i++) {
        layer.kernel[i] = class->conv.kernel[1 - i];
        layer.stride[i] = class->conv.stride[1 - i];
    }
    layer.algorithm = conv_algorithm_name(plan->conv.algorithm);
    layer.first = conv_order_name(&plan->conv);
    layer.patch[0] = plan->conv.patch_columns;
    layer.patch[1] = plan->conv.patch_rows;
    return layer;
}

cleave_status planner_list(cleave_layer_list *list, const NetworkPlan *plan, const char *source,
                           cleave_error *error) {
    size_t count = (size_t)plan->count;
    double all = 0;
    list->layers = calloc(count, sizeof(*list->layers));
    if (!list->layers)
        return error_memory(error, "the plan of the network", count * sizeof(*list->layers));
    list->count = plan->count;
    list->source = source;
    for (int i = 0; i < plan->count; i++)
        all += plan->layers[i].seconds * plan->layers[i].count;
    for (int i = 0; i < plan->count; i++) {
        const LayerPlan *layer = &plan->layers[i];
        list->layers[i] = describe(layer);
        list->layers[i].share = all > 0 ? layer->seconds * layer->count / all : 0;
    }
    return CLEAVE_OK;
}

void cleave_layer_list_free(cleave_layer_list *list) {
    if (!list)
        return;
    free(list->layers);
    *list = (cleave_layer_list){0};
}
