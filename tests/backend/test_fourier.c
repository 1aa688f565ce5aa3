/* test_fourier.c: transforms of frames of all kinds of lengths, both ways, by each table of
 * kernels, against sums in float64. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cpu/fourier.h"
#include "base/memory.h"
#include "base/random.h"

/* Decibels that a transform must have at least. f32 rounds by up to 2^-24 of a value, whose root
 * mean square is 149 dB below it. A transform rounds each value some four times in each pass and
 * while it is windowed and split: 30 times in 8192 samples, which is 15 dB more, and such lengths
 * have 137.5 dB. In a pass of a large prime, a value is the sum of half as many terms as the prime
 * has, which costs 127.5 dB at 1009. One wrong value in ten thousand would leave 40. */
#define ENOUGH           135.0
#define ENOUGH_OF_PRIMES 125.0

#define CANARY 12345.678F

/* What one length is tested with. */
typedef struct Case {
    int length;
    size_t hop;
    size_t count;  /* frames */
    size_t span;   /* samples */
    size_t buffer; /* floats */
    Fourier *fourier;
    float *window;
    float *samples; /* these three: with one canary behind */
    float *spectrum;
    float *work;
    double *cosines; /* (length) of a whole turn, as is the next */
    double *sines;
    uint64_t random;
} Case;

static float draw(Case *c) {
    return (float)(random_next(&c->random) >> 40) * 0x1p-23F - 1.0F;
}

static float *floats(size_t count) {
    float *values = memory_allocate_aligned((count + 1) * sizeof(float));
    assert_non_null(values);
    for (size_t i = 0; i <= count; i++)
        values[i] = CANARY;
    return values;
}

static void case_make(Case *c, int length, size_t count) {
    size_t size = (size_t)length;
    *c = (Case){.length = length, .count = count, .random = size};
    c->hop = 1 + (size_t)(random_next(&c->random) % size);
    c->span = fourier_samples(length, c->hop, count);
    c->buffer = fourier_buffer_floats(length);
    c->fourier = fourier_create(length);
    c->window = floats(fourier_window_length(length));
    c->samples = floats(c->span);
    c->spectrum = floats(c->buffer);
    c->work = floats(c->buffer);
    c->cosines = malloc(size * sizeof(double));
    c->sines = malloc(size * sizeof(double));
    assert_true(c->fourier && c->cosines && c->sines);
    for (size_t i = 0; i < fourier_window_length(length); i++)
        c->window[i] = i < size ? draw(c) : 0;
    for (size_t i = 0; i < size; i++) {
        c->cosines[i] = cos(2 * M_PI * (double)i / length);
        c->sines[i] = sin(2 * M_PI * (double)i / length);
    }
}

static void case_free(Case *c) {
    assert_true(c->samples[c->span] == CANARY);
    assert_true(c->spectrum[c->buffer] == CANARY);
    assert_true(c->work[c->buffer] == CANARY);
    fourier_destroy(c->fourier);
    memory_free_aligned(c->window);
    memory_free_aligned(c->samples);
    memory_free_aligned(c->spectrum);
    memory_free_aligned(c->work);
    free(c->cosines);
    free(c->sines);
}

static FourierFrames case_frames(const Case *c) {
    return (FourierFrames){
        .samples = c->samples, .hop = c->hop, .count = c->count, .window = c->window};
}

static double enough_of(int length) {
    static const int factors[] = {2, 3, 5};
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
        while (length % factors[i] == 0)
            length /= factors[i];
    return length == 1 ? ENOUGH : ENOUGH_OF_PRIMES;
}

static void expect_enough(const Case *c, const Kernels *kernels, const char *way, double noise,
                          double power) {
    if (!(noise <= power * pow(10, -enough_of(c->length) / 10)))
        fail_msg("%s, length %d, %s: %.1f dB", kernels->name, c->length, way,
                 10 * log10(power / noise));
}

/* ---- Forward ---- */

/* Of one bin of a frame, in squares: what is off, and what is there. */
static void compare_bin(const Case *c, size_t frame, size_t bin, double *noise, double *power) {
    const float *got = c->spectrum + bin * FOURIER_POSITION + frame;
    size_t length = (size_t)c->length;
    double re = 0;
    double im = 0;
    for (size_t i = 0, turn = 0; i < length; i++, turn = (turn + bin) % length) {
        double x = (double)c->samples[frame * c->hop + i] * (double)c->window[i];
        re += x * c->cosines[turn];
        im -= x * c->sines[turn];
    }
    *noise += pow((double)got[0] - re, 2) + pow((double)got[CHANNEL_BLOCK] - im, 2);
    *power += re * re + im * im;
}

/* The first and the last frame; kernels have no lanes that differ in more. */
static void check_forward(const Kernels *kernels, int length, size_t count) {
    Case c;
    case_make(&c, length, count);
    FourierFrames frames = case_frames(&c);
    double noise = 0;
    double power = 0;
    for (size_t i = 0; i < c.span; i++)
        c.samples[i] = draw(&c);
    fourier_forward(c.fourier, kernels, &frames, c.spectrum);
    for (size_t bin = 0; bin <= (size_t)length / 2; bin++) {
        compare_bin(&c, 0, bin, &noise, &power);
        compare_bin(&c, count - 1, bin, &noise, &power);
    }
    expect_enough(&c, kernels, "forward", noise, power);
    case_free(&c);
}

/* ---- Inverse ---- */

/* Sample i of a frame, from the real parts of its bins; those but the first, and the last of an
 * even length, stand for two. */
static double inverse_sample(const Case *c, const float *spectrum, size_t frame, size_t i) {
    size_t length = (size_t)c->length;
    double sum = 0;
    for (size_t bin = 0, turn = 0; bin <= length / 2; bin++, turn = (turn + i) % length) {
        const float *x = spectrum + bin * FOURIER_POSITION + frame;
        bool once = bin == 0 || 2 * bin == length;
        double im = once ? 0 : (double)x[CHANNEL_BLOCK];
        sum += (once ? 1 : 2) * ((double)x[0] * c->cosines[turn] - im * c->sines[turn]);
    }
    return sum;
}

/* Adds the windowed frames in float64. */
static void add_frames(const Case *c, const float *spectrum, double *expected) {
    for (size_t frame = 0; frame < c->count; frame++)
        for (size_t i = 0; i < (size_t)c->length; i++)
            expected[frame * c->hop + i] +=
                inverse_sample(c, spectrum, frame, i) * (double)c->window[i];
}

/* Lanes without frames hold NaN. */
static void check_inverse(const Kernels *kernels, int length, size_t count) {
    Case c;
    case_make(&c, length, count);
    FourierFrames frames = case_frames(&c);
    double *expected = calloc(c.span, sizeof(double));
    assert_non_null(expected);
    double noise = 0;
    double power = 0;
    for (size_t i = 0; i < ((size_t)length / 2 + 1) * FOURIER_POSITION; i++)
        c.spectrum[i] = i % CHANNEL_BLOCK < count ? draw(&c) : NAN;
    for (size_t i = 0; i < c.span; i++)
        expected[i] = (double)(c.samples[i] = draw(&c));
    add_frames(&c, c.spectrum, expected);
    fourier_inverse(c.fourier, kernels, c.spectrum, c.work, &frames);
    for (size_t i = 0; i < c.span; i++) {
        noise += pow((double)c.samples[i] - expected[i], 2);
        power += expected[i] * expected[i];
    }
    expect_enough(&c, kernels, "inverse", noise, power);
    free(expected);
    case_free(&c);
}

/* ---- Lengths ---- */

static void each_short_length_is_exact(void **state) {
    (void)state;
    for (const Kernels *const *table = kernels_available(); *table; table++)
        for (int length = 1; length <= 64; length++) {
            size_t count = 1 + (size_t)(7 * length) % CHANNEL_BLOCK;
            check_forward(*table, length, count);
            check_inverse(*table, length, count);
        }
}

/* Of powers of two, of products of 2, 3 and 5, odd and even, of primes, and of the squares of some.
 */
static const int lengths[] = {97,   121,  127,  200,  243,  256,  338,  480,  486,  500,
                              511,  512,  625,  640,  729,  750,  960,  1009, 1024, 1125,
                              2018, 2048, 2310, 3072, 4096, 6144, 7680, 8192};

static void each_long_length_is_exact(void **state) {
    (void)state;
    for (const Kernels *const *table = kernels_available(); *table; table++)
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            check_forward(*table, lengths[i], CHANNEL_BLOCK);
            check_inverse(*table, lengths[i], lengths[i] < 300 ? CHANNEL_BLOCK : 2);
        }
}

/* Nothing is added to zero, not even a rounding. */
static void silence_stays_silent(void **state) {
    (void)state;
    Case c;
    case_make(&c, 60, 3);
    FourierFrames frames = case_frames(&c);
    memset(c.samples, 0, c.span * sizeof(float));
    fourier_forward(c.fourier, kernels_select(), &frames, c.spectrum);
    for (size_t i = 0; i < 31 * (size_t)FOURIER_POSITION; i++)
        assert_true(c.spectrum[i] == 0);
    fourier_inverse(c.fourier, kernels_select(), c.spectrum, c.work, &frames);
    for (size_t i = 0; i < c.span; i++)
        assert_true(c.samples[i] == 0);
    case_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_short_length_is_exact),
        cmocka_unit_test(each_long_length_is_exact),
        cmocka_unit_test(silence_stays_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
