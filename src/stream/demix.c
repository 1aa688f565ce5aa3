/* demix.c: sets up what the three threads of demix work on, starts them and waits for their end.
 * demix_state.h shows the whole. */
#include "stream/demix.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "stream/threads.h"

/* ---- Running ---- */

static cleave_status demix_run_threads(Demix *d, cleave_error *error) {
    pthread_t feeding;
    pthread_t collecting;
    cleave_error failure = {.status = CLEAVE_OK};
    cleave_status status = thread_start(&collecting, collect_thread, d, error);
    if (status != CLEAVE_OK)
        return status;
    status = thread_start(&feeding, feed_thread, d, &failure);
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
    status = demix_failure(d, error);
    log_relay_flush(d->job->log);
    return status == CLEAVE_OK ? demix_report(d, error) : status;
}

/* ---- Setting up ---- */

static bool demix_allocate_batch(const DemixJob *job, Batch *batch) {
    size_t count = (size_t)job->network.batch;
    batch->items = calloc(count, sizeof(*batch->items));
    if (job->keep_mix)
        batch->mixes = malloc(count * demix_input_floats(job) * sizeof(float));
    return batch->items && (batch->mixes || !job->keep_mix);
}

static bool demix_allocate_slots(Demix *d) {
    const DemixJob *job = d->job;
    size_t count = (size_t)job->network.batch;
    bool good = true;
    for (int i = 0; i < d->slots && good; i++) {
        InputSlot *in = &d->input_slots[i];
        OutputSlot *out = &d->output_slots[i];
        in->batch = &d->batches[2 * i];
        out->batch = &d->batches[2 * i + 1];
        in->samples = memory_allocate_aligned(count * demix_input_floats(job) * sizeof(float));
        out->samples = memory_allocate_aligned(count * demix_output_floats(job) * sizeof(float));
        good = in->samples && out->samples && demix_allocate_batch(job, in->batch) &&
               demix_allocate_batch(job, out->batch);
    }
    return good;
}

static cleave_status demix_create(Demix *d, cleave_error *error) {
    const DemixJob *job = d->job;
    int planes = job->stem_count * job->geometry.channels;
    size_t chunk_bytes = demix_input_floats(job) * sizeof(float);
    d->chunk = malloc(chunk_bytes);
    if (job->keep_mix)
        d->mix = malloc(chunk_bytes);
    d->planes = calloc((size_t)planes + 1, sizeof(*d->planes));
    if (!demix_allocate_slots(d) || !d->chunk || !d->planes || (job->keep_mix && !d->mix))
        return error_memory(error, "a batch of chunks",
                            (size_t)job->network.batch * demix_output_floats(job) * sizeof(float));
    cleave_status status = CLEAVE_OK;
    double begin = profile_clock(job->profile);
    if (job->normalize) {
        status = scan_level(d, &d->normalization, error);
        profile_stage_ran(job->profile, STAGE_SCAN, ROW_CALLER, begin);
    }
    if (status == CLEAVE_OK)
        status = chunker_create(&d->chunker, &job->geometry, job->reader, d->normalization, error);
    if (status == CLEAVE_OK)
        status = blender_create(&d->blender, &job->geometry, planes, job->overlap, error);
    return status;
}

static void demix_init(Demix *d, const DemixJob *job) {
    *d = (Demix){.job = job,
                 .network = job->network,
                 .normalization = {0, 1},
                 .slots = DEMIX_SLOTS(executable_depth(job->network.executable)),
                 .expected = audio_reader_expected_frames(job->reader),
                 .begin = clock_seconds()};
    if (job->journal)
        d->replayed = journal_chunks(job->journal);
    atomic_init(&d->emitted, 0);
    pthread_mutex_init(&d->mutex, NULL);
    ring_init(&d->inputs, d->slots);
    ring_init(&d->outputs, d->slots);
}

static void demix_destroy(Demix *d) {
    chunker_destroy(&d->chunker);
    blender_destroy(&d->blender);
    for (int i = 0; i < d->slots; i++) {
        memory_free_aligned(d->input_slots[i].samples);
        memory_free_aligned(d->output_slots[i].samples);
    }
    for (int i = 0; i < 2 * d->slots; i++) {
        free(d->batches[i].items);
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
    demix_init(&d, job);
    cleave_status status = demix_create(&d, error);
    if (status == CLEAVE_OK)
        status = demix_run_threads(&d, error);
    *result = (DemixResult){atomic_load(&d.emitted), d.network_seconds, d.network.batch};
    demix_destroy(&d);
    return status;
}

int64_t demix_memory(const ChunkGeometry *geometry, int batch, int depth, int stems) {
    int64_t chunk = bytes_multiply(geometry->chunk, (int64_t)sizeof(float));
    int64_t input = bytes_multiply(chunk, geometry->channels);
    int64_t output = bytes_multiply(input, stems);
    /* Each slot has its batch's part of the mix, for a residual. */
    int64_t slot = bytes_add(bytes_add(input, output), bytes_multiply(input, 2));
    int64_t batches = bytes_multiply(slot, (int64_t)batch * DEMIX_SLOTS(depth));
    int64_t blender = bytes_add(output, bytes_multiply(chunk, 2)); /* with window and weights */
    int64_t chunks = bytes_add(bytes_multiply(input, 2), chunker_memory(geometry));
    return bytes_add(bytes_add(batches, blender), chunks);
}
