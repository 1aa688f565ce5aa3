/* avx512bf16.c: the kernels for x86 with AVX-512 and its bf16 products. */
#include "backend/cpu/kernels/simd_avx512.h"

#define SIMD_NAME     "avx512bf16"
#define SIMD_NEEDS    AVX512_NEEDS " avx512bf16"
#define KERNELS_TABLE kernels_avx512bf16

#include "backend/cpu/kernels/kernels_template.h"
