/* fft.c: Fourier transforms. Lengths are split into their prime factors; of a large prime the sum
 * becomes a convolution (Bluestein), whose length is a power of two. */
#include "fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "strict.h"

#define LARGEST_FACTOR 31 /* beyond, a direct sum is slower than a convolution */

struct SimFft {
    int64_t length;
    double *roots; /* exp(-2πi · k / length), (length, 2) */
    /* Bluestein's: NULL where factors are small. */
    SimFft *longer;
    double *chirp;  /* exp(-πi · k² / length) */
    double *filter; /* the transform of its conjugate, wrapped around, over the longer length */
};

static double *array(int64_t count) {
    return memset(sim_allocate((unsigned long)count * sizeof(double)), 0,
                  (size_t)count * sizeof(double));
}

static int64_t smallest_factor(int64_t length) {
    for (int64_t factor = 2; factor * factor <= length; factor++)
        if (length % factor == 0)
            return factor;
    return length;
}

static int64_t largest_factor(int64_t length) {
    int64_t largest = 1;
    while (length > 1) {
        int64_t factor = smallest_factor(length);
        largest = factor > largest ? factor : largest;
        length /= factor;
    }
    return largest;
}

static void create_chirp(SimFft *fft) {
    int64_t length = fft->length;
    int64_t longer = 1;
    while (longer < 2 * length - 1)
        longer *= 2;
    double *wrapped = array(2 * longer);
    fft->longer = sim_fft_create(longer);
    fft->chirp = array(2 * length);
    fft->filter = array(2 * longer);
    for (int64_t k = 0; k < length; k++) {
        double angle = -M_PI * (double)(k * k % (2 * length)) / (double)length;
        fft->chirp[2 * k] = cos(angle);
        fft->chirp[2 * k + 1] = sin(angle);
        for (int64_t i = 0; i < 2; i++) {
            int64_t at = i == 0 || k == 0 ? k : longer - k;
            wrapped[2 * at] = fft->chirp[2 * k];
            wrapped[2 * at + 1] = -fft->chirp[2 * k + 1];
        }
    }
    sim_fft_run(fft->longer, wrapped, -1, fft->filter);
    free(wrapped);
}

SimFft *sim_fft_create(int64_t length) {
    SimFft *fft = sim_allocate(sizeof(*fft));
    *fft = (SimFft){.length = length, .roots = array(2 * length)};
    for (int64_t k = 0; k < length; k++) {
        fft->roots[2 * k] = cos(2 * M_PI * (double)k / (double)length);
        fft->roots[2 * k + 1] = -sin(2 * M_PI * (double)k / (double)length);
    }
    if (largest_factor(length) > LARGEST_FACTOR)
        create_chirp(fft);
    return fft;
}

void sim_fft_destroy(SimFft *fft) {
    if (!fft)
        return;
    sim_fft_destroy(fft->longer);
    free(fft->roots);
    free(fft->chirp);
    free(fft->filter);
    free(fft);
}

/* to = a · b, or with b's conjugate. */
static void multiply(const double *a, const double *b, double sign, double *to) {
    double real = a[0] * b[0] - sign * a[1] * b[1];
    to[1] = sign * a[0] * b[1] + a[1] * b[0];
    to[0] = real;
}

/* The `factor` transforms of `part` numbers that lie in `to` make one of factor · part. */
static void combine(const SimFft *fft, int64_t factor, int64_t part, double sign, double *to) {
    int64_t length = factor * part;
    int64_t step = fft->length / length;
    double turned[2 * LARGEST_FACTOR];
    for (int64_t k = 0; k < part; k++) {
        for (int64_t i = 0; i < factor; i++)
            multiply(to + 2 * (i * part + k), fft->roots + 2 * (i * k * step), sign,
                     turned + 2 * i);
        for (int64_t j = 0; j < factor; j++) {
            double sum[2] = {turned[0], turned[1]};
            for (int64_t i = 1; i < factor; i++) {
                double term[2];
                multiply(turned + 2 * i, fft->roots + 2 * (i * j % factor * part * step), sign,
                         term);
                sum[0] += term[0];
                sum[1] += term[1];
            }
            to[2 * (j * part + k)] = sum[0];
            to[2 * (j * part + k) + 1] = sum[1];
        }
    }
}

static void combine_two(const SimFft *fft, int64_t part, double sign, double *to) {
    int64_t step = fft->length / (2 * part);
    for (int64_t k = 0; k < part; k++) {
        double *a = to + 2 * k;
        double *b = a + 2 * part;
        double term[2];
        multiply(b, fft->roots + 2 * k * step, sign, term);
        b[0] = a[0] - term[0];
        b[1] = a[1] - term[1];
        a[0] += term[0];
        a[1] += term[1];
    }
}

/* Numbers `step` apart. */
static void transform(const SimFft *fft, const double *from, int64_t step, int64_t length,
                      double sign, double *to) {
    if (length == 1) {
        to[0] = from[0];
        to[1] = from[1];
        return;
    }
    int64_t factor = smallest_factor(length);
    int64_t part = length / factor;
    for (int64_t i = 0; i < factor; i++)
        transform(fft, from + 2 * i * step, step * factor, part, sign, to + 2 * i * part);
    if (factor == 2)
        combine_two(fft, part, sign, to);
    else
        combine(fft, factor, part, sign, to);
}

/* With sign +1 of the conjugate, and the result's conjugate. */
static void convolve_chirp(const SimFft *fft, const double *from, double sign, double *to) {
    int64_t longer = fft->longer->length;
    double *work = array(2 * longer);
    double *spectrum = array(2 * longer);
    for (int64_t k = 0; k < fft->length; k++) {
        double value[2] = {from[2 * k], sign * from[2 * k + 1]};
        multiply(value, fft->chirp + 2 * k, 1, work + 2 * k);
    }
    sim_fft_run(fft->longer, work, -1, spectrum);
    for (int64_t k = 0; k < longer; k++)
        multiply(spectrum + 2 * k, fft->filter + 2 * k, 1, spectrum + 2 * k);
    sim_fft_run(fft->longer, spectrum, 1, work);
    for (int64_t k = 0; k < fft->length; k++) {
        multiply(work + 2 * k, fft->chirp + 2 * k, 1, to + 2 * k);
        to[2 * k] /= (double)longer;
        to[2 * k + 1] *= sign / (double)longer;
    }
    free(work);
    free(spectrum);
}

void sim_fft_run(const SimFft *fft, const double *from, int sign, double *to) {
    /* The roots are those of sign -1. */
    double conjugate = sign < 0 ? 1.0 : -1.0;
    if (fft->longer)
        convolve_chirp(fft, from, conjugate, to);
    else
        transform(fft, from, 1, fft->length, conjugate, to);
}
