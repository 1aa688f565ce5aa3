/* calls.h: the calls of both libraries, what each asks for before it does anything, and how often
 * it was called. */
#ifndef CUDASIM_CALLS_H
#define CUDASIM_CALLS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum SimNeeds {
    NEEDS_NOTHING,
    NEEDS_INIT,      /* cuInit() */
    NEEDS_CONTEXT,   /* a current context that works */
    NEEDS_NO_CAPTURE /* that, and none of the calling thread's streams being captured */
} SimNeeds;

/* X(call, what it needs, code with which it fails if the settings say no other) */
#define SIM_DRIVER_CALLS(X)                           \
    X(cuInit, NEEDS_NOTHING, 999)                     \
    X(cuDriverGetVersion, NEEDS_NOTHING, 999)         \
    X(cuGetErrorName, NEEDS_NOTHING, 1)               \
    X(cuGetErrorString, NEEDS_NOTHING, 1)             \
    X(cuDeviceGetCount, NEEDS_INIT, 999)              \
    X(cuDeviceGet, NEEDS_INIT, 101)                   \
    X(cuDeviceGetName, NEEDS_INIT, 999)               \
    X(cuDeviceGetUuid_v2, NEEDS_INIT, 999)            \
    X(cuDeviceTotalMem_v2, NEEDS_INIT, 999)           \
    X(cuDeviceGetAttribute, NEEDS_INIT, 999)          \
    X(cuDeviceGetPCIBusId, NEEDS_INIT, 999)           \
    X(cuDevicePrimaryCtxRetain, NEEDS_INIT, 2)        \
    X(cuDevicePrimaryCtxRelease_v2, NEEDS_INIT, 999)  \
    X(cuDevicePrimaryCtxGetState, NEEDS_INIT, 999)    \
    X(cuDevicePrimaryCtxSetFlags_v2, NEEDS_INIT, 999) \
    X(cuCtxPushCurrent_v2, NEEDS_INIT, 201)           \
    X(cuCtxPopCurrent_v2, NEEDS_INIT, 201)            \
    X(cuCtxSynchronize, NEEDS_NO_CAPTURE, 999)        \
    X(cuMemGetInfo_v2, NEEDS_CONTEXT, 999)            \
    X(cuMemAlloc_v2, NEEDS_NO_CAPTURE, 2)             \
    X(cuMemFree_v2, NEEDS_NO_CAPTURE, 999)            \
    X(cuMemHostAlloc, NEEDS_NO_CAPTURE, 2)            \
    X(cuMemFreeHost, NEEDS_NO_CAPTURE, 999)           \
    X(cuMemcpyHtoDAsync_v2, NEEDS_CONTEXT, 999)       \
    X(cuMemcpyDtoHAsync_v2, NEEDS_CONTEXT, 999)       \
    X(cuModuleLoadData, NEEDS_NO_CAPTURE, 209)        \
    X(cuModuleUnload, NEEDS_NO_CAPTURE, 999)          \
    X(cuModuleGetFunction, NEEDS_CONTEXT, 500)        \
    X(cuFuncSetAttribute, NEEDS_CONTEXT, 1)           \
    X(cuStreamCreate, NEEDS_CONTEXT, 2)               \
    X(cuStreamDestroy_v2, NEEDS_CONTEXT, 999)         \
    X(cuStreamWaitEvent, NEEDS_CONTEXT, 999)          \
    X(cuStreamSynchronize, NEEDS_CONTEXT, 999)        \
    X(cuEventCreate, NEEDS_CONTEXT, 2)                \
    X(cuEventDestroy_v2, NEEDS_CONTEXT, 999)          \
    X(cuEventRecord, NEEDS_CONTEXT, 999)              \
    X(cuEventSynchronize, NEEDS_CONTEXT, 999)         \
    X(cuEventElapsedTime, NEEDS_CONTEXT, 999)         \
    X(cuLaunchKernel, NEEDS_CONTEXT, 999)             \
    X(cuStreamBeginCapture_v2, NEEDS_CONTEXT, 999)    \
    X(cuStreamEndCapture, NEEDS_CONTEXT, 901)         \
    X(cuGraphInstantiateWithFlags, NEEDS_CONTEXT, 2)  \
    X(cuGraphDestroy, NEEDS_CONTEXT, 999)             \
    X(cuGraphLaunch, NEEDS_CONTEXT, 999)              \
    X(cuGraphExecDestroy, NEEDS_CONTEXT, 999)

#define SIM_NVML_CALLS(X)                                 \
    X(nvmlInit_v2, NEEDS_NOTHING, 999)                    \
    X(nvmlShutdown, NEEDS_NOTHING, 999)                   \
    X(nvmlDeviceGetHandleByUUID, NEEDS_NOTHING, 6)        \
    X(nvmlDeviceGetHandleByPciBusId_v2, NEEDS_NOTHING, 6) \
    X(nvmlDeviceGetMemoryInfo, NEEDS_NOTHING, 999)        \
    X(nvmlSystemGetDriverVersion, NEEDS_NOTHING, 999)

typedef enum SimCall {
#define SIM_CALL_NUMBER(name, needs, code) CALL_##name,
    SIM_DRIVER_CALLS(SIM_CALL_NUMBER) SIM_DRIVER_CALL_COUNT,
    SIM_NVML_CALLS(SIM_CALL_NUMBER) SIM_CALL_COUNT
#undef SIM_CALL_NUMBER
} SimCall;

const char *sim_call_name(SimCall call);
SimNeeds sim_call_needs(SimCall call);
int sim_call_default_code(SimCall call);

/* Whether there is a call of that name, and which. */
bool sim_call_find(const char *name, SimCall *call);

/* Counts a call. Returns the code with which the settings let it fail, or 0. */
int sim_call_made(SimCall call);

int64_t sim_calls_made(SimCall call);

#endif
