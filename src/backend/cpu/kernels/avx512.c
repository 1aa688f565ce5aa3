/* avx512.c: the kernels for x86 with AVX-512 (F, DQ, VL, BW). */
#include "backend/cpu/kernels/simd_avx512.h"

#define SIMD_NAME     "avx512"
#define SIMD_NEEDS    AVX512_NEEDS
#define KERNELS_TABLE kernels_avx512

#include "backend/cpu/kernels/kernels_template.h"
