/* setup.c: settling on precision, mode and batch, and saying so. */
#include "session/setup.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "session/default_batch.h"

/* ---- Mode and precision ---- */

/* From AUTO's precision to the first that is not outgrown. */
static void setup_pass_outgrown(Setup *setup, const Choice *choice) {
    const Device *device = choice->device;
    cleave_precision *chosen = &setup->settings.precision;
    while (setup_may_widen(setup, choice) && (choice->outgrown & 1U << *chosen))
        *chosen = backend_wider_precision(device->backend, device->index, *chosen);
}

/* Only a device that the user asked for must have the precision that was asked for. */
static cleave_status setup_choose_precision(Setup *setup, const Choice *choice,
                                            cleave_error *error) {
    const Device *device = choice->device;
    cleave_precision asked = setup->settings.precision;
    cleave_precision *chosen = &setup->settings.precision;
    cleave_status status = backend_precision(device->backend, device->index, asked, chosen, error);
    if (status == CLEAVE_OK)
        setup_pass_outgrown(setup, choice);
    if (status != CLEAVE_ERROR_DEVICE || !choice->moved)
        return status;
    log_write(&setup->settings.log, CLEAVE_LOG_WARNING, "%s has no precision %s: f32 is used",
              device->info.id, precision_name(asked));
    return backend_precision(device->backend, device->index, CLEAVE_PRECISION_F32, chosen, error);
}

static void setup_choose_mode(Setup *setup, const Device *device) {
    const cleave_capability *capability = &device->capabilities[CLEAVE_CAPABILITY_COMPILE];
    if (capability->able || !setup->settings.compile)
        return;
    log_write(&setup->settings.log, CLEAVE_LOG_WARNING,
              "%s cannot compile networks (%s): it runs this one op by op", device->info.id,
              capability->reason);
    setup->settings.compile = 0;
}

cleave_status setup_begin(Setup *setup, const Choice *choice, cleave_error *error) {
    *setup = (Setup){.settings = choice->asked};
    setup_choose_mode(setup, choice->device);
    return setup_choose_precision(setup, choice, error);
}

cleave_status setup_widen(Setup *setup, const Choice *choice, cleave_error *error) {
    int compile = setup->settings.compile;
    *setup = (Setup){.settings = choice->asked};
    setup->settings.compile = compile;
    return setup_choose_precision(setup, choice, error);
}

bool setup_may_widen(const Setup *setup, const Choice *choice) {
    return choice->asked.precision == CLEAVE_PRECISION_AUTO &&
           setup->settings.precision != CLEAVE_PRECISION_F32;
}

void setup_go_op_by_op(Setup *setup, const Choice *choice) {
    setup->settings.compile = 0;
    setup->settings.batch = choice->asked.batch;
    setup->settled = false;
}

/* ---- The batch ---- */

int setup_wanted_batch(const Setup *setup, const Target *target) {
    const cleave_separator_settings *settings = &setup->settings;
    const Device *device = target->device;
    if (settings->batch > 0)
        return settings->batch;
    int batch = default_batch(device->info.kind, settings->overlap);
    double most = device->backend->run_flops ? device->backend->run_flops(device->index) : 0;
    while (most > 0 && batch > 1 && batch * target->chunk_flops > most)
        batch /= 2;
    return batch;
}

static cleave_status setup_refuse(const Setup *setup, cleave_error *error) {
    const cleave_memory_need *need = &setup->need;
    error_set(error, CLEAVE_ERROR_MEMORY,
              "the network needs %s at batch 1, and only %s may be used (%s)",
              size_text(need->total).text, size_text(need->limit).text, need->limit_source);
    return error_advise(error, CLEAVE_ERROR_MEMORY, "try %s",
                        setup->settings.max_memory > 0
                            ? "a larger --max-memory, or fewer threads"
                            : "fewer threads, closing other programs or raising that limit, or "
                              "--max-memory to try anyway");
}

/* Says that the batch is lower than wanted: a warning if the user had asked for that one. */
static void setup_log_lower(const Setup *setup, const Target *target, int wanted) {
    const cleave_memory_need *need = &setup->need;
    cleave_memory_need first = {0};
    bool known = memory_need(target, wanted, &first, NULL) == CLEAVE_OK;
    log_write(&setup->settings.log,
              setup->settings.batch > 0 ? CLEAVE_LOG_WARNING : CLEAVE_LOG_INFO,
              "batch %d needs %s, and only %s may be used (%s): using batch %d", wanted,
              known ? size_text(first.total).text : "more than can be addressed",
              size_text(need->limit).text, need->limit_source, need->batch);
}

cleave_status setup_choose_batch(Setup *setup, const Target *target, cleave_error *error) {
    if (setup->settled)
        return CLEAVE_OK;
    int wanted = setup_wanted_batch(setup, target);
    MemoryLimit limit = memory_need_limit(target, setup->settings.max_memory);
    cleave_status status = memory_need_fit(target, wanted, &limit, &setup->need, error);
    if (status != CLEAVE_OK)
        return status;
    if (setup->need.total > setup->need.limit)
        return setup_refuse(setup, error);
    if (setup->need.batch < wanted)
        setup_log_lower(setup, target, wanted);
    setup->settings.batch = setup->need.batch;
    return CLEAVE_OK;
}

void setup_lower_batch(Setup *setup, const Target *target, int batch) {
    cleave_memory_need need;
    log_write(&setup->settings.log, CLEAVE_LOG_WARNING,
              "memory ran out while the network was made ready for batch %d: using batch %d",
              setup->settings.batch, batch);
    setup->settings.batch = batch;
    if (memory_need(target, batch, &need, NULL) != CLEAVE_OK)
        return;
    need.limit = setup->need.limit;
    memcpy(need.limit_source, setup->need.limit_source, sizeof(need.limit_source));
    setup->need = need;
}

void setup_settle(Setup *setup) {
    const cleave_memory_need *need = &setup->need;
    bool limited = need->limit != INT64_MAX;
    setup->settled = true;
    log_write(&setup->settings.log, CLEAVE_LOG_INFO,
              "memory: %s needed at batch %d (weights %s, activations %s, buffers %s); %s%s%s%s",
              size_text(need->total).text, need->batch, size_text(need->weights).text,
              size_text(need->activations).text, size_text(need->buffers).text,
              limited ? size_text(need->limit).text : "no limit known",
              limited ? " may be used (" : "", need->limit_source, limited ? ")" : "");
}
