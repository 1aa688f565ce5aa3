/* gemm_case.c: random operands in memory, and the arguments that point to them. */
#include "gemm_case.h"

#include <math.h>

#include "base/memory.h"
#include "check.h"
#include "elements.h"

/* Puts values of one special kind into A, a new kind every few rows. B gets all magnitudes from
 * f16's subnormals up, but no subnormals of bf16: times infinity these may be NaN. */
static void make_special(GemmCase *gemm, size_t a_floats) {
    float value = 0;
    for (size_t i = 0; i < a_floats; i += CHANNEL_BLOCK) {
        if (i / CHANNEL_BLOCK % 16 == 0)
            value = element_special();
        if (random_below(4) == 0)
            gemm->a[i + random_below(CHANNEL_BLOCK)] = value;
    }
    for (size_t i = 0; i < GEMM_COLUMNS * gemm->b_floats; i++)
        gemm->b[i] = ldexpf(gemm->b[i], -(int)random_below(24));
}

static size_t floats_of_a(const GemmCase *gemm) {
    size_t last = 0;
    for (size_t i = 0; i < gemm->arguments.k_blocks; i++)
        last = gemm->offsets[i] > last ? gemm->offsets[i] : last;
    return last + gemm->arguments.rows * gemm->arguments.a_stride;
}

static void point_arguments(GemmCase *gemm, bool adds, bool has_bias) {
    GemmArguments *x = &gemm->arguments;
    for (size_t i = 0; i < x->k_blocks; i++)
        gemm->pointers[i] = gemm_case_element(gemm, gemm->a_elements, gemm->offsets[i]);
    x->a = gemm->pointers;
    for (size_t j = 0; j < GEMM_COLUMNS; j++) {
        x->b[j] = gemm_case_element(gemm, gemm->b_elements, j * gemm->b_floats);
        x->c[j] = gemm->c + j * gemm->c_floats;
        x->add[j] = adds ? gemm->add + j * gemm->c_floats : NULL;
        x->bias[j] = has_bias ? gemm->bias + j * CHANNEL_BLOCK : NULL;
    }
}

void gemm_case_make(GemmCase *gemm, const Kernels *kernels, cleave_precision precision,
                    GemmValues values, bool adds, bool has_bias) {
    const ElementFormat *format = &element_formats[precision];
    size_t a_floats = floats_of_a(gemm);
    gemm->products = &kernels->products[precision];
    gemm->b_floats = gemm->arguments.k_blocks * CHANNEL_BLOCK * CHANNEL_BLOCK;
    gemm->c_floats = (gemm->arguments.rows + 1) * gemm->arguments.c_stride;
    gemm->a = random_floats(a_floats, -1, 1);
    gemm->b = random_floats(GEMM_COLUMNS * gemm->b_floats, -1, 1);
    if (values == GEMM_SPECIAL)
        make_special(gemm, a_floats);
    gemm->a_elements = elements_of(gemm->products, format, gemm->a, a_floats, false);
    gemm->b_elements =
        elements_of(gemm->products, format, gemm->b, GEMM_COLUMNS * gemm->b_floats, true);
    gemm->add = random_floats(GEMM_COLUMNS * gemm->c_floats, -1, 1);
    gemm->c = equal_floats(GEMM_COLUMNS * gemm->c_floats, CANARY);
    gemm->bias = random_floats(GEMM_COLUMNS * CHANNEL_BLOCK, -1, 1);
    point_arguments(gemm, adds, has_bias);
}

const void *gemm_case_element(const GemmCase *gemm, const void *elements, size_t index) {
    return (const unsigned char *)elements + index * gemm->products->element;
}

void gemm_case_free(GemmCase *gemm) {
    memory_free_aligned(gemm->a);
    memory_free_aligned(gemm->b);
    memory_free_aligned(gemm->a_elements);
    memory_free_aligned(gemm->b_elements);
    memory_free_aligned(gemm->add);
    memory_free_aligned(gemm->bias);
    memory_free_aligned(gemm->c);
}
