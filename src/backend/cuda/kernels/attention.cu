/* attention.cu: softmax(q·kᵀ)·v · gate, of some queries of one head, without writing the scores
 * anywhere: keys and values pass by in tiles, and what was summed up is scaled down whenever a tile
 * has a larger score than those before (online softmax; M. Milakov and N. Gimelshein, 2018, arXiv
 * 1805.02867; its use with tiles: T. Dao et al., FlashAttention, 2022, arXiv 2205.14135). */
#include "arguments.h"
#include "kernel.h"
#include "multiplier.h"
#include "operand.h"

/* What a block computes: some queries of a head. */
struct AttentionPlace {
    uint64_t head;  /* q of the sequence's first position */
    uint64_t gates; /* of the first position's row */
    int64_t step;   /* bytes between two positions */
    int first;      /* query */
};

template <typename T, int E>
FN AttentionPlace attention_place(const AttentionArguments &a, int queries) {
    AttentionPlace place;
    int head = block_x() / a.tiles % a.heads;
    int64_t row = (int64_t)block_z() * a.rows + block_x() / a.tiles / a.heads * a.sequence_rows;
    int64_t row_bytes = (int64_t)3 * a.heads * E * (16 / Unit<T>::channels);
    place.head = a.qkv + (uint64_t)(row * row_bytes + head * E * (16 / Unit<T>::channels));
    place.gates = a.gates + (uint64_t)(row * a.heads + head) * 4;
    place.step = a.position_rows * row_bytes;
    place.first = block_x() % a.tiles * queries;
    return place;
}

/* Bytes between a head's q and its k, or its k and its v. */
template <typename T, int E> FN int attention_third(const AttentionArguments &a) {
    return a.heads * E * (16 / Unit<T>::channels);
}

FN float attention_gate(const AttentionArguments &a, const AttentionPlace &place, int query) {
    return global<const float>(place.gates)[query * a.position_rows * a.heads];
}

/* Begins to copy ROWS positions of q, k or v; zeros beyond the sequence. In shared memory, the
 * next row lies ROW_PITCH units further, the next unit of a row UNIT_PITCH. */
template <typename T, int E, int ROWS, int ROW_PITCH, int UNIT_PITCH>
FN void attention_copy(char *to, const AttentionArguments &a, const AttentionPlace &place,
                       int offset, int first) {
    const int units = E / Unit<T>::channels;
    for (int i = thread_index(); i < ROWS * units; i += ATTENTION_THREADS) {
        int row = i / units, unit = i % units;
        char *own = to + (row * ROW_PITCH + unit * UNIT_PITCH) * 16;
        if (first + row < a.length)
            copy_16(own, global<const char>(place.head) + (first + row) * place.step + offset +
                             unit * 16);
        else
            *(Quad *)own = Quad{0, 0, 0, 0};
    }
}

/* ---- Tensor cores ---- */

/* A warp has 16 queries. As mma.sync spreads sums over lanes, a lane has two of them, and of each
 * two adjacent columns out of every eight. Tiles are planes of units of 8 features. */
template <typename T, int E> struct AttentionWarp {
    static const int keys = ATTENTION_KEYS(E);
    static const int stages = ATTENTION_STAGES(E);
    static const int pitch = keys + 1; /* units of a plane: odd, against bank conflicts */
    static const int query_pitch = ATTENTION_QUERIES + 1;
    static const int query_bytes = E / 8 * query_pitch * 16;
    static const int tile_bytes = E / 8 * pitch * 16;
    static_assert(query_bytes + 2 * stages * tile_bytes == ATTENTION_SHARED_BYTES(E),
                  "arguments.h knows the size");

    float sums[E / 32][1][4][4]; /* of values */
    float most[2];               /* of the scores up to now */
    float total[2];              /* of this lane's shares */

    FN_MEMBER void clear() {
        UNROLL
        for (int i = 0; i < E / 2; i++)
            ((float *)sums)[i] = 0;
        most[0] = most[1] = as_float(0xff800000); /* -infinity */
        total[0] = total[1] = 0;
    }

    FN_MEMBER static int lane() {
        return thread_index() % 32;
    }
    FN_MEMBER static int first_query() {
        return thread_index() / 32 * 16;
    }

    /* Scores of 32 keys, of 16 features. */
    FN_MEMBER static void add_scores(float (&scores)[1][4][4], const uint32_t (&left)[1][4],
                                     const char *tile, int step, int first_key) {
        uint32_t right[4][2];
        UNROLL
        for (int n = 0; n < 2; n++) {
            uint32_t r[4];
            int key = first_key + n * 16 + lane() / 16 * 8 + lane() % 8;
            load_matrices(r, tile + ((step * 2 + lane() / 8 % 2) * pitch + key) * 16);
            right[2 * n][0] = r[0], right[2 * n][1] = r[1];
            right[2 * n + 1][0] = r[2], right[2 * n + 1][1] = r[3];
        }
        multiply<T>(scores, left, right);
    }

    FN_MEMBER static void score(float (&scores)[keys / 32][1][4][4], const char *queries,
                                const char *tile) {
        UNROLL
        for (int i = 0; i < keys / 2; i++)
            ((float *)scores)[i] = 0;
        UNROLL
        for (int step = 0; step < E / 16; step++) {
            uint32_t left[1][4];
            load_matrices(left[0], queries + ((step * 2 + lane() / 16) * query_pitch +
                                              first_query() + lane() % 16) *
                                                 16);
            UNROLL
            for (int j = 0; j < keys / 32; j++)
                add_scores(scores[j], left, tile, step, j * 32);
        }
    }

    /* Which of a tile's keys a lane's i-th score of each query belongs to. */
    FN_MEMBER static int key(int i) {
        return i / 2 * 8 + lane() % 4 * 2 + i % 2;
    }

    /* The i-th score of query `half`. */
    FN_MEMBER static float &score_at(float (&scores)[keys / 32][1][4][4], int half, int i) {
        return scores[i / 8][0][i / 2 % 4][half * 2 + i % 2];
    }

    /* Keys beyond the sequence have no share. */
    FN_MEMBER static void leave_out(float (&scores)[keys / 32][1][4][4], int count) {
        UNROLL
        for (int i = 0; i < keys / 2; i++)
            if (key(i / 2) >= count)
                score_at(scores, i % 2, i / 2) = as_float(0xff800000); /* -infinity */
    }

    /* Scores become shares, not yet divided by their sum. */
    FN_MEMBER void share(float (&scores)[keys / 32][1][4][4], float scale, int half) {
        float most_now = most[half];
        UNROLL
        for (int i = 0; i < keys / 4; i++)
            most_now = maximum(most_now, score_at(scores, half, i));
        most_now = maximum(most_now, shuffle_xor(most_now, 1));
        most_now = maximum(most_now, shuffle_xor(most_now, 2));
        float factor = exponential2((most[half] - most_now) * scale);
        total[half] *= factor;
        UNROLL
        for (int i = 0; i < keys / 4; i++) {
            float &score = score_at(scores, half, i);
            score = exponential2(multiply_add(score, scale, -most_now * scale));
            total[half] += score;
        }
        UNROLL
        for (int i = 0; i < E / 4; i++)
            sums[i / 8][0][i / 2 % 4][half * 2 + i % 2] *= factor;
        most[half] = most_now;
    }

    /* Adds shares of 16 keys times their values. */
    FN_MEMBER void add_values(float (&scores)[keys / 32][1][4][4], const char *tile, int step) {
        float(&two)[4][4] = scores[step / 2][0];
        int n = step % 2 * 2;
        uint32_t left[1][4] = {{pack<T>(two[n][0], two[n][1]), pack<T>(two[n][2], two[n][3]),
                                pack<T>(two[n + 1][0], two[n + 1][1]),
                                pack<T>(two[n + 1][2], two[n + 1][3])}};
        UNROLL
        for (int j = 0; j < E / 32; j++) {
            uint32_t right[4][2];
            UNROLL
            for (int i = 0; i < 2; i++) {
                uint32_t r[4];
                int key = step * 16 + lane() / 8 % 2 * 8 + lane() % 8;
                int unit = j * 4 + i * 2 + lane() / 16;
                load_matrices_transposed(r, tile + (unit * pitch + key) * 16);
                right[2 * i][0] = r[0], right[2 * i][1] = r[1];
                right[2 * i + 1][0] = r[2], right[2 * i + 1][1] = r[3];
            }
            multiply<T>(sums[j], left, right);
        }
    }

    /* A tile of keys and its values, of which `count` exist. */
    FN_MEMBER void add(const char *queries, const char *tile, int count, float scale) {
        float scores[keys / 32][1][4][4];
        score(scores, queries, tile);
        if (count < keys)
            leave_out(scores, count);
        share(scores, scale, 0);
        share(scores, scale, 1);
        UNROLL
        for (int step = 0; step < keys / 16; step++)
            add_values(scores, tile + tile_bytes, step);
    }

    FN_MEMBER void store(const AttentionArguments &a, const AttentionPlace &place) {
        UNROLL
        for (int half = 0; half < 2; half++) {
            float all = total[half] + shuffle_xor(total[half], 1);
            all += shuffle_xor(all, 2);
            int query = place.first + first_query() + half * 8 + lane() / 4;
            if (query >= a.length)
                continue;
            float factor = divide(attention_gate(a, place, query), all);
            uint32_t *to = global<uint32_t>(place.head + (uint64_t)(query * place.step));
            UNROLL
            for (int n = 0; n < E / 8; n++) {
                const float *two = &sums[n / 4][0][n % 4][half * 2];
                to[n * 4 + lane() % 4] = pack<T>(two[0] * factor, two[1] * factor);
            }
        }
    }
};

template <typename T, int E>
FN void attention_copy_tile(char *to, const AttentionArguments &a, const AttentionPlace &place,
                            int tile) {
    typedef AttentionWarp<T, E> Warp;
    const int third = attention_third<T, E>(a);
    attention_copy<T, E, Warp::keys, 1, Warp::pitch>(to, a, place, third, tile * Warp::keys);
    attention_copy<T, E, Warp::keys, 1, Warp::pitch>(to + Warp::tile_bytes, a, place, 2 * third,
                                                     tile * Warp::keys);
}

/* A barrier is behind each wait for copies. Where there are two stages, the next tile is copied
 * while one is multiplied. */
template <typename T, int E> FN void attention(const AttentionArguments &a, T) {
    typedef AttentionWarp<T, E> Warp;
    Warp warp;
    const AttentionPlace place = attention_place<T, E>(a, ATTENTION_QUERIES);
    char *queries = shared_memory(), *ring = queries + Warp::query_bytes;
    const bool idle = place.first + Warp::first_query() >= a.length;
    warp.clear();
    attention_copy<T, E, ATTENTION_QUERIES, 1, Warp::query_pitch>(queries, a, place, 0,
                                                                  place.first);
    attention_copy_tile<T, E>(ring, a, place, 0);
    copy_commit();
    for (int tile = 0; tile * Warp::keys < a.length; tile++) {
        char *own = ring + tile % Warp::stages * 2 * Warp::tile_bytes;
        bool more = (tile + 1) * Warp::keys < a.length;
        copy_wait<0>();
        block_sync();
        if (more && Warp::stages > 1)
            attention_copy_tile<T, E>(ring + (tile + 1) % 2 * 2 * Warp::tile_bytes, a, place,
                                      tile + 1);
        copy_commit();
        if (!idle)
            warp.add(queries, own, a.length - tile * Warp::keys, a.scale);
        if (more && Warp::stages == 1) {
            block_sync();
            attention_copy_tile<T, E>(ring, a, place, tile + 1);
            copy_commit();
        }
    }
    if (!idle)
        warp.store(a, place);
}

/* ---- f32 ---- */

/* Sixteen threads, half a warp, have 4 queries: each has every sixteenth key of a tile, and E / 16
 * features of the values' sums. Tiles are rows of units of 4 features, shares those of 4 keys. */
template <int E> struct Attention32 {
    static const int keys = ATTENTION_KEYS_F32(E);
    static const int pitch = E / 4 + 1; /* units of a row: odd, against bank conflicts */
    static const int share_pitch = keys / 4 + 1;
    static const int width = E / 16;              /* features of a thread */
    static const int run = width < 4 ? width : 4; /* adjacent ones */
    static const int query_bytes = ATTENTION_QUERIES_F32 * pitch * 16;
    static const int tile_bytes = keys * pitch * 16;
    static_assert(query_bytes + 2 * tile_bytes + ATTENTION_QUERIES_F32 * share_pitch * 16 ==
                      ATTENTION_SHARED_BYTES_F32(E),
                  "arguments.h knows the size");

    float sums[4][width];
    float most[4];
    float total[4]; /* of this thread's shares */

    FN_MEMBER void clear() {
        UNROLL
        for (int q = 0; q < 4; q++) {
            most[q] = as_float(0xff800000); /* -infinity */
            total[q] = 0;
            UNROLL
            for (int i = 0; i < width; i++)
                sums[q][i] = 0;
        }
    }

    FN_MEMBER static int across() {
        return thread_index() % 16;
    }
    FN_MEMBER static int query(int q) {
        return thread_index() / 16 * 4 + q;
    }
    FN_MEMBER static int feature(int i) {
        return i / run * 64 + across() * run + i % run;
    }

    FN_MEMBER static void score(float (&scores)[4][keys / 16], const char *queries,
                                const char *tile) {
        UNROLL
        for (int i = 0; i < keys / 4; i++)
            ((float *)scores)[i] = 0;
        KEEP_LOOP
        for (int unit = 0; unit < E / 4; unit++) {
            UNROLL
            for (int q = 0; q < 4; q++) {
                FourFloats left = *(const FourFloats *)(queries + (query(q) * pitch + unit) * 16);
                UNROLL
                for (int k = 0; k < keys / 16; k++) {
                    int key = across() + 16 * k;
                    FourFloats right = *(const FourFloats *)(tile + (key * pitch + unit) * 16);
                    float &sum = scores[q][k];
                    sum = multiply_add(left.x, right.x, sum);
                    sum = multiply_add(left.y, right.y, sum);
                    sum = multiply_add(left.z, right.z, sum);
                    sum = multiply_add(left.w, right.w, sum);
                }
            }
        }
    }

    FN_MEMBER static float most_of_half_warp(float v) {
        UNROLL
        for (int mask = 1; mask < 16; mask *= 2)
            v = maximum(v, shuffle_xor(v, mask));
        return v;
    }

    FN_MEMBER static float sum_of_half_warp(float v) {
        UNROLL
        for (int mask = 1; mask < 16; mask *= 2)
            v += shuffle_xor(v, mask);
        return v;
    }

    /* Scores of a query become shares, not yet divided by their sum, in shared memory. */
    FN_MEMBER void share(float (&scores)[keys / 16], float *shares, int count, float scale, int q) {
        float most_now = most[q];
        UNROLL
        for (int k = 0; k < keys / 16; k++) {
            if (across() + 16 * k >= count)
                scores[k] = as_float(0xff800000);
            most_now = maximum(most_now, scores[k]);
        }
        most_now = most_of_half_warp(most_now);
        float factor = exponential2((most[q] - most_now) * scale);
        total[q] *= factor;
        UNROLL
        for (int k = 0; k < keys / 16; k++) {
            float share = exponential2(multiply_add(scores[k], scale, -most_now * scale));
            shares[query(q) * share_pitch * 4 + across() + 16 * k] = share;
            total[q] += share;
        }
        UNROLL
        for (int i = 0; i < width; i++)
            sums[q][i] *= factor;
        most[q] = most_now;
    }

    /* Adds shares of 4 keys times their values. */
    FN_MEMBER void add_values(const char *tile, const char *shares, int unit) {
        float values[4][width];
        UNROLL
        for (int k = 0; k < 4; k++) {
            const float *from = (const float *)(tile + (unit * 4 + k) * pitch * 16);
            UNROLL
            for (int i = 0; i < width; i++)
                values[k][i] = from[feature(i)];
        }
        UNROLL
        for (int q = 0; q < 4; q++) {
            FourFloats four = *(const FourFloats *)(shares + (query(q) * share_pitch + unit) * 16);
            UNROLL
            for (int i = 0; i < width; i++) {
                float &sum = sums[q][i];
                sum = multiply_add(four.x, values[0][i], sum);
                sum = multiply_add(four.y, values[1][i], sum);
                sum = multiply_add(four.z, values[2][i], sum);
                sum = multiply_add(four.w, values[3][i], sum);
            }
        }
    }

    /* A tile of keys and its values, of which `count` exist. */
    FN_MEMBER void add(const char *queries, const char *tile, char *shares, int count,
                       float scale) {
        float scores[4][keys / 16];
        score(scores, queries, tile);
        UNROLL
        for (int q = 0; q < 4; q++)
            share(scores[q], (float *)shares, count, scale, q);
        block_sync();
        KEEP_LOOP
        for (int unit = 0; unit < keys / 4; unit++)
            add_values(tile + tile_bytes, shares, unit);
    }

    FN_MEMBER void store(const AttentionArguments &a, const AttentionPlace &place) {
        UNROLL
        for (int q = 0; q < 4; q++) {
            float all = sum_of_half_warp(total[q]);
            int own = place.first + query(q);
            if (own >= a.length)
                continue;
            float factor = divide(attention_gate(a, place, own), all);
            float *to = global<float>(place.head + (uint64_t)(own * place.step));
            UNROLL
            for (int i = 0; i < width; i++)
                to[feature(i)] = sums[q][i] * factor;
        }
    }
};

template <typename T, int E> FN void attention(const AttentionArguments &a, F32) {
    typedef Attention32<E> Own;
    Own own;
    const AttentionPlace place = attention_place<F32, E>(a, ATTENTION_QUERIES_F32);
    const int third = attention_third<F32, E>(a);
    char *queries = shared_memory(), *tile = queries + Own::query_bytes;
    own.clear();
    attention_copy<F32, E, ATTENTION_QUERIES_F32, Own::pitch, 1>(queries, a, place, 0, place.first);
    for (int first = 0; first < a.length; first += Own::keys) {
        attention_copy<F32, E, Own::keys, Own::pitch, 1>(tile, a, place, third, first);
        attention_copy<F32, E, Own::keys, Own::pitch, 1>(tile + Own::tile_bytes, a, place,
                                                         2 * third, first);
        copy_commit();
        copy_wait<0>();
        block_sync();
        own.add(queries, tile, tile + 2 * Own::tile_bytes, a.length - first, a.scale);
        block_sync();
    }
    own.store(a, place);
}

template <typename T, int E> FN void attention(const AttentionArguments &a) {
    attention<T, E>(a, T{});
}

SIZED_KERNELS(attention, AttentionArguments)
