/* test_winograd.c: the three transforms of Winograd's convolution, against their matrices. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "elements.h"
#include "kernel_tests.h"

#define PANEL     (CHANNEL_BLOCK * CHANNEL_BLOCK)
#define TILES_MAX 9

/* The three transforms' matrices in float64. */
typedef double Matrix[WINOGRAD_WINDOW_MAX][WINOGRAD_WINDOW_MAX];

typedef struct Matrices {
    Matrix input;
    Matrix weights;
    Matrix output;
} Matrices;

#define A M_SQRT1_2
#define B M_SQRT2
static const Matrices matrices[WINOGRAD_SIZES] = {
    [WINOGRAD_4X4] = {.input = {{1, 0, -2.5, 0, 1, 0},
                                {0, -B, -2, A, 1, 0},
                                {0, B, -2, -A, 1, 0},
                                {0, -A, -0.5, B, 1, 0},
                                {0, A, -0.5, -B, 1, 0},
                                {0, 1, 0, -2.5, 0, 1}},
                      .weights = {{1, 0, 0},
                                  {-2.0 / 3, -2.0 / 3 * A, -1.0 / 3},
                                  {-2.0 / 3, 2.0 / 3 * A, -1.0 / 3},
                                  {1.0 / 6, B / 6, 1.0 / 3},
                                  {1.0 / 6, -B / 6, 1.0 / 3},
                                  {0, 0, 1}},
                      .output = {{1, 1, 1, 1, 1, 0},
                                 {0, A, -A, B, -B, 0},
                                 {0, 0.5, 0.5, 2, 2, 0},
                                 {0, A / 2, -A / 2, 2 * B, -2 * B, 1}}},
    [WINOGRAD_6X6] = {.input = {{1, 0, -5.25, 0, 5.25, 0, -1, 0},
                                {0, 2, 4, -2.5, -5, 0.5, 1, 0},
                                {0, -2, 4, 2.5, -5, -0.5, 1, 0},
                                {0, 1, 1, -4.25, -4.25, 1, 1, 0},
                                {0, -1, 1, 4.25, -4.25, -1, 1, 0},
                                {0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0},
                                {0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0},
                                {0, -1, 0, 5.25, 0, -5.25, 0, 1}},
                      .weights = {{1, 0, 0},
                                  {32.0 / 45, 16.0 / 45, 8.0 / 45},
                                  {32.0 / 45, -16.0 / 45, 8.0 / 45},
                                  {-2.0 / 9, -2.0 / 9, -2.0 / 9},
                                  {-2.0 / 9, 2.0 / 9, -2.0 / 9},
                                  {1.0 / 90, 1.0 / 45, 2.0 / 45},
                                  {1.0 / 90, -1.0 / 45, 2.0 / 45},
                                  {0, 0, 1}},
                      .output = {{1, 1, 1, 1, 1, 1, 1, 0},
                                 {0, 0.5, -0.5, 1, -1, 2, -2, 0},
                                 {0, 0.25, 0.25, 1, 1, 4, 4, 0},
                                 {0, 0.125, -0.125, 1, -1, 8, -8, 0},
                                 {0, 0.0625, 0.0625, 1, 1, 16, 16, 0},
                                 {0, 0.03125, -0.03125, 1, -1, 32, -32, 1}}},
};
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

/* Two passes of up to 8 terms; constants and products are rounded too. */
#define TRANSFORM_TOLERANCE (20 * UNIT_ROUNDOFF)

static void expect_near(const char *what, size_t at, float got, double expected, double magnitude) {
    if (!(fabs((double)got - expected) <= TRANSFORM_TOLERANCE * magnitude))
        check_fail(what, at, (double)got, expected);
}

/* The elements are those of `wide`, the transform in f32, where elements of the window lie one tile
 * further apart. */
static void verify_input_elements(const Kernels *kernels, cleave_precision precision,
                                  WinogradSize size, const float *from, size_t row, size_t tiles,
                                  const float *wide) {
    const ProductKernels *products = &kernels->products[precision];
    size_t stride = tiles * CHANNEL_BLOCK;
    size_t count = winograd_elements(size) * stride;
    uint16_t *got = element_room(count);
    float *dense = equal_floats(count, CANARY);
    for (size_t e = 0; e < winograd_elements(size); e++)
        memcpy(dense + e * stride, wide + e * (stride + CHANNEL_BLOCK), stride * sizeof(float));
    products->winograd_input[size](got, stride, from, row, tiles);
    check_elements("winograd input as elements", products, got, dense, count);
    memory_free_aligned(got);
    memory_free_aligned(dense);
}

static void verify_input(const Kernels *kernels, WinogradSize size, size_t tiles) {
    size_t row = (tiles * winograd_tile(size) + 2 + random_below(3)) * CHANNEL_BLOCK;
    size_t stride = (tiles + 1) * CHANNEL_BLOCK;
    float *from = random_floats(winograd_window(size) * row, -1, 1);
    float *to = equal_floats(winograd_elements(size) * stride, CANARY);
    kernels->products[CLEAVE_PRECISION_F32].winograd_input[size](to, stride, from, row, tiles);
    for (size_t i = 0; i < winograd_elements(size) * stride; i++) {
        size_t e = i / stride;
        size_t tile = i % stride / CHANNEL_BLOCK;
        double magnitude = 0;
        if (tile == tiles) {
            check_untouched("winograd input wrote outside", i, to[i], CANARY);
            continue;
        }
        const float *window = from + tile * winograd_tile(size) * CHANNEL_BLOCK + i % CHANNEL_BLOCK;
        double expected =
            exact_transform(matrices[size].input, window, row, CHANNEL_BLOCK, winograd_window(size),
                            e / winograd_window(size), e % winograd_window(size), &magnitude);
        expect_near("winograd input", i, to[i], expected, magnitude);
    }
    verify_input_elements(kernels, CLEAVE_PRECISION_F16, size, from, row, tiles, to);
    verify_input_elements(kernels, CLEAVE_PRECISION_BF16, size, from, row, tiles, to);
    memory_free_aligned(from);
    memory_free_aligned(to);
}

static void verify_weights(const Kernels *kernels, WinogradSize size) {
    size_t stride = PANEL * (1 + random_below(3));
    float *taps = random_floats(9 * PANEL, -1, 1);
    float *to = equal_floats(winograd_elements(size) * stride, CANARY);
    kernels->winograd[size].weights(to, stride, taps);
    for (size_t i = 0; i < winograd_elements(size) * stride; i++) {
        size_t e = i / stride;
        size_t at = i % stride;
        double magnitude = 0;
        if (at >= PANEL) {
            check_untouched("winograd weights wrote outside", i, to[i], CANARY);
            continue;
        }
        double expected =
            exact_transform(matrices[size].weights, taps + at, 3 * PANEL, PANEL, 3,
                            e / winograd_window(size), e % winograd_window(size), &magnitude);
        expect_near("winograd weights", i, to[i], expected, magnitude);
    }
    memory_free_aligned(taps);
    memory_free_aligned(to);
}

static void verify_output(const Kernels *kernels, WinogradSize size, size_t positions, size_t rows,
                          bool adds, bool in_place) {
    size_t tiles = (positions + winograd_tile(size) - 1) / winograd_tile(size);
    size_t stride = (positions + 1) * CHANNEL_BLOCK;
    float *from = random_floats(winograd_elements(size) * tiles * CHANNEL_BLOCK, -1, 1);
    float *add = random_floats((winograd_tile(size) + 1) * stride, -1, 1);
    float *to = equal_floats((winograd_tile(size) + 1) * stride, CANARY);
    if (in_place)
        memcpy(to, add, (winograd_tile(size) + 1) * stride * sizeof(float));
    WinogradOutput o = {.from = from,
                        .from_stride = tiles * CHANNEL_BLOCK,
                        .to = to,
                        .add = adds ? in_place ? to : add : NULL,
                        .to_stride = stride,
                        .rows = rows,
                        .positions = positions};
    kernels->winograd[size].output(&o);
    for (size_t i = 0; i < (winograd_tile(size) + 1) * stride; i++) {
        size_t y = i / stride;
        size_t position = i % stride / CHANNEL_BLOCK;
        if (y >= rows || position >= positions) {
            check_untouched("winograd output wrote outside", i, to[i], in_place ? add[i] : CANARY);
            continue;
        }
        const float *tile =
            from + position / winograd_tile(size) * CHANNEL_BLOCK + i % CHANNEL_BLOCK;
        double magnitude = 0;
        double expected = exact_transform(
            matrices[size].output, tile, winograd_window(size) * o.from_stride, o.from_stride,
            winograd_window(size), y, position % winograd_tile(size), &magnitude);
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

void test_winograd_input(const Kernels *kernels, int size) {
    for (size_t tiles = 1; tiles <= TILES_MAX; tiles++)
        verify_input(kernels, (WinogradSize)size, tiles);
}

void test_winograd_weights(const Kernels *kernels, int size) {
    for (int trial = 0; trial < 10; trial++)
        verify_weights(kernels, (WinogradSize)size);
}

void test_winograd_output(const Kernels *kernels, int size) {
    size_t tile = winograd_tile((WinogradSize)size);
    for (size_t positions = 1; positions <= TILES_MAX * tile; positions++)
        for (size_t rows = 1; rows <= tile; rows++) {
            verify_output(kernels, (WinogradSize)size, positions, rows, false, false);
            verify_output(kernels, (WinogradSize)size, positions, rows, true, positions % 2 == 0);
        }
}
