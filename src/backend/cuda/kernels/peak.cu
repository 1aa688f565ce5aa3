/* peak.cu: how fast the multipliers are at best: sums in registers, over and over. */
#include "arguments.h"
#include "kernel.h"

template <typename T> FN void peak(const PeakArguments &a, T) {
    float sums[4][4][4];
    uint32_t left[4][4], right[4][2];
    UNROLL
    for (int i = 0; i < 4; i++) {
        UNROLL
        for (int j = 0; j < 4; j++) {
            left[i][j] = (uint32_t)(thread_index() * (i + j)) & 0x3fff3fff;
            right[i][j % 2] = (uint32_t)(thread_index() + i * j) & 0x3fff3fff;
            UNROLL
            for (int k = 0; k < 4; k++)
                sums[i][j][k] = 0;
        }
    }
    for (int round = 0; round < a.rounds; round++)
        multiply<T>(sums, left, right);
    float sum = 0;
    UNROLL
    for (int i = 0; i < 64; i++)
        sum += ((float *)sums)[i];
    global<float>(a.output)[block_x() * PEAK_THREADS + thread_index()] = sum;
}

FN void peak(const PeakArguments &a, F32) {
    float sums[64], x = (float)thread_index();
    UNROLL
    for (int i = 0; i < 64; i++)
        sums[i] = (float)i;
    for (int round = 0; round < a.rounds; round++)
        UNROLL
    for (int i = 0; i < 64; i++)
        sums[i] = multiply_add(sums[i], x, 0.5f);
    float sum = 0;
    UNROLL
    for (int i = 0; i < 64; i++)
        sum += sums[i];
    global<float>(a.output)[block_x() * PEAK_THREADS + thread_index()] = sum;
}

KERNEL(peak_f32, PeakArguments, PEAK_THREADS, 2) {
    peak(a, F32{});
}
KERNEL(peak_f16, PeakArguments, PEAK_THREADS, 2) {
    peak(a, F16{});
}
#ifdef HAVE_BF16
KERNEL(peak_bf16, PeakArguments, PEAK_THREADS, 2) {
    peak(a, BF16{});
}
#endif
