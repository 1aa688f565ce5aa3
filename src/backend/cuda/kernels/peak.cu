/* peak.cu: how fast the multipliers are at best: sums in registers, over and over. */
#include "arguments.h"
#include "kernel.h"

/* Two numbers like those of networks, neither tiny nor large: of f16 from 1 to 2, of bf16 from
 * 1/128 to 2. */
FN uint32_t peak_numbers(int i) {
    return 0x3c003c00u + (uint32_t)(i % 0x400) * 0x00010001u;
}

template <typename T> FN void peak(const PeakArguments &a, T) {
    float sums[4][4][4];
    uint32_t left[4][4], right[4][2];
    UNROLL
    for (int i = 0; i < 4; i++) {
        UNROLL
        for (int j = 0; j < 4; j++) {
            left[i][j] = peak_numbers(thread_index() * (i + j));
            right[i][j % 2] = peak_numbers(thread_index() + i * j);
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
