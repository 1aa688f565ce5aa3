/* test_narrow.c: floats to elements narrower than they are, and back. */
#include "base/memory.h"
#include "check.h"
#include "elements.h"
#include "kernel_tests.h"

#define PANEL (CHANNEL_BLOCK * CHANNEL_BLOCK)

/* A table's own order of the elements in each CHANNEL_BLOCK vectors of B: element i of them lies at
 * places[i]. Found by narrowing the whole numbers below 256, which both formats hold. */
static void find_places(const ProductKernels *products, const ElementFormat *format,
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
            check_fail("narrow vectors lost", i, 0, (double)i);
            places[i] = 0;
        }
}

static void verify_narrow(const ProductKernels *products, const ElementFormat *format,
                          size_t blocks, const size_t places[PANEL]) {
    size_t count = blocks * PANEL;
    float *from = element_special_floats(count);
    uint16_t *to = (uint16_t *)(void *)equal_floats(count, 0);
    products->narrow(to, from, blocks * CHANNEL_BLOCK);
    for (size_t i = 0; i < count; i++)
        element_check("narrow", i, format->value(to[i]), format->rounded((double)from[i]));
    products->narrow_vectors(to, from, blocks * CHANNEL_BLOCK);
    for (size_t i = 0; i < count; i++)
        element_check("narrow vectors", i, format->value(to[i / PANEL * PANEL + places[i % PANEL]]),
                      format->rounded((double)from[i]));
    memory_free_aligned(from);
    memory_free_aligned(to);
}

void test_narrow(const Kernels *kernels, int precision) {
    const ProductKernels *products = &kernels->products[precision];
    const ElementFormat *format = &element_formats[precision];
    size_t places[PANEL];
    find_places(products, format, places);
    for (size_t blocks = 1; blocks < 5; blocks++)
        verify_narrow(products, format, blocks, places);
}

void test_f16(const Kernels *kernels, int variant) {
    enum { COUNT = 64 * CHANNEL_BLOCK };
    const ElementFormat *format = &element_formats[CLEAVE_PRECISION_F16];
    float *from = element_special_floats(COUNT);
    float *back = equal_floats(COUNT, 0);
    uint16_t *to = (uint16_t *)(void *)equal_floats(COUNT, 0);
    (void)variant;
    kernels->narrow_f16(to, from, COUNT, 0.5f);
    kernels->widen_f16(back, to, COUNT, 4.0f);
    for (size_t i = 0; i < COUNT; i++) {
        double narrow = format->rounded(0.5 * (double)from[i]);
        element_check("narrow f16", i, format->value(to[i]), narrow);
        element_check("widen f16", i, (double)back[i], 4 * narrow);
    }
    memory_free_aligned(from);
    memory_free_aligned(back);
    memory_free_aligned(to);
}
