/* multiplier.h: the sums of a tile of 128 rows by N columns, and how a block adds a slice's
 * products to them: with tensor cores for f16 and bf16, with multiply-adds for f32.
 *
 * Tiles in shared memory are planes of units of 16 bytes. A unit holds 8 (f32: 4) adjacent k of one
 * row or column; but where a linear's channels are the columns, it holds 8 (4) adjacent columns of
 * one k. So every tile is read in units, and activations are stored as they come from memory. */
#ifndef CLEAVE_BACKEND_CUDA_KERNELS_MULTIPLIER_H
#define CLEAVE_BACKEND_CUDA_KERNELS_MULTIPLIER_H

#include "arguments.h"
#include "kernel.h"
#include "operand.h"

/* Where the units of 16 rows of a tile lie: those of rows 16·i and on at offset + i · pitch. */
struct Rows {
    int plane; /* units of a plane */
    int offset;
    int pitch;
};

/* ---- Tensor cores ---- */

/* A block has 8 warps: each has 32 columns, and as many rows as its share is then. */
template <typename T, int N> struct Multiplier {
    static const int warps_across = N / 32;
    static const int warps_down = PRODUCT_THREADS / 32 / warps_across;
    static const int fragments = PRODUCT_PIXELS / 16 / warps_down; /* of 16 rows */
    static const int rows = 2 * fragments;
    static const int columns = 8;
    static const int tile_columns = N;
    static const int groups = PRODUCT_PIXELS / rows;
    static const bool adjacent = true;

    float sums[fragments][4][4];

    FN_MEMBER void clear() {
        UNROLL
        for (int i = 0; i < fragments * 16; i++)
            ((float *)sums)[i] = 0;
    }

    FN_MEMBER static int lane() {
        return thread_index() % 32;
    }
    FN_MEMBER static int first_fragment() {
        return thread_index() / 32 / warps_across * fragments;
    }
    FN_MEMBER static int first_column() {
        return thread_index() / 32 % warps_across * 32;
    }

    /* As mma.sync spreads its sums over a warp. */
    FN_MEMBER float &at(int r, int c) {
        return sums[r / 2][c / 2][r % 2 * 2 + c % 2];
    }
    FN_MEMBER static int row(int r) {
        return (first_fragment() + r / 2) * 16 + r % 2 * 8 + lane() / 4;
    }
    FN_MEMBER static int column(int c) {
        return first_column() + c / 2 * 8 + lane() % 4 * 2 + c % 2;
    }
    FN_MEMBER static int group() {
        return first_fragment() / fragments * 8 + lane() / 4;
    }

    /* Sixteen k of the rows, `plane` being the first of their two planes. */
    FN_MEMBER static void load_left(uint32_t (&left)[fragments][4], const char *tile,
                                    const Rows &left_rows, int plane) {
        UNROLL
        for (int m = 0; m < fragments; m++)
            load_matrices(left[m],
                          tile + ((plane + lane() / 16) * left_rows.plane + left_rows.offset +
                                  (first_fragment() + m) * left_rows.pitch + lane() % 16) *
                                     16);
    }

    /* The slice's products of rows with columns whose units hold k. */
    FN_MEMBER void add(const char *left_tile, const Rows &left_rows, const char *right_tile) {
        UNROLL
        for (int plane = 0; plane < PRODUCT_PLANES; plane += 2) {
            uint32_t left[fragments][4], right[4][2];
            load_left(left, left_tile, left_rows, plane);
            UNROLL
            for (int n = 0; n < 2; n++) {
                uint32_t r[4];
                int column = first_column() + n * 16 + lane() / 16 * 8 + lane() % 8;
                load_matrices(r, right_tile + ((plane + lane() / 8 % 2) * N + column) * 16);
                right[2 * n][0] = r[0], right[2 * n][1] = r[1];
                right[2 * n + 1][0] = r[2], right[2 * n + 1][1] = r[3];
            }
            multiply<T>(sums, left, right);
        }
    }

    /* The same with columns whose units hold 8 columns of one k; a plane has `k_plane` units. */
    FN_MEMBER void add_transposed(const char *left_tile, const Rows &left_rows,
                                  const char *right_tile, int k_plane) {
        UNROLL
        for (int plane = 0; plane < PRODUCT_PLANES; plane += 2) {
            uint32_t left[fragments][4], right[4][2];
            load_left(left, left_tile, left_rows, plane);
            UNROLL
            for (int n = 0; n < 2; n++) {
                uint32_t r[4];
                int k = plane * 8 + lane() / 8 % 2 * 8 + lane() % 8;
                int unit = (first_column() + n * 16) / 8 + lane() / 16;
                load_matrices_transposed(r, right_tile + (unit * k_plane + k) * 16);
                right[2 * n][0] = r[0], right[2 * n][1] = r[1];
                right[2 * n + 1][0] = r[2], right[2 * n + 1][1] = r[3];
            }
            multiply<T>(sums, left, right);
        }
    }
};

/* ---- f32 ---- */

/* A thread has 8 rows, and every sixteenth column or, of a linear (BY_UNIT), up to 4 adjacent ones
 * out of every 64. */
template <int N, bool BY_UNIT> struct Multiplier32 {
    static const int rows = 8;
    static const int columns = N / 16;
    static const int tile_columns = N;
    static const int groups = PRODUCT_PIXELS / rows;
    static const bool adjacent = BY_UNIT;
    static const int run = columns < 4 ? columns : 4; /* adjacent columns of a thread */

    float sums[rows][columns];

    FN_MEMBER void clear() {
        UNROLL
        for (int i = 0; i < rows * columns; i++)
            ((float *)sums)[i] = 0;
    }

    FN_MEMBER static int across() {
        return thread_index() % 16;
    }
    FN_MEMBER float &at(int r, int c) {
        return sums[r][c];
    }
    FN_MEMBER static int group() {
        return thread_index() / 16;
    }
    FN_MEMBER static int row(int r) {
        return group() * rows + r;
    }
    FN_MEMBER static int column(int c) {
        return BY_UNIT ? c / run * 64 + across() * run + c % run : across() + 16 * c;
    }

    FN_MEMBER static FourFloats load_left(const char *tile, const Rows &left_rows, int plane,
                                          int r) {
        int at = left_rows.offset + group() / 2 * left_rows.pitch + group() % 2 * rows + r;
        return *(const FourFloats *)(tile + (plane * left_rows.plane + at) * 16);
    }

    FN_MEMBER void add(const char *left_tile, const Rows &left_rows, const char *right_tile) {
        KEEP_LOOP
        for (int plane = 0; plane < PRODUCT_PLANES; plane++) {
            FourFloats right[columns];
            UNROLL
            for (int c = 0; c < columns; c++)
                right[c] = *(const FourFloats *)(right_tile + (plane * N + column(c)) * 16);
            UNROLL
            for (int r = 0; r < rows; r++) {
                FourFloats left = load_left(left_tile, left_rows, plane, r);
                UNROLL
                for (int c = 0; c < columns; c++) {
                    sums[r][c] = multiply_add(left.x, right[c].x, sums[r][c]);
                    sums[r][c] = multiply_add(left.y, right[c].y, sums[r][c]);
                    sums[r][c] = multiply_add(left.z, right[c].z, sums[r][c]);
                    sums[r][c] = multiply_add(left.w, right[c].w, sums[r][c]);
                }
            }
        }
    }

    FN_MEMBER void add_transposed(const char *left_tile, const Rows &left_rows,
                                  const char *right_tile, int k_plane) {
        KEEP_LOOP
        for (int plane = 0; plane < PRODUCT_PLANES; plane++) {
            UNROLL
            for (int c = 0; c < columns; c += run)
                add_run(left_tile, left_rows, right_tile + plane * 4 * 16, k_plane, plane, c);
        }
    }

    /* The products with one run of adjacent columns. */
    FN_MEMBER void add_run(const char *left_tile, const Rows &left_rows, const char *right_tile,
                           int k_plane, int plane, int first) {
        const float *from =
            (const float *)right_tile + column(first) / 4 * k_plane * 4 + column(first) % 4;
        float right[4][run];
        UNROLL
        for (int k = 0; k < 4; k++) {
            UNROLL
            for (int c = 0; c < run; c++)
                right[k][c] = from[k * 4 + c];
        }
        UNROLL
        for (int r = 0; r < rows; r++) {
            FourFloats left = load_left(left_tile, left_rows, plane, r);
            UNROLL
            for (int c = 0; c < run; c++) {
                float &sum = sums[r][first + c];
                sum = multiply_add(left.x, right[0][c], sum);
                sum = multiply_add(left.y, right[1][c], sum);
                sum = multiply_add(left.z, right[2][c], sum);
                sum = multiply_add(left.w, right[3][c], sum);
            }
        }
    }
};

/* The multiplier of a kernel. */
template <typename T, int N, bool BY_UNIT> struct Choose { typedef Multiplier<T, N> type; };
template <int N, bool BY_UNIT> struct Choose<F32, N, BY_UNIT> {
    typedef Multiplier32<N, BY_UNIT> type;
};

/* ---- The ring through which weights come ---- */

/* Begins to copy one block of weights, (plane, column, 16 bytes), into its place of the ring. What
 * does not exist is not copied, but every thread commits. */
template <int COLUMNS> FN void ring_fetch(char *ring, const char *weights, int block, int blocks) {
    const int bytes = PRODUCT_PLANES * COLUMNS * 16;
    if (block < blocks) {
        char *to = ring + block % PRODUCT_STAGES * bytes;
        const char *from = weights + (int64_t)block * bytes;
        for (int at = thread_index() * 16; at < bytes; at += PRODUCT_THREADS * 16)
            copy_16(to + at, from + at);
    }
    copy_commit();
}

template <int COLUMNS> FN const char *ring_stage(const char *ring, int block) {
    return ring + block % PRODUCT_STAGES * (PRODUCT_PLANES * COLUMNS * 16);
}

/* Fills the ring but for its last place, which ring_fetch() fills while the first is used. */
template <int COLUMNS> FN void ring_start(char *ring, const char *weights, int blocks) {
    for (int i = 0; i < PRODUCT_STAGES - 1; i++)
        ring_fetch<COLUMNS>(ring, weights, i, blocks);
}

/* ---- Kernels ---- */

/* The kernels of one kind, whose body is kind<T, N>(a). */
#define SIZED_KERNEL(kind, type, T, N, Arguments)                \
    KERNEL(kind##_##type##_##N, Arguments, PRODUCT_THREADS, 2) { \
        kind<T, N>(a);                                           \
    }
#define SIZED_KERNELS_OF_TYPE(kind, type, T, Arguments) \
    SIZED_KERNEL(kind, type, T, 128, Arguments)         \
    SIZED_KERNEL(kind, type, T, 64, Arguments)          \
    SIZED_KERNEL(kind, type, T, 32, Arguments)
#ifdef HAVE_BF16
#define SIZED_KERNELS_OF_BF16(kind, Arguments) SIZED_KERNELS_OF_TYPE(kind, bf16, BF16, Arguments)
#else
#define SIZED_KERNELS_OF_BF16(kind, Arguments)
#endif
#define SIZED_KERNELS(kind, Arguments)               \
    SIZED_KERNELS_OF_TYPE(kind, f32, F32, Arguments) \
    SIZED_KERNELS_OF_TYPE(kind, f16, F16, Arguments) \
    SIZED_KERNELS_OF_BF16(kind, Arguments)
#define PRODUCT_KERNELS(kind) SIZED_KERNELS(kind, ProductArguments)

#endif
