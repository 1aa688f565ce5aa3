/* rows.c: sums of rows. Tiles of 4 outputs by 16 places stay in registers; with AVX2 if there is.
 */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "strict.h"

#define OUTPUTS 4
#define TILE    16

typedef float Lanes __attribute__((vector_size(32), aligned(4)));

/* Terms that are added up by themselves, before the sums are: rounding grows with the longest
 * chain. */
#define CHAIN 64

/* Adds terms [k, end). */
static inline __attribute__((always_inline)) void add_chain(const float *weights,
                                                            const float *const *rows, int64_t k,
                                                            int64_t end, int64_t first,
                                                            Lanes totals[OUTPUTS][2]) {
    Lanes sums[OUTPUTS][2] = {{{0}}};
    for (; k < end; k++) {
        Lanes left, right;
        memcpy(&left, rows[k] + first, sizeof(left));
        memcpy(&right, rows[k] + first + 8, sizeof(right));
        for (int o = 0; o < OUTPUTS; o++) {
            sums[o][0] += weights[k * OUTPUTS + o] * left;
            sums[o][1] += weights[k * OUTPUTS + o] * right;
        }
    }
    for (int o = 0; o < OUTPUTS; o++) {
        totals[o][0] += sums[o][0];
        totals[o][1] += sums[o][1];
    }
}

/* Weights as (count, OUTPUTS). */
static inline __attribute__((always_inline)) void sum_tile(const float *weights,
                                                           const float *const *rows, int64_t count,
                                                           int64_t first, float *const *to,
                                                           int64_t outputs) {
    Lanes totals[OUTPUTS][2] = {{{0}}};
    for (int64_t k = 0; k < count; k += CHAIN)
        add_chain(weights, rows, k, k + CHAIN < count ? k + CHAIN : count, first, totals);
    for (int64_t o = 0; o < outputs; o++)
        memcpy(to[o] + first, totals[o], sizeof(totals[o]));
}

static inline __attribute__((always_inline)) void sum_tiles(const float *weights,
                                                            const float *const *rows, int64_t count,
                                                            int64_t length, float *const *to,
                                                            int64_t outputs) {
    int64_t first = 0;
    for (; first + TILE <= length; first += TILE)
        sum_tile(weights, rows, count, first, to, outputs);
    for (int64_t i = first; i < length; i++)
        for (int64_t o = 0; o < outputs; o++) {
            double sum = 0;
            for (int64_t k = 0; k < count; k++)
                sum += (double)weights[k * OUTPUTS + o] * (double)rows[k][i];
            to[o][i] = (float)sum;
        }
}

static void sum_tiles_plain(const float *weights, const float *const *rows, int64_t count,
                            int64_t length, float *const *to, int64_t outputs) {
    sum_tiles(weights, rows, count, length, to, outputs);
}

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) static void sum_tiles_avx2(const float *weights,
                                                               const float *const *rows,
                                                               int64_t count, int64_t length,
                                                               float *const *to, int64_t outputs) {
    sum_tiles(weights, rows, count, length, to, outputs);
}

static int have_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

void sim_sum_rows(const float *weights, int64_t stride, int64_t outputs, const float *const *rows,
                  int64_t count, int64_t length, float *const *to) {
    float *packed = sim_allocate((unsigned long)count * OUTPUTS * sizeof(float));
    for (int64_t first = 0; first < outputs; first += OUTPUTS) {
        int64_t some = outputs - first < OUTPUTS ? outputs - first : OUTPUTS;
        for (int64_t k = 0; k < count; k++)
            for (int64_t o = 0; o < OUTPUTS; o++)
                packed[k * OUTPUTS + o] = o < some ? weights[(first + o) * stride + k] : 0.0f;
#ifdef __x86_64__
        if (have_avx2()) {
            sum_tiles_avx2(packed, rows, count, length, to + first, some);
            continue;
        }
#endif
        sum_tiles_plain(packed, rows, count, length, to + first, some);
    }
    free(packed);
}
