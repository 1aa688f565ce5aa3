/* test_failures.c: every call fails once, as the settings want it. One program makes all calls;
 * when the one fails, it makes it again: a call that failed has done nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "fixture.h"

static const char *failing; /* the call */
static int code;            /* with which it fails */
static int attempts[SIM_DRIVER_CALL_COUNT];

/* Returns whether to make the call again. */
static bool judge(SimCall call, CUresult status) {
    bool fails = attempts[call]++ == 0 && strcmp(sim_call_name(call), failing) == 0;
    if ((int)status == (fails ? code : 0))
        return fails;
    fprintf(stderr, "%s gives %d where %s is to fail with %d\n", sim_call_name(call), (int)status,
            failing, code);
    exit(1);
}

/* Makes a call, and again if it was to fail. */
#define TRY(call, arguments) \
    do {                     \
    } while (judge(CALL_##call, call arguments))

typedef struct Things {
    CUdevice device;
    CUcontext context;
    CUmodule module;
    CUfunction add;
    CUstream stream;
    CUdeviceptr memory;
    float *pinned;
} Things;

static void ask(Things *t) {
    int number = 0;
    unsigned flags = 0;
    const char *text = NULL;
    char name[64];
    size_t bytes = 0;
    CUuuid uuid;
    TRY(cuDriverGetVersion, (&number));
    TRY(cuGetErrorName, (CUDA_SUCCESS, &text));
    TRY(cuGetErrorString, (CUDA_SUCCESS, &text));
    TRY(cuInit, (0));
    TRY(cuDeviceGetCount, (&number));
    TRY(cuDeviceGet, (&t->device, 0));
    TRY(cuDeviceGetName, (name, 64, t->device));
    TRY(cuDeviceGetUuid_v2, (&uuid, t->device));
    TRY(cuDeviceTotalMem_v2, (&bytes, t->device));
    TRY(cuDeviceGetAttribute, (&number, CU_DEVICE_WARP_SIZE, t->device));
    TRY(cuDeviceGetPCIBusId, (name, 64, t->device));
    TRY(cuDevicePrimaryCtxSetFlags_v2, (t->device, 4));
    TRY(cuDevicePrimaryCtxGetState, (t->device, &flags, &number));
    CHECK(flags == 4 && number == 0);
}

static void make(Things *t) {
    size_t bytes = 0;
    TRY(cuDevicePrimaryCtxRetain, (&t->context, t->device));
    TRY(cuCtxPushCurrent_v2, (t->context));
    TRY(cuMemGetInfo_v2, (&bytes, &bytes));
    TRY(cuModuleLoadData, (&t->module, kernels_ptx));
    TRY(cuModuleGetFunction, (&t->add, t->module, "add"));
    TRY(cuFuncSetAttribute, (t->add, CU_FUNCTION_MAX_DYNAMIC_SHARED, 50000));
    TRY(cuStreamCreate, (&t->stream, CU_STREAM_NON_BLOCKING));
    TRY(cuMemAlloc_v2, (&t->memory, 4));
    TRY(cuMemHostAlloc, ((void **)&t->pinned, 8, 0));
}

/* 10, plus 1 in a launch, plus 1 in a graph. */
static void work(Things *t) {
    AddArguments arguments = {t->memory, 1, 1};
    void *pointers[] = {&arguments};
    CUgraph graph = NULL;
    CUgraphExec exec = NULL;
    CUevent events[2] = {NULL, NULL};
    float milliseconds = -1;
    t->pinned[0] = 10;
    TRY(cuEventCreate, (&events[0], 0));
    TRY(cuEventCreate, (&events[1], 0));
    TRY(cuMemcpyHtoDAsync_v2, (t->memory, t->pinned, 4, t->stream));
    TRY(cuEventRecord, (events[0], t->stream));
    TRY(cuLaunchKernel, (t->add, 1, 1, 1, KERNEL_THREADS, 1, 1, 0, t->stream, pointers, NULL));
    do { /* a capture is over even if its end fails */
        TRY(cuStreamBeginCapture_v2, (t->stream, CU_CAPTURE_THREAD_LOCAL));
        TRY(cuLaunchKernel, (t->add, 1, 1, 1, KERNEL_THREADS, 1, 1, 0, t->stream, pointers, NULL));
    } while (judge(CALL_cuStreamEndCapture, cuStreamEndCapture(t->stream, &graph)));
    TRY(cuGraphInstantiateWithFlags, (&exec, graph, 0));
    TRY(cuGraphDestroy, (graph));
    TRY(cuGraphLaunch, (exec, t->stream));
    TRY(cuEventRecord, (events[1], t->stream));
    TRY(cuStreamWaitEvent, (t->stream, events[1], 0));
    TRY(cuMemcpyDtoHAsync_v2, (t->pinned + 1, t->memory, 4, t->stream));
    TRY(cuEventSynchronize, (events[1]));
    TRY(cuEventElapsedTime, (&milliseconds, events[0], events[1]));
    TRY(cuStreamSynchronize, (t->stream));
    TRY(cuCtxSynchronize, ());
    CHECK(t->pinned[1] == 12 && milliseconds > 0);
    TRY(cuGraphExecDestroy, (exec));
    TRY(cuEventDestroy_v2, (events[0]));
    TRY(cuEventDestroy_v2, (events[1]));
}

static void let_go(Things *t) {
    CUcontext popped = NULL;
    TRY(cuMemFreeHost, (t->pinned));
    TRY(cuMemFree_v2, (t->memory));
    TRY(cuStreamDestroy_v2, (t->stream));
    TRY(cuModuleUnload, (t->module));
    TRY(cuCtxPopCurrent_v2, (&popped));
    CHECK(popped == t->context);
    TRY(cuDevicePrimaryCtxRelease_v2, (t->device));
}

static void all_calls(void) {
    Things things = {0};
    ask(&things);
    make(&things);
    work(&things);
    let_go(&things);
    for (int i = 0; i < SIM_DRIVER_CALL_COUNT; i++)
        if (attempts[i] == 0) {
            fprintf(stderr, "the program does not call %s\n", sim_call_name((SimCall)i));
            exit(1);
        }
}

/* The third call, and no other. */
static void the_third(void) {
    CUdeviceptr memory = 0;
    fixture_open_bare(0);
    CHECK_WORKS(cuMemAlloc_v2(&memory, 4));
    CHECK_WORKS(cuMemAlloc_v2(&memory, 4));
    CHECK_STATUS(cuMemAlloc_v2(&memory, 4), 2);
    CHECK_WORKS(cuMemAlloc_v2(&memory, 4));
    CHECK_STATUS(cuMemAlloc_v2(&memory, 4), 719);
    CHECK_STATUS(cuMemAlloc_v2(&memory, 4), 719); /* after which nothing works */
    CHECK_STATUS(cuCtxSynchronize(), 719);
}

int main(void) {
    for (int i = 0; i < SIM_DRIVER_CALL_COUNT; i++) {
        char settings[128];
        failing = sim_call_name((SimCall)i);
        code = 777;
        snprintf(settings, sizeof(settings), "fail=%s:1:777", failing);
        check_runs(settings, all_calls);
        code = sim_call_default_code((SimCall)i);
        snprintf(settings, sizeof(settings), "fail=%s:1", failing);
        check_runs(settings, all_calls);
    }
    failing = "";
    check_runs(NULL, all_calls);
    check_runs("fail=cuMemAlloc_v2:3,fail=cuMemAlloc_v2:5:719", the_third);
    return 0;
}
