/* wide_fft.c: a mixed-radix transform of half the length, whose complex values are pairs of
 * neighbouring samples, and what makes the spectrum of the real signal of it. */
#include "dsp/wide_fft.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define MAX_FACTORS 32 /* each is at least 2 */

struct WideFft {
    int half; /* length / 2: the complex values of a transform */
    int factors[MAX_FACTORS];
    int factor_count;
    WideComplex roots[]; /* (length): root i is e^(-2πi · i / length) */
};

static const double pi = 3.14159265358979323846;

/* ---- Creating ---- */

size_t wide_fft_bytes(int length) {
    return sizeof(WideFft) + (size_t)length * sizeof(WideComplex);
}

/* Fours first: they need the fewest operations. */
static void factorise(WideFft *fft) {
    int rest = fft->half;
    for (; rest % 4 == 0; rest /= 4)
        fft->factors[fft->factor_count++] = 4;
    for (int factor = 2; rest > 1; factor++)
        for (; rest % factor == 0; rest /= factor)
            fft->factors[fft->factor_count++] = factor;
}

WideFft *wide_fft_create(int length) {
    WideFft *fft = calloc(1, wide_fft_bytes(length));
    if (!fft)
        return NULL;
    fft->half = length / 2;
    factorise(fft);
    for (int i = 0; i < length; i++)
        fft->roots[i] = (WideComplex){cos(2 * pi * i / length), -sin(2 * pi * i / length)};
    return fft;
}

void wide_fft_destroy(WideFft *fft) {
    free(fft);
}

/* ---- Transforming ---- */

static inline WideComplex complex_add(WideComplex a, WideComplex b) {
    return (WideComplex){a.re + b.re, a.im + b.im};
}

static inline WideComplex complex_subtract(WideComplex a, WideComplex b) {
    return (WideComplex){a.re - b.re, a.im - b.im};
}

static inline WideComplex complex_multiply(WideComplex a, WideComplex b) {
    return (WideComplex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* e^(-2πi · numerator / denominator); the denominator divides half. */
static WideComplex root_of(const WideFft *fft, int numerator, int denominator) {
    int steps = 2 * fft->half / denominator;
    return fft->roots[(numerator % denominator) * steps];
}

/* One stage of Stockham's transform, which needs no reordering of its input (Cochran et al., What
 * is the fast Fourier transform?, 1967). Before it, from[k · width + j] is value k of the transform
 * of `done` values of every width-th sample from j on, where done · width = half. After it `done`
 * has grown and width has shrunk by the factor:
 *   to[(k + done · q) · next + j] = Σ_p root(p · (k + done · q)) · from[k · width + j + next · p]
 * with next = width / factor and roots of done · factor. */
static void stage_any(const WideFft *fft, const WideComplex *from, WideComplex *to, int done,
                      int factor) {
    int width = fft->half / done;
    int next = width / factor;
    for (int row = 0; row < done * factor; row++) {
        const WideComplex *source = from + (size_t)(row % done) * (size_t)width;
        WideComplex *target = to + (size_t)row * (size_t)next;
        for (int j = 0; j < next; j++)
            target[j] = source[j];
        for (int p = 1; p < factor; p++) {
            int numerator = (int)((int64_t)p * row % (done * factor));
            WideComplex root = root_of(fft, numerator, done * factor);
            for (int j = 0; j < next; j++)
                target[j] = complex_add(target[j], complex_multiply(root, source[j + next * p]));
        }
    }
}

/* The same for a factor of 4, whose own roots are 1, -i, -1 and i. */
static void stage_four(const WideFft *fft, const WideComplex *from, WideComplex *to, int done) {
    int next = fft->half / done / 4;
    size_t apart = (size_t)done * (size_t)next;
    for (int k = 0; k < done; k++) {
        WideComplex roots[4];
        for (int p = 1; p < 4; p++)
            roots[p] = root_of(fft, p * k, done * 4);
        for (int j = 0; j < next; j++) {
            const WideComplex *x = from + (size_t)k * 4 * (size_t)next + j;
            WideComplex *y = to + (size_t)k * (size_t)next + j;
            WideComplex b = complex_multiply(roots[1], x[next]);
            WideComplex c = complex_multiply(roots[2], x[2 * next]);
            WideComplex d = complex_multiply(roots[3], x[3 * next]);
            WideComplex even = complex_add(x[0], c);
            WideComplex odd = complex_subtract(x[0], c);
            WideComplex sum = complex_add(b, d);
            WideComplex turned = {b.im - d.im, d.re - b.re}; /* -i (b - d) */
            y[0] = complex_add(even, sum);
            y[apart] = complex_add(odd, turned);
            y[2 * apart] = complex_subtract(even, sum);
            y[3 * apart] = complex_subtract(odd, turned);
        }
    }
}

/* Returns the buffer, of the two given, that holds the transform of `from`. */
static const WideComplex *transform_pairs(const WideFft *fft, WideComplex *from, WideComplex *to) {
    int done = 1;
    for (int i = 0; i < fft->factor_count; i++) {
        WideComplex *swap = from;
        if (fft->factors[i] == 4)
            stage_four(fft, from, to, done);
        else
            stage_any(fft, from, to, done, fft->factors[i]);
        done *= fft->factors[i];
        from = to;
        to = swap;
    }
    return from;
}

/* With Z the transform of x[2j] + i x[2j + 1], E that of x[2j] and O that of x[2j + 1]:
 * E[k] = (Z[k] + Z*[half - k]) / 2, i O[k] = (Z[k] - Z*[half - k]) / 2, and
 * X[k] = E[k] + root(k) O[k], with roots of the whole length. */
void wide_fft_forward(const WideFft *fft, double *signal, WideComplex *spectrum, double *scratch) {
    int half = fft->half;
    const WideComplex *pairs =
        transform_pairs(fft, (WideComplex *)(void *)signal, (WideComplex *)(void *)scratch);
    for (int k = 0; k <= half; k++) {
        WideComplex a = pairs[k < half ? k : 0];
        WideComplex b = pairs[k > 0 ? half - k : 0];
        WideComplex even = {(a.re + b.re) / 2, (a.im - b.im) / 2};
        WideComplex odd = {(a.im + b.im) / 2, (b.re - a.re) / 2};
        WideComplex root = k < half ? fft->roots[k] : (WideComplex){-1, 0};
        spectrum[k] = complex_add(even, complex_multiply(root, odd));
    }
}
