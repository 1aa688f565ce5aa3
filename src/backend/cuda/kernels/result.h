/* result.h: what becomes of a block's sums: a value is added, they are rounded and stored, and
 * their moments are taken. Kernels give them as a class S, which holds a thread's share of a tile
 * of S::tile_columns columns: S::rows, S::columns   how many rows and columns a thread has at(r, c)
 * one of its sums row(r), column(c)     where in the tile it lies group(), S::groups    the threads
 * of a group have the same rows; groups have no row in common S::adjacent           columns c and c
 * + 1 of a thread, for even c, are adjacent in the tile */
#ifndef CLEAVE_BACKEND_CUDA_KERNELS_RESULT_H
#define CLEAVE_BACKEND_CUDA_KERNELS_RESULT_H

#include "arguments.h"
#include "kernel.h"

/* Where a tile's column goes. */
struct Column {
    int channel;   /* of the output; -1: nowhere */
    int part;      /* of the moments */
    int64_t pixel; /* to be added to that of the row */
};

/* ---- Storing ---- */

FN float load_one(const ValueView &v, int64_t element) {
    if (v.stored == STORED_F32)
        return global<const float>(v.address)[element];
    uint32_t bits = global<const uint16_t>(v.address)[element];
    return v.stored == STORED_F16 ? unpack<F16>(bits).x : unpack<BF16>(bits).x;
}

FN void store_one(const ValueView &v, int64_t element, float x) {
    if (v.stored == STORED_F32)
        global<float>(v.address)[element] = x;
    else
        global<uint16_t>(v.address)[element] =
            (uint16_t)(v.stored == STORED_F16 ? pack<F16>(x, 0.0f) : pack<BF16>(x, 0.0f));
}

FN Pair load_two(const ValueView &v, int64_t element) {
    if (v.stored == STORED_F32)
        return *global<const Pair>(v.address + (uint64_t)element * 4);
    uint32_t bits = *global<const uint32_t>(v.address + (uint64_t)element * 2);
    return v.stored == STORED_F16 ? unpack<F16>(bits) : unpack<BF16>(bits);
}

FN void store_two(const ValueView &v, int64_t element, Pair x) {
    if (v.stored == STORED_F32)
        *global<Pair>(v.address + (uint64_t)element * 4) = x;
    else
        *global<uint32_t>(v.address + (uint64_t)element * 2) =
            v.stored == STORED_F16 ? pack<F16>(x.x, x.y) : pack<BF16>(x.x, x.y);
}

/* Two sums of one pixel. */
template <bool ADJACENT>
FN void result_store_two(const Result &r, int sample, int64_t pixel, const Column &first,
                         const Column &second, float &u, float &v) {
    int64_t output = sample * r.output.sample_stride, add = sample * r.add.sample_stride;
    if constexpr (ADJACENT) {
        if (first.channel < 0)
            return;
        int64_t at = (pixel + first.pixel) * r.output.channels + first.channel;
        if (r.add.address) {
            Pair p = load_two(r.add, add + at);
            u += p.x, v += p.y;
        }
        store_two(r.output, output + at, Pair{u, v});
    } else {
        UNROLL
        for (int i = 0; i < 2; i++) {
            const Column &column = i ? second : first;
            float &x = i ? v : u;
            if (column.channel < 0)
                continue;
            int64_t at = (pixel + column.pixel) * r.output.channels + column.channel;
            if (r.add.address)
                x += load_one(r.add, add + at);
            store_one(r.output, output + at, x);
        }
    }
}

/* ---- Moments ---- */

/* Bytes of shared memory that the moments of a tile take. */
template <typename S> FN constexpr int moments_bytes() {
    return (S::groups + 1) * S::tile_columns * 4;
}

/* Adds up what the groups have put into `partial`, (group, column); the thread of that number gets
 * the sum of its column. */
template <typename S> FN float sum_of_groups(const float *partial) {
    float sum = 0;
    if (thread_index() < S::tile_columns)
        for (int i = 0; i < S::groups; i++)
            sum += partial[i * S::tile_columns + thread_index()];
    return sum;
}

/* Sums of each column of the tile, or of squared deviations from `mean` (column); `inside` has bit
 * r for each of the thread's rows that counts. All threads take part. */
template <typename S>
FN float column_sums(S &sums, uint32_t inside, const float *mean, float *partial) {
    UNROLL
    for (int c = 0; c < S::columns; c++) {
        float centre = mean ? mean[sums.column(c)] : 0.0f;
        float sum = 0;
        UNROLL
        for (int r = 0; r < S::rows; r++) {
            float v = sums.at(r, c) - centre;
            if (inside >> r & 1)
                sum = mean ? multiply_add(v, v, sum) : sum + v;
        }
        partial[sums.group() * S::tile_columns + sums.column(c)] = sum;
    }
    block_sync();
    return sum_of_groups<S>(partial);
}

/* Writes the moments of each column of the tile, over its `count` pixels. `memory` is shared, and
 * nobody uses it any more. `column_of(n)` is the Column of column n. */
template <typename S, typename C>
FN void result_moments(S &sums, const Result &r, int sample, uint32_t inside, int count,
                       char *memory, const C &column_of) {
    float *partial = (float *)memory;
    float *mean = partial + S::groups * S::tile_columns;
    block_sync();
    float sum = column_sums(sums, inside, (const float *)0, partial);
    if (thread_index() < S::tile_columns)
        mean[thread_index()] = divide(sum, (float)count);
    block_sync();
    float deviations = column_sums(sums, inside, mean, partial);
    if (thread_index() >= S::tile_columns)
        return;
    Column column = column_of(thread_index());
    if (column.channel < 0)
        return;
    Moments *to = global<Moments>(r.moments) +
                  ((int64_t)sample * r.parts + column.part) * r.output.channels + column.channel;
    *to = Moments{(float)count, sum, deviations, 0.0f};
}

/* ---- All of it ---- */

/* Stores a tile. `pixel_of(row)` is the pixel of the output that the columns' are added to, or -1;
 * `count` is how many there are. */
template <typename S, typename P, typename C>
FN void result_finish(S &sums, const Result &r, int sample, int count, char *memory,
                      const P &pixel_of, const C &column_of) {
    uint32_t inside = 0;
    UNROLL
    for (int row = 0; row < S::rows; row++) {
        int64_t pixel = pixel_of(sums.row(row));
        if (pixel < 0)
            continue;
        inside |= 1u << row;
        UNROLL
        for (int c = 0; c < S::columns; c += 2)
            result_store_two<S::adjacent>(r, sample, pixel, column_of(sums.column(c)),
                                          column_of(sums.column(c + 1)), sums.at(row, c),
                                          sums.at(row, c + 1));
    }
    if (r.moments)
        result_moments(sums, r, sample, inside, count, memory, column_of);
}

#endif
