/* demix_state.c: what every thread of demix may do: ask whether to go on, report, fail. */
#include "stream/demix_state.h"

#include "base/clock.h"
#include "base/platform.h"

cleave_status demix_check_cancel(const DemixJob *job, cleave_error *error) {
    if (job->cancel && atomic_load_explicit(job->cancel, memory_order_relaxed))
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    return CLEAVE_OK;
}

cleave_status demix_report(const Demix *d, cleave_error *error) {
    cleave_progress progress = {
        .samples_done = atomic_load(&d->emitted),
        .samples_total = d->expected,
        .seconds = clock_seconds() - d->begin,
        .peak_host_memory = platform_peak_resident(),
        .peak_device_memory = executable_peak_memory(d->network.executable),
    };
    log_relay_flush(d->job->log);
    if (d->job->progress && d->job->progress(d->job->progress_user, &progress) != 0)
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    return CLEAVE_OK;
}

/* What the network has computed already is still collected: a journal keeps it. */
void demix_fail(Demix *d, const cleave_error *failure) {
    pthread_mutex_lock(&d->mutex);
    if (d->failure.status == CLEAVE_OK)
        d->failure = *failure;
    pthread_mutex_unlock(&d->mutex);
    if (d->job->cancel)
        atomic_store(d->job->cancel, true);
    ring_stop(&d->inputs);
}

cleave_status demix_failure(Demix *d, cleave_error *error) {
    pthread_mutex_lock(&d->mutex);
    cleave_error failure = d->failure;
    pthread_mutex_unlock(&d->mutex);
    if (failure.status != CLEAVE_OK && error)
        *error = failure;
    return failure.status;
}
