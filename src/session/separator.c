/* separator.c: the public separator: opening and closing it, what it settled on, and what it holds
 * on its device. */
#include "session/separator.h"

#include <stdlib.h>

#include "base/public_struct.h"
#include "cleave/extra.h"
#include "session/prepare.h"

/* ---- Opening and closing ---- */

cleave_status cleave_separator_open(cleave_separator **separator, const cleave_model *model,
                                    const cleave_separator_settings *settings,
                                    cleave_error *error) {
    error_clear(error);
    if (!separator || !model)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "a separator needs a model");
    *separator = NULL;
    cleave_separator *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return error_memory(error, "the separator", sizeof(*opened));
    cleave_status status = prepare_begin(opened, model, settings, error);
    if (status == CLEAVE_OK && opened->choice.asked.profile)
        status = profile_create(&opened->profile, error);
    if (status == CLEAVE_OK)
        status = prepare_network(opened, error);
    if (status != CLEAVE_OK) {
        cleave_separator_close(opened);
        return status;
    }
    *separator = opened;
    return CLEAVE_OK;
}

void cleave_separator_close(cleave_separator *separator) {
    if (!separator)
        return;
    compiled_release(&separator->compiled);
    fallback_free(&separator->fallback);
    profile_destroy(separator->profile);
    free(separator);
}

/* ---- What it is ---- */

static const char *const blend_names[] = {
    [CLEAVE_BLEND_FADE] = "fade", [CLEAVE_BLEND_MEAN] = "mean", [CLEAVE_BLEND_HAMMING] = "hamming"};

void cleave_separator_get_info_sized(const cleave_separator *separator, cleave_separator_info *info,
                                     size_t info_size) {
    const cleave_separator_settings *settings = &separator->setup.settings;
    const cleave_separator_info own = {
        .device = separator_device(separator),
        .kernels = separator->compiled.kernels,
        .precision = precision_name(settings->precision),
        .blend = blend_names[settings->blend],
        .threads = settings->threads,
        .overlap = settings->overlap,
        .batch = settings->batch,
        .tta = settings->tta != 0,
        .chunk_size = (int)separator->choice.geometry.chunk,
        .compiled = settings->compile != 0,
        .device_memory = compiled_memory(&separator->compiled),
        .peak_device_memory = compiled_peak_memory(&separator->compiled),
        .fallback_ops = cleave_separator_fallbacks(separator, NULL, 0),
        .memory_needed = separator->setup.need.total,
    };
    struct_give(info, info_size, &own, sizeof(own));
}

int cleave_separator_fallbacks_sized(const cleave_separator *separator, cleave_fallback_op *ops,
                                     int capacity, size_t op_size) {
    if (!separator)
        return 0;
    FallbackList list = fallback_all(&separator->fallback, separator->compiled.executable,
                                     separator_device(separator));
    int count = list.count;
    for (int i = 0; i < capacity && i < count; i++)
        struct_give_item(ops, i, op_size, &list.ops[i], sizeof(list.ops[i]));
    fallback_free(&list);
    return count;
}

/* ---- What it does ---- */

void cleave_separator_cancel(cleave_separator *separator) {
    atomic_store(&separator->cancel, true);
}

cleave_status cleave_separator_release_cache(cleave_separator *separator, cleave_error *error) {
    error_clear(error);
    if (!separator)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "releasing a cache needs a separator");
    prepare_release(separator);
    return CLEAVE_OK;
}

cleave_status cleave_separator_synchronize(cleave_separator *separator, cleave_error *error) {
    error_clear(error);
    if (!separator)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "synchronizing needs a separator");
    return separator->compiled.executable
               ? executable_synchronize(separator->compiled.executable, error)
               : CLEAVE_OK;
}
