/* fuzz_plan.c: a plan in the cache, of a network with few classes of layers. Traps where a plan is
 * taken that does not fit, or where one that is not taken has changed anything. */
#include <stdlib.h>
#include <string.h>

#include "separate/plan_cache.h"
#include "tests/fuzz/fuzz.h"

#define LAYERS 3

/* As make_corpus.py has them. */
static const LayerPlan estimates[LAYERS] = {
    {.layer = {.op = OP_CONV,
               .conv = {{3, 3}, {1, 1}, {1, 1}},
               .act = ACT_GELU,
               .blocks = 8,
               .input_height = 256,
               .input_width = 1024,
               .output = {128, 256, 1024}}},
    {.layer = {.op = OP_CONV_TRANSPOSED,
               .conv = {{2, 2}, {2, 2}, {0, 0}},
               .act = ACT_RELU,
               .blocks = 5,
               .input_height = 8,
               .input_width = 6,
               .output = {70, 16, 12}}},
    {.layer =
         {.op = OP_LINEAR, .blocks = 1, .input_height = 8, .input_width = 6, .output = {3, 8, 5}}},
};

static bool is_estimate(const LayerPlan *layers) {
    for (int i = 0; i < LAYERS; i++)
        if (!layer_class_equal(&layers[i].layer, &estimates[i].layer) ||
            !conv_plan_equal(&layers[i].conv, &estimates[i].conv) || layers[i].seconds != 0)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    LayerPlan layers[LAYERS];
    NetworkPlan plan = {layers, LAYERS};
    PlanKey key = {&backend_cpu, "machine", "kernels", "f32"};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    memcpy(layers, estimates, sizeof(layers));
    bool taken = plan_cache_parse(&plan, &key, text);
    for (int i = 0; i < LAYERS && taken; i++)
        if (!backend_cpu.fits(&layers[i].layer, &layers[i].conv) || !(layers[i].seconds > 0))
            abort();
    if (!taken && !is_estimate(layers))
        abort();
    free(text);
    return 0;
}
