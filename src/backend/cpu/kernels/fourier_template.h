/* fourier_template.h: Fourier transforms of CHANNEL_BLOCK frames, and what puts frames into lanes
 * and takes them out again, over the vector type of simd_ISA.h; what they compute is in kernels.h.
 */
#ifndef CLEAVE_CPU_SIMD_FOURIER_H
#define CLEAVE_CPU_SIMD_FOURIER_H

/* ---- Rows and lanes ---- */

/* How many groups ahead rows are asked for from memory: they are more than processors look ahead
 * for by themselves. */
#define TRANSPOSE_AHEAD 8

static void transpose_rows(const TransposeArguments *a) {
    Vector tile[SIMD_LANES];
    for (size_t n = 0; n < a->count; n++)
        for (size_t row = 0; row < CHANNEL_BLOCK; row += SIMD_LANES)
            for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES) {
                UNROLL
                for (size_t i = 0; i < SIMD_LANES; i++) {
                    const float *from = a->from[lane + i];
                    tile[i] = from ? simd_load(from + n * a->from_step + row) : simd_set(0);
                    if (row == 0 && from)
                        __builtin_prefetch(from + (n + TRANSPOSE_AHEAD) * a->from_step);
                }
                simd_transpose(tile);
                UNROLL
                for (size_t i = 0; i < SIMD_LANES; i++)
                    if (a->to[row + i])
                        simd_store(a->to[row + i] + n * a->to_step + lane, tile[i]);
            }
}

/* Up to SIMD_LANES samples, from `at` on, of as many frames. */
ALWAYS_INLINE void cut_tile(const FourierCut *c, size_t at, size_t lane) {
    Vector tile[SIMD_LANES];
    Vector window = simd_load(c->window + at);
    UNROLL
    for (size_t i = 0; i < SIMD_LANES; i++) {
        size_t frame = lane + i < c->frames ? lane + i : c->frames - 1;
        tile[i] = simd_multiply(simd_load(c->from + frame * c->hop + at), window);
    }
    simd_transpose(tile);
    UNROLL
    for (size_t i = 0; i < SIMD_LANES; i++)
        if (at + i < c->samples)
            simd_store(c->to + c->places[at + i] + lane, tile[i]);
}

static void fourier_cut(const FourierCut *c) {
    for (size_t at = 0; at < c->samples; at += SIMD_LANES)
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
            cut_tile(c, at, lane);
}

ALWAYS_INLINE void add_tile(const FourierAdd *a, size_t at, size_t lane) {
    Vector tile[SIMD_LANES];
    Vector window = simd_load(a->window + at);
    UNROLL
    for (size_t i = 0; i < SIMD_LANES; i++)
        tile[i] =
            at + i < a->samples ? simd_load(a->from + (at + i) * a->from_step + lane) : simd_set(0);
    simd_transpose(tile);
    UNROLL
    for (size_t i = 0; i < SIMD_LANES; i++)
        if (lane + i < a->frames) {
            float *to = a->to + (lane + i) * a->hop + at;
            simd_store(to, simd_fma(tile[i], window, simd_load(to)));
        }
}

static void fourier_add(const FourierAdd *a) {
    for (size_t at = 0; at < a->samples; at += SIMD_LANES)
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
            add_tile(a, at, lane);
}

/* ---- Complex numbers ---- */

/* One vector of lanes of a position. */
typedef struct ComplexVector {
    Vector re;
    Vector im;
} ComplexVector;

ALWAYS_INLINE ComplexVector complex_load(const float *at) {
    return (ComplexVector){simd_load(at), simd_load(at + CHANNEL_BLOCK)};
}

ALWAYS_INLINE void complex_store(float *at, ComplexVector x) {
    simd_store(at, x.re);
    simd_store(at + CHANNEL_BLOCK, x.im);
}

ALWAYS_INLINE ComplexVector complex_add(ComplexVector a, ComplexVector b) {
    return (ComplexVector){simd_add(a.re, b.re), simd_add(a.im, b.im)};
}

ALWAYS_INLINE ComplexVector complex_subtract(ComplexVector a, ComplexVector b) {
    return (ComplexVector){simd_subtract(a.re, b.re), simd_subtract(a.im, b.im)};
}

/* a + i b */
ALWAYS_INLINE ComplexVector complex_add_turned(ComplexVector a, ComplexVector b) {
    return (ComplexVector){simd_subtract(a.re, b.im), simd_add(a.im, b.re)};
}

/* a - i b */
ALWAYS_INLINE ComplexVector complex_subtract_turned(ComplexVector a, ComplexVector b) {
    return (ComplexVector){simd_add(a.re, b.im), simd_subtract(a.im, b.re)};
}

/* x times a real number. */
ALWAYS_INLINE ComplexVector complex_scale(ComplexVector x, float factor) {
    return (ComplexVector){simd_multiply(x.re, simd_set(factor)),
                           simd_multiply(x.im, simd_set(factor))};
}

/* x times a real number, and added to a sum. */
ALWAYS_INLINE ComplexVector complex_add_scaled(ComplexVector sum, ComplexVector x, float factor) {
    return (ComplexVector){simd_fma(x.re, simd_set(factor), sum.re),
                           simd_fma(x.im, simd_set(factor), sum.im)};
}

/* x times a number of a table. */
ALWAYS_INLINE ComplexVector complex_times(ComplexVector x, const float *number) {
    Vector re = simd_set(number[0]);
    Vector im = simd_set(number[1]);
    return (ComplexVector){simd_fnma(x.im, im, simd_multiply(x.re, re)),
                           simd_fma(x.re, im, simd_multiply(x.im, re))};
}

/* ---- Butterflies ---- */

/* Transforms x[radix] in place. */
typedef void Butterfly(ComplexVector *x);

ALWAYS_INLINE void butterfly_2(ComplexVector *x) {
    ComplexVector sum = complex_add(x[0], x[1]);
    x[1] = complex_subtract(x[0], x[1]);
    x[0] = sum;
}

ALWAYS_INLINE void butterfly_3(ComplexVector *x) {
    ComplexVector sum = complex_add(x[1], x[2]);
    ComplexVector turned = complex_scale(complex_subtract(x[1], x[2]), 0.86602540378443865f);
    ComplexVector middle = complex_add_scaled(x[0], sum, -0.5f);
    x[0] = complex_add(x[0], sum);
    x[1] = complex_subtract_turned(middle, turned);
    x[2] = complex_add_turned(middle, turned);
}

ALWAYS_INLINE void butterfly_4(ComplexVector *x) {
    ComplexVector even = complex_add(x[0], x[2]);
    ComplexVector odd = complex_subtract(x[0], x[2]);
    ComplexVector sum = complex_add(x[1], x[3]);
    ComplexVector turned = complex_subtract(x[1], x[3]);
    x[0] = complex_add(even, sum);
    x[1] = complex_subtract_turned(odd, turned);
    x[2] = complex_subtract(even, sum);
    x[3] = complex_add_turned(odd, turned);
}

/* Cosines and sines of a fifth and of two fifths of a turn. */
#define COS_FIFTH      0.30901699437494742f
#define SIN_FIFTH      0.95105651629515357f
#define COS_TWO_FIFTHS (-0.80901699437494742f)
#define SIN_TWO_FIFTHS 0.58778525229247313f

ALWAYS_INLINE void butterfly_5(ComplexVector *x) {
    ComplexVector outer = complex_add(x[1], x[4]);
    ComplexVector inner = complex_add(x[2], x[3]);
    ComplexVector outer_odd = complex_subtract(x[1], x[4]);
    ComplexVector inner_odd = complex_subtract(x[2], x[3]);
    ComplexVector first = complex_add_scaled(x[0], outer, COS_FIFTH);
    ComplexVector second = complex_add_scaled(x[0], outer, COS_TWO_FIFTHS);
    first = complex_add_scaled(first, inner, COS_TWO_FIFTHS);
    second = complex_add_scaled(second, inner, COS_FIFTH);
    ComplexVector turned = complex_scale(outer_odd, SIN_FIFTH);
    ComplexVector turned_twice = complex_scale(outer_odd, SIN_TWO_FIFTHS);
    turned = complex_add_scaled(turned, inner_odd, SIN_TWO_FIFTHS);
    turned_twice = complex_add_scaled(turned_twice, inner_odd, -SIN_FIFTH);
    x[0] = complex_add(x[0], complex_add(outer, inner));
    x[1] = complex_subtract_turned(first, turned);
    x[2] = complex_subtract_turned(second, turned_twice);
    x[3] = complex_add_turned(second, turned_twice);
    x[4] = complex_add_turned(first, turned);
}

/* ---- Passes ---- */

/* One vector of lanes of one butterfly; twiddles of NULL are 1. */
ALWAYS_INLINE void run_butterfly(float *at, size_t apart, const float *twiddles, size_t radix,
                                 Butterfly *butterfly) {
    ComplexVector x[FOURIER_OWN_RADIX];
    UNROLL
    for (size_t q = 0; q < radix; q++)
        x[q] = complex_load(at + q * apart);
    if (twiddles) {
        UNROLL
        for (size_t q = 1; q < radix; q++)
            x[q] = complex_times(x[q], twiddles + 2 * (q - 1));
    }
    butterfly(x);
    UNROLL
    for (size_t q = 0; q < radix; q++)
        complex_store(at + q * apart, x[q]);
}

ALWAYS_INLINE void pass_of(const FourierPass *p, size_t radix, Butterfly *butterfly) {
    const size_t apart = p->apart * FOURIER_POSITION;
    for (size_t block = 0; block < p->blocks; block++) {
        float *at = p->data + block * radix * apart;
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
            run_butterfly(at + lane, apart, NULL, radix, butterfly);
        const float *twiddles = p->twiddles;
        for (size_t k = 1; k < p->apart; k++) {
            twiddles += 2 * (radix - 1);
            at += FOURIER_POSITION;
            for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
                run_butterfly(at + lane, apart, twiddles, radix, butterfly);
        }
    }
}

/* Sums and differences of values q and radix - q, which share their roots but for a sign: work[q]
 * and work[radix - q]. */
ALWAYS_INLINE void fold_odd(const FourierPass *p, const float *at, const float *twiddles) {
    const size_t apart = p->apart * FOURIER_POSITION;
    for (size_t q = 1; q <= p->radix / 2; q++) {
        size_t behind = p->radix - q;
        ComplexVector a = complex_times(complex_load(at + q * apart), twiddles + 2 * (q - 1));
        ComplexVector b =
            complex_times(complex_load(at + behind * apart), twiddles + 2 * (behind - 1));
        complex_store(p->work + q * FOURIER_POSITION, complex_add(a, b));
        complex_store(p->work + behind * FOURIER_POSITION, complex_subtract(a, b));
    }
    complex_store(p->work, complex_load(at));
}

/* One vector of lanes of a butterfly of any odd radix. */
ALWAYS_INLINE void run_odd(const FourierPass *p, float *at, const float *twiddles) {
    const size_t apart = p->apart * FOURIER_POSITION;
    const size_t radix = p->radix;
    fold_odd(p, at, twiddles);
    ComplexVector total = complex_load(p->work);
    for (size_t q = 1; q <= radix / 2; q++)
        total = complex_add(total, complex_load(p->work + q * FOURIER_POSITION));
    complex_store(at, total);
    for (size_t j = 1; j <= radix / 2; j++) {
        ComplexVector even = complex_load(p->work);
        ComplexVector odd = {simd_set(0), simd_set(0)};
        for (size_t q = 1; q <= radix / 2; q++) {
            const float *root = p->roots + 2 * (q * j % radix);
            ComplexVector sum = complex_load(p->work + q * FOURIER_POSITION);
            ComplexVector difference = complex_load(p->work + (radix - q) * FOURIER_POSITION);
            even = complex_add_scaled(even, sum, root[0]);
            odd = complex_add_scaled(odd, difference, root[1]);
        }
        complex_store(at + j * apart, complex_add_turned(even, odd));
        complex_store(at + (radix - j) * apart, complex_subtract_turned(even, odd));
    }
}

static void pass_of_odd(const FourierPass *p) {
    for (size_t block = 0; block < p->blocks; block++)
        for (size_t k = 0; k < p->apart; k++) {
            float *at = p->data + (block * p->radix * p->apart + k) * FOURIER_POSITION;
            for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
                run_odd(p, at + lane, p->twiddles + 2 * k * (p->radix - 1));
        }
}

static void fourier_pass(const FourierPass *p) {
    switch (p->radix) {
    case 2:
        pass_of(p, 2, butterfly_2);
        break;
    case 3:
        pass_of(p, 3, butterfly_3);
        break;
    case 4:
        pass_of(p, 4, butterfly_4);
        break;
    case 5:
        pass_of(p, 5, butterfly_5);
        break;
    default:
        pass_of_odd(p);
    }
}

/* ---- Real transforms ---- */

/* One vector of lanes of positions k and half - k. */
ALWAYS_INLINE void split_pair(const FourierSplit *s, size_t k, size_t lane) {
    size_t behind = s->half - k;
    ComplexVector a = complex_load(s->from + k * FOURIER_POSITION + lane);
    ComplexVector b = complex_load(s->from + behind * FOURIER_POSITION + lane);
    ComplexVector sum = {simd_add(a.re, b.re), simd_subtract(a.im, b.im)};
    ComplexVector difference = {simd_subtract(a.re, b.re), simd_add(a.im, b.im)};
    sum = complex_scale(sum, s->scale);
    difference = complex_times(difference, s->roots + 2 * k);
    ComplexVector high = {simd_subtract(sum.re, difference.re),
                          simd_subtract(difference.im, sum.im)};
    size_t low_place = s->places ? s->places[k] : k * FOURIER_POSITION;
    size_t high_place = s->places ? s->places[behind] : behind * FOURIER_POSITION;
    complex_store(s->to + low_place + lane, complex_add(sum, difference));
    complex_store(s->to + high_place + lane, high);
}

static void fourier_split(const FourierSplit *s) {
    for (size_t k = 0; k <= s->half / 2; k++)
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane += SIMD_LANES)
            split_pair(s, k, lane);
}

#endif
