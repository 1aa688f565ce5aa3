/* avx2.c: the kernels for x86 with AVX2 and FMA. */
#include "backend/cpu/kernels/simd_avx2.h"

#define SIMD_NAME     "avx2"
#define SIMD_NEEDS    AVX2_NEEDS
#define KERNELS_TABLE kernels_avx2

#include "backend/cpu/kernels/kernels_template.h"
