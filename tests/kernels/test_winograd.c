/* test_winograd.c: the three transforms of Winograd's convolution, against their matrices. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "elements.h"
#include "kernel_tests.h"

#define PANEL     (CHANNEL_BLOCK * CHANNEL_BLOCK)
#define TILES_MAX 9

/* The three transforms' matrices in float64, and the sums of their rows' magnitudes. */
typedef double Matrix[WINOGRAD_WINDOW][WINOGRAD_WINDOW];

#define A M_SQRT1_2
#define B M_SQRT2
static const Matrix input_matrix = {{1, 0, -2.5, 0, 1, 0},  {0, -B, -2, A, 1, 0},
                                    {0, B, -2, -A, 1, 0},   {0, -A, -0.5, B, 1, 0},
                                    {0, A, -0.5, -B, 1, 0}, {0, 1, 0, -2.5, 0, 1}};
static const Matrix weights_matrix = {{1, 0, 0},
                                      {-2.0 / 3, -2.0 / 3 * A, -1.0 / 3},
                                      {-2.0 / 3, 2.0 / 3 * A, -1.0 / 3},
                                      {1.0 / 6, B / 6, 1.0 / 3},
                                      {1.0 / 6, -B / 6, 1.0 / 3},
                                      {0, 0, 1}};
static const Matrix output_matrix = {{1, 1, 1, 1, 1, 0},
                                     {0, A, -A, B, -B, 0},
                                     {0, 0.5, 0.5, 2, 2, 0},
                                     {0, A / 2, -A / 2, 2 * B, -2 * B, 1}};
#undef A
#undef B

/* An element of T from Tᵀ, where from(j, k) is from[j · row + k · column], and the sum of its
 * terms' magnitudes. */
static double exact_transform(const Matrix t, const float *from, size_t row, size_t column,
                              size_t size, size_t y, size_t x, double *magnitude) {
    double sum = 0;
    *magnitude = 0;
    for (size_t j = 0; j < size; j++)
        for (size_t k = 0; k < size; k++) {
            double term = t[y][j] * t[x][k] * (double)from[j * row + k * column];
            sum += term;
            *magnitude += fabs(term);
        }
    return sum;
}

/* Two passes of up to 6 terms; constants and products are rounded too. */
#define TRANSFORM_TOLERANCE (20 * UNIT_ROUNDOFF)

static void expect_near(const char *what, size_t at, float got, double expected, double magnitude) {
    if (!(fabs((double)got - expected) <= TRANSFORM_TOLERANCE * magnitude))
        check_fail(what, at, (double)got, expected);
}

/* The elements are those of `wide`, the transform in f32, where elements of the window lie one tile
 * further apart. */
static void verify_input_elements(const Kernels *kernels, cleave_precision precision,
                                  const float *from, size_t row, size_t tiles, const float *wide) {
    const ProductKernels *products = &kernels->products[precision];
    size_t stride = tiles * CHANNEL_BLOCK;
    uint16_t *got = element_room(WINOGRAD_ELEMENTS * stride);
    float *dense = equal_floats(WINOGRAD_ELEMENTS * stride, CANARY);
    for (size_t e = 0; e < WINOGRAD_ELEMENTS; e++)
        memcpy(dense + e * stride, wide + e * (stride + CHANNEL_BLOCK), stride * sizeof(float));
    products->winograd_input(got, stride, from, row, tiles);
    check_elements("winograd input as elements", products, got, dense, WINOGRAD_ELEMENTS * stride);
    memory_free_aligned(got);
    memory_free_aligned(dense);
}

static void verify_input(const Kernels *kernels, size_t tiles) {
    size_t row = (tiles * WINOGRAD_TILE + 2 + random_below(3)) * CHANNEL_BLOCK;
    size_t stride = (tiles + 1) * CHANNEL_BLOCK;
    float *from = random_floats(WINOGRAD_WINDOW * row, -1, 1);
    float *to = equal_floats(WINOGRAD_ELEMENTS * stride, CANARY);
    kernels->products[CLEAVE_PRECISION_F32].winograd_input(to, stride, from, row, tiles);
    for (size_t i = 0; i < WINOGRAD_ELEMENTS * stride; i++) {
        size_t e = i / stride;
        size_t tile = i % stride / CHANNEL_BLOCK;
        double magnitude = 0;
        if (tile == tiles) {
            check_untouched("winograd input wrote outside", i, to[i], CANARY);
            continue;
        }
        const float *window = from + tile * WINOGRAD_TILE * CHANNEL_BLOCK + i % CHANNEL_BLOCK;
        double expected = exact_transform(input_matrix, window, row, CHANNEL_BLOCK, WINOGRAD_WINDOW,
                                          e / WINOGRAD_WINDOW, e % WINOGRAD_WINDOW, &magnitude);
        expect_near("winograd input", i, to[i], expected, magnitude);
    }
    verify_input_elements(kernels, CLEAVE_PRECISION_F16, from, row, tiles, to);
    verify_input_elements(kernels, CLEAVE_PRECISION_BF16, from, row, tiles, to);
    memory_free_aligned(from);
    memory_free_aligned(to);
}

static void verify_weights(const Kernels *kernels) {
    size_t stride = PANEL * (1 + random_below(3));
    float *taps = random_floats(9 * PANEL, -1, 1);
    float *to = equal_floats(WINOGRAD_ELEMENTS * stride, CANARY);
    kernels->winograd_weights(to, stride, taps);
    for (size_t i = 0; i < WINOGRAD_ELEMENTS * stride; i++) {
        size_t e = i / stride;
        size_t at = i % stride;
        double magnitude = 0;
        if (at >= PANEL) {
            check_untouched("winograd weights wrote outside", i, to[i], CANARY);
            continue;
        }
        double expected = exact_transform(weights_matrix, taps + at, 3 * PANEL, PANEL, 3,
                                          e / WINOGRAD_WINDOW, e % WINOGRAD_WINDOW, &magnitude);
        expect_near("winograd weights", i, to[i], expected, magnitude);
    }
    memory_free_aligned(taps);
    memory_free_aligned(to);
}

static void verify_output(const Kernels *kernels, size_t positions, size_t rows, bool adds,
                          bool in_place) {
    size_t tiles = (positions + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
    size_t stride = (positions + 1) * CHANNEL_BLOCK;
    float *from = random_floats(WINOGRAD_ELEMENTS * tiles * CHANNEL_BLOCK, -1, 1);
    float *add = random_floats((WINOGRAD_TILE + 1) * stride, -1, 1);
    float *to = equal_floats((WINOGRAD_TILE + 1) * stride, CANARY);
    if (in_place)
        memcpy(to, add, (WINOGRAD_TILE + 1) * stride * sizeof(float));
    WinogradOutput o = {.from = from,
                        .from_stride = tiles * CHANNEL_BLOCK,
                        .to = to,
                        .add = adds ? in_place ? to : add : NULL,
                        .to_stride = stride,
                        .rows = rows,
                        .positions = positions};
    kernels->winograd_output(&o);
    for (size_t i = 0; i < (WINOGRAD_TILE + 1) * stride; i++) {
        size_t y = i / stride;
        size_t position = i % stride / CHANNEL_BLOCK;
        if (y >= rows || position >= positions) {
            check_untouched("winograd output wrote outside", i, to[i], in_place ? add[i] : CANARY);
            continue;
        }
        const float *tile = from + position / WINOGRAD_TILE * CHANNEL_BLOCK + i % CHANNEL_BLOCK;
        double magnitude = 0;
        double expected =
            exact_transform(output_matrix, tile, WINOGRAD_WINDOW * o.from_stride, o.from_stride,
                            WINOGRAD_WINDOW, y, position % WINOGRAD_TILE, &magnitude);
        if (adds) {
            expected += (double)add[i];
            magnitude += fabs((double)add[i]);
        }
        expect_near("winograd output", i, to[i], expected, magnitude);
    }
    memory_free_aligned(from);
    memory_free_aligned(add);
    memory_free_aligned(to);
}

void test_winograd_input(const Kernels *kernels, int variant) {
    (void)variant;
    for (size_t tiles = 1; tiles <= TILES_MAX; tiles++)
        verify_input(kernels, tiles);
}

void test_winograd_weights(const Kernels *kernels, int variant) {
    (void)variant;
    for (int trial = 0; trial < 10; trial++)
        verify_weights(kernels);
}

void test_winograd_output(const Kernels *kernels, int variant) {
    (void)variant;
    for (size_t positions = 1; positions <= TILES_MAX * WINOGRAD_TILE; positions++)
        for (size_t rows = 1; rows <= WINOGRAD_TILE; rows++) {
            verify_output(kernels, positions, rows, false, false);
            verify_output(kernels, positions, rows, true, positions % 2 == 0);
        }
}
