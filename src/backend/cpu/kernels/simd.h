/* simd.h: what all vector kernels are written with: inlining, unrolling, and how many vectors there
 * are. The vector type, SIMD_LANES and GEMM_TILE_COLUMNS come from simd_ISA.h. */
#ifndef CLEAVE_CPU_SIMD_H
#define CLEAVE_CPU_SIMD_H

#include "backend/cpu/kernels/kernels.h"

/* Vectors per channel block, and per row of a tile. */
#define BLOCK_VECTORS (CHANNEL_BLOCK / SIMD_LANES)
#define TILE_VECTORS  (GEMM_TILE_COLUMNS * BLOCK_VECTORS)

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* In front of a loop over the registers of a tile: its count is a constant once inlined. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#endif
