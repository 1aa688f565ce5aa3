/* test_fourier.m: transforms against the definition's sum, in f64. */
#include <math.h>
#include <stdlib.h>

#import "fft.h"
#import "fixture.h"

static MPSGraphFFTDescriptor *descriptor(BOOL inverse, MPSGraphFFTScalingMode scaling, BOOL odd) {
    MPSGraphFFTDescriptor *made = [MPSGraphFFTDescriptor descriptor];
    [made setInverse:inverse];
    [made setScalingMode:scaling];
    [made setRoundToOddHermitean:odd];
    return made;
}

/* Bin k of `length` complex numbers. */
static void by_definition(const double *from, int64_t length, int64_t k, int sign, double bin[2]) {
    bin[0] = bin[1] = 0;
    for (int64_t i = 0; i < length; i++) {
        double angle = 2 * M_PI * sign * (double)(i * k % length) / (double)length;
        bin[0] += from[2 * i] * cos(angle) - from[2 * i + 1] * sin(angle);
        bin[1] += from[2 * i] * sin(angle) + from[2 * i + 1] * cos(angle);
    }
}

/* Small factors, large primes, powers, and products of both. */
static void test_lengths(void) {
    static const int64_t lengths[] = {1,  2,  3,   4,   5,   6,   7,    8,    12,   30,   31,
                                      37, 74, 101, 127, 243, 512, 1021, 1022, 1024, 2049, 6144};
    for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
        int64_t length = lengths[l];
        float *random = malloc((size_t)length * 2 * sizeof(float));
        double *from = malloc((size_t)length * 2 * sizeof(double));
        double *to = malloc((size_t)length * 2 * sizeof(double));
        SimFft *fft = sim_fft_create(length);
        fill_random(random, (size_t)length * 2, (unsigned)length);
        for (int64_t i = 0; i < 2 * length; i++)
            from[i] = (double)random[i];
        for (int sign = -1; sign <= 1; sign += 2) {
            sim_fft_run(fft, from, sign, to);
            for (int64_t k = 0; k < length; k += length / 40 + 1) {
                double bin[2];
                by_definition(from, length, k, sign, bin);
                CHECK(fabs(to[2 * k] - bin[0]) < 1e-9 && fabs(to[2 * k + 1] - bin[1]) < 1e-9);
            }
        }
        sim_fft_destroy(fft);
        free(random);
        free(from);
        free(to);
    }
}

/* (2, n) real, along the last axis: both signs and all scalings. */
static void check_real(int n, BOOL inverse, MPSGraphFFTScalingMode scaling) {
    int bins = n / 2 + 1;
    double scale = scaling == MPSGraphFFTScalingModeNone   ? 1
                   : scaling == MPSGraphFFTScalingModeSize ? 1.0 / n
                                                           : 1 / sqrt(n);
    float *values = malloc((size_t)(2 * n) * sizeof(float));
    float *result = malloc((size_t)(4 * bins) * sizeof(float));
    double *line = calloc((size_t)(2 * n), sizeof(double));
    Fixture f = fixture_create();
    fill_random(values, (size_t)(2 * n), (unsigned)n);
    MPSGraphTensor *spectrum =
        [f.graph realToHermiteanFFTWithTensor:fixture_feed(&f, SHAPE(2, n), values)
                                         axes:SHAPE(-1)
                                   descriptor:descriptor(inverse, scaling, NO)
                                         name:nil];
    CHECK([[spectrum shape] isEqual:SHAPE(2, bins)]);
    CHECK([spectrum dataType] == MPSDataTypeComplexFloat32);
    fixture_run(&f, spectrum, result);
    for (int row = 0; row < 2; row++) {
        for (int i = 0; i < n; i++)
            line[2 * i] = (double)values[row * n + i];
        for (int k = 0; k < bins; k++) {
            double bin[2];
            by_definition(line, n, k, inverse ? 1 : -1, bin);
            float expected[2] = {(float)(bin[0] * scale), (float)(bin[1] * scale)};
            CHECK_CLOSE(result + 2 * (row * bins + k), expected, 2, 1e-5 * sqrt(n) * scale + 1e-7);
        }
    }
    fixture_destroy(&f);
    free(values);
    free(result);
    free(line);
}

/* Back to where it came from, of even and odd sizes, along an axis that is not the last. */
static void check_round_trip(int n) {
    float *values = malloc((size_t)(3 * n * 2) * sizeof(float));
    float *result = malloc((size_t)(3 * n * 2) * sizeof(float));
    Fixture f = fixture_create();
    fill_random(values, (size_t)(3 * n * 2), (unsigned)n);
    MPSGraphTensor *spectrum =
        [f.graph realToHermiteanFFTWithTensor:fixture_feed(&f, SHAPE(3, n, 2), values)
                                         axes:SHAPE(1)
                                   descriptor:descriptor(NO, MPSGraphFFTScalingModeNone, NO)
                                         name:nil];
    CHECK([[spectrum shape] isEqual:SHAPE(3, n / 2 + 1, 2)]);
    MPSGraphTensor *back = [f.graph
        HermiteanToRealFFTWithTensor:spectrum
                                axes:SHAPE(1)
                          descriptor:descriptor(YES, MPSGraphFFTScalingModeSize, n % 2 == 1)
                                name:nil];
    CHECK([[back shape] isEqual:SHAPE(3, n, 2)]);
    fixture_run(&f, back, result);
    CHECK_CLOSE(result, values, (size_t)(3 * n * 2), 1e-5);
    fixture_destroy(&f);
    free(values);
    free(result);
}

/* Two axes: the last of the list is the one that is halved. */
static void test_two_axes(void) {
    enum { H = 4, W = 6, BINS = H / 2 + 1 };
    float values[H * W], result[BINS * W * 2], back[H * W];
    Fixture f = fixture_create();
    fill_random(values, H * W, 9);
    MPSGraphTensor *spectrum =
        [f.graph realToHermiteanFFTWithTensor:fixture_feed(&f, SHAPE(H, W), values)
                                         axes:SHAPE(1, 0)
                                   descriptor:descriptor(NO, MPSGraphFFTScalingModeNone, NO)
                                         name:nil];
    CHECK([[spectrum shape] isEqual:SHAPE(BINS, W)]);
    MPSGraphTensor *inverse =
        [f.graph HermiteanToRealFFTWithTensor:spectrum
                                         axes:SHAPE(1, 0)
                                   descriptor:descriptor(YES, MPSGraphFFTScalingModeSize, NO)
                                         name:nil];
    fixture_run(&f, spectrum, result);
    for (int v = 0; v < BINS; v++)
        for (int u = 0; u < W; u++) {
            double sum[2] = {0, 0};
            for (int i = 0; i < H * W; i++) {
                double angle = -2 * M_PI * ((double)(i / W * v) / H + (double)(i % W * u) / W);
                sum[0] += (double)values[i] * cos(angle);
                sum[1] += (double)values[i] * sin(angle);
            }
            float expected[2] = {(float)sum[0], (float)sum[1]};
            CHECK_CLOSE(result + 2 * (v * W + u), expected, 2, 1e-5);
        }
    fixture_run(&f, inverse, back);
    CHECK_CLOSE(back, values, H * W, 1e-6);
    fixture_destroy(&f);
}

/* Parts go in and come out; a complex transform and its inverse cancel out. */
static void test_complex(void) {
    float real[] = {1, 2, 3, 4, 5, 6}, imaginary[] = {-1, 0, 1, 2, 7, 0.5f};
    float part[6];
    Fixture f = fixture_create();
    MPSGraphTensor *all =
        [f.graph complexTensorWithRealTensor:fixture_feed(&f, SHAPE(2, 3), real)
                             imaginaryTensor:fixture_feed(&f, SHAPE(2, 3), imaginary)
                                        name:nil];
    MPSGraphTensor *spectrum =
        [f.graph fastFourierTransformWithTensor:all
                                           axes:SHAPE(1)
                                     descriptor:descriptor(NO, MPSGraphFFTScalingModeUnitary, NO)
                                           name:nil];
    MPSGraphTensor *back =
        [f.graph fastFourierTransformWithTensor:spectrum
                                           axes:SHAPE(1)
                                     descriptor:descriptor(YES, MPSGraphFFTScalingModeUnitary, NO)
                                           name:nil];
    fixture_run(&f, [f.graph realPartOfTensor:back name:nil], part);
    CHECK_CLOSE(part, real, 6, 1e-6);
    fixture_run(&f, [f.graph imaginaryPartOfTensor:back name:nil], part);
    CHECK_CLOSE(part, imaginary, 6, 1e-6);
    float sum = (real[0] + real[1] + real[2]) / sqrtf(3);
    fixture_run(&f, [f.graph realPartOfTensor:spectrum name:nil], part);
    CHECK_CLOSE(part, &sum, 1, 1e-6);
    fixture_destroy(&f);
}

int main(void) {
    static const int sizes[] = {2, 3, 8, 15, 37, 64, 100, 257};
    @autoreleasepool {
        test_lengths();
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
            check_real(sizes[i], NO, MPSGraphFFTScalingModeNone);
            check_real(sizes[i], YES, MPSGraphFFTScalingModeSize);
            check_real(sizes[i], NO, MPSGraphFFTScalingModeUnitary);
            check_round_trip(sizes[i]);
        }
        test_two_axes();
        test_complex();
    }
    return 0;
}
