/* neonbf16.c: the kernels for 64-bit ARM with products of f16 and of bf16 (FEAT_FP16, FEAT_FHM and
 * FEAT_BF16). */
#include "backend/cpu/kernels/simd_neon.h"

#define SIMD_NAME     "neonbf16"
#define SIMD_NEEDS    "neon fp16 fhm bf16"
#define KERNELS_TABLE kernels_neonbf16

#include "backend/cpu/kernels/kernels_template.h"
