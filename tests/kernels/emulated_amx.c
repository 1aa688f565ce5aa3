/* emulated_amx.c: the tiles of AMX and their instructions in plain C. What each instruction does is
 * from Intel's Architecture Instruction Set Extensions Programming Reference, ch. 3. */
#include "emulated_amx.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void amx_configure(const void *config);
static void amx_zero(int tile);
static void amx_load(int tile, const void *from, size_t stride);
static void amx_store(int tile, void *to, size_t stride);
static void amx_multiply(int sums, int a, int b);
static void amx_release(void);

#define TILE_CONFIGURE(config)        amx_configure(config)
#define TILE_ZERO(tile)               amx_zero(tile)
#define TILE_LOAD(tile, from, stride) amx_load(tile, from, stride)
#define TILE_STORE(tile, to, stride)  amx_store(tile, to, stride)
#define TILE_MULTIPLY(sums, a, b)     amx_multiply(sums, a, b)
#define TILE_RELEASE()                amx_release()
#include "backend/cpu/kernels/tile_gemm_template.h"

#define ROW_BYTES 64

typedef struct Tile {
    size_t rows; /* 0: not configured */
    size_t row_bytes;
    union {
        unsigned char bytes[ROW_BYTES];
        uint16_t bf16[ROW_BYTES / sizeof(uint16_t)];
        float f32[ROW_BYTES / sizeof(float)];
    } row[TILE_ROWS];
} Tile;

static Tile tiles[TILE_COUNT];

static void require(bool condition, const char *what) {
    if (condition)
        return;
    fprintf(stderr, "emulated AMX: %s\n", what);
    abort();
}

static void amx_configure(const void *config) {
    TileConfig wanted;
    memcpy(&wanted, config, sizeof(wanted));
    require(wanted.palette == 1 && wanted.start_row == 0, "palette 1, from row 0");
    for (size_t i = 0; i < sizeof(wanted.reserved); i++)
        require(wanted.reserved[i] == 0, "reserved bytes are zero");
    for (int i = 0; i < 16; i++) {
        require(i < TILE_COUNT || (wanted.rows[i] == 0 && wanted.row_bytes[i] == 0), "eight tiles");
        require(wanted.rows[i] <= TILE_ROWS && wanted.row_bytes[i] <= ROW_BYTES, "a tile's size");
        require((wanted.rows[i] == 0) == (wanted.row_bytes[i] == 0), "rows and bytes, or neither");
    }
    memset(tiles, 0, sizeof(tiles));
    for (int i = 0; i < TILE_COUNT; i++) {
        tiles[i].rows = wanted.rows[i];
        tiles[i].row_bytes = wanted.row_bytes[i];
    }
}

static Tile *amx_tile(int tile) {
    require(tiles[tile].rows > 0, "a tile that is not configured");
    return &tiles[tile];
}

static void amx_zero(int tile) {
    memset(amx_tile(tile)->row, 0, sizeof(tiles[tile].row));
}

static void amx_load(int tile, const void *from, size_t stride) {
    Tile *to = amx_tile(tile);
    memset(to->row, 0, sizeof(to->row));
    for (size_t i = 0; i < to->rows; i++)
        memcpy(to->row[i].bytes, (const unsigned char *)from + i * stride, to->row_bytes);
}

static void amx_store(int tile, void *to, size_t stride) {
    const Tile *from = amx_tile(tile);
    for (size_t i = 0; i < from->rows; i++)
        memcpy((unsigned char *)to + i * stride, from->row[i].bytes, from->row_bytes);
}

static float flushed(float x) {
    return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x;
}

static float widened(uint16_t bf16) {
    uint32_t bits = (uint32_t)bf16 << 16;
    float value;
    memcpy(&value, &bits, sizeof(value));
    return flushed(value);
}

/* Even and odd elements have a chain of fused multiply-adds each, whose sum is added. */
static void amx_multiply(int sums, int a, int b) {
    Tile *to = amx_tile(sums);
    const Tile *left = amx_tile(a);
    const Tile *right = amx_tile(b);
    require(to->rows == left->rows && to->row_bytes == right->row_bytes &&
                left->row_bytes == right->rows * 2 * sizeof(uint16_t),
            "tiles that do not go together");
    for (size_t m = 0; m < to->rows; m++)
        for (size_t n = 0; n < to->row_bytes / sizeof(float); n++) {
            float chains[2] = {0, 0};
            for (size_t k = 0; k < 2 * right->rows; k++)
                chains[k % 2] =
                    flushed(fmaf(widened(left->row[m].bf16[k]),
                                 widened(right->row[k / 2].bf16[2 * n + k % 2]), chains[k % 2]));
            to->row[m].f32[n] = flushed(to->row[m].f32[n] + flushed(chains[0] + chains[1]));
        }
}

static void amx_release(void) {
    memset(tiles, 0, sizeof(tiles));
}

/* Positions 2i and 2i + 1 of a lane become neighbours. */
static void narrow_vectors(void *to, const float *from, size_t positions) {
    uint16_t *elements = to;
    uint16_t narrow[2 * CHANNEL_BLOCK];
    for (size_t i = 0; i < positions; i += 2) {
        kernels_reference.products[CLEAVE_PRECISION_BF16].narrow(narrow, from + i * CHANNEL_BLOCK,
                                                                 2);
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
            elements[i * CHANNEL_BLOCK + 2 * lane] = narrow[lane];
            elements[i * CHANNEL_BLOCK + 2 * lane + 1] = narrow[CHANNEL_BLOCK + lane];
        }
    }
}

Kernels emulated_amx(void) {
    Kernels kernels = kernels_reference;
    kernels.name = "amx in C";
    kernels.products[CLEAVE_PRECISION_BF16].gemm = tile_gemm;
    kernels.products[CLEAVE_PRECISION_BF16].narrow_vectors = narrow_vectors;
    return kernels;
}
