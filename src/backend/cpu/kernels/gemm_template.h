/* gemm_template.h: the gemm, once for each precision: whoever includes it names
 *
 *   GEMM(name)    the functions
 *   GEMM_ELEMENT  the operands' element
 *   GEMM_ROWS     rows of a tile
 *   GEMM_LOAD     a vector of f32 from elements
 *
 * or, where the processor multiplies the elements themselves, instead of GEMM_LOAD
 *
 *   GEMM_BLOCK    adds the products of one block of k to the sums of a tile
 *   GEMM_FINISH   (if need be) puts the sums in their places after the last block
 *
 * and gets GEMM(all). The names are undefined again at the end. */

#ifndef CACHE_LINE
#define CACHE_LINE 64 /* bytes */

/* Lines of the next call's B that each block of k of a tile asks for, of each column, and the first
 * of them that the tile begins with. */
typedef struct NextShare {
    size_t lines;
    size_t first;
} NextShare;
#endif

#ifndef GEMM_BLOCK
#define GEMM_BLOCK GEMM(block)

/* B's vectors come one after the other; each element of A is taken into all lanes. */
ALWAYS_INLINE void GEMM(multiply)(Vector sums[][TILE_VECTORS], const float *a, size_t stride,
                                  const GEMM_ELEMENT *const *b, int rows, int columns) {
    int vectors = columns * BLOCK_VECTORS;
#pragma GCC unroll 4
    for (size_t k = 0; k < CHANNEL_BLOCK; k++) {
        Vector right[TILE_VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            right[v] = GEMM_LOAD(b[v / BLOCK_VECTORS] + k * CHANNEL_BLOCK +
                                 v % BLOCK_VECTORS * SIMD_LANES);
        UNROLL
        for (int m = 0; m < rows; m++) {
            Vector left = simd_set(a[(size_t)m * stride + k]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sums[m][v] = simd_fma(left, right[v], sums[m][v]);
        }
    }
}

/* What is narrower than f32 is widened first: A here, once for the tile, and B as it is loaded. */
ALWAYS_INLINE void GEMM(block)(Vector sums[][TILE_VECTORS], const GEMM_ELEMENT *a, size_t stride,
                               const GEMM_ELEMENT *const *b, int rows, int columns) {
    float wide[GEMM_ROWS * CHANNEL_BLOCK];
    if (sizeof(GEMM_ELEMENT) == sizeof(float)) {
        GEMM(multiply)(sums, (const float *)(const void *)a, stride, b, rows, columns);
        return;
    }
    UNROLL
    for (int m = 0; m < rows; m++) {
        UNROLL
        for (int lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
            simd_store(wide + m * CHANNEL_BLOCK + lane, GEMM_LOAD(a + (size_t)m * stride + lane));
    }
    GEMM(multiply)(sums, wide, CHANNEL_BLOCK, b, rows, columns);
}

#endif

/* What is added comes from far away, and so does the room for the result. Both are wanted only when
 * the products are done. */
ALWAYS_INLINE void GEMM(fetch_outputs)(const GemmArguments *g, size_t row, int column, int rows,
                                       int columns) {
    for (int j = column; j < column + columns; j++) {
        for (int m = 0; m < rows; m++)
            __builtin_prefetch(g->c[j] + (row + (size_t)m) * g->c_stride, 1);
        for (int m = 0; m < rows && g->add[j]; m++)
            __builtin_prefetch(g->add[j] + (row + (size_t)m) * g->c_stride);
    }
}

/* A's rows of the next block of k. They lie apart from those of this block, where the processor
 * does not look ahead by itself, as it does for B. Narrow rows, half as many bytes, gain nothing.
 */
ALWAYS_INLINE void GEMM(fetch_next)(const GemmArguments *g, size_t block, size_t row, int rows,
                                    size_t stride) {
    if (sizeof(GEMM_ELEMENT) < sizeof(float) || block + 1 == g->k_blocks)
        return;
    const GEMM_ELEMENT *a = (const GEMM_ELEMENT *)g->a[block + 1] + row * stride;
    UNROLL
    for (int m = 0; m < rows; m++)
        __builtin_prefetch(a + (size_t)m * stride);
}

/* The next call's B comes from an outer cache. All of it would be wanted during that call's first
 * tile, faster than it can come; so each block of k of each tile of this call asks for a share. */
ALWAYS_INLINE NextShare GEMM(share_of_next_b)(const GemmArguments *g, size_t row, int rows) {
    const size_t block_lines = CHANNEL_BLOCK * CHANNEL_BLOCK * sizeof(GEMM_ELEMENT) / CACHE_LINE;
    if (!g->next_b[0])
        return (NextShare){0};
    return (NextShare){.lines = (block_lines * (size_t)rows + g->rows - 1) / g->rows,
                       .first = row * block_lines / g->rows * g->k_blocks};
}

ALWAYS_INLINE void GEMM(fetch_next_b)(const GemmArguments *g, NextShare share, size_t block,
                                      int column, int columns) {
    size_t first = share.first + block * share.lines;
    for (int j = column; j < column + columns; j++)
        for (size_t i = 0; i < share.lines; i++)
            __builtin_prefetch((const char *)g->next_b[j] + (first + i) * CACHE_LINE);
}

/* One tile: `rows` × `columns` sums in registers. rows, columns, and on the usual path stride, are
 * constants where this is inlined, so that the loops over them unroll completely. */
ALWAYS_INLINE void GEMM(tile)(const GemmArguments *g, size_t row, int column, int rows, int columns,
                              size_t stride) {
    const NextShare share = GEMM(share_of_next_b)(g, row, rows);
    Vector sums[GEMM_ROWS][TILE_VECTORS];
    int vectors = columns * BLOCK_VECTORS;
    UNROLL
    for (int m = 0; m < GEMM_ROWS; m++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sums[m][v] = simd_set(0);
    }
    GEMM(fetch_outputs)(g, row, column, rows, columns);
    const GEMM_ELEMENT *b[GEMM_TILE_COLUMNS];
    for (int j = 0; j < columns; j++)
        b[j] = (const GEMM_ELEMENT *)g->b[column + j];
    for (size_t block = 0; block < g->k_blocks; block++) {
        const GEMM_ELEMENT *a = (const GEMM_ELEMENT *)g->a[block] + row * stride;
        GEMM(fetch_next)(g, block, row, rows, stride);
        GEMM(fetch_next_b)(g, share, block, column, columns);
        GEMM_BLOCK(sums, a, stride, b, rows, columns);
        for (int j = 0; j < columns; j++)
            b[j] += CHANNEL_BLOCK * CHANNEL_BLOCK;
    }
#ifdef GEMM_FINISH
    GEMM_FINISH(sums, rows);
#endif
    UNROLL
    for (int v = 0; v < vectors; v++) {
        int j = column + v / BLOCK_VECTORS;
        size_t lane = (size_t)(v % BLOCK_VECTORS * SIMD_LANES);
        const float *add = g->add[j];
        if (g->bias[j]) {
            UNROLL
            for (int m = 0; m < rows; m++)
                sums[m][v] = simd_add(sums[m][v], simd_load(g->bias[j] + lane));
        }
        UNROLL
        for (int m = 0; m < rows; m++) {
            size_t at = (row + (size_t)m) * g->c_stride + lane;
            Vector sum = add ? simd_add(sums[m][v], simd_load(add + at)) : sums[m][v];
            simd_store(g->c[j] + at, sum);
        }
    }
}

/* Any number of rows up to a tile's height, through a switch: one specialised tile each. */
ALWAYS_INLINE void GEMM(rows)(const GemmArguments *g, size_t row, int column, size_t rows,
                              int columns, size_t stride) {
#define TILE(n)                                         \
    case n:                                             \
        GEMM(tile)(g, row, column, n, columns, stride); \
        break
    switch (rows) {
        TILE(1);
        TILE(2);
        TILE(3);
        TILE(4);
#if GEMM_ROWS > 4
        TILE(5);
        TILE(6);
#endif
#if GEMM_ROWS > 6
        TILE(7);
        TILE(8);
        TILE(9);
        TILE(10);
        TILE(11);
        TILE(12);
#endif
#if GEMM_ROWS > 12
        TILE(13);
        TILE(14);
#endif
    default:
        break;
    }
#undef TILE
}

/* Cuts the rows into tiles as even as can be: 16 rows are 8 + 8, not 14 + 2. */
ALWAYS_INLINE void GEMM(columns)(const GemmArguments *g, int column, int columns, size_t stride) {
    size_t tiles = (g->rows + GEMM_ROWS - 1) / GEMM_ROWS;
    size_t row = 0;
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t rows = (g->rows - row + (tiles - tile) - 1) / (tiles - tile);
        GEMM(rows)(g, row, column, rows, columns, stride);
        row += rows;
    }
}

static void GEMM(dense)(const GemmArguments *g, int column, int columns) {
#if GEMM_TILE_COLUMNS == 2
    if (columns == 2) {
        GEMM(columns)(g, column, 2, CHANNEL_BLOCK);
        return;
    }
#endif
    (void)columns;
    GEMM(columns)(g, column, 1, CHANNEL_BLOCK);
}

static void GEMM(strided)(const GemmArguments *g, int column, int columns) {
#if GEMM_TILE_COLUMNS == 2
    if (columns == 2) {
        GEMM(columns)(g, column, 2, g->a_stride);
        return;
    }
#endif
    (void)columns;
    GEMM(columns)(g, column, 1, g->a_stride);
}

static void GEMM(all)(const GemmArguments *g) {
    for (int column = 0; column < g->columns; column += GEMM_TILE_COLUMNS) {
        int left = g->columns - column;
        int columns = left < GEMM_TILE_COLUMNS ? left : GEMM_TILE_COLUMNS;
        if (g->a_stride == CHANNEL_BLOCK)
            GEMM(dense)(g, column, columns);
        else
            GEMM(strided)(g, column, columns);
    }
}

#undef GEMM
#undef GEMM_ELEMENT
#undef GEMM_ROWS
#undef GEMM_LOAD
#undef GEMM_BLOCK
#undef GEMM_FINISH
