/* estimate.c: what a separator would take and how it would compute, without opening one. */
#include <stdio.h>

#include "base/public_struct.h"
#include "cleave/extra.h"
#include "session/default_batch.h"
#include "session/layer_list.h"
#include "session/prepare.h"

static cleave_status estimate_open(Target *target, const cleave_separator *separator,
                                   cleave_error *error) {
    return target_open(target, separator->model, &separator->choice, &separator->setup.settings,
                       NULL, error);
}

/* ---- Memory ---- */

static cleave_status estimate_memory(const cleave_separator *separator, cleave_memory_need *need,
                                     cleave_error *error) {
    const cleave_separator_settings *settings = &separator->setup.settings;
    Target target;
    cleave_status status = estimate_open(&target, separator, error);
    if (status != CLEAVE_OK)
        return status;
    MemoryLimit limit = memory_need_limit(&target, settings->max_memory);
    MemoryLimit fit = limit;
    if (settings->batch > 0)
        fit.bytes = INT64_MAX; /* the figures of that batch, whether it fits or not */
    int batch = setup_wanted_batch(&separator->setup, &target);
    status = memory_need_fit(&target, batch, &fit, need, error);
    need->limit = limit.bytes;
    need->overlap = settings->overlap;
    need->device_batch = default_batch(target.device->info.kind, settings->overlap);
    snprintf(need->device, sizeof(need->device), "%s", target.device->info.id);
    target_close(&target);
    return status;
}

cleave_status cleave_model_memory_sized(const cleave_model *model,
                                        const cleave_separator_settings *settings,
                                        cleave_memory_need *need, size_t need_size,
                                        cleave_error *error) {
    cleave_separator separator;
    cleave_memory_need own = {0};
    error_clear(error);
    if (!model || !need)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "computing the memory need takes a model");
    cleave_status status = prepare_begin(&separator, model, settings, error);
    if (status == CLEAVE_OK)
        status = estimate_memory(&separator, &own, error);
    struct_give(need, need_size, &own, sizeof(own));
    return status;
}

/* ---- Layers ---- */

static cleave_status estimate_layers(const cleave_separator *separator, cleave_layer_list *list,
                                     cleave_error *error) {
    NetworkPlan layers = {0};
    Target target;
    cleave_status status = estimate_open(&target, separator, error);
    if (status != CLEAVE_OK)
        return status;
    status = backend_layers(target.device->backend, &layers, &target.graph, &target.options, error);
    if (status == CLEAVE_OK)
        status = layer_list_fill(list, &layers, error);
    network_plan_free(&layers);
    target_close(&target);
    return status;
}

cleave_status cleave_model_plan_sized(const cleave_model *model,
                                      const cleave_separator_settings *settings,
                                      cleave_layer_list *list, size_t list_size,
                                      cleave_error *error) {
    cleave_separator separator;
    cleave_layer_list own = {0};
    error_clear(error);
    if (!model || !list)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "planning layers needs a model and a list");
    cleave_status status = prepare_begin(&separator, model, settings, error);
    if (status == CLEAVE_OK)
        status = estimate_layers(&separator, &own, error);
    struct_give(list, list_size, &own, sizeof(own));
    return status;
}
