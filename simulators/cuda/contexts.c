/* contexts.c: primary contexts, each thread's stack of current ones, and what every call begins
 * with. */
#include "contexts.h"

#include <stdlib.h>

#include "graphs.h"
#include "memory.h"
#include "strict.h"
#include "work.h"

#define STACK_MAX 16

typedef struct Primary {
    SimContext *context; /* NULL: nobody retains it */
    int64_t retained;
    unsigned flags;
} Primary;

static bool initialised;
static Primary primaries[SIM_DEVICES_MAX];
static int64_t created;
static _Thread_local CUcontext stack[STACK_MAX]; /* handles: a context may go while it is current */
static _Thread_local int depth;

void sim_set_initialised(void) {
    initialised = true;
}

int64_t sim_contexts_created(void) {
    return created;
}

const SimDeviceSettings *sim_device_of(const SimContext *context) {
    return &sim_settings()->devices[context->device];
}

bool sim_is_sticky(CUresult error) {
    switch ((int)error) {
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
        return true;
    default:
        return false;
    }
}

void sim_context_break(SimContext *context, CUresult error) {
    if (context->error == CUDA_SUCCESS)
        context->error = error;
}

/* The live context behind a handle, or NULL. */
static SimContext *find_context(CUcontext handle) {
    for (int i = 0; i < SIM_DEVICES_MAX; i++)
        if (primaries[i].context && primaries[i].context->object.handle == (uintptr_t)handle)
            return primaries[i].context;
    return NULL;
}

static SimContext *find_current(CUresult *status) {
    SimContext *context = depth ? find_context(stack[depth - 1]) : NULL;
    if (!context)
        *status = depth ? CUDA_ERROR_CONTEXT_IS_DESTROYED : CUDA_ERROR_INVALID_CONTEXT;
    return context;
}

static CUresult check_init(SimCall call) {
    return sim_call_needs(call) == NEEDS_NOTHING || initialised ? CUDA_SUCCESS
                                                                : CUDA_ERROR_NOT_INITIALIZED;
}

/* What a call meets in its context. */
static CUresult check_context(SimCall call, SimContext *context, CUresult failure) {
    if (context->error == CUDA_SUCCESS && sim_is_sticky(failure))
        sim_context_break(context, failure);
    if (context->error != CUDA_SUCCESS)
        return context->error;
    if (failure == CUDA_SUCCESS && sim_call_needs(call) == NEEDS_NO_CAPTURE && sim_capture_spoil())
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    return failure;
}

CUresult sim_begin(SimCall call) {
    sim_lock();
    CUresult failure = (CUresult)sim_call_made(call);
    CUresult status = check_init(call);
    if (status == CUDA_SUCCESS)
        status = failure;
    if (status != CUDA_SUCCESS)
        sim_unlock();
    return status;
}

SimContext *sim_enter(SimCall call, CUresult *status) {
    SimContext *context = NULL;
    sim_lock();
    CUresult failure = (CUresult)sim_call_made(call);
    *status = check_init(call);
    if (*status == CUDA_SUCCESS)
        context = find_current(status);
    if (context)
        *status = check_context(call, context, failure);
    if (*status == CUDA_SUCCESS)
        return context;
    sim_unlock();
    return NULL;
}

CUresult sim_end(CUresult status) {
    sim_unlock();
    return status;
}

static CUresult find_primary(CUdevice device, Primary **primary) {
    if (device < 0 || device >= sim_settings()->device_count)
        return CUDA_ERROR_INVALID_DEVICE;
    *primary = &primaries[device];
    return CUDA_SUCCESS;
}

static void free_context(SimObject *object) {
    sim_object_remove(object);
    free(object);
}

/* Its work is done before, unless an error has ended it. */
static void destroy_context(SimContext *context) {
    sim_work_finish(sim_goal_context(context));
    sim_objects_destroy(context);
    sim_memory_forget(context);
    free_context(&context->object);
}

static SimContext *create_context(CUdevice device) {
    SimContext *context = sim_allocate(sizeof(*context));
    context->device = device;
    sim_object_add(&context->object, SIM_CONTEXT, NULL, free_context);
    created++;
    return context;
}

static CUresult retain(CUcontext *context, CUdevice device) {
    Primary *primary = NULL;
    CUresult status = find_primary(device, &primary);
    if (status != CUDA_SUCCESS)
        return status;
    if (sim_settings()->devices[device].mode == CU_COMPUTE_MODE_PROHIBITED)
        return CUDA_ERROR_DEVICE_UNAVAILABLE;
    if (!primary->context)
        primary->context = create_context(device);
    primary->retained++;
    *context = (CUcontext)primary->context->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    CUresult status = sim_begin(CALL_cuDevicePrimaryCtxRetain);
    return status ? status : sim_end(retain(context, device));
}

static CUresult release(CUdevice device) {
    Primary *primary = NULL;
    CUresult status = find_primary(device, &primary);
    if (status != CUDA_SUCCESS)
        return status;
    if (primary->retained == 0)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (--primary->retained > 0)
        return CUDA_SUCCESS;
    destroy_context(primary->context);
    primary->context = NULL;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    CUresult status = sim_begin(CALL_cuDevicePrimaryCtxRelease_v2);
    return status ? status : sim_end(release(device));
}

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active) {
    Primary *primary = NULL;
    CUresult status = sim_begin(CALL_cuDevicePrimaryCtxGetState);
    if (status != CUDA_SUCCESS)
        return status;
    status = find_primary(device, &primary);
    if (status == CUDA_SUCCESS) {
        *flags = primary->flags;
        *active = primary->context != NULL;
    }
    return sim_end(status);
}

static CUresult set_flags(CUdevice device, unsigned flags) {
    Primary *primary = NULL;
    CUresult status = find_primary(device, &primary);
    if (status != CUDA_SUCCESS)
        return status;
    if (primary->context)
        return CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE;
    primary->flags = flags;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags) {
    CUresult status = sim_begin(CALL_cuDevicePrimaryCtxSetFlags_v2);
    return status ? status : sim_end(set_flags(device, flags));
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
    CUresult status = sim_begin(CALL_cuCtxPushCurrent_v2);
    if (status != CUDA_SUCCESS)
        return status;
    sim_object_find(context, SIM_CONTEXT, NULL);
    if (depth == STACK_MAX)
        sim_abort("a thread pushed %d contexts and popped none", STACK_MAX);
    stack[depth++] = context;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
    CUresult status = sim_begin(CALL_cuCtxPopCurrent_v2);
    if (status != CUDA_SUCCESS)
        return status;
    if (depth == 0)
        return sim_end(CUDA_ERROR_INVALID_CONTEXT);
    depth--;
    if (context)
        *context = stack[depth];
    return sim_end(CUDA_SUCCESS);
}

CUresult cuCtxSynchronize(void) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuCtxSynchronize, &status);
    if (!context)
        return status;
    if (sim_capture_spoil_context(context))
        return sim_end(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    sim_work_finish(sim_goal_context(context));
    return sim_end(context->error);
}
