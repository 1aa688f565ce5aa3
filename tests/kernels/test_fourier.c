/* test_fourier.c: the passes of Fourier transforms, and what brings frames into lanes and back,
 * against float64. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "kernel_tests.h"

#define RADIX_MAX 13

typedef struct Number {
    double re;
    double im;
} Number;

static Number times(Number a, const float *b) {
    return (Number){a.re * (double)b[0] - a.im * (double)b[1],
                    a.re * (double)b[1] + a.im * (double)b[0]};
}

static Number number_at(const float *position, size_t lane) {
    return (Number){(double)position[lane], (double)position[CHANNEL_BLOCK + lane]};
}

static void expect_near(const char *what, size_t at, float got, double expected, double bound) {
    if (!(fabs((double)got - expected) <= bound))
        check_fail(what, at, (double)got, expected);
}

static void expect_number(const char *what, size_t at, const float *position, size_t lane,
                          Number expected, double bound) {
    expect_near(what, at, position[lane], expected.re, bound);
    expect_near(what, at, position[CHANNEL_BLOCK + lane], expected.im, bound);
}

/* ---- Passes ---- */

/* e^(-2πi · numerator / denominator) */
static void set_root(float *to, size_t numerator, size_t denominator) {
    double angle = -2 * M_PI * (double)numerator / (double)denominator;
    to[0] = (float)cos(angle);
    to[1] = (float)sin(angle);
}

/* Its tables. */
static void make_pass(FourierPass *pass, size_t radix, float *twiddles, float *roots) {
    pass->radix = radix;
    pass->twiddles = twiddles;
    pass->roots = roots;
    for (size_t k = 0; k < pass->apart; k++)
        for (size_t q = 1; q < radix; q++)
            set_root(twiddles + 2 * (k * (radix - 1) + q - 1), k * q, radix * pass->apart);
    for (size_t j = 0; j < radix; j++)
        set_root(roots + 2 * j, j, radix);
}

/* A chain of roundings for each product and each term. Values are within ±1. */
static double pass_bound(size_t radix) {
    return 2.0 * (double)(radix + 4) * (double)radix * UNIT_ROUNDOFF;
}

static void verify_pass(const FourierPass *pass, const float *before) {
    for (size_t i = 0; i < pass->blocks * pass->radix * pass->apart * CHANNEL_BLOCK; i++) {
        size_t lane = i % CHANNEL_BLOCK;
        size_t position = i / CHANNEL_BLOCK;
        size_t k = position % pass->apart;
        size_t j = position / pass->apart % pass->radix;
        Number sum = {0, 0};
        for (size_t q = 0; q < pass->radix; q++) {
            size_t from = position - j * pass->apart + q * pass->apart;
            Number x = number_at(before + from * FOURIER_POSITION, lane);
            if (q > 0)
                x = times(x, pass->twiddles + 2 * (k * (pass->radix - 1) + q - 1));
            x = times(x, pass->roots + 2 * (q * j % pass->radix));
            sum = (Number){sum.re + x.re, sum.im + x.im};
        }
        expect_number("fourier pass", i, pass->data + position * FOURIER_POSITION, lane, sum,
                      pass_bound(pass->radix));
    }
}

static void check_pass(const Kernels *kernels, size_t radix, size_t apart, size_t blocks) {
    size_t count = blocks * radix * apart * FOURIER_POSITION;
    float *twiddles = equal_floats(2 * apart * radix, 0);
    float roots[2 * RADIX_MAX];
    float *before = random_floats(count, -1, 1);
    float *data = equal_floats(count + FOURIER_POSITION, CANARY);
    float *work = equal_floats((radix + 1) * FOURIER_POSITION, CANARY);
    FourierPass pass = {.data = data, .blocks = blocks, .apart = apart, .work = work};
    make_pass(&pass, radix, twiddles, roots);
    memcpy(data, before, count * sizeof(float));
    kernels->fourier_pass(&pass);
    verify_pass(&pass, before);
    for (size_t i = 0; i < FOURIER_POSITION; i++) {
        check_untouched("fourier pass wrote outside", i, data[count + i], CANARY);
        check_untouched("fourier pass worked outside", i, work[radix * FOURIER_POSITION + i],
                        CANARY);
    }
    for (size_t i = 0; radix <= FOURIER_OWN_RADIX && i < radix * FOURIER_POSITION; i++)
        check_untouched("fourier pass needed room", i, work[i], CANARY);
    memory_free_aligned(twiddles);
    memory_free_aligned(before);
    memory_free_aligned(data);
    memory_free_aligned(work);
}

void test_fourier_pass(const Kernels *kernels, int variant) {
    (void)variant;
    static const size_t radices[] = {2, 3, 4, 5, 7, 11, RADIX_MAX};
    for (size_t i = 0; i < sizeof(radices) / sizeof(radices[0]); i++) {
        check_pass(kernels, radices[i], 1, 1 + random_below(4));
        check_pass(kernels, radices[i], 2, 1);
        check_pass(kernels, radices[i], 2 + random_below(7), 1 + random_below(3));
    }
}

/* ---- Splitting spectra ---- */

static void verify_split(const FourierSplit *s, const float *before) {
    double scale = (double)s->scale;
    for (size_t i = 0; i < (s->half / 2 + 1) * CHANNEL_BLOCK; i++) {
        size_t k = i / CHANNEL_BLOCK;
        size_t lane = i % CHANNEL_BLOCK;
        size_t low = s->places ? s->places[k] : k * FOURIER_POSITION;
        size_t high = s->places ? s->places[s->half - k] : (s->half - k) * FOURIER_POSITION;
        Number a = number_at(before + k * FOURIER_POSITION, lane);
        Number b = number_at(before + (s->half - k) * FOURIER_POSITION, lane);
        Number sum = {scale * (a.re + b.re), scale * (a.im - b.im)};
        Number difference = times((Number){a.re - b.re, a.im + b.im}, s->roots + 2 * k);
        Number first = {sum.re + difference.re, sum.im + difference.im};
        Number second = {sum.re - difference.re, difference.im - sum.im};
        if (k != s->half - k)
            expect_number("fourier split, low", i, s->to + low, lane, first, 24 * UNIT_ROUNDOFF);
        expect_number("fourier split, high", i, s->to + high, lane, second, 24 * UNIT_ROUNDOFF);
    }
}

/* With the values in order, in place; or each where a random permutation puts it. */
static void check_split(const Kernels *kernels, size_t half, bool in_place) {
    size_t count = (half + 1) * FOURIER_POSITION;
    uint32_t places[64];
    float *before = random_floats(count, -1, 1);
    float *roots = random_floats(2 * (half / 2 + 1), -1, 1);
    float *to = equal_floats(count + FOURIER_POSITION, CANARY);
    for (size_t i = 0; i <= half; i++) {
        size_t other = random_below(i + 1);
        places[i] = places[other];
        places[other] = (uint32_t)(i * FOURIER_POSITION);
    }
    if (in_place)
        memcpy(to, before, count * sizeof(float));
    FourierSplit split = {.from = in_place ? to : before,
                          .to = to,
                          .places = in_place ? NULL : places,
                          .half = half,
                          .roots = roots,
                          .scale = in_place ? 0.5F : 1.0F};
    kernels->fourier_split(&split);
    verify_split(&split, before);
    for (size_t i = 0; i < FOURIER_POSITION; i++)
        check_untouched("fourier split wrote outside", i, to[count + i], CANARY);
    memory_free_aligned(before);
    memory_free_aligned(roots);
    memory_free_aligned(to);
}

void test_fourier_split(const Kernels *kernels, int variant) {
    (void)variant;
    for (size_t half = 1; half < 8; half++) {
        check_split(kernels, half, true);
        check_split(kernels, half, false);
    }
    check_split(kernels, 8 + random_below(50), true);
    check_split(kernels, 8 + random_below(50), false);
}

/* ---- Frames and lanes ---- */

/* `samples` random values, and zeros up to the next multiple of CHANNEL_BLOCK. */
static float *make_window(size_t samples) {
    size_t padded = size_round_up(samples, CHANNEL_BLOCK);
    float *window = random_floats(padded, -1, 1);
    for (size_t i = samples; i < padded; i++)
        window[i] = 0;
    return window;
}

/* Every second vector of `to` is none of the kernel's. */
static void check_cut(const Kernels *kernels, size_t samples, size_t frames, size_t hop) {
    size_t padded = size_round_up(samples, CHANNEL_BLOCK);
    float *from = random_floats((frames - 1) * hop + padded, -1, 1);
    float *window = make_window(samples);
    float *to = equal_floats(2 * samples * CHANNEL_BLOCK, CANARY);
    uint32_t places[128];
    for (size_t i = 0; i < samples; i++)
        places[i] = (uint32_t)((samples - 1 - i) * 2 * CHANNEL_BLOCK);
    kernels->fourier_cut(&(FourierCut){.from = from,
                                       .hop = hop,
                                       .frames = frames,
                                       .samples = samples,
                                       .window = window,
                                       .to = to,
                                       .places = places});
    for (size_t i = 0; i < samples; i++)
        for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
            size_t frame = lane < frames ? lane : frames - 1;
            float expected = from[frame * hop + i] * window[i];
            check_same_bits("fourier cut", to + places[i] + lane, &expected, 1);
            check_untouched("fourier cut wrote outside", i, to[places[i] + CHANNEL_BLOCK + lane],
                            CANARY);
        }
    memory_free_aligned(from);
    memory_free_aligned(window);
    memory_free_aligned(to);
}

/* Lengths with and without a rest, and hops shorter than a vector. */
void test_fourier_cut(const Kernels *kernels, int variant) {
    (void)variant;
    check_cut(kernels, 1, 1, 1);
    check_cut(kernels, 32, CHANNEL_BLOCK, 8);
    for (int i = 0; i < 10; i++)
        check_cut(kernels, 1 + random_below(99), 1 + random_below(CHANNEL_BLOCK),
                  1 + random_below(60));
}

static void verify_add(const FourierAdd *a, const float *before, size_t room) {
    for (size_t at = 0; at < room; at++) {
        double expected = (double)before[at];
        double magnitude = fabs(expected);
        for (size_t frame = 0; frame < a->frames; frame++) {
            size_t i = at - frame * a->hop;
            if (at < frame * a->hop || i >= a->samples)
                continue;
            double term = (double)a->from[i * a->from_step + frame] * (double)a->window[i];
            expected += term;
            magnitude += fabs(term);
        }
        expect_near("fourier add", at, a->to[at], expected,
                    (CHANNEL_BLOCK + 1) * UNIT_ROUNDOFF * magnitude);
    }
}

/* What lies behind the samples, in lanes and between vectors, is NaN. */
static void check_add(const Kernels *kernels, size_t samples, size_t frames, size_t hop,
                      size_t step) {
    size_t padded = size_round_up(samples, CHANNEL_BLOCK);
    size_t room = (frames - 1) * hop + padded;
    float *from = equal_floats(padded * step, NAN);
    float *window = make_window(samples);
    float *before = random_floats(room + CHANNEL_BLOCK, -1, 1);
    float *to = equal_floats(room + CHANNEL_BLOCK, CANARY);
    for (size_t i = 0; i < samples; i++)
        for (size_t frame = 0; frame < frames; frame++)
            from[i * step + frame] = random_float(-1, 1);
    memcpy(to, before, room * sizeof(float));
    FourierAdd add = {.from = from,
                      .from_step = step,
                      .to = to,
                      .hop = hop,
                      .frames = frames,
                      .samples = samples,
                      .window = window};
    kernels->fourier_add(&add);
    verify_add(&add, before, room);
    for (size_t i = room; i < room + CHANNEL_BLOCK; i++)
        check_untouched("fourier add wrote outside", i, to[i], CANARY);
    memory_free_aligned(from);
    memory_free_aligned(window);
    memory_free_aligned(before);
    memory_free_aligned(to);
}

void test_fourier_add(const Kernels *kernels, int variant) {
    (void)variant;
    check_add(kernels, 1, 1, 1, CHANNEL_BLOCK);
    check_add(kernels, 48, CHANNEL_BLOCK, 12, CHANNEL_BLOCK);
    for (int i = 0; i < 10; i++)
        check_add(kernels, 1 + random_below(99), 1 + random_below(CHANNEL_BLOCK),
                  1 + random_below(60), CHANNEL_BLOCK * (1 + random_below(2)));
}

/* ---- Rows ---- */

/* Bit for bit, with some rows that are zeros and some that are not stored. */
static void check_rows(const Kernels *kernels, size_t count, size_t missing) {
    size_t from_step = CHANNEL_BLOCK * (1 + random_below(3));
    size_t to_step = CHANNEL_BLOCK * (1 + random_below(3));
    float *from = random_floats(CHANNEL_BLOCK * count * from_step, -1, 1);
    float *to = equal_floats(CHANNEL_BLOCK * count * to_step, CANARY);
    TransposeArguments rows = {.from_step = from_step, .to_step = to_step, .count = count};
    for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
        rows.from[i] = random_below(CHANNEL_BLOCK) < missing ? NULL : from + i * count * from_step;
        rows.to[i] = random_below(CHANNEL_BLOCK) < missing ? NULL : to + i * count * to_step;
    }
    kernels->transpose_rows(&rows);
    for (size_t at = 0; at < CHANNEL_BLOCK * count * to_step; at++) {
        size_t i = at / (count * to_step);
        size_t n = at % (count * to_step) / to_step;
        size_t j = at % to_step;
        float expected = CANARY;
        if (j < CHANNEL_BLOCK && rows.to[i])
            expected = rows.from[j] ? rows.from[j][n * from_step + i] : 0;
        check_same_bits("transposed rows", to + at, &expected, 1);
    }
    memory_free_aligned(from);
    memory_free_aligned(to);
}

void test_transpose_rows(const Kernels *kernels, int variant) {
    (void)variant;
    for (size_t missing = 0; missing <= CHANNEL_BLOCK; missing += 4)
        check_rows(kernels, 1 + random_below(20), missing);
}
