/* fixture.c: what most tests begin with. */
#include "fixture.h"

Fixture fixture_open_bare(int device) {
    Fixture f = {0};
    CUdevice number = -1;
    CHECK_WORKS(cuInit(0));
    CHECK_WORKS(cuDeviceGet(&number, device));
    CHECK_WORKS(cuDevicePrimaryCtxRetain(&f.context, number));
    CHECK_WORKS(cuCtxPushCurrent_v2(f.context));
    f.stream = new_stream();
    return f;
}

CUfunction fixture_function(const Fixture *f, const char *name) {
    CUfunction function = NULL;
    CHECK_WORKS(cuModuleGetFunction(&function, f->module, name));
    return function;
}

Fixture fixture_open(void) {
    Fixture f = fixture_open_bare(0);
    CHECK_WORKS(cuModuleLoadData(&f.module, kernels_ptx));
    f.add = fixture_function(&f, "add");
    f.scale = fixture_function(&f, "scale");
    f.move = fixture_function(&f, "move");
    return f;
}

void fixture_close(Fixture *f) {
    CUcontext popped = NULL;
    CHECK_WORKS(cuStreamSynchronize(f->stream));
    CHECK_WORKS(cuStreamDestroy_v2(f->stream));
    if (f->module)
        CHECK_WORKS(cuModuleUnload(f->module));
    CHECK_WORKS(cuCtxPopCurrent_v2(&popped));
    CHECK(popped == f->context);
    CHECK_WORKS(cuDevicePrimaryCtxRelease_v2(0));
}

CUstream new_stream(void) {
    CUstream stream = NULL;
    CHECK_WORKS(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    return stream;
}

CUevent new_event(void) {
    CUevent event = NULL;
    CHECK_WORKS(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    return event;
}

CUdeviceptr new_memory(size_t bytes) {
    CUdeviceptr address = 0;
    CHECK_WORKS(cuMemAlloc_v2(&address, bytes));
    return address;
}

float *new_pinned(size_t count, float value) {
    void *memory = NULL;
    CHECK_WORKS(cuMemHostAlloc(&memory, count * sizeof(float), 0));
    float *values = memory;
    for (size_t i = 0; i < count; i++)
        values[i] = value;
    return values;
}

static CUresult launch(CUfunction function, void *arguments, CUstream stream) {
    void *pointers[] = {arguments};
    return cuLaunchKernel(function, 1, 1, 1, KERNEL_THREADS, 1, 1, 0, stream, pointers, NULL);
}

CUresult add(const Fixture *f, CUdeviceptr to, int count, float value, CUstream stream) {
    return launch(f->add, &(AddArguments){to, count, value}, stream);
}

CUresult scale(const Fixture *f, CUdeviceptr to, int count, float value, CUstream stream) {
    return launch(f->scale, &(AddArguments){to, count, value}, stream);
}

CUresult move(const Fixture *f, CUdeviceptr to, CUdeviceptr from, int count, CUstream stream) {
    return launch(f->move, &(MoveArguments){to, from, count}, stream);
}

void put(CUdeviceptr to, const float *pinned, CUstream stream) {
    CHECK_WORKS(cuMemcpyHtoDAsync_v2(to, pinned, sizeof(float), stream));
}

void get(float *pinned, CUdeviceptr from, CUstream stream) {
    CHECK_WORKS(cuMemcpyDtoHAsync_v2(pinned, from, sizeof(float), stream));
}

void order(CUstream first, CUstream second) {
    CUevent event = new_event();
    CHECK_WORKS(cuEventRecord(event, first));
    CHECK_WORKS(cuStreamWaitEvent(second, event, 0));
    CHECK_WORKS(cuEventDestroy_v2(event));
}
