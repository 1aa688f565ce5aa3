/* amx.c: the kernels for x86 with AVX-512, its conversions to bf16, and AMX's tiles for products of
 * bf16. */
#include "backend/cpu/kernels/simd_avx512.h"

/* The compiler does not know what the instruction reads, so everything is written before it. */
#define TILE_CONFIGURE(config)               \
    do {                                     \
        __asm__ volatile("" : : : "memory"); \
        _tile_loadconfig(config);            \
    } while (0)
#define TILE_ZERO(tile)               _tile_zero(tile)
#define TILE_LOAD(tile, from, stride) _tile_loadd(tile, from, stride)
#define TILE_STORE(tile, to, stride)  _tile_stored(tile, to, stride)
#define TILE_MULTIPLY(sums, a, b)     _tile_dpbf16ps(sums, a, b)
#define TILE_RELEASE()                _tile_release()
#include "backend/cpu/kernels/tile_gemm_template.h"

#define SIMD_NAME      "amx"
#define SIMD_NEEDS     AVX512_NEEDS " avx512bf16 amx-tile amx-bf16 amx-permission"
#define SIMD_BF16_GEMM tile_gemm
#define KERNELS_TABLE  kernels_amx

#include "backend/cpu/kernels/kernels_template.h"
