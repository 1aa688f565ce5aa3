/* demix_private.h: what the three threads of demix share. Inside separate/demix*.c only.
 *
 *   feed      reads, chunks, and fills batches of network inputs     → inputs
 *   run       has the device run the network (demix_run.c); the caller's own thread
 *                                                          inputs    → outputs
 *   collect   blends, and hands what is final to the sink  outputs   →
 *
 * A "run" is one pass of the network over one chunk; test-time augmentation makes three of each
 * chunk. Runs are blended in their order, so that the batch size changes nothing in the result. */
#ifndef CLEAVE_STREAM_DEMIX_STATE_H
#define CLEAVE_STREAM_DEMIX_STATE_H

#include "stream/blender.h"
#include "stream/demix.h"
#include "stream/ring.h"

/* Slots of each ring: one is filled, or emptied, while the device uses the others. */
#define DEMIX_SLOTS(depth) ((depth) + 1)
#define DEMIX_SLOTS_MAX    DEMIX_SLOTS(EXECUTABLE_DEPTH_MAX)

/* The variants of a chunk that test-time augmentation averages. */
typedef enum Variant { VARIANT_PLAIN, VARIANT_SWAPPED, VARIANT_INVERTED, VARIANT_COUNT } Variant;

typedef struct Run {
    Chunk chunk;
    Variant variant;
    bool replayed; /* the journal has the chunk's result: the network need not run */
    float *mix;    /* (channels, chunk): what becomes final with the chunk; NULL: not kept */
} Run;

/* The runs of one pass of the network. */
typedef struct Batch {
    Run *runs; /* (job->batch) */
    int count;
    float *mixes; /* (job->batch, channels, chunk), or NULL */
} Batch;

typedef struct InputSlot {
    Batch *batch;
    float *samples; /* (job->batch, channels, chunk) */
} InputSlot;

typedef struct OutputSlot {
    Batch *batch;
    float *samples; /* (job->batch, network_stems · channels, chunk) */
} OutputSlot;

typedef struct Demix {
    const DemixJob *job;
    Executable *executable; /* the job's, or what replaced it */
    Normalization normalization;
    int64_t replayed; /* chunks that the journal holds */
    int batch;        /* largest batch that fitted into memory so far */
    int slots;        /* of each ring */
    Batch batches[2 * DEMIX_SLOTS_MAX];
    Ring inputs;
    Ring outputs;
    InputSlot input_slots[DEMIX_SLOTS_MAX];
    OutputSlot output_slots[DEMIX_SLOTS_MAX];
    Chunker chunker;      /* feed's, as are the next two */
    float *chunk;         /* (channels, chunk): the chunk whose variants are being filled in */
    float *mix;           /* (channels, chunk): what becomes final with it; NULL: not kept */
    Blender blender;      /* collect's, as is the next */
    float **planes;       /* (stem_count · channels): final frames */
    atomic_llong emitted; /* frames handed to the sink */
    int64_t expected;     /* frames; 0: unknown */
    double begin;
    double network_seconds;
    pthread_mutex_t mutex; /* guards the next */
    cleave_error failure;  /* the first; CLEAVE_OK: none so far */
} Demix;

static inline size_t demix_input_floats(const DemixJob *job) {
    return (size_t)job->plan.channels * (size_t)job->plan.chunk;
}

static inline size_t demix_output_floats(const DemixJob *job) {
    return (size_t)job->network_stems * demix_input_floats(job);
}

static inline Variant demix_last_variant(const DemixJob *job) {
    return job->tta ? VARIANT_COUNT - 1 : VARIANT_PLAIN;
}

/* The channel that a variant puts in the place of `channel`; its own inverse. */
static inline int variant_channel(const DemixJob *job, Variant variant, int channel) {
    return variant == VARIANT_SWAPPED ? job->plan.channels - 1 - channel : channel;
}

static inline float variant_sign(Variant variant) {
    return variant == VARIANT_INVERTED ? -1.0f : 1.0f;
}

/* CLEAVE_ERROR_CANCELLED once the job is cancelled. */
cleave_status demix_check_cancel(const DemixJob *job, cleave_error *error);

/* Tells the caller how far the job is, and passes log lines on; the caller may cancel. */
cleave_status demix_report(const Demix *d, cleave_error *error);

/* Keeps the first failure, and ends the feeding. */
void demix_fail(Demix *d, const cleave_error *failure);

/* What the thread in the middle does until all is run (demix_run.c). */
cleave_status demix_run_batches(Demix *d, cleave_error *error);

/* Mean and population deviation of the mono mix, over the whole signal; the reader is rewound
 * (demix_scan.c). */
cleave_status demix_scan(const Demix *d, Normalization *normalization, cleave_error *error);

/* The threads' functions; argument: the Demix (demix_feed.c, demix_collect.c). */
void *demix_feed(void *argument);
void *demix_collect(void *argument);

#endif
