/* test_wide_fft.c: float64 Fourier transforms against sums of long doubles, of lengths with all
 * kinds of factors. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dsp/wide_fft.h"
#include "src/base/random.h"

static const long double turn = 6.28318530717958647692528676655900577L;

/* Of bin `bin` in squares: what is off, and what is there. */
static void compare_bin(const double *signal, int length, int bin, WideComplex got,
                        long double *noise, long double *power) {
    long double re = 0;
    long double im = 0;
    for (int i = 0; i < length; i++) {
        long double angle = turn * (long double)((int64_t)i * bin % length) / (long double)length;
        re += (long double)signal[i] * cosl(angle);
        im -= (long double)signal[i] * sinl(angle);
    }
    *noise += ((long double)got.re - re) * ((long double)got.re - re) +
              ((long double)got.im - im) * ((long double)got.im - im);
    *power += re * re + im * im;
}

static void check_length(int length) {
    size_t count = (size_t)length;
    WideFft *fft = wide_fft_create(length);
    double *signal = malloc(count * sizeof(*signal));
    double *work = malloc(count * sizeof(*work));
    double *scratch = malloc(count * sizeof(*scratch));
    WideComplex *spectrum = malloc((count / 2 + 1) * sizeof(*spectrum));
    assert_true(fft && signal && work && scratch && spectrum);
    uint64_t state = count;
    for (size_t i = 0; i < count; i++)
        work[i] = signal[i] = (double)(random_next(&state) >> 11) * 0x1p-52 - 1;
    wide_fft_forward(fft, work, spectrum, scratch);
    long double noise = 0;
    long double power = 0;
    for (int bin = 0; bin <= length / 2; bin++)
        compare_bin(signal, length, bin, spectrum[bin], &noise, &power);
    if (!(noise <= power * 1e-29L)) /* 290 dB */
        fail_msg("length %d: %.1Lf dB", length, 10 * log10l(power / noise));
    wide_fft_destroy(fft);
    free(signal);
    free(work);
    free(scratch);
    free(spectrum);
}

static void test_lengths(void **state) {
    (void)state;
    static const int lengths[] = {2,  4,  6,  8,   10,  12,  14,  16,  18,   22,   30,
                                  64, 90, 98, 120, 250, 360, 512, 686, 1000, 1536, 2048};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        check_length(lengths[i]);
}

static void test_silence_is_exact(void **state) {
    (void)state;
    double signal[60] = {0};
    double scratch[60];
    WideComplex spectrum[31];
    WideFft *fft = wide_fft_create(60);
    assert_non_null(fft);
    wide_fft_forward(fft, signal, spectrum, scratch);
    for (int bin = 0; bin <= 30; bin++)
        assert_true(spectrum[bin].re == 0 && spectrum[bin].im == 0);
    wide_fft_destroy(fft);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_silence_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
