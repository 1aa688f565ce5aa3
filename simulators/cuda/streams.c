/* streams.c: the calls on streams and events. */
#include <stdlib.h>

#include "graphs.h"
#include "strict.h"
#include "work.h"

typedef struct SimEvent {
    SimObject object;
    bool timed;
    bool captured;     /* it was last recorded in a capture */
    SimRecord *record; /* NULL: never recorded */
} SimEvent;

/* ---- Streams ---- */

/* Work that the stream still has is done before it goes. */
static void destroy_stream(SimObject *object) {
    SimStream *stream = (SimStream *)object;
    if (stream->capture)
        sim_abort("a stream is destroyed while it is captured");
    sim_object_remove(object);
    sim_stream_release(stream);
}

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuStreamCreate, &status);
    if (!context)
        return status;
    if (flags & ~(unsigned)CU_STREAM_NON_BLOCKING)
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    SimStream *created = sim_stream_create();
    sim_object_add(&created->object, SIM_STREAM, context, destroy_stream);
    *stream = (CUstream)created->object.handle;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuStreamDestroy_v2(CUstream stream) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuStreamDestroy_v2, &status);
    if (!context)
        return status;
    destroy_stream(sim_object_find(stream, SIM_STREAM, context));
    return sim_end(CUDA_SUCCESS);
}

static CUresult synchronize(SimContext *context, CUstream handle) {
    SimStream *stream = sim_object_find(handle, SIM_STREAM, context);
    if (stream->capture) {
        stream->capture->spoiled = true;
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    sim_work_finish(sim_goal_stream(stream));
    return context->error;
}

CUresult cuStreamSynchronize(CUstream stream) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuStreamSynchronize, &status);
    return context ? sim_end(synchronize(context, stream)) : status;
}

/* A captured stream may wait for events of its own capture, which changes nothing. */
static CUresult wait_in_capture(SimCapture *capture, const SimEvent *event) {
    if (capture->spoiled)
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (event->captured)
        return CUDA_SUCCESS;
    capture->spoiled = true;
    return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
}

static CUresult wait_event(SimContext *context, CUstream handle, CUevent event_handle) {
    SimStream *stream = sim_object_find(handle, SIM_STREAM, context);
    SimEvent *event = sim_object_find(event_handle, SIM_EVENT, NULL);
    if (stream->capture)
        return wait_in_capture(stream->capture, event);
    if (event->captured)
        return CUDA_ERROR_CAPTURED_EVENT;
    if (!event->record)
        return CUDA_SUCCESS;
    event->record->users++;
    return sim_give(stream, &(SimWork){.kind = SIM_WAIT, .record = event->record});
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuStreamWaitEvent, &status);
    if (!context)
        return status;
    if (flags != 0)
        sim_abort("flags %x of cuStreamWaitEvent are not simulated", flags);
    return sim_end(wait_event(context, stream, event));
}

/* ---- Events ---- */

static void destroy_event(SimObject *object) {
    SimEvent *event = (SimEvent *)object;
    sim_object_remove(object);
    sim_record_release(event->record);
    free(event);
}

CUresult cuEventCreate(CUevent *event, unsigned flags) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuEventCreate, &status);
    if (!context)
        return status;
    if (flags > 3)
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    SimEvent *created = sim_allocate(sizeof(*created));
    created->timed = !(flags & CU_EVENT_DISABLE_TIMING);
    sim_object_add(&created->object, SIM_EVENT, context, destroy_event);
    *event = (CUevent)created->object.handle;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuEventDestroy_v2(CUevent event) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuEventDestroy_v2, &status);
    if (!context)
        return status;
    destroy_event(sim_object_find(event, SIM_EVENT, context));
    return sim_end(CUDA_SUCCESS);
}

static CUresult record_event(SimContext *context, CUevent handle, CUstream stream_handle) {
    SimEvent *event = sim_object_find(handle, SIM_EVENT, context);
    SimStream *stream = sim_object_find(stream_handle, SIM_STREAM, context);
    event->captured = stream->capture != NULL;
    if (event->captured)
        return stream->capture->spoiled ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_SUCCESS;
    sim_record_release(event->record);
    event->record = sim_record_create();
    event->record->users++;
    return sim_give(stream, &(SimWork){.kind = SIM_RECORD, .record = event->record});
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuEventRecord, &status);
    return context ? sim_end(record_event(context, event, stream)) : status;
}

static CUresult synchronize_event(SimContext *context, CUevent handle) {
    SimEvent *event = sim_object_find(handle, SIM_EVENT, context);
    if (event->captured) {
        sim_capture_spoil();
        return CUDA_ERROR_CAPTURED_EVENT;
    }
    if (event->record)
        sim_work_finish(sim_goal_record(event->record));
    return context->error;
}

CUresult cuEventSynchronize(CUevent event) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuEventSynchronize, &status);
    return context ? sim_end(synchronize_event(context, event)) : status;
}

static CUresult elapsed(SimContext *context, float *milliseconds, CUevent begin, CUevent end) {
    const SimEvent *events[] = {sim_object_find(begin, SIM_EVENT, context),
                                sim_object_find(end, SIM_EVENT, context)};
    for (int i = 0; i < 2; i++) {
        if (events[i]->captured)
            return CUDA_ERROR_CAPTURED_EVENT;
        if (!events[i]->timed || !events[i]->record)
            return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!events[0]->record->done || !events[1]->record->done)
        return CUDA_ERROR_NOT_READY;
    *milliseconds =
        (float)((double)events[1]->record->nanoseconds - (double)events[0]->record->nanoseconds) /
        1e6f;
    return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent begin, CUevent end) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuEventElapsedTime, &status);
    return context ? sim_end(elapsed(context, milliseconds, begin, end)) : status;
}
