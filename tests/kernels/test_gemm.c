/* test_gemm.c: matrix products of random shapes. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "gemm_case.h"
#include "kernel_tests.h"

#define ROWS_MAX   45
#define BLOCKS_MAX 12

static void make_case(GemmCase *gemm, const Kernels *kernels, cleave_precision precision,
                      GemmValues values) {
    GemmArguments *x = &gemm->arguments;
    memset(gemm, 0, sizeof(*gemm));
    x->rows = 1 + random_below(ROWS_MAX);
    x->k_blocks = 1 + random_below(BLOCKS_MAX);
    x->columns = 1 + (int)random_below(GEMM_COLUMNS);
    x->a_stride = CHANNEL_BLOCK * (1 + random_below(4));
    x->c_stride = CHANNEL_BLOCK * (1 + random_below(3));
    for (size_t i = 0; i < x->k_blocks; i++)
        gemm->offsets[i] = random_below(7 * BLOCKS_MAX) * CHANNEL_BLOCK;
    bool adds = random_below(2) == 0;
    gemm_case_make(gemm, kernels, precision, values, adds, random_below(2) == 0);
}

/* One element in float64: the sum of its terms, and the sums of the positive and the negative ones.
 */
typedef struct ExactSum {
    double all;
    double plus;
    double minus; /* its magnitude */
} ExactSum;

static void add_term(ExactSum *sum, double term) {
    sum->all += term;
    if (term > 0)
        sum->plus += term;
    else
        sum->minus -= term;
}

static ExactSum exact_element(const GemmCase *gemm, int column, size_t row, size_t lane) {
    const GemmArguments *x = &gemm->arguments;
    const float *b = gemm->b + (size_t)column * gemm->b_floats;
    ExactSum sum = {0, 0, 0};
    for (size_t k = 0; k < x->k_blocks * CHANNEL_BLOCK; k++) {
        size_t a = gemm->offsets[k / CHANNEL_BLOCK] + row * x->a_stride + k % CHANNEL_BLOCK;
        add_term(&sum, (double)gemm->a[a] * (double)b[k * CHANNEL_BLOCK + lane]);
    }
    if (x->bias[column])
        add_term(&sum, (double)x->bias[column][lane]);
    if (x->add[column])
        add_term(&sum, (double)x->add[column][row * x->c_stride + lane]);
    return sum;
}

/* Within the bound of recursive summation, n · u · Σ|terms| (Higham, Accuracy and Stability of
 * Numerical Algorithms, §4.2), and n subnormals of f32, which products may lose. The order of the
 * terms is not known: where the positive ones alone leave f32's range, the sum may be infinite on
 * the way, and so with the negative ones; where both do, it may be no number. */
static bool is_near(double got, ExactSum exact, double terms) {
    double bound = terms * (UNIT_ROUNDOFF * (exact.plus + exact.minus) + 0x1p-126);
    double range = (double)FLT_MAX * (1 - terms * UNIT_ROUNDOFF);
    if (isnan(exact.all))
        return isnan(got);
    if (isnan(got))
        return exact.plus > range && exact.minus > range;
    if (isinf(got))
        return (got > 0 ? exact.plus : exact.minus) > range &&
               !isinf(got > 0 ? exact.minus : exact.plus);
    return !isinf(exact.all) && fabs(got - exact.all) <= bound;
}

/* Every element near what it should be, everything else untouched. */
static void verify_result(const GemmCase *gemm) {
    const GemmArguments *x = &gemm->arguments;
    double terms = (double)(x->k_blocks * CHANNEL_BLOCK + 3);
    for (int column = 0; column < GEMM_COLUMNS; column++)
        for (size_t i = 0; i < gemm->c_floats; i++) {
            size_t row = i / x->c_stride;
            size_t lane = i % x->c_stride;
            float got = x->c[column][i];
            if (column >= x->columns || row >= x->rows || lane >= CHANNEL_BLOCK) {
                check_untouched("gemm wrote outside", i, got, CANARY);
                continue;
            }
            ExactSum exact = exact_element(gemm, column, row, lane);
            if (!is_near((double)got, exact, terms))
                check_fail("gemm", i, (double)got, exact.all);
        }
}

static void run_one_row(const GemmCase *gemm, int column, size_t row) {
    const GemmArguments *x = &gemm->arguments;
    GemmArguments part = *x;
    const void *pointers[GEMM_BLOCKS_MAX];
    for (size_t i = 0; i < x->k_blocks; i++)
        pointers[i] =
            gemm_case_element(gemm, gemm->a_elements, gemm->offsets[i] + row * x->a_stride);
    part.a = pointers;
    part.rows = 1;
    part.columns = 1;
    part.b[0] = x->b[column];
    part.c[0] = x->c[column] + row * x->c_stride;
    part.bias[0] = x->bias[column];
    part.add[0] = x->add[column] ? x->add[column] + row * x->c_stride : NULL;
    gemm->products->gemm(&part);
}

/* The same product row by row and column by column has the same bits. */
static void verify_cuts(const GemmCase *gemm) {
    size_t count = GEMM_COLUMNS * gemm->c_floats;
    float *pieces = equal_floats(count, CANARY);
    GemmCase cut = *gemm;
    for (size_t j = 0; j < GEMM_COLUMNS; j++)
        cut.arguments.c[j] = pieces + j * gemm->c_floats;
    for (int column = 0; column < gemm->arguments.columns; column++)
        for (size_t row = 0; row < gemm->arguments.rows; row++)
            run_one_row(&cut, column, row);
    check_same_bits("gemm cut otherwise", pieces, gemm->c, count);
    memory_free_aligned(pieces);
}

/* add may be c itself. */
static void verify_in_place(const GemmCase *gemm) {
    GemmArguments x = gemm->arguments;
    if (!x.add[0])
        return;
    for (int j = 0; j < x.columns; j++) {
        x.c[j] = (float *)(uintptr_t)x.add[j];
        x.add[j] = x.c[j];
    }
    gemm->products->gemm(&x);
    for (int j = 0; j < x.columns; j++)
        for (size_t row = 0; row < x.rows; row++)
            check_same_bits("gemm in place", x.c[j] + row * x.c_stride,
                            gemm->arguments.c[j] + row * x.c_stride, CHANNEL_BLOCK);
}

static void test_products(const Kernels *kernels, cleave_precision precision, GemmValues values,
                          int trials) {
    for (int trial = 0; trial < trials; trial++) {
        GemmCase gemm;
        make_case(&gemm, kernels, precision, values);
        gemm.products->gemm(&gemm.arguments);
        verify_result(&gemm);
        verify_cuts(&gemm);
        verify_in_place(&gemm);
        gemm_case_free(&gemm);
    }
}

void test_gemm(const Kernels *kernels, int precision) {
    test_products(kernels, (cleave_precision)precision, GEMM_ORDINARY, 150);
}

void test_gemm_special(const Kernels *kernels, int precision) {
    test_products(kernels, (cleave_precision)precision, GEMM_SPECIAL, 50);
}
