/* neon.c: the kernels for 64-bit ARM, with the NEON that every such processor has. */
#include "backend/cpu/kernels/simd_neon.h"

#define SIMD_NAME     "neon"
#define SIMD_NEEDS    "neon"
#define KERNELS_TABLE kernels_neon

#include "backend/cpu/kernels/kernels_template.h"
