/* peak.c: how fast a GPU's multipliers are at best. */
#include "backend/cuda/steps.h"

#define PEAK_ROUNDS           2000
#define PEAK_ROUNDS_SIMULATED 1 /* where the speed means nothing, and would take hours */
#define PEAK_REPEATS          5

static int peak_rounds(const CudaExecutable *executable) {
    return executable->session.driver->simulated ? PEAK_ROUNDS_SIMULATED : PEAK_ROUNDS;
}

static KernelNumber peak_kernel(cleave_precision precision) {
    switch (precision) {
    case CLEAVE_PRECISION_F16:
        return KERNEL_peak_f16;
    case CLEAVE_PRECISION_BF16:
        return KERNEL_peak_bf16;
    default:
        return KERNEL_peak_f32;
    }
}

static double block_flops(KernelNumber kernel, int rounds) {
    return kernel == KERNEL_peak_f32 ? PEAK_F32_BLOCK_FLOPS(rounds)
                                     : PEAK_MATRIX_BLOCK_FLOPS(rounds);
}

/* Milliseconds of one run of a peak kernel; 0 if it failed. */
static float peak_run(CudaExecutable *executable, KernelNumber kernel, int blocks,
                      const CudaEvent *events) {
    const CudaDriver *driver = executable->session.driver;
    PeakArguments arguments = {.output = executable->arena, .rounds = peak_rounds(executable)};
    float milliseconds = 0;
    bool ran =
        driver->event_record(events[0], executable->compute) == CUDA_OK &&
        cuda_kernel_launch(executable, kernel, (Grid){blocks, 1, 1}, 0, &arguments) == CUDA_OK &&
        driver->event_record(events[1], executable->compute) == CUDA_OK &&
        driver->event_synchronize(events[1]) == CUDA_OK &&
        driver->event_elapsed(&milliseconds, events[0], events[1]) == CUDA_OK;
    return ran ? milliseconds : 0;
}

static double peak_measure(CudaExecutable *executable, KernelNumber kernel) {
    const CudaDriver *driver = executable->session.driver;
    int blocks = executable->plan.target.multiprocessors * 8;
    CudaEvent events[2] = {NULL, NULL};
    double best = 0;
    double flops = block_flops(kernel, peak_rounds(executable));
    size_t bytes = (size_t)blocks * PEAK_THREADS * sizeof(float);
    if (bytes > executable->plan.arena_bytes || cuda_kernel_load(executable, kernel, 0) != CUDA_OK)
        return 0;
    bool made = driver->event_create(&events[0], CUDA_EVENT_DEFAULT) == CUDA_OK &&
                driver->event_create(&events[1], CUDA_EVENT_DEFAULT) == CUDA_OK;
    for (int i = 0; i < PEAK_REPEATS && made; i++) {
        double seconds = peak_run(executable, kernel, blocks, events) * 1e-3;
        double speed = seconds > 0 ? blocks * flops / seconds : 0;
        best = speed > best ? speed : best;
    }
    for (int i = 0; i < 2; i++)
        if (events[i])
            driver->event_destroy(events[i]);
    return best;
}

double cuda_peak_flops(Executable *head, cleave_precision precision) {
    CudaExecutable *executable = (CudaExecutable *)head;
    KernelNumber kernel = peak_kernel(precision);
    if (!cuda_supports(head->device, precision) ||
        cuda_enter(&executable->session, NULL, NULL) != CLEAVE_OK)
        return 0;
    double peak = peak_measure(executable, kernel);
    cuda_leave(&executable->session);
    return peak;
}
