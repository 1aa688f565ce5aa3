/* copies.c: copies between host and device. From and to pinned memory they run with the stream;
 * from other memory the driver takes the data at once, and to other memory it waits. */
#include <stdlib.h>
#include <string.h>

#include "graphs.h"
#include "memory.h"
#include "strict.h"
#include "work.h"

/* What the driver does with a copy that is asked for while its stream is captured. */
static CUresult check_capture(SimStream *stream, bool pinned) {
    if (!stream->capture || pinned)
        return CUDA_SUCCESS;
    stream->capture->spoiled = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

static CUresult upload(SimContext *context, CUdeviceptr to, const void *from, size_t bytes,
                       CUstream handle) {
    SimStream *stream = sim_object_find(handle, SIM_STREAM, context);
    if (bytes == 0)
        return CUDA_SUCCESS;
    sim_check_device(context, to, bytes);
    SimWork work = {.kind = SIM_UPLOAD, .device = (uintptr_t)to, .bytes = bytes};
    work.staged = !sim_check_host(from, bytes);
    CUresult status = check_capture(stream, !work.staged);
    if (status != CUDA_SUCCESS)
        return status;
    work.host = (unsigned char *)from;
    if (work.staged) {
        work.host = sim_allocate(bytes);
        memcpy(work.host, from, bytes);
    }
    return sim_give(stream, &work);
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuMemcpyHtoDAsync_v2, &status);
    return context ? sim_end(upload(context, to, from, bytes, stream)) : status;
}

static CUresult download(SimContext *context, void *to, CUdeviceptr from, size_t bytes,
                         CUstream handle) {
    SimStream *stream = sim_object_find(handle, SIM_STREAM, context);
    if (bytes == 0)
        return CUDA_SUCCESS;
    sim_check_device(context, from, bytes);
    bool pinned = sim_check_host(to, bytes);
    CUresult status = check_capture(stream, pinned);
    if (status != CUDA_SUCCESS)
        return status;
    /* Whoever looks before it is done may see anything. */
    if (!stream->capture)
        memset(to, 0xff, bytes);
    status = sim_give(
        stream,
        &(SimWork){.kind = SIM_DOWNLOAD, .device = (uintptr_t)from, .host = to, .bytes = bytes});
    if (status == CUDA_SUCCESS && !pinned)
        sim_work_finish(sim_goal_stream(stream));
    return status ? status : context->error;
}

CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuMemcpyDtoHAsync_v2, &status);
    return context ? sim_end(download(context, to, from, bytes, stream)) : status;
}
