/* rows.cu: linears over the features of tokens, with all that belongs to them: bias, activation,
 * gate, RoPE, and the sum with what was there. A block computes 128 rows by N columns of a group;
 * operand and weights come through one ring. */
#include "activation.h"
#include "arguments.h"
#include "kernel.h"
#include "multiplier.h"
#include "operand.h"
#include "result.h"

#define ROWS_LOADS (PRODUCT_PIXELS * PRODUCT_PLANES / PRODUCT_THREADS)

/* A block's share of the product. */
struct RowsBlock {
    RowsTile tile;
    int first; /* row */
    uint64_t operand;
};

template <typename T> FN RowsBlock rows_block(const RowsArguments &a) {
    RowsBlock block;
    block.tile = global<const RowsTile>(a.tiles)[block_y()];
    block.first = block_x() * PRODUCT_PIXELS;
    block.operand = a.operand + (uint64_t)(block_z() * a.operand_sample + block.tile.operand) *
                                    (16 / Unit<T>::channels);
    return block;
}

/* Sixteen bytes of the operand; zeros beyond its rows and channels. */
template <typename T>
FN void rows_fetch_unit(char *left, const RowsArguments &a, const RowsBlock &block, int slice,
                        int i) {
    int plane = i % PRODUCT_PLANES, row = i / PRODUCT_PLANES;
    int channel = (slice * PRODUCT_PLANES + plane) * Unit<T>::channels;
    char *to = left + (plane * ROWS_PITCH + row) * 16;
    if (block.first + row < a.rows && channel < block.tile.k)
        copy_16(to, global<const char>(block.operand) +
                        ((block.first + row) * a.operand_row + channel) * (16 / Unit<T>::channels));
    else
        *(Quad *)to = Quad{0, 0, 0, 0};
}

/* Begins to copy a slice of the operand and of the weights into its place of the ring. What does
 * not exist is not copied, but every thread commits. */
template <typename T, int N>
FN void rows_fetch(char *ring, const RowsArguments &a, const RowsBlock &block, int slice) {
    if (slice < block.tile.slices) {
        const int weight_bytes = PRODUCT_PLANES * N * 16;
        char *left = ring + slice % ROWS_STAGES * ROWS_STAGE_BYTES(N);
        char *right = left + PRODUCT_PLANES * ROWS_PITCH * 16;
        const char *weights =
            global<const char>(block.tile.weights) + (int64_t)slice * weight_bytes;
        UNROLL
        for (int i = 0; i < ROWS_LOADS; i++)
            rows_fetch_unit<T>(left, a, block, slice, thread_index() + i * PRODUCT_THREADS);
        for (int at = thread_index() * 16; at < weight_bytes; at += PRODUCT_THREADS * 16)
            copy_16(right + at, weights + at);
    }
    copy_commit();
}

/* ---- What becomes of a pair of sums ---- */

/* Of RoPE, for the pair of a head's features that begins with this channel. */
FN Pair rows_turned(const RowsArguments &a, int row, int channel, Pair v) {
    int position = a.along_bands ? row / a.frames : row % a.frames;
    Pair turn =
        global<const Pair>(a.turns)[(int64_t)position * (a.head / 2) + channel % a.head / 2];
    return Pair{multiply_add(v.x, turn.x, -(v.y * turn.y)),
                multiply_add(v.y, turn.x, v.x * turn.y)};
}

FN void rows_keep_gates(const RowsArguments &a, int row, int head, Pair v) {
    float *to = global<float>(a.gates) + ((int64_t)block_z() * a.rows + row) * a.heads + head;
    if (head < a.heads)
        to[0] = sigmoid(v.x);
    if (head + 1 < a.heads)
        to[1] = sigmoid(v.y);
}

FN Pair rows_activated(const RowsArguments &a, Pair v) {
    float pair[2] = {v.x, v.y};
    if (a.finish == ROWS_GELU)
        activate<2>(pair, APPLY_GELU, 0);
    if (a.finish == ROWS_TANH)
        return Pair{hyperbolic_tangent(v.x), hyperbolic_tangent(v.y)};
    return Pair{pair[0], pair[1]};
}

/* `channel` is that of the group. */
FN void rows_finish_pair(const RowsArguments &a, const RowsTile &tile, int row, int channel,
                         Pair v) {
    const ValueView output = {a.output, 0, 0, a.stored};
    int64_t at = block_z() * a.output_sample + tile.output + row * a.output_row;
    if (a.finish == ROWS_GATED) {
        store_one(output, at + channel / 2, v.x * sigmoid(v.y));
        return;
    }
    if (a.finish == ROWS_ATTENTION && channel >= a.kept) {
        rows_keep_gates(a, row, channel - a.kept, v);
        return;
    }
    if (a.finish == ROWS_ATTENTION && channel < a.turned)
        v = rows_turned(a, row, channel, v);
    v = rows_activated(a, v);
    if (a.add) {
        Pair add = *global<const Pair>(a.add + (uint64_t)(at + channel) * 4);
        v = Pair{v.x + add.x, v.y + add.y};
    }
    store_two(output, at + channel, v);
}

/* The channel, within the tile, of a thread's columns c and c + 1. */
template <typename S> FN int rows_channel(S &sums, int c) {
    if constexpr (S::adjacent)
        return sums.column(c);
    else
        return c / 2 * 32 + sums.across() * 2;
}

template <typename S> FN void rows_finish(S &sums, const RowsArguments &a, const RowsBlock &block) {
    UNROLL
    for (int c = 0; c < S::columns; c += 2) {
        int channel = rows_channel(sums, c);
        if (channel >= block.tile.channels)
            continue;
        Pair bias = global<const Pair>(block.tile.bias)[channel / 2];
        UNROLL
        for (int r = 0; r < S::rows; r++) {
            int row = block.first + sums.row(r);
            if (row < a.rows)
                rows_finish_pair(a, block.tile, row, block.tile.first + channel,
                                 Pair{sums.at(r, c) + bias.x, sums.at(r, c + 1) + bias.y});
        }
    }
}

template <typename T, int N> FN void rows(const RowsArguments &a) {
    typename Choose<T, N, false>::type sums;
    const Rows left_rows = {ROWS_PITCH, 0, 16};
    const RowsBlock block = rows_block<T>(a);
    char *ring = shared_memory();
    sums.clear();
    for (int i = 0; i < ROWS_STAGES - 1; i++)
        rows_fetch<T, N>(ring, a, block, i);
    for (int slice = 0; slice < block.tile.slices; slice++) {
        const char *left = ring + slice % ROWS_STAGES * ROWS_STAGE_BYTES(N);
        copy_wait<ROWS_STAGES - 2>();
        block_sync();
        rows_fetch<T, N>(ring, a, block, slice + ROWS_STAGES - 1);
        sums.add(left, left_rows, left + PRODUCT_PLANES * ROWS_PITCH * 16);
    }
    rows_finish(sums, a, block);
}

SIZED_KERNELS(rows, RowsArguments)
