/* memory_need.c: see memory_need.h. */
#include "separate/memory_need.h"

#include <pthread.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/processors.h"
#include "cleave/extra.h"
#include "separate/demix_private.h"

/* Chunks of input that its queues hold: the padded signal, its tail, the mix for the residual. */
#define QUEUED_CHUNKS 6

/* Threads that demix starts beside the network's own, and the encoders': one reads, one blends. */
#define DEMIX_THREADS 2

/* The program, its libraries, and the buffers of decoders and encoders: 31 MB were resident with a
 * network of 0.1 MB that separated WAV or FLAC, 41 MB where FFmpeg decoded AAC (x86-64 Linux). */
#define PROCESS_MEMORY ((int64_t)42000000)

/* a · b and a + b of numbers that are not negative, at most INT64_MAX. */
static int64_t multiply(int64_t a, int64_t b) {
    return b > 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
}

static int64_t add(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int64_t demix_memory(const ChunkPlan *plan, int batch, int depth, int stems) {
    int64_t chunk = multiply(plan->chunk, (int64_t)sizeof(float));
    int64_t input = multiply(chunk, plan->channels);
    int64_t output = multiply(input, stems);
    /* Each slot has its batch's part of the mix, where a residual is wanted. */
    int64_t slot = add(add(input, output), multiply(input, 2));
    int64_t batches = multiply(slot, (int64_t)batch * DEMIX_SLOTS(depth));
    int64_t blender = add(output, multiply(chunk, 2)); /* and its window and weights */
    return add(add(batches, blender), multiply(input, QUEUED_CHUNKS + 2));
}

/* Address space that the threads of a separation reserve. */
static int64_t stack_space(const MemoryQuestion *question) {
    int processors = thread_available_processors();
    int outputs = question->stems + 1; /* with a residual */
    int encoders = (outputs < processors ? outputs : processors) - 1;
    pthread_attr_t attributes;
    size_t stack = 0;
    if (pthread_attr_init(&attributes) != 0)
        return 0;
    if (pthread_attr_getstacksize(&attributes, &stack) != 0)
        stack = 0;
    pthread_attr_destroy(&attributes);
    return multiply((int64_t)stack, question->options.threads - 1 + DEMIX_THREADS + encoders);
}

/* Most of what a separation takes lies on the device. */
static MemoryLimit device_limit(const Device *device) {
    cleave_device_info info = device->info;
    MemoryLimit limit = {.bytes = INT64_MAX};
    if (device->capabilities[CLEAVE_CAPABILITY_UNIFIED_MEMORY].able)
        return limit;
    device_read_memory(device, &info);
    if (info.memory_total == 0)
        return limit;
    limit.bytes = info.memory_available;
    snprintf(limit.source, sizeof(limit.source), "the free memory of %s", info.id);
    return limit;
}

MemoryLimit memory_need_limit(const MemoryQuestion *question, int64_t wanted) {
    if (wanted > 0)
        return (MemoryLimit){wanted, "--max-memory"};
    MemoryLimit limit = memory_limit("", stack_space(question));
    limit.bytes = add(limit.bytes, question->held);
    MemoryLimit own = device_limit(question->device);
    return own.bytes < limit.bytes ? own : limit;
}

cleave_status memory_need(const MemoryQuestion *question, int batch, cleave_memory_need *need,
                          cleave_error *error) {
    ExecutableMemory memory;
    CompileOptions options = question->options;
    options.batch = batch;
    *need = (cleave_memory_need){.batch = batch};
    cleave_status status =
        backend_plan(question->device->backend, question->graph, &options, &memory, error);
    if (status != CLEAVE_OK)
        return status;
    need->weights = add(memory.weights, question->held);
    need->activations = add(memory.activations, memory.scratch);
    need->buffers = add(demix_memory(&question->plan, batch,
                                     backend_depth(question->device->backend), question->stems),
                        PROCESS_MEMORY);
    need->total = add(add(need->weights, need->activations), need->buffers);
    return CLEAVE_OK;
}

cleave_status memory_need_fit(const MemoryQuestion *question, int batch, const MemoryLimit *limit,
                              cleave_memory_need *need, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (; batch >= 1; batch--) {
        status = memory_need(question, batch, need, error);
        /* Sizes beyond the address space are the plan's only failure that a smaller batch mends. */
        if (status != CLEAVE_OK && (status != CLEAVE_ERROR_MEMORY || batch == 1))
            return status;
        if (status == CLEAVE_OK && (need->total <= limit->bytes || batch == 1))
            break;
    }
    error_clear(error);
    need->limit = limit->bytes;
    snprintf(need->limit_source, sizeof(need->limit_source), "%s", limit->source);
    return CLEAVE_OK;
}
