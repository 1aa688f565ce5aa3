/* cache.c: what a separator holds on its device: warming it up, waiting for it, letting it go, and
 * what is known of it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "separate/ready.h"

/* ---- Letting go ---- */

int64_t ready_peak_memory(const cleave_separator *separator) {
    int64_t now = separator->executable ? executable_peak_memory(separator->executable) : 0;
    return now > separator->peak_device_memory ? now : separator->peak_device_memory;
}

void ready_release(cleave_separator *separator) {
    if (!separator->executable)
        return;
    separator->peak_device_memory = ready_peak_memory(separator);
    fallback_add(&separator->fallback, separator->executable, separator->device->info.id);
    executable_destroy(separator->executable);
    separator->executable = NULL;
}

cleave_status cleave_separator_release_cache(cleave_separator *separator, cleave_error *error) {
    error_clear(error);
    if (!separator)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "releasing a cache needs a separator");
    ready_release(separator);
    return CLEAVE_OK;
}

cleave_status cleave_separator_synchronize(cleave_separator *separator, cleave_error *error) {
    error_clear(error);
    if (!separator)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "synchronizing needs a separator");
    return separator->executable ? executable_synchronize(separator->executable, error) : CLEAVE_OK;
}

/* ---- Degradation ---- */

/* All, those of the executable included, to be freed. Where memory runs out it is empty. */
static FallbackList list_fallback(const cleave_separator *separator) {
    const FallbackList *past = &separator->fallback;
    FallbackList list = {.ops = NULL};
    if (past->count > 0)
        list.ops = malloc((size_t)past->count * sizeof(*list.ops));
    if (list.ops) {
        memcpy(list.ops, past->ops, (size_t)past->count * sizeof(*list.ops));
        list.count = past->count;
    }
    if (separator->executable)
        fallback_add(&list, separator->executable, separator->device->info.id);
    return list;
}

int cleave_separator_fallbacks_sized(const cleave_separator *separator, cleave_fallback_op *ops,
                                     int capacity, size_t op_size) {
    if (!separator)
        return 0;
    FallbackList list = list_fallback(separator);
    int count = list.count;
    for (int i = 0; i < capacity && i < count; i++)
        struct_give_item(ops, i, op_size, &list.ops[i], sizeof(list.ops[i]));
    fallback_free(&list);
    return count;
}

/* Of `count` ops of one device. */
static void tell_fallback(const cleave_separator *separator, const cleave_fallback_op *first,
                          int count) {
    log_write(&separator->settings.log, CLEAVE_LOG_WARNING,
              "%d op%s of the network %s not run on %s, which takes time; %s%s (%s) runs on %s: %s",
              count, count == 1 ? "" : "s", count == 1 ? "does" : "do", first->instead_of,
              count == 1 ? "" : "the first of them, ", first->name, first->op, first->device,
              first->reason);
}

void ready_tell_fallback(cleave_separator *separator) {
    FallbackList list = list_fallback(separator);
    while (separator->fallback_told < list.count) {
        int first = separator->fallback_told;
        int count = fallback_group(&list, first);
        tell_fallback(separator, &list.ops[first], count);
        separator->fallback_told = first + count;
    }
    fallback_free(&list);
}

/* ---- Warming up ---- */

/* Noise, since silence would take other ways through arithmetic than music. */
static void fill_noise(float *samples, size_t count) {
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = ((float)(state >> 8) / 8388608.0f - 1.0f) * 0.1f;
    }
}

/* What a separation would find out in its first run is found out here: the batch that fits, or the
 * device that manages. CLEAVE_OK: another attempt may succeed. */
static cleave_status prepare_retry(cleave_separator *separator, int *batch, cleave_status status,
                                   cleave_error *error) {
    int most = *batch;
    if (status == CLEAVE_ERROR_MEMORY && most > 1) {
        *batch = most / 2;
        log_write(&separator->settings.log, CLEAVE_LOG_WARNING, "%s; using batch %d", error->text,
                  *batch);
        separator->settings.batch = *batch;
        error_clear(error);
        return CLEAVE_OK;
    }
    status = ready_move_on_job(separator, &(Executable *){NULL}, batch, error);
    if (*batch > most)
        *batch = most; /* so much noise there is */
    return status;
}

static cleave_status run_noise(cleave_separator *separator, const float *input, float *output,
                               cleave_error *error) {
    int batch = separator->settings.batch;
    for (;;) {
        cleave_status status =
            executable_run(separator->executable, input, output, batch, &separator->cancel, error);
        if (status != CLEAVE_ERROR_MEMORY && status != CLEAVE_ERROR_DEVICE)
            return status;
        status = prepare_retry(separator, &batch, status, error);
        if (status != CLEAVE_OK)
            return status;
    }
}

static cleave_status warm_up(cleave_separator *separator, cleave_error *error) {
    const ChunkPlan *plan = &separator->plan;
    cleave_status status = ready_ensure(separator, error);
    if (status != CLEAVE_OK)
        return status;
    size_t inputs =
        (size_t)separator->settings.batch * (size_t)plan->channels * (size_t)plan->chunk;
    size_t outputs = inputs * (size_t)separator->model->config.stem_count;
    float *input = memory_allocate_aligned(inputs * sizeof(float));
    float *output = memory_allocate_aligned(outputs * sizeof(float));
    if (input && output) {
        fill_noise(input, inputs);
        status = run_noise(separator, input, output, error);
    } else {
        status = error_memory(error, "a run of noise", (inputs + outputs) * sizeof(float));
    }
    memory_free_aligned(input);
    memory_free_aligned(output);
    if (status == CLEAVE_OK)
        status = executable_synchronize(separator->executable, error);
    return status;
}

cleave_status cleave_separator_warm_up(cleave_separator *separator, double *seconds,
                                       cleave_error *error) {
    cleave_error own = {.status = CLEAVE_OK};
    cleave_error *told = error ? error : &own;
    double begin = clock_seconds();
    error_clear(told);
    if (!separator)
        return error_set(told, CLEAVE_ERROR_ARGUMENT, "warming up needs a separator");
    cleave_status status = warm_up(separator, told);
    atomic_store(&separator->cancel, false);
    ready_tell_fallback(separator);
    if (seconds)
        *seconds = clock_seconds() - begin;
    return status;
}
