/* element_kernels.h: the kernels that write elements, once for each precision. Whoever includes it
 * has softmax(), rms_norm(), bias_gelu(), winograd4_input() and winograd6_input(), whose last
 * argument stores an element or a vector of them, and store_f32(), store_f16() and store_bf16(). */
#ifndef CLEAVE_CPU_ELEMENT_KERNELS_H
#define CLEAVE_CPU_ELEMENT_KERNELS_H

#include "backend/cpu/kernels/kernels.h"

#define ELEMENT_KERNELS(format)                                                         \
    static void softmax_##format(const SoftmaxArguments *a) {                           \
        softmax(a, store_##format);                                                     \
    }                                                                                   \
    static void rms_norm_##format(const RmsNormArguments *a) {                          \
        rms_norm(a, store_##format);                                                    \
    }                                                                                   \
    static void bias_gelu_##format(void *to, const float *from, const float *bias,      \
                                   size_t positions) {                                  \
        bias_gelu(to, from, bias, positions, store_##format);                           \
    }                                                                                   \
    static void winograd4_input_##format(void *to, size_t to_stride, const float *from, \
                                         size_t from_stride, size_t tiles) {            \
        winograd4_input(to, to_stride, from, from_stride, tiles, store_##format);       \
    }                                                                                   \
    static void winograd6_input_##format(void *to, size_t to_stride, const float *from, \
                                         size_t from_stride, size_t tiles) {            \
        winograd6_input(to, to_stride, from, from_stride, tiles, store_##format);       \
    }

ELEMENT_KERNELS(f32)
ELEMENT_KERNELS(f16)
ELEMENT_KERNELS(bf16)

#undef ELEMENT_KERNELS

/* Their places in a table's ProductKernels. */
#define ELEMENT_KERNELS_OF(format)                                                               \
    .softmax = softmax_##format, .rms_norm = rms_norm_##format, .bias_gelu = bias_gelu_##format, \
    .winograd_input = {                                                                          \
        [WINOGRAD_4X4] = winograd4_input_##format, [WINOGRAD_6X6] = winograd6_input_##format}

#endif
