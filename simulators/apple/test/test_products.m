/* test_products.m: matrix products and convolutions against sums written out by their definition,
 * and data gradients as adjoints. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#import "fixture.h"

/* ---- Matrices ---- */

static void test_matrix_product(void) {
    float a[] = {1, 2, 3, 4, 5, 6};
    float b[] = {7, 8, 9, 10, 11, 12};
    float expected[] = {58, 64, 139, 154};
    float result[4];
    Fixture f = fixture_create();
    MPSGraphTensor *left = fixture_feed(&f, SHAPE(2, 3), a);
    MPSGraphTensor *right = fixture_feed(&f, SHAPE(3, 2), b);
    MPSGraphTensor *product = [f.graph matrixMultiplicationWithPrimaryTensor:left
                                                             secondaryTensor:right
                                                                        name:nil];
    CHECK([[product shape] isEqual:SHAPE(2, 2)]);
    fixture_run(&f, product, result);
    CHECK_CLOSE(result, expected, 4, 0);
    fixture_destroy(&f);
}

/* (2, 1, 5, 37) times (3, 37, 21) is (2, 3, 5, 21). */
static void test_batches_broadcast(void) {
    enum { A = 2, B = 3, M = 5, K = 37, N = 21 };
    static float a[A * M * K], b[B * K * N], expected[A * B * M * N], result[A * B * M * N];
    Fixture f = fixture_create();
    fill_random(a, A * M * K, 1);
    fill_random(b, B * K * N, 2);
    for (int i = 0; i < A * B * M * N; i++) {
        int n = i % N, m = i / N % M, second = i / N / M % B, first = i / N / M / B;
        double sum = 0;
        for (int k = 0; k < K; k++)
            sum += (double)a[(first * M + m) * K + k] * (double)b[(second * K + k) * N + n];
        expected[i] = (float)sum;
    }
    MPSGraphTensor *left = fixture_feed(&f, SHAPE(A, 1, M, K), a);
    MPSGraphTensor *right = fixture_feed(&f, SHAPE(B, K, N), b);
    MPSGraphTensor *product = [f.graph matrixMultiplicationWithPrimaryTensor:left
                                                             secondaryTensor:right
                                                                        name:nil];
    CHECK([[product shape] isEqual:SHAPE(A, B, M, N)]);
    fixture_run(&f, product, result);
    CHECK_CLOSE(result, expected, A * B * M * N, 1e-5);
    fixture_destroy(&f);
}

/* Operands and result are rounded to f16, the sum is not: 2048 + 1 + 1 + ... would stay there. */
static void test_f16_accumulates_in_f32(void) {
    static uint16_t a[1024], b[1024];
    uint16_t result = 0;
    Fixture f = fixture_create();
    for (int i = 0; i < 1024; i++)
        a[i] = b[i] = 0x3c00;
    a[0] = 0x6800; /* 2048 */
    MPSGraphTensor *left = fixture_feed_as(&f, SHAPE(1, 1024), MPSDataTypeFloat16, a, sizeof(a));
    MPSGraphTensor *right = fixture_feed_as(&f, SHAPE(1024, 1), MPSDataTypeFloat16, b, sizeof(b));
    MPSGraphTensor *product = [f.graph matrixMultiplicationWithPrimaryTensor:left
                                                             secondaryTensor:right
                                                                        name:nil];
    CHECK([product dataType] == MPSDataTypeFloat16);
    fixture_run(&f, product, &result);
    CHECK(result == 0x6a00); /* 3071 lies between 3070 and 3072, whose last bit is 0 */
    fixture_destroy(&f);
}

/* ---- Convolutions ---- */

typedef struct Case {
    int batch, in, out, groups; /* channels in all groups */
    int from[2], kernel[2], stride[2], dilation[2];
    int before[2], after[2]; /* padding: top, left; bottom, right */
    MPSGraphPaddingStyle style;
    bool channels_last, weights_last;
} Case;

#define SAME  MPSGraphPaddingStyleTF_SAME
#define VALID MPSGraphPaddingStyleTF_VALID

static const Case cases[] = {
    {1, 1, 1, 1, {4, 5}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 0, false, false},
    {2, 3, 5, 1, {9, 11}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 0, false, false},
    {1, 4, 6, 2, {8, 7}, {3, 2}, {2, 3}, {1, 2}, {2, 0}, {1, 3}, 0, false, false},
    {1, 4, 4, 4, {6, 6}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 0, true, false},
    {2, 3, 7, 1, {10, 13}, {4, 5}, {3, 2}, {2, 1}, {0, 4}, {5, 0}, 0, true, true},
    {1, 2, 3, 1, {11, 8}, {3, 4}, {2, 3}, {1, 1}, {9, 9}, {9, 9}, SAME, false, true},
    {1, 2, 3, 1, {6, 7}, {2, 5}, {1, 2}, {1, 1}, {9, 9}, {9, 9}, SAME, true, false},
    {1, 2, 3, 1, {7, 6}, {4, 3}, {1, 2}, {1, 1}, {9, 9}, {9, 9}, SAME, false, false},
    {1, 2, 3, 1, {11, 8}, {3, 4}, {2, 3}, {1, 1}, {9, 9}, {9, 9}, VALID, false, false},
    {1, 40, 17, 1, {16, 64}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 0, false, false},
    {1, 3, 2, 1, {12, 12}, {2, 2}, {3, 3}, {1, 1}, {0, 0}, {0, 0}, 0, false, false},
};

/* Padding before, and size of the result. */
static void find_sizes(const Case *c, int before[2], int to[2]) {
    for (int side = 0; side < 2; side++) {
        int reach = (c->kernel[side] - 1) * c->dilation[side] + 1;
        int all = c->before[side] + c->after[side];
        before[side] = c->before[side];
        if (c->style == MPSGraphPaddingStyleTF_VALID)
            before[side] = all = 0;
        if (c->style == MPSGraphPaddingStyleTF_SAME) {
            int wanted = (c->from[side] + c->stride[side] - 1) / c->stride[side];
            all = (wanted - 1) * c->stride[side] + reach - c->from[side];
            all = all > 0 ? all : 0;
            before[side] = all / 2;
        }
        to[side] = (c->from[side] + all - reach) / c->stride[side] + 1;
    }
}

static size_t data_index(const Case *c, const int size[2], int channels, int n, int channel, int y,
                         int x) {
    if (c->channels_last)
        return (size_t)(((n * size[0] + y) * size[1] + x) * channels + channel);
    return (size_t)(((n * channels + channel) * size[0] + y) * size[1] + x);
}

static size_t weight_index(const Case *c, int o, int i, int y, int x) {
    int in = c->in / c->groups;
    if (c->weights_last)
        return (size_t)(((y * c->kernel[1] + x) * in + i) * c->out + o);
    return (size_t)(((o * in + i) * c->kernel[0] + y) * c->kernel[1] + x);
}

/* One result, by the definition. */
static double convolved(const Case *c, const float *source, const float *weights, int n, int o,
                        int y, int x, const int before[2]) {
    int in = c->in / c->groups;
    int group = o / (c->out / c->groups);
    double sum = 0;
    for (int i = 0; i < in; i++)
        for (int ky = 0; ky < c->kernel[0]; ky++)
            for (int kx = 0; kx < c->kernel[1]; kx++) {
                int from_y = y * c->stride[0] + ky * c->dilation[0] - before[0];
                int from_x = x * c->stride[1] + kx * c->dilation[1] - before[1];
                if (from_y < 0 || from_y >= c->from[0] || from_x < 0 || from_x >= c->from[1])
                    continue;
                sum +=
                    (double)
                        source[data_index(c, c->from, c->in, n, group * in + i, from_y, from_x)] *
                    (double)weights[weight_index(c, o, i, ky, kx)];
            }
    return sum;
}

static NSArray *data_shape(const Case *c, const int size[2], int channels) {
    return c->channels_last ? SHAPE(c->batch, size[0], size[1], channels)
                            : SHAPE(c->batch, channels, size[0], size[1]);
}

static NSArray *weight_shape(const Case *c) {
    int in = c->in / c->groups;
    return c->weights_last ? SHAPE(c->kernel[0], c->kernel[1], in, c->out)
                           : SHAPE(c->out, in, c->kernel[0], c->kernel[1]);
}

static MPSGraphConvolution2DOpDescriptor *descriptor_of(const Case *c) {
    return [MPSGraphConvolution2DOpDescriptor
        descriptorWithStrideInX:(NSUInteger)c->stride[1]
                      strideInY:(NSUInteger)c->stride[0]
                dilationRateInX:(NSUInteger)c->dilation[1]
                dilationRateInY:(NSUInteger)c->dilation[0]
                         groups:(NSUInteger)c->groups
                    paddingLeft:(NSUInteger)c->before[1]
                   paddingRight:(NSUInteger)c->after[1]
                     paddingTop:(NSUInteger)c->before[0]
                  paddingBottom:(NSUInteger)c->after[0]
                   paddingStyle:c->style
                     dataLayout:c->channels_last ? MPSGraphTensorNamedDataLayoutNHWC
                                                 : MPSGraphTensorNamedDataLayoutNCHW
                  weightsLayout:c->weights_last ? MPSGraphTensorNamedDataLayoutHWIO
                                                : MPSGraphTensorNamedDataLayoutOIHW];
}

typedef struct Arrays {
    float *source, *weights, *result;
    size_t source_count, weight_count, result_count;
    int before[2], to[2];
} Arrays;

static Arrays create_arrays(const Case *c) {
    Arrays a = {0};
    find_sizes(c, a.before, a.to);
    a.source_count = (size_t)(c->batch * c->in * c->from[0] * c->from[1]);
    a.weight_count = (size_t)(c->out * c->in / c->groups * c->kernel[0] * c->kernel[1]);
    a.result_count = (size_t)(c->batch * c->out * a.to[0] * a.to[1]);
    a.source = malloc(a.source_count * sizeof(float));
    a.weights = malloc(a.weight_count * sizeof(float));
    a.result = malloc(a.result_count * sizeof(float));
    fill_random(a.source, a.source_count, 3);
    fill_random(a.weights, a.weight_count, 4);
    return a;
}

static void free_arrays(Arrays *a) {
    free(a->source);
    free(a->weights);
    free(a->result);
}

static void check_convolution(const Case *c) {
    Fixture f = fixture_create();
    Arrays a = create_arrays(c);
    MPSGraphTensor *result = [f.graph
        convolution2DWithSourceTensor:fixture_feed(&f, data_shape(c, c->from, c->in), a.source)
                        weightsTensor:fixture_feed(&f, weight_shape(c), a.weights)
                           descriptor:descriptor_of(c)
                                 name:nil];
    CHECK([[result shape] isEqual:data_shape(c, a.to, c->out)]);
    fixture_run(&f, result, a.result);
    for (int n = 0; n < c->batch; n++)
        for (int o = 0; o < c->out; o++)
            for (int y = 0; y < a.to[0]; y++)
                for (int x = 0; x < a.to[1]; x++) {
                    float expected = (float)convolved(c, a.source, a.weights, n, o, y, x, a.before);
                    CHECK_CLOSE(&a.result[data_index(c, a.to, c->out, n, o, y, x)], &expected, 1,
                                2e-5);
                }
    free_arrays(&a);
    fixture_destroy(&f);
}

static double inner(const float *a, const float *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static MPSGraphTensor *gradient(Fixture *f, const Case *c, MPSGraphTensor *from,
                                MPSGraphTensor *weights, NSArray *shape, bool transposed) {
    if (transposed)
        return [f->graph convolutionTranspose2DWithSourceTensor:from
                                                  weightsTensor:weights
                                                    outputShape:shape
                                                     descriptor:descriptor_of(c)
                                                           name:nil];
    return [f->graph convolution2DDataGradientWithIncomingGradientTensor:from
                                                           weightsTensor:weights
                                                             outputShape:shape
                                            forwardConvolutionDescriptor:descriptor_of(c)
                                                                    name:nil];
}

/* <conv(x), y> = <x, gradient(y)> for every unit vector x would say it all; a dozen random x do. */
static void check_adjoint(const Case *c, bool transposed) {
    Arrays a = create_arrays(c);
    float *y = malloc(a.result_count * sizeof(float));
    float *back = malloc(a.source_count * sizeof(float));
    Fixture f = fixture_create();
    NSArray *shape = data_shape(c, c->from, c->in);
    fill_random(y, a.result_count, 5);
    MPSGraphTensor *weights = fixture_feed(&f, weight_shape(c), a.weights);
    MPSGraphTensor *incoming = fixture_feed(&f, data_shape(c, a.to, c->out), y);
    MPSGraphTensor *result = gradient(&f, c, incoming, weights, shape, transposed);
    CHECK([[result shape] isEqual:shape]);
    fixture_run(&f, result, back);
    for (unsigned seed = 10; seed < 22; seed++) {
        fill_random(a.source, a.source_count, seed);
        for (int n = 0; n < c->batch; n++)
            for (int o = 0; o < c->out; o++)
                for (int i = 0; i < a.to[0] * a.to[1]; i++)
                    a.result[data_index(c, a.to, c->out, n, o, i / a.to[1], i % a.to[1])] =
                        (float)convolved(c, a.source, a.weights, n, o, i / a.to[1], i % a.to[1],
                                         a.before);
        double off = inner(a.result, y, a.result_count) - inner(a.source, back, a.source_count);
        CHECK(off < 1e-3 && off > -1e-3);
    }
    fixture_destroy(&f);
    free_arrays(&a);
    free(y);
    free(back);
}

/* One pixel, stride 2: the kernel itself, at twice its place; (in, out) as in the weights' O, I. */
static void test_transposed_by_hand(void) {
    float source[] = {0, 3};
    float weights[] = {1, 2, 3, 4, 5, 6, 7, 8}; /* O 1, I 2, H 2, W 2 */
    float expected[] = {0, 0, 3, 6, 0, 0, 9, 12, 0, 0, 15, 18, 0, 0, 21, 24};
    float result[16];
    Fixture f = fixture_create();
    Case c = {1, 2, 1, 1, {2, 4}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, 0, false, false};
    MPSGraphTensor *from = fixture_feed(&f, SHAPE(1, 1, 1, 2), source);
    MPSGraphTensor *kernel = fixture_feed(&f, SHAPE(1, 2, 2, 2), weights);
    fixture_run(&f, gradient(&f, &c, from, kernel, SHAPE(1, 2, 2, 4), true), result);
    CHECK_CLOSE(result, expected, 16, 0);
    fixture_destroy(&f);
}

/* ---- Attention ---- */

enum { HEADS = 6, QUERIES = 5, KEYS = 7, DIM = 4, OUT = 3 };

/* One feature of one query's result. */
static double attention_of(const float *query, const float *keys, const float *values, double scale,
                           int feature) {
    double sum = 0, weighted = 0;
    for (int key = 0; key < KEYS; key++) {
        double score = 0;
        for (int i = 0; i < DIM; i++)
            score += (double)query[i] * (double)keys[key * DIM + i];
        double power = exp(scale * score);
        sum += power;
        weighted += power * (double)values[key * OUT + feature];
    }
    return weighted / sum;
}

/* (2, 3, 5, 4) by (2, 3, 7, 4) and (2, 3, 7, 3) is (2, 3, 5, 3). */
static void test_attention(void) {
    static float q[HEADS * QUERIES * DIM], k[HEADS * KEYS * DIM], v[HEADS * KEYS * OUT];
    static float expected[HEADS * QUERIES * OUT], result[HEADS * QUERIES * OUT];
    applesim_set("macos=15.0");
    Fixture f = fixture_create();
    fill_random(q, HEADS * QUERIES * DIM, 1);
    fill_random(k, HEADS * KEYS * DIM, 2);
    fill_random(v, HEADS * KEYS * OUT, 3);
    for (int i = 0; i < HEADS * QUERIES * OUT; i++) {
        int query = i / OUT;
        int head = query / QUERIES;
        expected[i] = (float)attention_of(q + query * DIM, k + head * KEYS * DIM,
                                          v + head * KEYS * OUT, 1.5, i % OUT);
    }
    MPSGraphTensor *attention =
        [f.graph scaledDotProductAttentionWithQueryTensor:fixture_feed(&f, SHAPE(2, 3, 5, 4), q)
                                                keyTensor:fixture_feed(&f, SHAPE(2, 3, 7, 4), k)
                                              valueTensor:fixture_feed(&f, SHAPE(2, 3, 7, 3), v)
                                                    scale:1.5f
                                                     name:nil];
    CHECK([[attention shape] isEqual:SHAPE(2, 3, 5, 3)]);
    fixture_run(&f, attention, result);
    CHECK_CLOSE(result, expected, HEADS * QUERIES * OUT, 1e-6);
    fixture_destroy(&f);
}

int main(void) {
    @autoreleasepool {
        test_matrix_product();
        test_batches_broadcast();
        test_f16_accumulates_in_f32();
        test_transposed_by_hand();
        test_attention();
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            check_convolution(&cases[i]);
            check_adjoint(&cases[i], false);
            check_adjoint(&cases[i], true);
        }
    }
    return 0;
}
