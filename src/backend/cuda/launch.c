/* launch.c: kernels by number, type and size. */
#include "backend/cuda/launch.h"

typedef struct KernelFacts {
    const char *name;
    unsigned threads;
} KernelFacts;

static const KernelFacts kernels[KERNEL_COUNT] = {
#define KERNEL_FACTS(name, arguments, threads, capability) {#name, threads},
    CUDA_KERNELS(KERNEL_FACTS)
#undef KERNEL_FACTS
};

/* The kernels of products of one type stand together, and the types in the order of STORED_…. */
#define KERNELS_OF_TYPE (KERNEL_conv_f16_128 - KERNEL_conv_f32_128)

_Static_assert(KERNEL_conv_f16_128 - KERNEL_conv_f32_128 == STORED_F16 * KERNELS_OF_TYPE &&
                   KERNEL_conv_bf16_128 - KERNEL_conv_f32_128 == STORED_BF16 * KERNELS_OF_TYPE,
               "the order of the kernels is that of the types");

KernelNumber cuda_kernel_of(KernelNumber first, int type, int size) {
    int index = size == 128 ? 0 : size == 64 ? 1 : 2;
    return (KernelNumber)((int)first + type * KERNELS_OF_TYPE + index);
}

const char *cuda_kernel_name(KernelNumber kernel) {
    return kernels[kernel].name;
}

CudaStatus cuda_kernel_launch(const CudaExecutable *executable, KernelNumber kernel, Grid grid,
                              size_t shared, void *arguments) {
    return executable->session.driver->launch(
        executable->functions[kernel], (unsigned)grid.x, (unsigned)grid.y, (unsigned)grid.z,
        kernels[kernel].threads, 1, 1, (unsigned)shared, executable->compute, &arguments, NULL);
}

/* What a kernel can have without being asked to allow it more. */
#define SHARED_BYTES_PLAIN (48 * 1024)

CudaStatus cuda_kernel_load(CudaExecutable *executable, KernelNumber kernel, size_t shared) {
    const CudaDriver *driver = executable->session.driver;
    CudaStatus status = CUDA_OK;
    if (!executable->functions[kernel])
        status = driver->module_function(&executable->functions[kernel], executable->session.module,
                                         kernels[kernel].name);
    if (status == CUDA_OK && shared > SHARED_BYTES_PLAIN)
        status = driver->function_set(executable->functions[kernel], CUDA_FUNCTION_SHARED_BYTES,
                                      (int)shared);
    return status;
}

ValueView cuda_view_of(const CudaExecutable *executable, int node) {
    const PlannedValue *value = &executable->plan.values[node];
    int channels = padded_channels(&value->channels);
    return (ValueView){.address = arena_at(executable, value->offset),
                       .sample_stride = (int64_t)value->height * value->width * channels,
                       .channels = channels,
                       .stored = value->stored};
}
