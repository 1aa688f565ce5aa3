/* compiled.c: compiling a network so that it fits into memory, and letting it go. */
#include "session/compiled.h"

#include "base/memory.h"
#include "stream/demix.h"

/* Whether the network leaves enough memory for the chunks on their way: allocates it for a moment.
 */
static cleave_status compiled_try_buffers(const Target *target, int batch, cleave_error *error) {
    int64_t bytes = demix_memory(&target->geometry, batch, backend_depth(target->device->backend),
                                 target->stems);
    void *buffers = memory_allocate_aligned((size_t)bytes);
    if (!buffers)
        return error_memory(error, "chunks on their way to the network", (size_t)bytes);
    memory_free_aligned(buffers);
    return CLEAVE_OK;
}

static cleave_status compiled_make_at(Compiled *compiled, const Target *target, int batch,
                                      cleave_error *error) {
    CompileOptions options = target->options;
    options.batch = batch;
    cleave_status status = backend_compile(target->device->backend, &compiled->executable,
                                           &target->graph, &options, error);
    if (status == CLEAVE_OK)
        status = compiled_try_buffers(target, batch, error);
    if (status != CLEAVE_OK) {
        executable_destroy(compiled->executable);
        compiled->executable = NULL;
        return status;
    }
    compiled->kernels = compiled->executable->kernels;
    compiled->plan_digest = compiled->executable->plan_digest;
    return CLEAVE_OK;
}

cleave_status compiled_make(Compiled *compiled, const Target *target, int *batch,
                            cleave_error *error) {
    cleave_status status = compiled_make_at(compiled, target, *batch, error);
    while (status == CLEAVE_ERROR_MEMORY && *batch > 1) {
        *batch /= 2;
        status = compiled_make_at(compiled, target, *batch, error);
        if (status == CLEAVE_OK)
            error_clear(error);
    }
    return status;
}

void compiled_release(Compiled *compiled) {
    compiled->peak_memory = compiled_peak_memory(compiled);
    executable_destroy(compiled->executable);
    compiled->executable = NULL;
}

int64_t compiled_memory(const Compiled *compiled) {
    return compiled->executable ? executable_memory_total(&compiled->executable->memory) : 0;
}

int64_t compiled_peak_memory(const Compiled *compiled) {
    int64_t now = compiled->executable ? executable_peak_memory(compiled->executable) : 0;
    return now > compiled->peak_memory ? now : compiled->peak_memory;
}
