/* demix.c: see demix.h. Sets up the three threads' parts and starts them; demix_private.h shows the
 * whole. */
#include "stream/demix.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/platform.h"
#include "base/thread.h"
#include "stream/demix_state.h"

/* ---- Failing ---- */

cleave_status demix_check_cancel(const DemixJob *job, cleave_error *error) {
    if (job->cancel && atomic_load_explicit(job->cancel, memory_order_relaxed))
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    return CLEAVE_OK;
}

/* What has been run already is still collected: a journal keeps it. */
void demix_fail(Demix *d, const cleave_error *failure) {
    pthread_mutex_lock(&d->mutex);
    if (d->failure.status == CLEAVE_OK)
        d->failure = *failure;
    pthread_mutex_unlock(&d->mutex);
    if (d->job->cancel)
        atomic_store(d->job->cancel, true);
    ring_stop(&d->inputs);
}

static cleave_status failure_of(Demix *d, cleave_error *error) {
    pthread_mutex_lock(&d->mutex);
    cleave_error failure = d->failure;
    pthread_mutex_unlock(&d->mutex);
    return failure.status == CLEAVE_OK ? CLEAVE_OK
                                       : error_set(error, failure.status, "%s", failure.text);
}

/* ---- Reporting ---- */

cleave_status demix_report(const Demix *d, cleave_error *error) {
    cleave_progress progress = {
        .samples_done = atomic_load(&d->emitted),
        .samples_total = d->expected,
        .seconds = clock_seconds() - d->begin,
        .peak_host_memory = platform_peak_resident(),
        .peak_device_memory = executable_peak_memory(d->executable),
    };
    log_relay_flush(d->job->log);
    if (d->job->progress && d->job->progress(d->job->progress_user, &progress) != 0)
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    return CLEAVE_OK;
}

/* ---- Running ---- */

static cleave_status run_threads(Demix *d, cleave_error *error) {
    pthread_t feeding;
    pthread_t collecting;
    cleave_error failure = {.status = CLEAVE_OK};
    cleave_status status = thread_start(&collecting, demix_collect, d, error);
    if (status != CLEAVE_OK)
        return status;
    status = thread_start(&feeding, demix_feed, d, &failure);
    bool fed = status == CLEAVE_OK;
    if (fed)
        status = demix_run_batches(d, &failure);
    if (status != CLEAVE_OK)
        demix_fail(d, &failure);
    ring_stop(&d->inputs);
    ring_close(&d->outputs);
    if (fed)
        pthread_join(feeding, NULL);
    pthread_join(collecting, NULL);
    status = failure_of(d, error);
    log_relay_flush(d->job->log);
    return status == CLEAVE_OK ? demix_report(d, error) : status;
}

/* ---- Setting up ---- */

static bool allocate_batch(const DemixJob *job, Batch *batch) {
    size_t count = (size_t)job->batch;
    batch->runs = calloc(count, sizeof(*batch->runs));
    if (job->keep_mix)
        batch->mixes = malloc(count * demix_input_floats(job) * sizeof(float));
    return batch->runs && (batch->mixes || !job->keep_mix);
}

static bool allocate_slots(Demix *d) {
    const DemixJob *job = d->job;
    size_t count = (size_t)job->batch;
    bool good = true;
    for (int i = 0; i < d->slots && good; i++) {
        InputSlot *in = &d->input_slots[i];
        OutputSlot *out = &d->output_slots[i];
        in->batch = &d->batches[2 * i];
        out->batch = &d->batches[2 * i + 1];
        in->samples = memory_allocate_aligned(count * demix_input_floats(job) * sizeof(float));
        out->samples = memory_allocate_aligned(count * demix_output_floats(job) * sizeof(float));
        good = in->samples && out->samples && allocate_batch(job, in->batch) &&
               allocate_batch(job, out->batch);
    }
    return good;
}

static cleave_status create(Demix *d, cleave_error *error) {
    const DemixJob *job = d->job;
    int planes = job->stem_count * job->plan.channels;
    size_t chunk_bytes = demix_input_floats(job) * sizeof(float);
    d->chunk = malloc(chunk_bytes);
    if (job->keep_mix)
        d->mix = malloc(chunk_bytes);
    d->planes = calloc((size_t)planes + 1, sizeof(*d->planes));
    if (!allocate_slots(d) || !d->chunk || !d->planes || (job->keep_mix && !d->mix))
        return error_memory(error, "a batch of chunks",
                            (size_t)job->batch * demix_output_floats(job) * sizeof(float));
    cleave_status status = CLEAVE_OK;
    double begin = profile_clock(job->profile);
    if (job->normalize) {
        status = demix_scan(d, &d->normalization, error);
        profile_stage_ran(job->profile, STAGE_SCAN, ROW_CALLER, begin);
    }
    if (status == CLEAVE_OK)
        status = chunker_create(&d->chunker, &job->plan, job->reader, d->normalization, error);
    if (status == CLEAVE_OK)
        status = blender_create(&d->blender, &job->plan, planes, job->overlap, error);
    return status;
}

static void init(Demix *d, const DemixJob *job) {
    *d = (Demix){.job = job,
                 .executable = job->executable,
                 .normalization = {0, 1},
                 .batch = job->batch,
                 .slots = DEMIX_SLOTS(executable_depth(job->executable)),
                 .expected = audio_reader_expected_frames(job->reader),
                 .begin = clock_seconds()};
    if (job->journal)
        d->replayed = journal_chunks(job->journal);
    atomic_init(&d->emitted, 0);
    pthread_mutex_init(&d->mutex, NULL);
    ring_init(&d->inputs, d->slots);
    ring_init(&d->outputs, d->slots);
}

static void destroy(Demix *d) {
    chunker_destroy(&d->chunker);
    blender_destroy(&d->blender);
    for (int i = 0; i < d->slots; i++) {
        memory_free_aligned(d->input_slots[i].samples);
        memory_free_aligned(d->output_slots[i].samples);
    }
    for (int i = 0; i < 2 * d->slots; i++) {
        free(d->batches[i].runs);
        free(d->batches[i].mixes);
    }
    free(d->chunk);
    free(d->mix);
    free(d->planes);
    ring_destroy(&d->inputs);
    ring_destroy(&d->outputs);
    pthread_mutex_destroy(&d->mutex);
}

cleave_status demix_run(const DemixJob *job, DemixResult *result, cleave_error *error) {
    Demix d;
    init(&d, job);
    cleave_status status = create(&d, error);
    if (status == CLEAVE_OK)
        status = run_threads(&d, error);
    *result = (DemixResult){atomic_load(&d.emitted), d.network_seconds, d.batch};
    destroy(&d);
    return status;
}
