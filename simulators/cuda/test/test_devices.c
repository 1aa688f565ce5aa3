/* test_devices.c: what programs can ask of devices, contexts, and limits. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static void before_init(void) {
    int number = 0;
    const char *text = NULL;
    CUcontext context = NULL;
    CHECK_WORKS(cuDriverGetVersion(&number));
    CHECK(number == 12080);
    CHECK_WORKS(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
    CHECK(strcmp(text, "CUDA_ERROR_ILLEGAL_ADDRESS") == 0);
    CHECK_WORKS(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text));
    CHECK(strcmp(text, "out of memory") == 0);
    CHECK_STATUS(cuGetErrorName((CUresult)12345, &text), 1);
    CHECK(text == NULL);
    CHECK_STATUS(cuDeviceGetCount(&number), 3);
    CHECK_STATUS(cuDeviceGet(&number, 0), 3);
    CHECK_STATUS(cuDevicePrimaryCtxRetain(&context, 0), 3);
    CHECK_STATUS(cuCtxSynchronize(), 3);
    CHECK_STATUS(cuInit(1), 1);
    CHECK_WORKS(cuInit(0));
    CHECK_WORKS(cuDeviceGetCount(&number));
    CHECK(number == 1);
}

static int attribute(int kind, int device) {
    int value = -1;
    CHECK_WORKS(cuDeviceGetAttribute(&value, kind, device));
    return value;
}

static void two_devices(void) {
    int number = 0;
    char text[64] = "";
    size_t bytes = 0;
    CUuuid uuids[2];
    CHECK_WORKS(cuInit(0));
    CHECK_WORKS(cuDeviceGetCount(&number));
    CHECK(number == 2);
    CHECK_STATUS(cuDeviceGet(&number, 2), 101);
    CHECK_STATUS(cuDeviceGet(&number, -1), 101);
    CHECK_STATUS(cuDeviceGetName(text, 64, 2), 101);
    CHECK_WORKS(cuDeviceGetName(text, 64, 0));
    CHECK(strcmp(text, "Both") == 0);
    CHECK_WORKS(cuDeviceGetName(text, 4, 1));
    CHECK(strcmp(text, "Sec") == 0);
    CHECK_WORKS(cuDeviceTotalMem_v2(&bytes, 0));
    CHECK(bytes == (size_t)3 << 29);
    CHECK_WORKS(cuDeviceTotalMem_v2(&bytes, 1));
    CHECK(bytes == (size_t)8 << 30);
    CHECK_WORKS(cuDeviceGetPCIBusId(text, 64, 0));
    CHECK(strcmp(text, "0000:01:00.0") == 0);
    CHECK_WORKS(cuDeviceGetPCIBusId(text, 64, 1));
    CHECK(strcmp(text, "0000:0a:00.0") == 0);
    CHECK_STATUS(cuDeviceGetPCIBusId(text, 12, 1), 1);
    CHECK_WORKS(cuDeviceGetUuid_v2(&uuids[0], 0));
    CHECK_WORKS(cuDeviceGetUuid_v2(&uuids[1], 1));
    CHECK(uuids[0].bytes[0] == 'c' && uuids[1].bytes[0] == 0xfe && uuids[1].bytes[15] == 1);
    CHECK(attribute(CU_DEVICE_CAPABILITY_MAJOR, 0) == 8);
    CHECK(attribute(CU_DEVICE_CAPABILITY_MINOR, 0) == 6);
    CHECK(attribute(CU_DEVICE_CAPABILITY_MAJOR, 1) == 12);
    CHECK(attribute(CU_DEVICE_CAPABILITY_MINOR, 1) == 0);
    CHECK(attribute(CU_DEVICE_SHARED_OPT_IN, 0) == 101376);
    CHECK(attribute(CU_DEVICE_SHARED_PER_MULTIPROCESSOR, 0) == 100 << 10);
    CHECK(attribute(CU_DEVICE_MULTIPROCESSORS, 0) == 28);
    CHECK(attribute(CU_DEVICE_MULTIPROCESSORS, 1) == 7);
    CHECK(attribute(CU_DEVICE_COMPUTE_MODE, 0) == 0 && attribute(CU_DEVICE_COMPUTE_MODE, 1) == 3);
    CHECK(attribute(CU_DEVICE_ECC, 0) == 1 && attribute(CU_DEVICE_INTEGRATED, 0) == 0);
    CHECK(attribute(CU_DEVICE_INTEGRATED, 1) == 1);
    CHECK(attribute(CU_DEVICE_WARP_SIZE, 0) == 32);
    CHECK(attribute(CU_DEVICE_MAX_GRID_X, 0) == 0x7fffffff);
}

static void no_device(void) {
    int count = 0;
    CHECK_STATUS(cuInit(0), 100);
    CHECK_STATUS(cuDeviceGetCount(&count), 3);
}

static void prohibited(void) {
    CUcontext context = NULL;
    CHECK_WORKS(cuInit(0));
    CHECK_STATUS(cuDevicePrimaryCtxRetain(&context, 0), 46);
    CHECK_WORKS(cuDevicePrimaryCtxRetain(&context, 1));
}

/* ---- Contexts ---- */

static void contexts(void) {
    CUcontext first = NULL, again = NULL, popped = NULL;
    CUstream stream = NULL;
    unsigned flags = 9;
    int active = 9;
    CHECK_WORKS(cuInit(0));
    CHECK_STATUS(cuDevicePrimaryCtxRelease_v2(0), 201);
    CHECK_WORKS(cuDevicePrimaryCtxSetFlags_v2(0, 4));
    CHECK_WORKS(cuDevicePrimaryCtxGetState(0, &flags, &active));
    CHECK(flags == 4 && active == 0);
    CHECK_WORKS(cuDevicePrimaryCtxRetain(&first, 0));
    CHECK_WORKS(cuDevicePrimaryCtxRetain(&again, 0));
    CHECK(first == again);
    CHECK_STATUS(cuDevicePrimaryCtxSetFlags_v2(0, 0), 708);
    CHECK_WORKS(cuDevicePrimaryCtxGetState(0, &flags, &active));
    CHECK(flags == 4 && active == 1);
    CHECK_STATUS(cuStreamCreate(&stream, 1), 201); /* none is current */
    CHECK_STATUS(cuCtxPopCurrent_v2(&popped), 201);
    CHECK_WORKS(cuCtxPushCurrent_v2(first));
    CHECK_STATUS(cuStreamCreate(&stream, 2), 1);
    CHECK_WORKS(cuStreamCreate(&stream, 0));
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
    CHECK_WORKS(cuStreamSynchronize(stream)); /* the first retains it */
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
    CHECK_STATUS(cuStreamSynchronize(stream), 709);
    CHECK_WORKS(cuDevicePrimaryCtxRetain(&again, 0));
    CHECK(first != again);
    CHECK_STATUS(cuCtxSynchronize(), 709);
    CHECK_WORKS(cuCtxPopCurrent_v2(&popped));
    CHECK(popped == first);
}

static void stack_of_contexts(void) {
    CUcontext contexts[2], popped = NULL;
    size_t available = 0, total = 0;
    CHECK_WORKS(cuInit(0));
    for (int i = 0; i < 2; i++) {
        CHECK_WORKS(cuDevicePrimaryCtxRetain(&contexts[i], i));
        CHECK_WORKS(cuCtxPushCurrent_v2(contexts[i]));
    }
    CHECK_WORKS(cuMemGetInfo_v2(&available, &total));
    CHECK(total == (size_t)2 << 30);
    CHECK_WORKS(cuCtxPopCurrent_v2(&popped));
    CHECK(popped == contexts[1]);
    CHECK_WORKS(cuMemGetInfo_v2(&available, &total));
    CHECK(total == (size_t)1 << 30);
}

/* Work in flight when a context goes is done: the program may have seen to its pinned memory. */
static void released_with_work(void) {
    Fixture f = fixture_open();
    put(new_memory(4), new_pinned(1, 0), f.stream);
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
}

/* ---- Limits ---- */

static void memory(void) {
    fixture_open();
    size_t available = 0, total = 0;
    CUdeviceptr none = 7;
    CHECK_STATUS(cuMemAlloc_v2(&none, 0), 1);
    CHECK_WORKS(cuMemGetInfo_v2(&available, &total));
    CHECK(total == 1000 << 10 && available == 900 << 10);
    CUdeviceptr first = new_memory(600 << 10);
    CHECK_STATUS(cuMemAlloc_v2(&none, (300 << 10) + 1), 2);
    CUdeviceptr second = new_memory(300 << 10);
    CHECK_STATUS(cuMemAlloc_v2(&none, 1), 2);
    CHECK_WORKS(cuMemGetInfo_v2(&available, &total));
    CHECK(available == 0);
    CHECK_WORKS(cuMemFree_v2(first));
    CHECK_WORKS(cuMemGetInfo_v2(&available, &total));
    CHECK(available == 600 << 10);
    CHECK_WORKS(cuMemFree_v2(second));
    CHECK(none == 7);
}

static void limit(void) {
    fixture_open();
    size_t available = 0, total = 0;
    CUdeviceptr none = 0;
    CHECK_WORKS(cuMemGetInfo_v2(&available, &total));
    CHECK(available == (size_t)8 << 30);
    new_memory(1000);
    CHECK_STATUS(cuMemAlloc_v2(&none, 25), 2);
    new_memory(24);
}

static CUresult launch_wide(const Fixture *f, const unsigned grid[3], unsigned threads,
                            unsigned shared_bytes) {
    AddArguments arguments = {0};
    void *pointers[] = {&arguments};
    return cuLaunchKernel(f->add, grid[0], grid[1], grid[2], threads, 1, 1, shared_bytes, f->stream,
                          pointers, NULL);
}

static void launches(void) {
    Fixture f = fixture_open();
    const unsigned grids[][3] = {{0, 1, 1},     {1, 0, 1},     {1, 1, 0},
                                 {1, 65536, 1}, {1, 1, 65536}, {0x80000000u, 1, 1}};
    const unsigned one[] = {1, 1, 1}, large[] = {0x7fffffff, 65535, 65535};
    for (size_t i = 0; i < sizeof(grids) / sizeof(*grids); i++)
        CHECK_STATUS(launch_wide(&f, grids[i], KERNEL_THREADS, 0), 1);
    CHECK_WORKS(launch_wide(&f, large, KERNEL_THREADS, 0));
    CHECK_STATUS(launch_wide(&f, one, 1025, 0), 1);
    CHECK_STATUS(launch_wide(&f, one, 0, 0), 1);
    CHECK_WORKS(launch_wide(&f, one, KERNEL_THREADS, 48 << 10));
    CHECK_STATUS(launch_wide(&f, one, KERNEL_THREADS, (48 << 10) + 1), 1);
    CHECK_WORKS(cuFuncSetAttribute(f.add, CU_FUNCTION_MAX_DYNAMIC_SHARED, 60000));
    CHECK_WORKS(launch_wide(&f, one, KERNEL_THREADS, 60000));
    CHECK_STATUS(launch_wide(&f, one, KERNEL_THREADS, 60001), 1);
    CHECK_STATUS(cuFuncSetAttribute(f.add, CU_FUNCTION_MAX_DYNAMIC_SHARED, -1), 1);
    CHECK_STATUS(cuFuncSetAttribute(f.add, CU_FUNCTION_MAX_DYNAMIC_SHARED, 65537), 1);
    CHECK_WORKS(cuFuncSetAttribute(f.add, CU_FUNCTION_MAX_DYNAMIC_SHARED, 65536));
    CHECK_WORKS(cuCtxSynchronize());
    CHECK(last_launch.shared_bytes == 60000 && last_launch.capability == 75);
}

/* ---- Errors after which nothing works ---- */

static void all_calls_fail(const Fixture *f, CUdeviceptr memory, void *pinned, int code) {
    CUdeviceptr other = 0;
    CHECK_STATUS(cuStreamSynchronize(f->stream), code);
    CHECK_STATUS(cuCtxSynchronize(), code);
    CHECK_STATUS(add(f, memory, 1, 1, f->stream), code);
    CHECK_STATUS(cuMemAlloc_v2(&other, 4), code);
    CHECK_STATUS(cuMemFree_v2(memory), code);
    CHECK_STATUS(cuMemFreeHost(pinned), code);
    CHECK_STATUS(cuModuleUnload(f->module), code);
    CHECK_STATUS(cuStreamDestroy_v2(f->stream), code);
}

static void break_at_launch(void) {
    Fixture f = fixture_open();
    CUcontext context = NULL;
    CUdeviceptr memory = new_memory(4);
    float *in = new_pinned(1, 0), *out = new_pinned(1, 0);
    put(memory, in, f.stream);
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    get(out, memory, f.stream);
    CHECK_WORKS(cuStreamSynchronize(f.stream));
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream)); /* the one; nobody knows yet */
    get(out, memory, f.stream);
    CHECK_STATUS(cuStreamSynchronize(f.stream), 700);
    all_calls_fail(&f, memory, in, 700);
    CHECK_WORKS(cuCtxPopCurrent_v2(NULL));
    CHECK_WORKS(cuDevicePrimaryCtxRetain(&context, 0)); /* it is the same */
    CHECK(context == f.context);
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
    f = fixture_open();
    memory = new_memory(4);
    float last = 0;
    CHECK_WORKS(cuMemcpyHtoDAsync_v2(memory, &(float){1}, 4, f.stream));
    CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(&last, memory, 4, f.stream));
    CHECK(last == 2);
}

static void break_at_copy(void) {
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4);
    float plain = 0;
    put(memory, &plain, f.stream);
    CHECK_STATUS(cuMemcpyDtoHAsync_v2(&plain, memory, 4, f.stream), 214);
    all_calls_fail(&f, memory, NULL, 214);
}

/* A graph's kernels count as well; another device lives on. */
static void break_in_graph(void) {
    CUgraph graph = NULL;
    CUgraphExec exec = NULL;
    Fixture other = fixture_open_bare(1);
    Fixture f = fixture_open();
    CUdeviceptr memory = new_memory(4);
    CHECK_WORKS(cuStreamBeginCapture_v2(f.stream, CU_CAPTURE_THREAD_LOCAL));
    for (int i = 0; i < 4; i++)
        CHECK_WORKS(add(&f, memory, 1, 1, f.stream));
    CHECK_WORKS(cuStreamEndCapture(f.stream, &graph));
    CHECK_WORKS(cuGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK_WORKS(cuGraphLaunch(exec, f.stream));
    CHECK_STATUS(cuStreamSynchronize(f.stream), 719);
    CHECK_STATUS(cuGraphLaunch(exec, f.stream), 719);
    CHECK_STATUS(cuGraphExecDestroy(exec), 719);
    CHECK_WORKS(cuCtxPopCurrent_v2(NULL));
    CHECK_WORKS(cuStreamSynchronize(other.stream));
}

int main(void) {
    check_runs(NULL, before_init);
    check_runs(
        "devices=2,name=Both,name:1=Second,memory:0=1.5G,bus:1=0000:0a:00.0,cc=8.6,cc:1=12.0,"
        "uuid:1=fe000000000000000000000000000001,multiprocessors:1=7,mode:1=3,ecc:0=1,"
        "integrated:1=1",
        two_devices);
    check_runs("devices=0", no_device);
    check_runs("devices=2,mode:0=2", prohibited);
    check_runs(NULL, contexts);
    check_runs("devices=2,memory=1G,memory:1=2G", stack_of_contexts);
    check_runs(NULL, released_with_work);
    check_runs("memory=1000K,used=100K", memory);
    check_runs("limit=1K", limit);
    check_runs("cc=7.5", launches);
    check_runs("sticky=launch:3", break_at_launch);
    check_runs("sticky=copy:2:214", break_at_copy);
    check_runs("devices=2,sticky=launch:3:719", break_in_graph);
    return 0;
}
