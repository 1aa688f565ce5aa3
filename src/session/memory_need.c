/* memory_need.c: see memory_need.h. */
#include "session/memory_need.h"

#include <pthread.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/processors.h"
#include "cleave/extra.h"
#include "stream/demix.h"

/* Threads that demix starts beside the network's own, and the encoders': one reads, one blends. */
#define DEMIX_THREADS 2

/* The program, its libraries, and the buffers of decoders and encoders: 31 MB were resident with a
 * network of 0.1 MB that separated WAV or FLAC, 41 MB where FFmpeg decoded AAC (x86-64 Linux). */
#define PROCESS_MEMORY ((int64_t)42000000)

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
    return bytes_multiply((int64_t)stack, question->options.threads - 1 + DEMIX_THREADS + encoders);
}

/* Most of what a separation takes lies on the device. */
static MemoryLimit device_limit(const Device *device) {
    cleave_device_info info = device->info;
    MemoryLimit limit = {.bytes = INT64_MAX};
    if (info.capabilities[CLEAVE_CAPABILITY_UNIFIED_MEMORY].able)
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
    limit.bytes = bytes_add(limit.bytes, question->held);
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
    need->weights = bytes_add(memory.weights, question->held);
    need->activations = bytes_add(memory.activations, memory.scratch);
    need->buffers = bytes_add(demix_memory(&question->geometry, batch,
                                     backend_depth(question->device->backend), question->stems),
                        PROCESS_MEMORY);
    need->total = bytes_add(bytes_add(need->weights, need->activations), need->buffers);
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
