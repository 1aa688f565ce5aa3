/* check_kernels.c: every kernel of every instruction set that this processor runs, against float64
 * arithmetic on random shapes, odd edges included; with --bench, how fast each is.
 *
 *   check_kernels [--bench] [--seed N] */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/cpu/kernels/kernels.h"
#include "base/memory.h"
#include "emulated_amx.h"
#include "tests/random.h"

#define UNIT_ROUNDOFF 5.9604644775390625e-08 /* 2^-24 */
#define CANARY        12345.678f

static int passed;
static int failed;

/* Failures in the check that runs now; their first is described. */
static int errors;
static char first_error[256];

static void complain(const char *what, size_t at, double got, double expected) {
    if (errors++ == 0)
        snprintf(first_error, sizeof(first_error), "%s: element %zu is %.9g, expected %.9g", what,
                 at, got, expected);
}

static void conclude(const Kernels *kernels, const char *name) {
    printf("%-10s %-12s %s%s\n", kernels->name, name, errors ? "FAILED: " : "ok",
           errors ? first_error : "");
    if (errors)
        failed++;
    else
        passed++;
    errors = 0;
}

/* ---- Random data ---- */

static uint64_t random_state = 1;

static size_t random_below(size_t limit) {
    return (size_t)(random_next(&random_state) % limit);
}

static float random_float(float low, float high) {
    return low +
           (high - low) * (float)((double)(random_next(&random_state) >> 40) / (double)(1 << 24));
}

static float *random_floats(size_t count, float low, float high) {
    float *values = memory_allocate_aligned(count * sizeof(float));
    if (!values) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < count; i++)
        values[i] = random_float(low, high);
    return values;
}

static void fill(float *values, size_t count, float value) {
    for (size_t i = 0; i < count; i++)
        values[i] = value;
}

/* The same bits. One NaN is as good as another: nobody promises its sign or payload. */
static void expect_equal(const char *what, const float *got, const float *expected, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t got_bits;
        uint32_t expected_bits;
        memcpy(&got_bits, &got[i], sizeof(got_bits));
        memcpy(&expected_bits, &expected[i], sizeof(expected_bits));
        if (got_bits != expected_bits && !(isnan(got[i]) && isnan(expected[i])))
            complain(what, i, (double)got[i], (double)expected[i]);
    }
}

/* ---- Narrow elements ---- */

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* f16 by its definition. */
static double double_of_f16(uint16_t value) {
    int exponent = value >> 10 & 31;
    double fraction = value & 1023;
    double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    if (exponent == 31)
        magnitude = fraction != 0 ? (double)NAN : (double)INFINITY;
    return value & 0x8000 ? -magnitude : magnitude;
}

/* Nearest with `bits` of fraction, ties to even, from exponents of `least` up; what rounds to 2 to
 * the power `limit` is infinite. */
static double rounded(double x, int bits, int least, int limit) {
    int exponent = 0;
    if (x == 0 || isnan(x) || isinf(x))
        return x;
    frexp(x, &exponent);
    exponent = exponent - 1 < least ? least : exponent - 1;
    double step = ldexp(1, exponent - bits);
    double value = nearbyint(x / step) * step;
    return fabs(value) >= ldexp(1, limit) ? copysign((double)INFINITY, x) : value;
}

static double rounded_bf16(double x) {
    return rounded(x, 7, -126, 128);
}

static double rounded_f16(double x) {
    return rounded(x, 10, -14, 16);
}

static double rounded_f32(double x) {
    return (double)(float)x;
}

static double double_of_bf16(uint16_t value) {
    return (double)float_of((uint32_t)value << 16);
}

/* The elements of a precision: what they can hold, and what their bits stand for. */
typedef struct Format {
    const char *name;
    double (*rounded)(double x);
    double (*value)(uint16_t bits); /* NULL: floats */
} Format;

static const Format formats[PRECISIONS] = {
    [CLEAVE_PRECISION_F32] = {"f32", rounded_f32, NULL},
    [CLEAVE_PRECISION_F16] = {"f16", rounded_f16, double_of_f16},
    [CLEAVE_PRECISION_BF16] = {"bf16", rounded_bf16, double_of_bf16},
};

static const char *name_of(const char *check, cleave_precision precision) {
    static char name[32];
    snprintf(name, sizeof(name), "%s %s", check, formats[precision].name);
    return name;
}

/* Zeros, ties, the ends of f16's and bf16's ranges, and subnormals of both. */
static const float special_values[] = {
    0.0f,     -0.0f,      1.00390625f, 1.01171875f,   1.00048828125f, 1.00146484375f, 3.38e38f,
    3.4e38f,  -3.4e38f,   65519.9f,    65520.0f,      -65504.f,       INFINITY,       -INFINITY,
    NAN,      -NAN,       0x1p-14f,    0x1.ffcp-15f,  0x1.ffep-15f,   0x1p-24f,       0x1p-25f,
    0x3p-26f, 0x1.8p-24f, -1e-5f,      0x1.fe8p-127f, 0x1.8p-133f,    0x1p-134f,      -1e-40f,
};

#define SPECIAL_VALUES (sizeof(special_values) / sizeof(special_values[0]))

/* Half the values are of special kinds, the others of all magnitudes that f16 has. */
static float *random_wide(size_t count) {
    float *values = random_floats(count, -1, 1);
    for (size_t i = 0; i < count; i++)
        values[i] = i % 2 ? special_values[random_below(SPECIAL_VALUES)]
                          : ldexpf(values[i], (int)random_below(40) - 26);
    return values;
}

/* Equal, or both NaN; subnormals may count as zero where the processor's bf16 has none. */
static void expect_narrow(const char *what, size_t at, double got, double expected) {
    bool flushed = fabs(expected) <= 0x1p-126 && got == 0;
    if (!(got == expected || (isnan(got) && isnan(expected)) || flushed))
        complain(what, at, got, expected);
}

#define PANEL (CHANNEL_BLOCK * CHANNEL_BLOCK)

/* A table's own order of the elements in each CHANNEL_BLOCK vectors of B: element i of them lies at
 * places[i]. Found by narrowing the whole numbers below 256, which both formats hold. */
static void find_places(const ProductKernels *products, const Format *format,
                        size_t places[PANEL]) {
    float from[PANEL];
    uint16_t to[PANEL];
    for (size_t i = 0; i < PANEL; i++) {
        from[i] = (float)i;
        places[i] = PANEL;
    }
    products->narrow_vectors(to, from, CHANNEL_BLOCK);
    for (size_t i = 0; i < PANEL; i++) {
        double value = format->value(to[i]);
        if (value >= 0 && value < PANEL)
            places[(size_t)value] = i;
    }
    for (size_t i = 0; i < PANEL; i++)
        if (places[i] == PANEL) {
            complain("narrow vectors lost", i, 0, (double)i);
            places[i] = 0;
        }
}

static void check_narrow(const Kernels *kernels, cleave_precision precision) {
    const ProductKernels *products = &kernels->products[precision];
    const Format *format = &formats[precision];
    size_t places[PANEL];
    find_places(products, format, places);
    for (size_t blocks = 1; blocks < 5; blocks++) {
        size_t count = blocks * PANEL;
        float *from = random_wide(count);
        uint16_t *to = (uint16_t *)(void *)random_floats(count, 0, 0);
        products->narrow(to, from, blocks * CHANNEL_BLOCK);
        for (size_t i = 0; i < count; i++)
            expect_narrow("narrow", i, format->value(to[i]), format->rounded((double)from[i]));
        products->narrow_vectors(to, from, blocks * CHANNEL_BLOCK);
        for (size_t i = 0; i < count; i++)
            expect_narrow("narrow vectors", i,
                          format->value(to[i / PANEL * PANEL + places[i % PANEL]]),
                          format->rounded((double)from[i]));
        memory_free_aligned(from);
        memory_free_aligned(to);
    }
    conclude(kernels, name_of("narrow", precision));
}

static void check_f16(const Kernels *kernels) {
    enum { COUNT = 64 * CHANNEL_BLOCK };
    float *from = random_wide(COUNT);
    float *back = random_floats(COUNT, 0, 0);
    uint16_t *to = (uint16_t *)(void *)random_floats(COUNT, 0, 0);
    kernels->narrow_f16(to, from, COUNT, 0.5f);
    kernels->widen_f16(back, to, COUNT, 4.0f);
    for (size_t i = 0; i < COUNT; i++) {
        double narrow = rounded_f16(0.5 * (double)from[i]);
        expect_narrow("narrow f16", i, double_of_f16(to[i]), narrow);
        expect_narrow("widen f16", i, (double)back[i], 4 * narrow);
    }
    memory_free_aligned(from);
    memory_free_aligned(back);
    memory_free_aligned(to);
    conclude(kernels, "f16");
}

/* ---- gemm ---- */

#define GEMM_ROWS_MAX   45
#define GEMM_BLOCKS_MAX 12

/* One random product, with its operands in f32 and as the kernel gets them. Rows of c are c_stride
 * apart; what lies between them, and one row behind the last, holds canaries. */
typedef struct GemmCase {
    GemmArguments arguments;
    const ProductKernels *products;
    const void *pointers[GEMM_BLOCKS_MAX];
    size_t offsets[GEMM_BLOCKS_MAX]; /* of the pointers, in elements */
    float *a;                        /* what the elements stand for, as is the next */
    float *b;
    void *a_elements;
    void *b_elements;
    size_t b_floats; /* of one column */
    float *add;
    float *c;
    size_t c_floats;
} GemmCase;

/* Rounds `values` to what the elements can hold, and makes the elements. */
static void *make_elements(const Kernels *kernels, cleave_precision precision, float *values,
                           size_t count, bool vectors) {
    const ProductKernels *products = &kernels->products[precision];
    void *elements = random_floats(count, 0, 0);
    if (!products->narrow) {
        memcpy(elements, values, count * sizeof(float));
        return elements;
    }
    for (size_t i = 0; i < count; i++)
        values[i] = (float)formats[precision].rounded((double)values[i]);
    (vectors ? products->narrow_vectors : products->narrow)(elements, values,
                                                            count / CHANNEL_BLOCK);
    return elements;
}

static const void *element_at(const GemmCase *g, const void *elements, size_t index) {
    return (const unsigned char *)elements + index * g->products->element;
}

/* Puts values of one special kind into A, a new kind every few rows, and gives B all magnitudes
 * from f16's subnormals up; those of bf16 stay out of it, which times infinity may be NaN. */
static void make_special(GemmCase *g, size_t a_floats) {
    float value = 0;
    for (size_t i = 0; i < a_floats; i += CHANNEL_BLOCK) {
        if (i / CHANNEL_BLOCK % 16 == 0)
            value = special_values[random_below(SPECIAL_VALUES)];
        if (random_below(4) == 0)
            g->a[i + random_below(CHANNEL_BLOCK)] = value;
    }
    for (size_t i = 0; i < GEMM_COLUMNS * g->b_floats; i++)
        g->b[i] = ldexpf(g->b[i], -(int)random_below(24));
}

static void create_gemm(GemmCase *g, const Kernels *kernels, cleave_precision precision,
                        bool special) {
    GemmArguments *x = &g->arguments;
    memset(g, 0, sizeof(*g));
    g->products = &kernels->products[precision];
    x->rows = 1 + random_below(GEMM_ROWS_MAX);
    x->k_blocks = 1 + random_below(GEMM_BLOCKS_MAX);
    x->columns = 1 + (int)random_below(GEMM_COLUMNS);
    x->a_stride = CHANNEL_BLOCK * (1 + random_below(4));
    x->c_stride = CHANNEL_BLOCK * (1 + random_below(3));
    size_t a_floats = x->rows * x->a_stride + GEMM_BLOCKS_MAX * 7 * CHANNEL_BLOCK;
    g->b_floats = x->k_blocks * CHANNEL_BLOCK * CHANNEL_BLOCK;
    g->c_floats = (x->rows + 1) * x->c_stride;
    g->a = random_floats(a_floats, -1, 1);
    g->b = random_floats(GEMM_COLUMNS * g->b_floats, -1, 1);
    if (special)
        make_special(g, a_floats);
    g->a_elements = make_elements(kernels, precision, g->a, a_floats, false);
    g->b_elements = make_elements(kernels, precision, g->b, GEMM_COLUMNS * g->b_floats, true);
    g->add = random_floats(GEMM_COLUMNS * g->c_floats, -1, 1);
    g->c = random_floats(GEMM_COLUMNS * g->c_floats, -1, 1);
    fill(g->c, GEMM_COLUMNS * g->c_floats, CANARY);
    for (size_t i = 0; i < x->k_blocks; i++) {
        g->offsets[i] = random_below(7 * GEMM_BLOCKS_MAX) * CHANNEL_BLOCK;
        g->pointers[i] = element_at(g, g->a_elements, g->offsets[i]);
    }
    bool adds = random_below(2) == 0;
    x->a = g->pointers;
    for (int j = 0; j < GEMM_COLUMNS; j++) {
        x->b[j] = element_at(g, g->b_elements, (size_t)j * g->b_floats);
        x->c[j] = g->c + (size_t)j * g->c_floats;
        x->add[j] = adds ? g->add + (size_t)j * g->c_floats : NULL;
    }
}

static void destroy_gemm(GemmCase *g) {
    memory_free_aligned(g->a);
    memory_free_aligned(g->b);
    memory_free_aligned(g->a_elements);
    memory_free_aligned(g->b_elements);
    memory_free_aligned(g->add);
    memory_free_aligned(g->c);
}

/* One element in float64, and the sum of the magnitudes of its terms. */
static double exact_element(const GemmCase *g, int column, size_t row, size_t lane,
                            double *magnitude) {
    const GemmArguments *x = &g->arguments;
    double sum = 0;
    *magnitude = 0;
    for (size_t k = 0; k < x->k_blocks * CHANNEL_BLOCK; k++) {
        size_t a = g->offsets[k / CHANNEL_BLOCK] + row * x->a_stride + k % CHANNEL_BLOCK;
        double term =
            (double)g->a[a] * (double)g->b[(size_t)column * g->b_floats + k * CHANNEL_BLOCK + lane];
        sum += term;
        *magnitude += fabs(term);
    }
    if (x->add[column]) {
        double term = (double)x->add[column][row * x->c_stride + lane];
        sum += term;
        *magnitude += fabs(term);
    }
    return sum;
}

/* Within the tolerance; NaN and infinity where they must be. At the end of f32's range, sums of
 * terms whose order is not known are either. */
static bool is_near(double got, double expected, double tolerance) {
    if (isnan(expected) || isinf(expected))
        return isnan(expected) ? isnan(got) : got == expected;
    if (isinf(got))
        return fabs(expected) + tolerance > (double)FLT_MAX && (got > 0) == (expected > 0);
    return fabs(got - expected) <= tolerance;
}

/* Every element within the bound of recursive summation, n · u · Σ|terms| (Higham, Accuracy and
 * Stability of Numerical Algorithms, §4.2), and n subnormals of f32, which products may lose;
 * everything else untouched. */
static void verify_gemm(const GemmCase *g) {
    const GemmArguments *x = &g->arguments;
    double terms = (double)(x->k_blocks * CHANNEL_BLOCK + 2);
    for (int column = 0; column < GEMM_COLUMNS; column++)
        for (size_t i = 0; i < g->c_floats; i++) {
            size_t row = i / x->c_stride;
            size_t lane = i % x->c_stride;
            double got = (double)x->c[column][i];
            if (column >= x->columns || row >= x->rows || lane >= CHANNEL_BLOCK) {
                if (x->c[column][i] != CANARY)
                    complain("gemm wrote outside", i, got, (double)CANARY);
                continue;
            }
            double magnitude = 0;
            double expected = exact_element(g, column, row, lane, &magnitude);
            if (!is_near(got, expected, terms * (UNIT_ROUNDOFF * magnitude + 0x1p-126)))
                complain("gemm", i, got, expected);
        }
}

/* The same product row by row and column by column has the same bits. */
static void verify_cuts(const GemmCase *g) {
    const GemmArguments *x = &g->arguments;
    float *whole = random_floats(GEMM_COLUMNS * g->c_floats, 0, 0);
    memcpy(whole, g->c, GEMM_COLUMNS * g->c_floats * sizeof(float));
    fill(g->c, GEMM_COLUMNS * g->c_floats, CANARY);
    for (int column = 0; column < x->columns; column++)
        for (size_t row = 0; row < x->rows; row++) {
            GemmArguments part = *x;
            const void *pointers[GEMM_BLOCKS_MAX];
            for (size_t i = 0; i < x->k_blocks; i++)
                pointers[i] = element_at(g, g->a_elements, g->offsets[i] + row * x->a_stride);
            part.a = pointers;
            part.rows = 1;
            part.columns = 1;
            part.b[0] = x->b[column];
            part.c[0] = x->c[column] + row * x->c_stride;
            part.add[0] = x->add[column] ? x->add[column] + row * x->c_stride : NULL;
            g->products->gemm(&part);
        }
    expect_equal("gemm cut otherwise", g->c, whole, GEMM_COLUMNS * g->c_floats);
    memory_free_aligned(whole);
}

/* add may be c itself. */
static void verify_in_place(const GemmCase *g) {
    GemmArguments x = g->arguments;
    if (!x.add[0])
        return;
    for (int j = 0; j < x.columns; j++) {
        x.c[j] = (float *)(uintptr_t)x.add[j];
        x.add[j] = x.c[j];
    }
    g->products->gemm(&x);
    for (int j = 0; j < x.columns; j++)
        for (size_t row = 0; row < x.rows; row++)
            expect_equal("gemm in place", x.c[j] + row * x.c_stride,
                         g->arguments.c[j] + row * x.c_stride, CHANNEL_BLOCK);
}

static void check_gemm(const Kernels *kernels, cleave_precision precision, bool special) {
    for (int trial = 0; trial < (special ? 50 : 150); trial++) {
        GemmCase g;
        create_gemm(&g, kernels, precision, special);
        kernels->products[precision].gemm(&g.arguments);
        verify_gemm(&g);
        verify_cuts(&g);
        verify_in_place(&g);
        destroy_gemm(&g);
    }
    conclude(kernels, name_of(special ? "special" : "gemm", precision));
}

/* ---- load ---- */

static const char *const act_names[ACT_KINDS] = {"load none", "load gelu", "load relu", "load elu"};

static double exact_act(ActKind act, double x, double alpha) {
    switch (act) {
    case ACT_NONE:
        return x;
    case ACT_GELU:
        return x * 0.5 * erfc(-x * 0.70710678118654752440);
    case ACT_RELU:
        return x < 0 ? 0 : x;
    case ACT_ELU:
        return x > 0 ? x : alpha * expm1(x);
    }
    return NAN;
}

/* The affine step may round twice; GELU's erf is good to 4e-7 of its argument's half, ELU's
 * exponential to a few units in the last place of the larger of its terms. */
static double act_tolerance(ActKind act, double x, double magnitude) {
    double affine = 2.5 * UNIT_ROUNDOFF * magnitude;
    if (act == ACT_GELU)
        return 1.2 * affine + 4e-7 * fmax(0.5 * fabs(x), 1e-30);
    if (act == ACT_ELU)
        return affine + 4 * UNIT_ROUNDOFF * fmin(1, fabs(x));
    return affine;
}

static void verify_load(const Kernels *kernels, ActKind act, size_t positions, float range) {
    size_t count = positions * CHANNEL_BLOCK;
    float *from = random_floats(count + 1, -range, range);
    float *to = random_floats(count + CHANNEL_BLOCK, 0, 0);
    float *scale = random_floats(CHANNEL_BLOCK, -2, 2);
    float *shift = random_floats(CHANNEL_BLOCK, -2, 2);
    float alpha = random_float(0, 2);
    fill(to, count + CHANNEL_BLOCK, CANARY);
    kernels->load[act](to, from, positions, scale, shift, alpha);
    for (size_t i = 0; i < count; i++) {
        size_t lane = i % CHANNEL_BLOCK;
        double product = (double)from[i] * (double)scale[lane];
        double x = product + (double)shift[lane];
        double expected = exact_act(act, x, (double)alpha);
        double tolerance = act_tolerance(act, x, fabs(product) + fabs((double)shift[lane]));
        if (!(fabs((double)to[i] - expected) <= tolerance))
            complain(act_names[act], i, (double)to[i], expected);
    }
    for (size_t i = count; i < count + CHANNEL_BLOCK; i++)
        if (to[i] != CANARY)
            complain("load wrote outside", i, (double)to[i], (double)CANARY);
    kernels->load[act](from, from, positions, scale, shift, alpha);
    expect_equal("load in place", from, to, count);
    memory_free_aligned(from);
    memory_free_aligned(to);
    memory_free_aligned(scale);
    memory_free_aligned(shift);
}

/* Zero must stay exactly zero, large values must not overflow on the way, and a NaN must come
 * through, so that a broken weight is noticed. */
static void verify_special(const Kernels *kernels, ActKind act) {
    float values[CHANNEL_BLOCK] = {0.0f,   -0.0f,   1e30f, -1e30f, 88.0f, -88.0f, 500.0f, -500.0f,
                                   1e-30f, -1e-30f, 3.95f, -3.95f, 5.6f,  -5.6f,  NAN,    1.0f};
    float scale[CHANNEL_BLOCK];
    float shift[CHANNEL_BLOCK];
    float to[CHANNEL_BLOCK];
    fill(scale, CHANNEL_BLOCK, 1);
    fill(shift, CHANNEL_BLOCK, 0);
    kernels->load[act](to, values, 1, scale, shift, 1.0f);
    for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
        double x = (double)values[i];
        double expected = exact_act(act, x, 1);
        if (isnan(x) ? !isnan(to[i])
                     : !(fabs((double)to[i] - expected) <= act_tolerance(act, x, fabs(x))))
            complain("load of a special value", i, (double)to[i], expected);
    }
    if (to[0] != 0 || to[1] != 0)
        complain("load of zero", 0, (double)to[0], 0);
}

static void check_load(const Kernels *kernels) {
    for (int act = 0; act < ACT_KINDS; act++) {
        for (int trial = 0; trial < 60; trial++)
            verify_load(kernels, (ActKind)act, random_below(40), trial % 3 ? 4.0f : 60.0f);
        verify_special(kernels, (ActKind)act);
        conclude(kernels, act_names[act]);
    }
}

/* ---- Elementwise ---- */

typedef void (*BinaryKernel)(float *to, const float *a, const float *b, size_t positions);

static void check_binary(const Kernels *kernels, const char *name, BinaryKernel kernel,
                         BinaryKernel reference) {
    for (size_t positions = 0; positions < 20; positions++) {
        size_t count = positions * CHANNEL_BLOCK;
        float *a = random_floats(count + 1, -9, 9);
        float *b = random_floats(count + 1, -9, 9);
        float *got = random_floats(count + 1, 0, 0);
        float *expected = random_floats(count + 1, 0, 0);
        got[count] = CANARY;
        expected[count] = CANARY;
        kernel(got, a, b, positions);
        reference(expected, a, b, positions);
        expect_equal(name, got, expected, count + 1);
        kernel(a, a, b, positions);
        expect_equal(name, a, expected, count);
        memory_free_aligned(a);
        memory_free_aligned(b);
        memory_free_aligned(got);
        memory_free_aligned(expected);
    }
    conclude(kernels, name);
}

/* ---- Statistics ---- */

/* Elements of one lane in float64. */
static double exact_moment(const StatisticsArguments *a, size_t lane, double center, double power) {
    double sum = 0;
    for (size_t row = 0; row < a->rows; row++)
        for (size_t i = 0; i < a->positions; i++)
            sum += pow((double)a->from[row * a->stride + i * CHANNEL_BLOCK + lane] - center, power);
    return sum;
}

/* A mean far from zero must not cost the variance its digits. */
static void verify_statistics(const Kernels *kernels, size_t positions, float offset) {
    float mean[CHANNEL_BLOCK];
    float squares[CHANNEL_BLOCK];
    StatisticsArguments a = {.rows = 1 + random_below(4),
                             .stride = (positions + random_below(3)) * CHANNEL_BLOCK,
                             .positions = positions,
                             .mean = mean,
                             .squares = squares};
    float *from = random_floats(a.rows * a.stride, offset - 1, offset + 1);
    a.from = from;
    kernels->statistics(&a);
    double count = (double)(a.rows * positions);
    for (size_t lane = 0; lane < CHANNEL_BLOCK; lane++) {
        double exact_mean = exact_moment(&a, lane, 0, 1) / count;
        double exact = exact_moment(&a, lane, exact_mean, 2);
        double scale = fabs((double)offset) + 1;
        double shift = fabs((double)mean[lane] - exact_mean);
        double tolerance = count * UNIT_ROUNDOFF * (exact + 4) +
                           count * (shift * shift + 4 * UNIT_ROUNDOFF * scale);
        if (!(shift <= count * UNIT_ROUNDOFF * scale))
            complain("mean", lane, (double)mean[lane], exact_mean);
        if (!(fabs((double)squares[lane] - exact) <= tolerance))
            complain("squares", lane, (double)squares[lane], exact);
    }
    memory_free_aligned(from);
}

static void check_statistics(const Kernels *kernels) {
    static const float offsets[] = {0, 0.5f, -30, 1000};
    for (size_t positions = 1; positions < 70; positions++)
        verify_statistics(kernels, positions, offsets[positions % 4]);
    conclude(kernels, "statistics");
}

/* ---- Winograd ---- */

#define WINOGRAD_TILES_MAX 9

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

/* Two passes of up to 6 terms, of which constants and products round too. */
#define TRANSFORM_TOLERANCE (20 * UNIT_ROUNDOFF)

static void expect_near(const char *what, size_t at, float got, double expected, double magnitude) {
    if (!(fabs((double)got - expected) <= TRANSFORM_TOLERANCE * magnitude))
        complain(what, at, (double)got, expected);
}

static void verify_winograd_input(const Kernels *kernels, size_t tiles) {
    size_t row = (tiles * WINOGRAD_TILE + 2 + random_below(3)) * CHANNEL_BLOCK;
    size_t stride = (tiles + 1) * CHANNEL_BLOCK;
    float *from = random_floats(WINOGRAD_WINDOW * row, -1, 1);
    float *to = random_floats(WINOGRAD_ELEMENTS * stride, 0, 0);
    fill(to, WINOGRAD_ELEMENTS * stride, CANARY);
    kernels->winograd_input(to, stride, from, row, tiles);
    for (size_t i = 0; i < WINOGRAD_ELEMENTS * stride; i++) {
        size_t e = i / stride;
        size_t tile = i % stride / CHANNEL_BLOCK;
        double magnitude = 0;
        if (tile == tiles) {
            if (to[i] != CANARY)
                complain("winograd input wrote outside", i, (double)to[i], (double)CANARY);
            continue;
        }
        const float *window = from + tile * WINOGRAD_TILE * CHANNEL_BLOCK + i % CHANNEL_BLOCK;
        double expected = exact_transform(input_matrix, window, row, CHANNEL_BLOCK, WINOGRAD_WINDOW,
                                          e / WINOGRAD_WINDOW, e % WINOGRAD_WINDOW, &magnitude);
        expect_near("winograd input", i, to[i], expected, magnitude);
    }
    memory_free_aligned(from);
    memory_free_aligned(to);
}

static void verify_winograd_weights(const Kernels *kernels) {
    size_t stride = PANEL * (1 + random_below(3));
    float *taps = random_floats(9 * PANEL, -1, 1);
    float *to = random_floats(WINOGRAD_ELEMENTS * stride, 0, 0);
    fill(to, WINOGRAD_ELEMENTS * stride, CANARY);
    kernels->winograd_weights(to, stride, taps);
    for (size_t i = 0; i < WINOGRAD_ELEMENTS * stride; i++) {
        size_t e = i / stride;
        size_t at = i % stride;
        double magnitude = 0;
        if (at >= PANEL) {
            if (to[i] != CANARY)
                complain("winograd weights wrote outside", i, (double)to[i], (double)CANARY);
            continue;
        }
        double expected = exact_transform(weights_matrix, taps + at, 3 * PANEL, PANEL, 3,
                                          e / WINOGRAD_WINDOW, e % WINOGRAD_WINDOW, &magnitude);
        expect_near("winograd weights", i, to[i], expected, magnitude);
    }
    memory_free_aligned(taps);
    memory_free_aligned(to);
}

static void verify_winograd_output(const Kernels *kernels, size_t positions, size_t rows, bool adds,
                                   bool in_place) {
    size_t tiles = (positions + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
    size_t stride = (positions + 1) * CHANNEL_BLOCK;
    float *from = random_floats(WINOGRAD_ELEMENTS * tiles * CHANNEL_BLOCK, -1, 1);
    float *add = random_floats((WINOGRAD_TILE + 1) * stride, -1, 1);
    float *to = random_floats((WINOGRAD_TILE + 1) * stride, 0, 0);
    fill(to, (WINOGRAD_TILE + 1) * stride, CANARY);
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
        float untouched = in_place ? add[i] : CANARY;
        if (y >= rows || position >= positions) {
            if (to[i] != untouched)
                complain("winograd output wrote outside", i, (double)to[i], (double)untouched);
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

static void check_winograd(const Kernels *kernels) {
    for (size_t tiles = 1; tiles <= WINOGRAD_TILES_MAX; tiles++)
        verify_winograd_input(kernels, tiles);
    conclude(kernels, "winograd in");
    for (int trial = 0; trial < 10; trial++)
        verify_winograd_weights(kernels);
    conclude(kernels, "winograd w");
    for (size_t positions = 1; positions <= WINOGRAD_TILES_MAX * WINOGRAD_TILE; positions++)
        for (size_t rows = 1; rows <= WINOGRAD_TILE; rows++) {
            verify_winograd_output(kernels, positions, rows, false, false);
            verify_winograd_output(kernels, positions, rows, true, positions % 2 == 0);
        }
    conclude(kernels, "winograd out");
}

/* ---- Timing ---- */

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Rows of a 3×3 convolution from 64 to 64 channels over 256 positions. */
static void bench_gemm(const Kernels *kernels, cleave_precision precision) {
    enum { ROWS = 256, BLOCKS = 36, B_FLOATS = BLOCKS * PANEL };
    const ProductKernels *products = &kernels->products[precision];
    const void *pointers[BLOCKS];
    size_t a_floats = (ROWS + 2) * CHANNEL_BLOCK * BLOCKS;
    float *values = random_floats(a_floats, -1, 1);
    unsigned char *a = make_elements(kernels, precision, values, a_floats, false);
    float *more = random_floats((size_t)GEMM_COLUMNS * B_FLOATS, -1, 1);
    unsigned char *b =
        make_elements(kernels, precision, more, (size_t)GEMM_COLUMNS * B_FLOATS, true);
    float *c = random_floats(GEMM_COLUMNS * ROWS * CHANNEL_BLOCK, 0, 0);
    GemmArguments x = {.a = pointers,
                       .k_blocks = BLOCKS,
                       .a_stride = CHANNEL_BLOCK,
                       .c_stride = CHANNEL_BLOCK,
                       .rows = ROWS,
                       .columns = GEMM_COLUMNS};
    for (size_t i = 0; i < BLOCKS; i++)
        pointers[i] = a + (i / 3 * (ROWS + 2) + i % 3) * CHANNEL_BLOCK * products->element;
    for (size_t j = 0; j < GEMM_COLUMNS; j++) {
        x.b[j] = b + j * B_FLOATS * products->element;
        x.c[j] = c + j * ROWS * CHANNEL_BLOCK;
    }
    double best = INFINITY;
    double flops = 2.0 * (double)(ROWS * GEMM_COLUMNS * BLOCKS * CHANNEL_BLOCK * CHANNEL_BLOCK);
    for (int trial = 0; trial < 30; trial++) {
        double begin = seconds();
        products->gemm(&x);
        best = fmin(best, seconds() - begin);
    }
    printf("%-10s %-12s %8.2f GFLOP/s\n", kernels->name, name_of("gemm", precision),
           flops / best / 1e9);
    memory_free_aligned(values);
    memory_free_aligned(more);
    memory_free_aligned(a);
    memory_free_aligned(b);
    memory_free_aligned(c);
}

static void bench_row(const Kernels *kernels, const char *name, int kernel) {
    enum { POSITIONS = 256 };
    float *a = random_floats(POSITIONS * CHANNEL_BLOCK, -4, 4);
    float *b = random_floats(POSITIONS * CHANNEL_BLOCK, -4, 4);
    float *to = random_floats(POSITIONS * CHANNEL_BLOCK, 0, 0);
    double best = INFINITY;
    for (int trial = 0; trial < 200; trial++) {
        double begin = seconds();
        if (kernel < ACT_KINDS)
            kernels->load[kernel](to, a, POSITIONS, b, b + CHANNEL_BLOCK, 1);
        else if (kernel == ACT_KINDS)
            kernels->multiply(to, a, b, POSITIONS);
        else if (kernel == ACT_KINDS + 1)
            kernels->add(to, a, b, POSITIONS);
        else
            kernels->statistics(&(StatisticsArguments){a, 1, 0, POSITIONS, to, to + CHANNEL_BLOCK});
        best = fmin(best, seconds() - begin);
    }
    printf("%-10s %-12s %8.2f Gelement/s\n", kernels->name, name,
           POSITIONS * CHANNEL_BLOCK / best / 1e9);
    memory_free_aligned(a);
    memory_free_aligned(b);
    memory_free_aligned(to);
}

static void bench(const Kernels *kernels) {
    for (cleave_precision precision = CLEAVE_PRECISION_F32; precision < PRECISIONS; precision++)
        bench_gemm(kernels, precision);
    for (int act = 0; act < ACT_KINDS; act++)
        bench_row(kernels, act_names[act], act);
    bench_row(kernels, "multiply", ACT_KINDS);
    bench_row(kernels, "add", ACT_KINDS + 1);
    bench_row(kernels, "statistics", ACT_KINDS + 2);
}

static void check_products(const Kernels *kernels, cleave_precision precision) {
    check_gemm(kernels, precision, false);
    check_gemm(kernels, precision, true);
    if (formats[precision].value)
        check_narrow(kernels, precision);
}

static void check(const Kernels *kernels) {
    for (cleave_precision precision = CLEAVE_PRECISION_F32; precision < PRECISIONS; precision++)
        check_products(kernels, precision);
    check_f16(kernels);
    check_load(kernels);
    check_binary(kernels, "multiply", kernels->multiply, kernels_reference.multiply);
    check_binary(kernels, "add", kernels->add, kernels_reference.add);
    check_statistics(kernels);
    check_winograd(kernels);
}

int main(int argc, char **argv) {
    bool timing = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bench") == 0) {
            timing = true;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            random_state = strtoull(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: check_kernels [--bench] [--seed N]\n");
            return 2;
        }
    }
    for (const Kernels *const *table = kernels_available(); *table; table++) {
        if (timing)
            bench(*table);
        else
            check(*table);
    }
    Kernels emulated = emulated_amx();
    if (!timing) {
        check_products(&emulated, CLEAVE_PRECISION_BF16);
        printf("%d passed, %d failed\n", passed, failed);
    }
    return failed ? 1 : 0;
}
