/* tile_gemm_template.h: the gemm of bf16 on AMX's tile registers: eight of up to 16 rows of 64
 * bytes. One instruction multiplies a tile of A, rows × CHANNEL_BLOCK of k, by one of B,
 * CHANNEL_BLOCK / 2 pairs of k × CHANNEL_BLOCK lanes, and adds the products to a tile of sums.
 *
 * Whoever includes this says what does it: TILE_CONFIGURE(config), TILE_ZERO(tile), TILE_LOAD(tile,
 * from, stride), TILE_STORE(tile, to, stride), TILE_MULTIPLY(sums, a, b) and TILE_RELEASE(), with
 * tiles as literal numbers and strides in bytes. */
#ifndef CLEAVE_CPU_TILE_GEMM_H
#define CLEAVE_CPU_TILE_GEMM_H

#include <stdint.h>

#include "backend/cpu/kernels/kernels.h"

#ifndef ALWAYS_INLINE
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

#define TILE_ROWS  16
#define TILE_COUNT 8

/* What LDTILECFG reads (Intel, Instruction Set Extensions Programming Reference, ch. 3). */
typedef struct TileConfig {
    uint8_t palette;
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TileConfig;

_Static_assert(sizeof(TileConfig) == 64, "the processor reads 64 bytes");

/* Sums in tiles 0 to 3: upper and lower rows of A by the left and the right column block; A in 4
 * (upper) and 5, B in 6 (left) and 7. Of the lower rows there may be none. */
static void tile_configure(size_t upper, size_t lower) {
    TileConfig config = {.palette = 1};
    const size_t rows[TILE_COUNT] = {
        upper, upper, lower, lower, upper, lower, CHANNEL_BLOCK / 2, CHANNEL_BLOCK / 2};
    for (int tile = 0; tile < TILE_COUNT; tile++) {
        if (rows[tile] == 0)
            continue;
        config.rows[tile] = (uint8_t)rows[tile];
        config.row_bytes[tile] = CHANNEL_BLOCK * sizeof(float);
    }
    config.row_bytes[4] = CHANNEL_BLOCK * sizeof(uint16_t);
    config.row_bytes[5] = lower > 0 ? CHANNEL_BLOCK * sizeof(uint16_t) : 0;
    TILE_CONFIGURE(&config);
}

/* The sums begin with what is added, or zero. */
#define TILE_BEGIN(tile, from)                    \
    do {                                          \
        if (from)                                 \
            TILE_LOAD(tile, (from), c_row_bytes); \
        else                                      \
            TILE_ZERO(tile);                      \
    } while (0)

/* `upper` rows from `row` on; if is_lower, also the configured number of rows below them. */
ALWAYS_INLINE void tile_block(const GemmArguments *g, size_t row, size_t upper, bool is_lower,
                              bool is_right) {
    const size_t a_row_bytes = g->a_stride * sizeof(uint16_t);
    const size_t c_row_bytes = g->c_stride * sizeof(float);
    const size_t first = row * g->c_stride;
    const size_t second = (row + upper) * g->c_stride;
    const size_t panel = (size_t)CHANNEL_BLOCK * CHANNEL_BLOCK;
    const size_t pair_bytes = CHANNEL_BLOCK * 2 * sizeof(uint16_t);
    const uint16_t *left = g->b[0];
    const uint16_t *right = g->b[GEMM_COLUMNS - 1];
    const float *add_left = g->add[0];
    const float *add_right = is_right ? g->add[GEMM_COLUMNS - 1] : NULL;
    TILE_BEGIN(0, add_left ? add_left + first : NULL);
    if (is_right)
        TILE_BEGIN(1, add_right ? add_right + first : NULL);
    if (is_lower)
        TILE_BEGIN(2, add_left ? add_left + second : NULL);
    if (is_lower && is_right)
        TILE_BEGIN(3, add_right ? add_right + second : NULL);
    for (size_t block = 0; block < g->k_blocks; block++) {
        const uint16_t *a = (const uint16_t *)g->a[block] + row * g->a_stride;
        TILE_LOAD(4, a, a_row_bytes);
        TILE_LOAD(6, left + block * panel, pair_bytes);
        TILE_MULTIPLY(0, 4, 6);
        if (is_right) {
            TILE_LOAD(7, right + block * panel, pair_bytes);
            TILE_MULTIPLY(1, 4, 7);
        }
        if (is_lower) {
            TILE_LOAD(5, a + upper * g->a_stride, a_row_bytes);
            TILE_MULTIPLY(2, 5, 6);
        }
        if (is_lower && is_right)
            TILE_MULTIPLY(3, 5, 7);
    }
    TILE_STORE(0, g->c[0] + first, c_row_bytes);
    if (is_right)
        TILE_STORE(1, g->c[GEMM_COLUMNS - 1] + first, c_row_bytes);
    if (is_lower)
        TILE_STORE(2, g->c[0] + second, c_row_bytes);
    if (is_lower && is_right)
        TILE_STORE(3, g->c[GEMM_COLUMNS - 1] + second, c_row_bytes);
}

#undef TILE_BEGIN

static void tile_add_bias(const GemmArguments *g) {
    for (int j = 0; j < g->columns; j++)
        for (size_t row = 0; row < g->rows && g->bias[j]; row++)
            for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++)
                g->c[j][row * g->c_stride + lane] += g->bias[j][lane];
}

/* The tiles' shapes belong to the thread, and others may change them between two calls. */
static void tile_gemm(const GemmArguments *g) {
    size_t configured = 0;
    for (size_t row = 0, rows = 0; row < g->rows; row += rows) {
        rows = g->rows - row < 2 * TILE_ROWS ? g->rows - row : 2 * TILE_ROWS;
        bool is_lower = rows > TILE_ROWS;
        size_t upper = is_lower ? (rows + 1) / 2 : rows;
        if (rows != configured)
            tile_configure(upper, rows - upper);
        configured = rows;
        if (g->columns == 1 && !is_lower)
            tile_block(g, row, upper, false, false);
        else if (g->columns == 1)
            tile_block(g, row, upper, true, false);
        else if (!is_lower)
            tile_block(g, row, upper, false, true);
        else
            tile_block(g, row, upper, true, true);
    }
    TILE_RELEASE();
    tile_add_bias(g);
}

_Static_assert(GEMM_COLUMNS == 2, "tiles are laid out for two column blocks");

#endif
