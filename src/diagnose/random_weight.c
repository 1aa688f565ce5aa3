/* random_weight.c: how large the values of each kind of weight are, and their drawing. */
#include "diagnose/random_weight.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "graph/rope.h"

/* Values are uniform in middle ± spread. */
typedef struct Range {
    float middle;
    float spread;
} Range;

static Range range_of(const WeightSpec *spec) {
    if (spec->dim_count == 1) {
        if (text_ends_with(spec->name, ".running_var"))
            return (Range){1.0F, 0.5F};
        bool gain = text_ends_with(spec->name, ".weight") || text_ends_with(spec->name, ".gamma");
        return gain ? (Range){1.0F, 0.1F} : (Range){0.0F, 0.05F};
    }
    /* A transposed convolution whose kernel is its stride adds one tap per input channel. */
    bool transposed = strstr(spec->name, ".upscale.") != NULL;
    double fan_in = (double)(transposed ? spec->dims[0] : spec->dims[1]);
    for (int i = 2; i < spec->dim_count && !transposed; i++)
        fan_in *= (double)spec->dims[i];
    return (Range){0.0F, (float)sqrt(3.0 / fan_in)}; /* a variance of 1 / fan_in */
}

/* RoPE's frequencies are not trained: every network has these. */
static void draw_frequencies(const WeightSpec *spec, size_t first, float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        values[i] = rope_frequency((int)(first + i), 2 * (int)spec->dims[0]);
}

void random_weight_draw(const WeightSpec *spec, uint64_t *state, size_t first, float *values,
                        size_t count) {
    Range range = range_of(spec);
    uint64_t bits = 0;
    if (text_ends_with(spec->name, ".rotary_embed.freqs")) {
        draw_frequencies(spec, first, values, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        bits = i % 2 == 0 ? random_next(state) : bits >> 32;
        values[i] = range.middle + range.spread * (float)(int32_t)(uint32_t)bits * 0x1p-31F;
    }
}
