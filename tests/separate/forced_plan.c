/* forced_plan.c: see forced_plan.h. */
#include "tests/separate/forced_plan.h"

#include <stdlib.h>

#include "model/builder.h"
#include "separate/separator.h"

cleave_status cache_entry(CacheEntry *entry, const cleave_model *model,
                          const cleave_separator_settings *settings, cleave_error *error) {
    cleave_separator_settings estimated = *settings;
    cleave_separator *separator = NULL;
    Graph graph = {0};
    *entry = (CacheEntry){0};
    estimated.plan = CLEAVE_PLAN_ESTIMATE;
    cleave_status status = cleave_separator_open(&separator, model, &estimated, error);
    if (status != CLEAVE_OK)
        return status;
    CompileOptions options = {.batch = 1, .threads = 1, .fuse = true};
    options.precision = separator->settings.precision;
    status =
        builder_build(&graph, &model->config, model->checkpoint, (int)separator->plan.chunk, error);
    if (status == CLEAVE_OK)
        status = backend_layers(separator->device->backend, &entry->plan, &graph, &options, error);
    entry->device = separator->device->info;
    entry->key = (PlanKey){separator->device->backend, entry->device.name, entry->device.kernels,
                           precision_name(options.precision)};
    entry->path = plan_cache_path(&entry->plan, &entry->key);
    graph_free(&graph);
    cleave_separator_close(separator);
    return status;
}

void cache_entry_free(CacheEntry *entry) {
    network_plan_free(&entry->plan);
    free(entry->path);
}

static int least(int a, int b) {
    return a < b ? a : b;
}

void force_plan(CacheEntry *entry, const ConvPlan *wanted) {
    for (int i = 0; i < entry->plan.count; i++) {
        LayerPlan *layer = &entry->plan.layers[i];
        ConvPlan plan = *wanted;
        plan.patch_rows = least(plan.patch_rows, (layer->layer.output.height + 3) / 4);
        plan.patch_columns = least(plan.patch_columns, (layer->layer.output.width + 3) / 4);
        if (entry->key.backend->fits(&layer->layer, &plan))
            layer->conv = plan;
    }
}

cleave_status force_cached_plan(const cleave_model *model, cleave_separator_settings *settings,
                                const ConvPlan *wanted, cleave_error *error) {
    CacheEntry entry;
    cleave_status status = cache_entry(&entry, model, settings, error);
    if (status == CLEAVE_OK) {
        force_plan(&entry, wanted);
        if (!entry.path || !plan_cache_write(&entry.plan, &entry.key, entry.path, NULL))
            status = error_set(error, CLEAVE_ERROR_OUTPUT, "the forced plan cannot be kept");
    }
    cache_entry_free(&entry);
    settings->plan = CLEAVE_PLAN_MEASURE;
    return status;
}
