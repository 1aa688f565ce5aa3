/* demix.c: see demix.h. Sets up the three threads' parts and is the one in the middle, which runs
 * the network; demix_private.h shows the whole. */
#include "separate/demix.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "separate/demix_private.h"

/* Seconds between reports while nothing comes in. */
#define PATIENCE 1

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

/* ---- Running ---- */

cleave_status demix_report(const Demix *d, cleave_error *error) {
    cleave_progress progress = {
        .samples_done = atomic_load(&d->emitted),
        .samples_total = d->expected,
        .seconds = clock_seconds() - d->begin,
        .peak_host_memory = memory_peak_resident(),
        .peak_device_memory = executable_peak_memory(d->executable),
    };
    log_relay_flush(d->job->log);
    if (d->job->progress && d->job->progress(d->job->progress_user, &progress) != 0)
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    return CLEAVE_OK;
}

/* Told once, however often it happens. */
static void halve_batch(Demix *d, int failed, const cleave_error *error) {
    if (d->batch == d->job->batch)
        log_write(
            &d->job->log->logger, CLEAVE_LOG_WARNING,
            "a batch of %d chunks does not fit into memory (%.*s); going on with smaller ones",
            failed, (int)strcspn(error->text, ";"), error->text);
    d->batch = failed / 2;
}

/* Whether all samples are zero, of either sign. Written so that it vectorises. */
static bool is_silent(const float *samples, size_t count) {
    uint32_t any = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof(bits));
        any |= bits & 0x7fffffffu;
    }
    return any == 0;
}

/* How many of the first `limit` chunks are alike: all silent, or none of them. */
static int count_alike(const DemixJob *job, const float *input, int limit, bool *silent) {
    size_t floats = demix_input_floats(job);
    int count = 1;
    *silent = is_silent(input, floats);
    while (count < limit && is_silent(input + (size_t)count * floats, floats) == *silent)
        count++;
    return count;
}

/* Makes the next attempt one that may succeed: with fewer chunks, or on another device. */
static cleave_status recover(Demix *d, int failed, cleave_status status, cleave_error *error) {
    const DemixJob *job = d->job;
    int batch = d->batch;
    if (status == CLEAVE_ERROR_MEMORY && failed > 1) {
        halve_batch(d, failed, error);
        return CLEAVE_OK;
    }
    if ((status != CLEAVE_ERROR_MEMORY && status != CLEAVE_ERROR_DEVICE) || !job->move_on)
        return status;
    status = job->move_on(job->move_on_user, &d->executable, &batch, error);
    d->batch = batch < job->batch ? batch : job->batch;
    return status;
}

/* Runs the batch at once, or in parts where it does not fit into memory or chunks are silent: no op
 * outside the U-Net has a bias, and the U-Net's output is multiplied by the first convolution's, so
 * that of silence the network makes exactly zero. */
static cleave_status run_network(Demix *d, const float *input, float *output, int count,
                                 cleave_error *error) {
    const DemixJob *job = d->job;
    cleave_status status = CLEAVE_OK;
    for (int done = 0; done < count && status == CLEAVE_OK;) {
        bool silent = false;
        const float *from = input + (size_t)done * demix_input_floats(job);
        float *to = output + (size_t)done * demix_output_floats(job);
        int limit = count - done < d->batch ? count - done : d->batch;
        int part = count_alike(job, from, limit, &silent);
        if (silent)
            memset(to, 0, (size_t)part * demix_output_floats(job) * sizeof(float));
        else
            status = executable_run(d->executable, from, to, part, job->cancel, error);
        if (status == CLEAVE_OK && !silent)
            profile_chunks_ran(job->profile, part);
        if (status == CLEAVE_OK)
            done += part;
        else
            status = recover(d, part, status, error);
    }
    return status;
}

/* Hands the batch of an input slot over to an output slot, with what the network makes of it. */
static cleave_status run_batch(Demix *d, InputSlot *in, OutputSlot *out, cleave_error *error) {
    double begin = clock_seconds();
    cleave_status status = demix_check_cancel(d->job, error);
    if (status == CLEAVE_OK && !in->batch->runs[0].replayed)
        status = run_network(d, in->samples, out->samples, in->batch->count, error);
    d->network_seconds += clock_seconds() - begin;
    Batch *batch = in->batch;
    in->batch = out->batch;
    out->batch = batch;
    return status;
}

static cleave_status run_batches(Demix *d, cleave_error *error) {
    cleave_status status = demix_report(d, error);
    while (status == CLEAVE_OK) {
        if (!ring_wait(&d->inputs, PATIENCE)) {
            status = demix_report(d, error);
            continue;
        }
        int in = ring_begin_read(&d->inputs);
        int out = in < 0 ? -1 : ring_begin_write(&d->outputs);
        if (out < 0)
            break;
        status = run_batch(d, &d->input_slots[in], &d->output_slots[out], error);
        if (status != CLEAVE_OK)
            break;
        ring_end_read(&d->inputs);
        ring_end_write(&d->outputs);
        status = demix_report(d, error);
    }
    return status;
}

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
        status = run_batches(d, &failure);
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
    for (int i = 0; i < DEMIX_SLOTS && good; i++) {
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
                 .expected = audio_reader_expected_frames(job->reader),
                 .begin = clock_seconds()};
    if (job->journal)
        d->replayed = journal_chunks(job->journal);
    atomic_init(&d->emitted, 0);
    pthread_mutex_init(&d->mutex, NULL);
    ring_init(&d->inputs, DEMIX_SLOTS);
    ring_init(&d->outputs, DEMIX_SLOTS);
}

static void destroy(Demix *d) {
    chunker_destroy(&d->chunker);
    blender_destroy(&d->blender);
    for (int i = 0; i < DEMIX_SLOTS; i++) {
        memory_free_aligned(d->input_slots[i].samples);
        memory_free_aligned(d->output_slots[i].samples);
    }
    for (int i = 0; i < 2 * DEMIX_SLOTS; i++) {
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
