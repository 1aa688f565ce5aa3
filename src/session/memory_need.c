/* memory_need.c: adding up what the device, the stream and the process take, and asking the system
 * what is left. */
#include "session/memory_need.h"

#include <pthread.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/processors.h"
#include "cleave/extra.h"
#include "stream/demix.h"

/* Threads that demix starts beside those of the network and of the encoders: one reads, one blends.
 */
#define DEMIX_THREADS 2

/* The program, its libraries, and the buffers of decoders and encoders: 31 MB were resident with a
 * network of 0.1 MB that separated WAV or FLAC, 41 MB when FFmpeg decoded AAC (x86-64 Linux). */
#define PROCESS_MEMORY ((int64_t)42000000)

/* Address space that the threads of a separation reserve for their stacks. */
static int64_t memory_need_stacks(const Target *target) {
    int processors = thread_available_processors();
    int outputs = target->stems + 1; /* with a residual */
    int encoders = (outputs < processors ? outputs : processors) - 1;
    pthread_attr_t attributes;
    size_t stack = 0;
    if (pthread_attr_init(&attributes) != 0)
        return 0;
    if (pthread_attr_getstacksize(&attributes, &stack) != 0)
        stack = 0;
    pthread_attr_destroy(&attributes);
    return bytes_multiply((int64_t)stack, target->options.threads - 1 + DEMIX_THREADS + encoders);
}

/* The free memory of a device that has its own: most of what a separation takes lies there. */
static MemoryLimit memory_need_device_limit(const Device *device) {
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

MemoryLimit memory_need_limit(const Target *target, int64_t wanted) {
    if (wanted > 0)
        return (MemoryLimit){wanted, "--max-memory"};
    MemoryLimit limit = memory_limit("", memory_need_stacks(target));
    limit.bytes = bytes_add(limit.bytes, target->held);
    MemoryLimit own = memory_need_device_limit(target->device);
    return own.bytes < limit.bytes ? own : limit;
}

cleave_status memory_need(const Target *target, int batch, cleave_memory_need *need,
                          cleave_error *error) {
    ExecutableMemory memory;
    CompileOptions options = target->options;
    options.batch = batch;
    *need = (cleave_memory_need){.batch = batch};
    cleave_status status =
        backend_memory(target->device->backend, &target->graph, &options, &memory, error);
    if (status != CLEAVE_OK)
        return status;
    need->weights = bytes_add(memory.weights, target->held);
    need->activations = bytes_add(memory.activations, memory.scratch);
    need->buffers = bytes_add(demix_memory(&target->geometry, batch,
                                           backend_depth(target->device->backend), target->stems),
                              PROCESS_MEMORY);
    need->total = bytes_add(bytes_add(need->weights, need->activations), need->buffers);
    return CLEAVE_OK;
}

cleave_status memory_need_fit(const Target *target, int batch, const MemoryLimit *limit,
                              cleave_memory_need *need, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (; batch >= 1; batch--) {
        status = memory_need(target, batch, need, error);
        /* A smaller batch mends one failure only: sizes beyond the address space. */
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
