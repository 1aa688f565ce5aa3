/* demix_state.h: what the three threads of demix share. Inside stream/ only.
 *
 *   feed      reads, chunks, and fills batches of network inputs         → inputs
 *   run       has the device run the network; the caller's thread inputs → outputs
 *   collect   blends, and hands what is final to the sink        outputs →
 *
 * An item is a chunk on its way through the network. Test-time augmentation makes three items of
 * each chunk, its variants. Items are blended in order, so that the batch size does not change the
 * result. */
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

typedef struct Item {
    Chunk chunk;
    Variant variant;
    bool replayed; /* the journal has the chunk's result: the network need not run */
    float *mix;    /* (channels, chunk): what becomes final with the chunk; NULL: not kept */
    cleave_precision precision; /* that the network computed it in; AUTO: it did not run */
    bool checked;               /* its output is known to be numbers */
} Item;

/* What one run of the network computes. */
typedef struct Batch {
    Item *items; /* (the job's batch) */
    int count;
    float *mixes; /* (the job's batch, channels, chunk), or NULL */
} Batch;

typedef struct InputSlot {
    Batch *batch;
    float *samples; /* (the job's batch, channels, chunk) */
} InputSlot;

typedef struct OutputSlot {
    Batch *batch;
    float *samples; /* (the job's batch, network_stems · channels, chunk) */
} OutputSlot;

typedef struct Demix {
    const DemixJob *job;
    DemixNetwork network; /* the job's, or what replaced it; its batch is what fitted so far */
    Normalization normalization;
    int64_t replayed; /* chunks that the journal holds */
    int slots;        /* of each ring */
    Batch batches[2 * DEMIX_SLOTS_MAX];
    Ring inputs;
    Ring outputs;
    InputSlot input_slots[DEMIX_SLOTS_MAX];
    OutputSlot output_slots[DEMIX_SLOTS_MAX];
    Chunker chunker;      /* this and the next two: feed's */
    float *chunk;         /* (channels, chunk): the chunk whose variants are being filled in */
    float *mix;           /* (channels, chunk): what becomes final with it; NULL: not kept */
    Blender blender;      /* this and the next: collect's */
    float **planes;       /* (stem_count · channels): final frames */
    atomic_llong emitted; /* frames handed to the sink */
    int64_t expected;     /* frames; 0: unknown */
    double begin;
    double network_seconds;
    pthread_mutex_t mutex; /* guards the next */
    cleave_error failure;  /* the first; CLEAVE_OK: none so far */
} Demix;

static inline size_t demix_input_floats(const DemixJob *job) {
    return (size_t)job->geometry.channels * (size_t)job->geometry.chunk;
}

static inline size_t demix_output_floats(const DemixJob *job) {
    return (size_t)job->network_stems * demix_input_floats(job);
}

static inline Variant demix_last_variant(const DemixJob *job) {
    return job->tta ? VARIANT_COUNT - 1 : VARIANT_PLAIN;
}

/* The channel that a variant puts in the place of `channel`; its own inverse. */
static inline int variant_channel(const DemixJob *job, Variant variant, int channel) {
    return variant == VARIANT_SWAPPED ? job->geometry.channels - 1 - channel : channel;
}

static inline float variant_sign(Variant variant) {
    return variant == VARIANT_INVERTED ? -1.0f : 1.0f;
}

/* CLEAVE_ERROR_CANCELLED once the job is cancelled. */
cleave_status demix_check_cancel(const DemixJob *job, cleave_error *error);

/* Calls the progress callback and passes log lines on; the callback may cancel. On the calling
 * thread only. */
cleave_status demix_report(const Demix *d, cleave_error *error);

/* Keeps the first failure and ends the feeding. From any thread. */
void demix_fail(Demix *d, const cleave_error *failure);

/* The first failure, if there was one. */
cleave_status demix_failure(Demix *d, cleave_error *error);

#endif
