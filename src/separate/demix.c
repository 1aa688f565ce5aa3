/* demix.c: see demix.h. A "run" is one pass of the network over one chunk; test-time augmentation
 * makes three of each chunk. Runs are collected into batches and blended in order, so that the
 * batch size changes nothing in the result. */
#include "separate/demix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "separate/blender.h"
#include "separate/clock.h"

/* The variants of a chunk that test-time augmentation averages. */
typedef enum Variant { VARIANT_PLAIN, VARIANT_SWAPPED, VARIANT_INVERTED, VARIANT_COUNT } Variant;

typedef struct PendingRun {
    Chunk chunk;
    Variant variant;
} PendingRun;

typedef struct Demix {
    const DemixJob *job;
    Normalization normalization;
    Chunker chunker;
    Blender blender;
    float *chunk;        /* (channels, chunk): the chunk whose variants are being queued */
    float *input;        /* (batch, channels, chunk) */
    float *output;       /* (batch, network_stems · channels, chunk) */
    PendingRun *pending; /* (batch) */
    int pending_count;
    float **planes;   /* (stem_count · channels): final frames, in the blender */
    int64_t emitted;  /* frames handed to the sink */
    int64_t expected; /* frames; 0: unknown */
    double begin;
    double network_seconds;
} Demix;

/* ---- Normalisation ---- */

/* Frames that the first pass reads at once. */
#define SCAN_BLOCK 8192

/* Welford's running mean and sum of squared differences. */
typedef struct RunningMoments {
    double count;
    double mean;
    double squares;
} RunningMoments;

static void moments_push(RunningMoments *moments, double x) {
    moments->count += 1;
    double difference = x - moments->mean;
    moments->mean += difference / moments->count;
    moments->squares += difference * (x - moments->mean);
}

/* Mean and population deviation of the mono mix, over the whole signal; the reader is rewound. */
static cleave_status scan(const DemixJob *job, Normalization *normalization, cleave_error *error) {
    float samples[2][SCAN_BLOCK];
    float *planes[2] = {samples[0], samples[1]};
    RunningMoments moments = {0};
    int64_t got = 1;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && got > 0) {
        got = 0;
        status = audio_reader_read(job->reader, planes, SCAN_BLOCK, &got, error);
        for (int64_t i = 0; i < got; i++) {
            double mono = (double)samples[0][i];
            if (job->plan.channels == 2)
                mono = (mono + (double)samples[1][i]) / 2;
            moments_push(&moments, mono);
        }
        if (job->cancel && atomic_load(job->cancel))
            status = error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    }
    double deviation = moments.count > 0 ? sqrt(moments.squares / moments.count) : 0;
    /* Silence, or a constant, has no deviation: it is left at its level. */
    *normalization = (Normalization){(float)moments.mean, deviation > 0 ? (float)deviation : 1};
    return status == CLEAVE_OK ? audio_reader_rewind(job->reader, error) : status;
}

/* ---- Emitting ---- */

/* Undoes the normalisation in place. */
static void denormalize(const Demix *d, int64_t frames) {
    Normalization n = d->normalization;
    if (n.mean == 0 && n.deviation == 1)
        return;
    for (int plane = 0; plane < d->blender.planes; plane++) {
        for (int64_t i = 0; i < frames; i++)
            d->planes[plane][i] = d->planes[plane][i] * n.deviation + n.mean;
    }
}

/* Hands final frames to the sink, less the padding at both ends. */
static cleave_status emit(Demix *d, int64_t frames, cleave_error *error) {
    const DemixJob *job = d->job;
    Chunker *chunker = &d->chunker;
    int64_t first = chunker->front - d->blender.start;
    int64_t last = frames;
    if (chunker->ended && chunker->front + chunker->length - d->blender.start < last)
        last = chunker->front + chunker->length - d->blender.start;
    if (first < 0)
        first = 0;
    if (last <= first)
        return CLEAVE_OK;
    denormalize(d, frames);
    for (int plane = 0; plane < d->blender.planes; plane++)
        d->planes[plane] += first;
    const float *mix[2];
    for (int channel = 0; channel < job->plan.channels; channel++)
        mix[channel] = sample_queue_at(&chunker->mix, channel, 0);
    cleave_status status =
        job->sink(job->sink_user, (const float *const *)d->planes, mix, last - first, error);
    sample_queue_drop(&chunker->mix, last - first);
    d->emitted += last - first;
    return status;
}

static cleave_status report(const Demix *d, cleave_error *error) {
    cleave_progress progress = {
        .samples_done = d->emitted,
        .samples_total = d->expected,
        .seconds = clock_seconds() - d->begin,
    };
    if (d->job->progress && d->job->progress(d->job->progress_user, &progress) != 0)
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    return CLEAVE_OK;
}

/* ---- Running ---- */

static size_t plane_floats(const Demix *d) {
    return (size_t)d->job->plan.chunk;
}

static size_t input_floats(const Demix *d) {
    return (size_t)d->job->plan.channels * plane_floats(d);
}

static size_t output_floats(const Demix *d) {
    return (size_t)d->job->network_stems * input_floats(d);
}

/* The channel that a variant puts in the place of `channel`; its own inverse. */
static int variant_channel(const Demix *d, Variant variant, int channel) {
    return variant == VARIANT_SWAPPED ? d->job->plan.channels - 1 - channel : channel;
}

static float variant_sign(Variant variant) {
    return variant == VARIANT_INVERTED ? -1.0f : 1.0f;
}

static void blend_run(Demix *d, const PendingRun *pending, const float *output) {
    const DemixJob *job = d->job;
    float gain = variant_sign(pending->variant) / (job->tta ? (float)VARIANT_COUNT : 1.0f);
    for (int stem = 0; stem < job->stem_count; stem++)
        for (int channel = 0; channel < job->plan.channels; channel++) {
            int plane = job->stems[stem] * job->plan.channels +
                        variant_channel(d, pending->variant, channel);
            blender_add(&d->blender, &pending->chunk, stem * job->plan.channels + channel,
                        output + (size_t)plane * plane_floats(d), gain);
        }
}

static Variant last_variant(const Demix *d) {
    return d->job->tta ? VARIANT_COUNT - 1 : VARIANT_PLAIN;
}

/* Runs the batch that has been collected, blends it and emits what is final. */
static cleave_status flush(Demix *d, cleave_error *error) {
    if (d->pending_count == 0)
        return CLEAVE_OK;
    double begin = clock_seconds();
    cleave_status status = executable_run(d->job->executable, d->input, d->output, d->pending_count,
                                          d->job->cancel, error);
    d->network_seconds += clock_seconds() - begin;
    for (int i = 0; i < d->pending_count && status == CLEAVE_OK; i++) {
        const PendingRun *pending = &d->pending[i];
        blend_run(d, pending, d->output + (size_t)i * output_floats(d));
        if (pending->variant != last_variant(d))
            continue;
        int64_t frames = blender_finish(&d->blender, &pending->chunk, d->planes);
        status = emit(d, frames, error);
        blender_next(&d->blender);
    }
    d->pending_count = 0;
    return status == CLEAVE_OK ? report(d, error) : status;
}

static void fill_variant(const Demix *d, Variant variant, float *input) {
    float sign = variant_sign(variant);
    for (int channel = 0; channel < d->job->plan.channels; channel++) {
        size_t from = (size_t)variant_channel(d, variant, channel) * plane_floats(d);
        float *to = input + (size_t)channel * plane_floats(d);
        for (size_t i = 0; i < plane_floats(d); i++)
            to[i] = d->chunk[from + i] * sign;
    }
}

/* Queues every variant of the chunk; runs the network whenever a batch is full. */
static cleave_status queue_chunk(Demix *d, const Chunk *chunk, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int variant = 0; variant <= (int)last_variant(d) && status == CLEAVE_OK; variant++) {
        fill_variant(d, (Variant)variant, d->input + (size_t)d->pending_count * input_floats(d));
        d->pending[d->pending_count++] = (PendingRun){*chunk, (Variant)variant};
        if (d->pending_count == d->job->batch)
            status = flush(d, error);
    }
    return status;
}

static cleave_status run_all(Demix *d, cleave_error *error) {
    bool got = true;
    cleave_status status = report(d, error);
    while (status == CLEAVE_OK && got) {
        Chunk chunk;
        status = chunker_next(&d->chunker, d->chunk, &chunk, &got, error);
        if (status == CLEAVE_OK && got)
            status = queue_chunk(d, &chunk, error);
    }
    return status == CLEAVE_OK ? flush(d, error) : status;
}

/* ---- Setting up ---- */

static cleave_status create(Demix *d, cleave_error *error) {
    const DemixJob *job = d->job;
    int planes = job->stem_count * job->plan.channels;
    size_t batch = (size_t)job->batch;
    d->chunk = malloc(input_floats(d) * sizeof(float));
    d->input = memory_allocate_aligned(batch * input_floats(d) * sizeof(float));
    d->output = memory_allocate_aligned(batch * output_floats(d) * sizeof(float));
    d->pending = calloc(batch, sizeof(*d->pending));
    d->planes = calloc((size_t)planes + 1, sizeof(*d->planes));
    if (!d->chunk || !d->input || !d->output || !d->pending || !d->planes)
        return error_memory(error, "a batch of chunks", batch * output_floats(d) * sizeof(float));
    cleave_status status = CLEAVE_OK;
    if (job->normalize)
        status = scan(job, &d->normalization, error);
    if (status == CLEAVE_OK)
        status = chunker_create(&d->chunker, &job->plan, job->reader, d->normalization, error);
    if (status == CLEAVE_OK)
        status = blender_create(&d->blender, &job->plan, planes, job->overlap, error);
    return status;
}

static void destroy(Demix *d) {
    chunker_destroy(&d->chunker);
    blender_destroy(&d->blender);
    free(d->chunk);
    memory_free_aligned(d->input);
    memory_free_aligned(d->output);
    free(d->pending);
    free(d->planes);
}

cleave_status demix_run(const DemixJob *job, DemixResult *result, cleave_error *error) {
    Demix d = {.job = job, .normalization = {0, 1}, .begin = clock_seconds()};
    d.expected = audio_reader_expected_frames(job->reader);
    cleave_status status = create(&d, error);
    if (status == CLEAVE_OK)
        status = run_all(&d, error);
    *result = (DemixResult){d.emitted, d.network_seconds};
    destroy(&d);
    return status;
}
