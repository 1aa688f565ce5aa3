/* neonfp16.c: the kernels for 64-bit ARM with products of f16 (FEAT_FP16 and FEAT_FHM). */
#include "backend/cpu/kernels/simd_neon.h"

#define SIMD_NAME     "neonfp16"
#define SIMD_NEEDS    "neon fp16 fhm"
#define KERNELS_TABLE kernels_neonfp16

#include "backend/cpu/kernels/kernels_template.h"
