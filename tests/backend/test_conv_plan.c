/* test_conv_plan.c: which algorithm each kind of kernel table chooses for a layer: as measured
 * where the costs were fitted, and as ever for small networks, whose bits depend on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "backend/cpu/conv_plan.h"

#define F32  CLEAVE_PRECISION_F32
#define F16  CLEAVE_PRECISION_F16
#define BF16 CLEAVE_PRECISION_BF16

/* A 3x3 convolution: channels, and the size in frames by bins. */
typedef struct Layer {
    int inputs;
    int outputs;
    int frames;
    int bins;
} Layer;

static void expect(const char *table, cleave_precision precision, Layer layer, const char *how) {
    const Kernels kernels = {.name = table};
    char text[64];
    CpuLayer cpu = {.op = OP_CONV,
                    .conv = {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}},
                    .blocks = (layer.inputs + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK,
                    .input_height = layer.frames,
                    .input_width = layer.bins,
                    .output = {layer.outputs, layer.frames, layer.bins},
                    .kernels = &kernels,
                    .precision = precision};
    ConvPlan plan = conv_plan_choose(&cpu);
    conv_plan_describe(&plan, text, sizeof(text));
    assert_string_equal(text, how);
}

/* The layers of the common public size and of a 6-stem drum network. */
static void large_layers_are_computed_as_measured(void **state) {
    (void)state;
    static const struct {
        Layer layer;
        const char *avx2;
        const char *f32; /* with AVX-512 */
        const char *bf16;
        const char *widened; /* f16 and bf16 where the processor has no products of them */
    } cases[] = {
#define WEIGHTS   "winograd 16x4, weights first"
#define PATCHES   "winograd 16x8, patches first"
#define LARGER    "winograd6 8x4, weights first"
#define SMALLEST  "winograd 2x2, patches first"
#define SAME(how) how, how, how, how
        {{128, 128, 256, 1024}, LARGER, LARGER, WEIGHTS, WEIGHTS},
        {{256, 256, 128, 512}, SAME(WEIGHTS)},
        {{384, 384, 64, 256}, PATCHES, WEIGHTS, WEIGHTS, PATCHES},
        {{768, 384, 64, 256}, SAME(WEIGHTS)},
        {{512, 512, 32, 128}, SAME(PATCHES)},
        {{1024, 512, 32, 128}, SAME(PATCHES)},
        {{640, 640, 16, 64}, SAME("winograd 16x4, patches first")},
        {{768, 768, 8, 32}, SAME("winograd 8x2, patches first")},
        {{128, 128, 256, 256}, LARGER, LARGER, WEIGHTS, WEIGHTS},
        {{384, 384, 64, 64}, SAME(PATCHES)},
        {{768, 384, 64, 64}, SAME(PATCHES)},
        {{512, 512, 32, 32}, SAME("winograd 8x8, patches first")},
        {{640, 640, 16, 16}, SAME("winograd 4x4, patches first")},
        {{768, 768, 8, 8}, SMALLEST, SMALLEST, "direct", SMALLEST},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static const char *const avx512[] = {"avx512", "avx512bf16", "amx"};
        static const char *const native[] = {"avx512bf16", "amx"};
        static const char *const others[] = {"reference", "avx2", "neon"};
        for (size_t t = 0; t < sizeof(avx512) / sizeof(avx512[0]); t++)
            expect(avx512[t], F32, cases[i].layer, cases[i].f32);
        for (size_t t = 0; t < sizeof(native) / sizeof(native[0]); t++)
            expect(native[t], BF16, cases[i].layer, cases[i].bf16);
        for (size_t t = 0; t < sizeof(others) / sizeof(others[0]); t++)
            expect(others[t], F32, cases[i].layer, cases[i].avx2);
        expect("avx2", BF16, cases[i].layer, cases[i].widened);
        expect("avx512", BF16, cases[i].layer, cases[i].widened);
        expect("amx", F16, cases[i].layer, cases[i].widened);
    }
}

/* Networks of some ten channels, and the bundled one, have the same bits on every processor with
 * the same kind of products. */
static void small_layers_are_computed_alike_by_all_tables(void **state) {
    (void)state;
    static const struct {
        Layer layer;
        const char *how;
    } cases[] = {
        {{12, 12, 22, 48}, "winograd 8x4, weights first"},
        {{24, 24, 8, 24}, "direct"},
        {{6, 6, 16, 64}, "winograd 8x2, weights first"},
        {{16, 16, 16, 48}, "winograd 8x2, weights first"},
        {{32, 16, 16, 48}, "winograd 8x2, weights first"},
        {{16, 8, 48, 96}, "winograd 16x8, patches first"},
        {{24, 24, 48, 24}, "winograd 6x5, weights first"},
        {{64, 64, 128, 256}, WEIGHTS},
        {{160, 80, 64, 128}, WEIGHTS},
        {{192, 96, 32, 64}, "winograd 8x4, weights first"},
        {{112, 112, 16, 32}, "winograd 8x4, patches first"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect("avx2", F32, cases[i].layer, cases[i].how);
        expect("avx512", F32, cases[i].layer, cases[i].how);
        expect("avx512bf16", BF16, cases[i].layer, cases[i].how);
        expect("amx", BF16, cases[i].layer, cases[i].how);
    }
}

/* Where a backend does not choose algorithms, there is nothing to list. */
static void a_backend_without_layers_has_an_empty_plan(void **state) {
    (void)state;
    Backend backend = backend_cpu;
    NetworkPlan plan = {.count = 7};
    Graph graph = {0};
    CompileOptions options = {0};
    backend.layers = NULL;
    assert_int_equal(backend_layers(&backend, &plan, &graph, &options, NULL), CLEAVE_OK);
    assert_int_equal(plan.count, 0);
    assert_null(plan.layers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_layers_are_computed_as_measured),
        cmocka_unit_test(a_backend_without_layers_has_an_empty_plan),
        cmocka_unit_test(small_layers_are_computed_alike_by_all_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
