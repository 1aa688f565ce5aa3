/* emulate_collectives.cc: what a warp's lanes do together, by the one that comes last. Registers
 * are where PTX has them: "Warp-level matrix instructions", m16n8k16 and ldmatrix. */
#include "backend/cuda/kernels/kernel.h"
#include "emulate_block.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define VECTORS 1
#endif

EMU_UNWATCHED const char *collective_name(const EmuLane *lane) {
    switch (lane->collective) {
    case EMU_SHUFFLE_XOR:
        return "shuffle_xor()";
    case EMU_LOAD_MATRICES:
        return "load_matrices()";
    case EMU_LOAD_MATRICES_TRANSPOSED:
        return "load_matrices_transposed()";
    case EMU_MULTIPLY_F16:
    case EMU_MULTIPLY_BF16:
        return "multiply()";
    }
    return "?";
}

EMU_UNWATCHED static void shuffle_xor_all(const EmuLane *const lanes[32]) {
    for (int i = 0; i < 32; i++)
        *(float *)lanes[i]->result = *(const float *)lanes[(i ^ lanes[i]->mask) & 31]->a;
}

EMU_UNWATCHED static void load_all(const EmuLane *const lanes[32]) {
    for (int row = 0; row < 32; row++) {
        const uint32_t *values = (const uint32_t *)lanes[row]->a;
        for (int i = 0; i < 4; i++)
            ((uint32_t *)lanes[row % 8 * 4 + i]->result)[row / 8] = values[i];
    }
}

EMU_UNWATCHED static void load_transposed_all(const EmuLane *const lanes[32]) {
    for (int m = 0; m < 4; m++)
        for (int i = 0; i < 32; i++) {
            const uint16_t *even = (const uint16_t *)lanes[m * 8 + i % 4 * 2]->a;
            const uint16_t *odd = (const uint16_t *)lanes[m * 8 + i % 4 * 2 + 1]->a;
            ((uint32_t *)lanes[i]->result)[m] = even[i / 4] | (uint32_t)odd[i / 4] << 16;
        }
}

/* ---- Products: d (16 × 8n) += a (16 × 16) · b (16 × 8n), in the order of k ---- */

typedef struct Product {
    alignas(32) float a[16][16];
    alignas(32) float b[16][EMU_PRODUCTS_MAX * 8];
    alignas(32) float d[16][EMU_PRODUCTS_MAX * 8];
} Product;

#ifdef VECTORS

template <bool BRAIN> EMU_UNWATCHED static inline __m256 widen(__m128i halves) {
    if (BRAIN)
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
    return _mm256_cvtph_ps(halves);
}

/* Four neighbouring lanes have a row's elements 2i and 2i + 1: rows i / 4 and 8 more, k from 0 and
 * from 8, in their four registers. */
template <bool BRAIN>
EMU_UNWATCHED static inline void gather_a(Product *p, const EmuLane *const lanes[32], int m) {
    for (int g = 0; g < 8; g++) {
        __m128 r[4];
        for (int t = 0; t < 4; t++)
            r[t] = _mm_loadu_ps((const float *)lanes[g * 4 + t]->a + m * 4);
        _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]);
        for (int i = 0; i < 4; i++)
            _mm256_store_ps(&p->a[g + i % 2 * 8][i / 2 * 8], widen<BRAIN>(_mm_castps_si128(r[i])));
    }
}

EMU_UNWATCHED static inline void transpose_8(__m256 r[8]) {
    __m256 t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    __m256 s[8];
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            s[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + 2 + j], 0x44);
            s[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + 2 + j], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(s[i], s[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(s[i], s[i + 4], 0x31);
    }
}

/* Four neighbouring lanes have a column's k: from 0 and from 8, in their two registers. */
template <bool BRAIN>
EMU_UNWATCHED static inline void gather_b(Product *p, const EmuLane *const lanes[32], int n) {
    __m256 columns[2][8];
    for (int g = 0; g < 8; g++) {
        const double *from[4];
        for (int t = 0; t < 4; t++)
            from[t] = (const double *)lanes[g * 4 + t]->b + n;
        __m128 low = _mm_castpd_ps(_mm_loadh_pd(_mm_load_sd(from[0]), from[1]));
        __m128 high = _mm_castpd_ps(_mm_loadh_pd(_mm_load_sd(from[2]), from[3]));
        columns[0][g] = widen<BRAIN>(_mm_castps_si128(_mm_shuffle_ps(low, high, 0x88)));
        columns[1][g] = widen<BRAIN>(_mm_castps_si128(_mm_shuffle_ps(low, high, 0xdd)));
    }
    for (int half = 0; half < 2; half++) {
        transpose_8(columns[half]);
        for (int k = 0; k < 8; k++)
            _mm256_store_ps(&p->b[half * 8 + k][n * 8], columns[half][k]);
    }
}

EMU_UNWATCHED static inline void gather_d(Product *p, const EmuLane *const lanes[32], int m,
                                          int n) {
    for (int g = 0; g < 8; g++)
        for (int pair = 0; pair < 2; pair++) {
            const EmuLane *const *lane = lanes + g * 4 + pair * 2;
            __m128d x = _mm_loadu_pd((const double *)lane[0]->result + (m * lane[0]->n + n) * 2);
            __m128d y = _mm_loadu_pd((const double *)lane[1]->result + (m * lane[0]->n + n) * 2);
            _mm_store_pd((double *)&p->d[g][n * 8 + pair * 4], _mm_unpacklo_pd(x, y));
            _mm_store_pd((double *)&p->d[g + 8][n * 8 + pair * 4], _mm_unpackhi_pd(x, y));
        }
}

EMU_UNWATCHED static inline void scatter_d(const Product *p, const EmuLane *const lanes[32], int m,
                                           int n) {
    for (int g = 0; g < 8; g++)
        for (int pair = 0; pair < 2; pair++) {
            const EmuLane *const *lane = lanes + g * 4 + pair * 2;
            __m128d x = _mm_load_pd((const double *)&p->d[g][n * 8 + pair * 4]);
            __m128d y = _mm_load_pd((const double *)&p->d[g + 8][n * 8 + pair * 4]);
            int at = (m * lane[0]->n + n) * 2;
            _mm_storeu_pd((double *)lane[0]->result + at, _mm_unpacklo_pd(x, y));
            _mm_storeu_pd((double *)lane[1]->result + at, _mm_unpackhi_pd(x, y));
        }
}

/* Four rows of WIDTH · 8 columns in registers. */
template <int WIDTH> EMU_UNWATCHED static inline void multiply_part(Product *p, int row, int n) {
    __m256 d[4][WIDTH];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < WIDTH; j++)
            d[i][j] = _mm256_load_ps(&p->d[row + i][(n + j) * 8]);
    for (int k = 0; k < 16; k++)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < WIDTH; j++)
                d[i][j] = _mm256_fmadd_ps(_mm256_broadcast_ss(&p->a[row + i][k]),
                                          _mm256_load_ps(&p->b[k][(n + j) * 8]), d[i][j]);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < WIDTH; j++)
            _mm256_store_ps(&p->d[row + i][(n + j) * 8], d[i][j]);
}

EMU_UNWATCHED static inline void multiply_rows(Product *p, int count) {
    for (int row = 0; row < 16; row += 4) {
        int n = 0;
        for (; n + 2 <= count; n += 2)
            multiply_part<2>(p, row, n);
        if (n < count)
            multiply_part<1>(p, row, n);
    }
}

#else

template <bool BRAIN> EMU_UNWATCHED static inline float widen_one(uint32_t bits) {
    return BRAIN ? emu_value_of(bits << 16) : emu_half_value((uint16_t)bits);
}

template <bool BRAIN>
EMU_UNWATCHED static void gather_a(Product *p, const EmuLane *const lanes[32], int m) {
    for (int i = 0; i < 32; i++)
        for (int r = 0; r < 4; r++) {
            uint32_t bits = ((const uint32_t *)lanes[i]->a)[m * 4 + r];
            float *to = &p->a[i / 4 + r % 2 * 8][i % 4 * 2 + r / 2 * 8];
            to[0] = widen_one<BRAIN>(bits & 0xffff);
            to[1] = widen_one<BRAIN>(bits >> 16);
        }
}

template <bool BRAIN>
EMU_UNWATCHED static void gather_b(Product *p, const EmuLane *const lanes[32], int n) {
    for (int i = 0; i < 32; i++)
        for (int r = 0; r < 2; r++) {
            uint32_t bits = ((const uint32_t *)lanes[i]->b)[n * 2 + r];
            p->b[i % 4 * 2 + r * 8][n * 8 + i / 4] = widen_one<BRAIN>(bits & 0xffff);
            p->b[i % 4 * 2 + r * 8 + 1][n * 8 + i / 4] = widen_one<BRAIN>(bits >> 16);
        }
}

EMU_UNWATCHED static void gather_d(Product *p, const EmuLane *const lanes[32], int m, int n) {
    for (int i = 0; i < 32; i++)
        for (int r = 0; r < 4; r++)
            p->d[i / 4 + r / 2 * 8][n * 8 + i % 4 * 2 + r % 2] =
                ((const float *)lanes[i]->result)[(m * lanes[i]->n + n) * 4 + r];
}

EMU_UNWATCHED static void scatter_d(const Product *p, const EmuLane *const lanes[32], int m,
                                    int n) {
    for (int i = 0; i < 32; i++)
        for (int r = 0; r < 4; r++)
            ((float *)lanes[i]->result)[(m * lanes[i]->n + n) * 4 + r] =
                p->d[i / 4 + r / 2 * 8][n * 8 + i % 4 * 2 + r % 2];
}

EMU_UNWATCHED static void multiply_rows(Product *p, int count) {
    for (int row = 0; row < 16; row++)
        for (int k = 0; k < 16; k++)
            for (int i = 0; i < 8 * count; i++)
                p->d[row][i] += p->a[row][k] * p->b[k][i];
}

#endif

template <bool BRAIN> EMU_UNWATCHED static void multiply_all(const EmuLane *const lanes[32]) {
    Product product;
    int count = lanes[0]->n;
    for (int n = 0; n < count; n++)
        gather_b<BRAIN>(&product, lanes, n);
    for (int m = 0; m < lanes[0]->m; m++) {
        gather_a<BRAIN>(&product, lanes, m);
        for (int n = 0; n < count; n++)
            gather_d(&product, lanes, m, n);
        multiply_rows(&product, count);
        for (int n = 0; n < count; n++)
            scatter_d(&product, lanes, m, n);
    }
}

EMU_UNWATCHED void collective_run(const EmuLane *const lanes[32]) {
    switch (lanes[0]->collective) {
    case EMU_SHUFFLE_XOR:
        shuffle_xor_all(lanes);
        break;
    case EMU_LOAD_MATRICES:
        load_all(lanes);
        break;
    case EMU_LOAD_MATRICES_TRANSPOSED:
        load_transposed_all(lanes);
        break;
    case EMU_MULTIPLY_F16:
        multiply_all<false>(lanes);
        break;
    case EMU_MULTIPLY_BF16:
        multiply_all<true>(lanes);
        break;
    }
}
