/* conv_plan.c: the cost model that chooses the algorithm of each convolution, with a fit for each
 * kind of kernel table. */
#include "backend/cpu/conv_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* The most that a plan may keep transformed, unless every plan takes more. */
#define CANDIDATE_BYTES ((size_t)64 << 20)

/* ---- Sizes ---- */

static bool is_3x3(const CpuLayer *layer) {
    static const ConvAttributes wanted = {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};
    return layer->op == OP_CONV && memcmp(&layer->conv, &wanted, sizeof(wanted)) == 0;
}

static size_t layer_tiles(const CpuLayer *layer, WinogradSize size) {
    return (size_t)winograd_tiles(size, layer->output.height) *
           (size_t)winograd_tiles(size, layer->output.width);
}

static size_t column_blocks(const CpuLayer *layer) {
    return size_divide_up((size_t)layer->output.channels, CHANNEL_BLOCK);
}

static size_t patch_tiles(const ConvPlan *plan) {
    return (size_t)plan->patch_rows * (size_t)plan->patch_columns;
}

static size_t patches(const CpuLayer *layer, const ConvPlan *plan) {
    WinogradSize size = conv_winograd_size(plan->algorithm);
    return size_divide_up((size_t)winograd_tiles(size, layer->output.height),
                          (size_t)plan->patch_rows) *
           size_divide_up((size_t)winograd_tiles(size, layer->output.width),
                          (size_t)plan->patch_columns);
}

/* Bytes of the largest array that a plan keeps transformed, in f32: all weights, all patches, or
 * one thread's patch. False if that overflows. */
static bool transformed_bytes(const CpuLayer *layer, const ConvPlan *plan, size_t *bytes) {
    size_t patch = 0;
    size_t all = 0;
    size_t one =
        winograd_elements(conv_winograd_size(plan->algorithm)) * CHANNEL_BLOCK * sizeof(float);
    bool good = size_multiply(patch_tiles(plan), (size_t)layer->blocks + 1, &patch) &&
                size_multiply(patch, one, &patch);
    if (plan->weights_first)
        good = good && size_multiply((size_t)layer->blocks, column_blocks(layer), &all) &&
               size_multiply(all, one * CHANNEL_BLOCK, &all);
    else
        good = good && size_multiply(patch, patches(layer, plan), &all);
    *bytes = size_max(patch, all);
    return good;
}

/* ---- Cost ---- */

/* Nanoseconds on one core. Only their ratios decide. */
typedef struct LayerCosts {
    double gemm;        /* for each vector of a product */
    double load;        /* for each position of a channel block that is loaded */
    double linear;      /* for each vector of a linear's product */
    double linear_load; /* for each position that a linear loads */
    /* By WinogradSize: for loading and transforming a tile of a channel block, and back; and for
     * transforming the weights of a block of in and output. */
    double tile[WINOGRAD_SIZES];
    double panel[WINOGRAD_SIZES];
    /* For each vector of all transformed weights, which every patch reads anew from where they
     * stay: the inner cache, the outer cache, or memory. */
    double inner_weight;
    double outer_weight;
    double memory_weight;
    double weight_bytes; /* of an element of transformed weights, as the choice of plans counts */
} LayerCosts;

/* Fitted on an AMD EPYC with AVX2, f32, to some two hundred measurements of convolutions and
 * linears of 16 to 1280 channels. Other processors change all of them by much the same factor. */
#define F32_COSTS                                                                      \
    .gemm = 0.37, .load = 1.0, .linear = 0.34, .linear_load = 7.0, .tile = {374, 960}, \
    .panel = {1930, 3430}, .inner_weight = 0.1, .outer_weight = 0.67,                  \
    .weight_bytes = sizeof(float)

static const LayerCosts avx2_costs = {F32_COSTS, .memory_weight = 2.96};

/* With AVX-512, f32. On an AMD EPYC of the Zen 4 generation, two threads, every way was timed for
 * each layer of the common public size and of a 6-stem drum network of 256 frames. The fit above
 * chose the fastest but for 384 channels at 64 × 256, which want weights first: 1 % of the
 * network's time. Any memory_weight from 0.84 to 1.46 chooses all as measured. */
static const LayerCosts avx512_costs = {F32_COSTS, .memory_weight = 1.2};

/* With bf16 products by the processor's own instructions: timed there as well, on the table
 * avx512bf16. gemm and panel are the times of the drum network's layers, and 384 channels at 64 ×
 * 64 and at 64 × 256 want an outer_weight from 0.77 to 1.35. A tile took 350: with 200, layers of
 * some ten channels, whose time does not matter, keep the algorithm, and the bits, that they always
 * had. AMX's products are faster still, but of its layers only the smallest were chosen wrongly
 * before (docs/performance.md). */
static const LayerCosts bf16_costs = {.gemm = 0.157,
                                      .load = 0.42,
                                      .linear = 0.17,
                                      .linear_load = 7.0,
                                      .tile = {200},
                                      .panel = {1780},
                                      .inner_weight = 0.04,
                                      .outer_weight = 1.0,
                                      .memory_weight = 3.0,
                                      .weight_bytes = sizeof(uint16_t)};

/* The tables with costs of their own. All others have AVX2's, which were not measured on them. */
static const struct {
    const char *kernels;
    cleave_precision precision;
    const LayerCosts *costs;
} cost_fits[] = {
    {"avx512", CLEAVE_PRECISION_F32, &avx512_costs},
    {"avx512bf16", CLEAVE_PRECISION_F32, &avx512_costs},
    {"avx512bf16", CLEAVE_PRECISION_BF16, &bf16_costs},
    {"amx", CLEAVE_PRECISION_F32, &avx512_costs},
    {"amx", CLEAVE_PRECISION_BF16, &bf16_costs},
};

static const LayerCosts *layer_costs(const CpuLayer *layer) {
    for (size_t i = 0; i < sizeof(cost_fits) / sizeof(cost_fits[0]); i++)
        if (strcmp(cost_fits[i].kernels, layer->kernels->name) == 0 &&
            cost_fits[i].precision == layer->precision)
            return cost_fits[i].costs;
    return &avx2_costs;
}

/* The same for all tables: no choice depends on these. */
#define STFT_NS        8 /* for each element */
#define ELEMENTWISE_NS 2 /* for each position of a channel block */

#define INNER_CACHE_BYTES ((double)((size_t)4 << 20))
#define OUTER_CACHE_BYTES ((double)((size_t)16 << 20))

/* Threads between which the work should be divisible: a constant, so that plans are the same on all
 * processors. With 8, small layers were computed directly that take half the time by Winograd. */
#define THREADS 4

/* How much longer it takes when `tasks` of equal size are shared out to THREADS. */
static double imbalance(size_t tasks) {
    return (double)(size_divide_up(tasks, THREADS) * THREADS) / (double)tasks;
}

static double elements(int blocks, int height, int width) {
    return (double)blocks * height * width;
}

static double direct_cost(const CpuLayer *layer) {
    const LayerCosts *costs = layer_costs(layer);
    const int *kernel = layer->conv.kernel;
    bool transposed = layer->op == OP_CONV_TRANSPOSED;
    double taps = transposed ? 1 : (double)kernel[0] * kernel[1];
    double rows = (double)layer->output.height * layer->output.width * taps;
    double vectors = rows * layer->blocks * CHANNEL_BLOCK * (double)column_blocks(layer);
    return costs->gemm * vectors +
           costs->load * elements(layer->blocks, layer->input_height, layer->input_width);
}

static double weight_cost(const LayerCosts *costs, double vectors) {
    double bytes = vectors * CHANNEL_BLOCK * costs->weight_bytes;
    return bytes <= INNER_CACHE_BYTES   ? costs->inner_weight
           : bytes <= OUTER_CACHE_BYTES ? costs->outer_weight
                                        : costs->memory_weight;
}

static double winograd_cost(const CpuLayer *layer, const ConvPlan *plan) {
    const LayerCosts *costs = layer_costs(layer);
    double panels = (double)layer->blocks * (double)column_blocks(layer);
    WinogradSize size = conv_winograd_size(plan->algorithm);
    double vectors = (double)winograd_elements(size) * CHANNEL_BLOCK * panels;
    double weights = weight_cost(costs, vectors) * vectors;
    size_t parts = patches(layer, plan);
    double cost = (costs->gemm * vectors + costs->tile[size] * layer->blocks) *
                  (double)layer_tiles(layer, size);
    if (plan->weights_first)
        return (cost + costs->panel[size] * panels + weights * (double)parts) * imbalance(parts);
    return (cost + costs->panel[size] * panels * (double)parts) *
           imbalance(parts * size_divide_up(column_blocks(layer), GEMM_COLUMNS));
}

static double linear_cost(const CpuLayer *layer) {
    const LayerCosts *costs = layer_costs(layer);
    double rows = (double)layer->blocks * layer->output.height;
    return rows * (costs->linear * (double)layer->output.width * layer->input_width +
                   costs->linear_load * layer->input_width);
}

double conv_plan_cost(const CpuLayer *layer, const ConvPlan *plan) {
    switch (layer->op) {
    case OP_CONV:
    case OP_CONV_TRANSPOSED:
        return plan->algorithm != CONV_DIRECT ? winograd_cost(layer, plan) : direct_cost(layer);
    case OP_LINEAR:
        return linear_cost(layer);
    case OP_STFT:
        return STFT_NS *
               elements(layer->output.channels, layer->output.height, layer->output.width);
    case OP_ISTFT:
        return STFT_NS * elements(layer->tokens ? layer->blocks : layer->blocks * CHANNEL_BLOCK,
                                  layer->input_height, layer->input_width);
    case OP_BAND_SPLIT:
    case OP_ATTENTION:
    case OP_FEED_FORWARD:
    case OP_MASK:
        return layer_costs(layer)->gemm * layer->flops / (2 * CHANNEL_BLOCK);
    case OP_RMS_NORM:
        return ELEMENTWISE_NS * elements(layer->blocks, layer->output.height, layer->output.width) /
               CHANNEL_BLOCK;
    default:
        return ELEMENTWISE_NS * elements(layer->blocks, layer->output.height, layer->output.width);
    }
}

/* ---- Choosing ---- */

/* The patches that Winograd is tried with. Wide patches are loaded and transformed in longer runs.
 * 64 tiles are enough to pay for fetching the weights, and few enough to stay in a cache even with
 * many channels. Smaller patches share out a small layer. Larger patches transform weights less
 * often where that is done for each patch. Of equal costs the first wins. */
static const struct Way {
    size_t tiles; /* of a patch */
    size_t columns;
    ConvAlgorithm algorithm;
    bool weights_first;
} ways[] = {
    {64, 16, CONV_WINOGRAD_4X4, true},   {32, 8, CONV_WINOGRAD_4X4, true},
    {16, 8, CONV_WINOGRAD_4X4, true},    {64, 16, CONV_WINOGRAD_4X4, false},
    {128, 16, CONV_WINOGRAD_4X4, false}, {32, 8, CONV_WINOGRAD_6X6, true},
    {32, 8, CONV_WINOGRAD_6X6, false},   {64, 16, CONV_WINOGRAD_6X6, false},
};

#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

/* F(6×6) loses 12 dB more than F(4×4): it is taken where it takes so much of the time at most. */
#define WINOGRAD_6X6_SHARE 0.9

static ConvPlan winograd_plan(const CpuLayer *layer, const struct Way *way) {
    WinogradSize size = conv_winograd_size(way->algorithm);
    size_t columns =
        size_max(size_min((size_t)winograd_tiles(size, layer->output.width), way->columns), 1);
    size_t rows = size_max(
        size_min((size_t)winograd_tiles(size, layer->output.height), way->tiles / columns), 1);
    return (ConvPlan){.algorithm = way->algorithm,
                      .patch_rows = (int)rows,
                      .patch_columns = (int)columns,
                      .weights_first = way->weights_first};
}

/* What may be kept transformed: CANDIDATE_BYTES, or what the most modest way takes. */
static size_t allowed_bytes(const CpuLayer *layer) {
    size_t least = SIZE_MAX;
    for (int i = 0; i < WAYS; i++) {
        size_t bytes = 0;
        ConvPlan plan = winograd_plan(layer, &ways[i]);
        if (transformed_bytes(layer, &plan, &bytes))
            least = size_min(least, bytes);
    }
    return size_max(least, CANDIDATE_BYTES);
}

/* What the choice compares; infinite where the plan is out of the question. */
static double candidate_cost(const CpuLayer *layer, const ConvPlan *plan) {
    size_t bytes = 0;
    bool is_exact = plan->algorithm != CONV_WINOGRAD_6X6;
    if (!transformed_bytes(layer, plan, &bytes) || bytes > allowed_bytes(layer) ||
        (!is_exact && layer->precision != CLEAVE_PRECISION_F32))
        return INFINITY;
    return conv_plan_cost(layer, plan) / (is_exact ? 1 : WINOGRAD_6X6_SHARE);
}

static const ConvPlan *forced_plan;

void conv_plan_force(const ConvPlan *plan) {
    forced_plan = plan;
}

/* The forced plan, with patches cut to the layer's size. */
static ConvPlan cut_forced_plan(const CpuLayer *layer) {
    ConvPlan plan = *forced_plan;
    WinogradSize size = conv_winograd_size(plan.algorithm);
    if (plan.patch_rows > winograd_tiles(size, layer->output.height))
        plan.patch_rows = winograd_tiles(size, layer->output.height);
    if (plan.patch_columns > winograd_tiles(size, layer->output.width))
        plan.patch_columns = winograd_tiles(size, layer->output.width);
    return plan;
}

ConvPlan conv_plan_choose(const CpuLayer *layer) {
    ConvPlan best = {.algorithm = CONV_DIRECT};
    if (!is_3x3(layer))
        return best;
    if (forced_plan)
        return cut_forced_plan(layer);
    double least = conv_plan_cost(layer, &best);
    for (int i = 0; i < WAYS; i++) {
        ConvPlan plan = winograd_plan(layer, &ways[i]);
        double cost = candidate_cost(layer, &plan);
        if (cost < least) {
            best = plan;
            least = cost;
        }
    }
    return best;
}

/* ---- Words ---- */

const char *conv_algorithm_name(ConvAlgorithm algorithm) {
    static const char *const names[] = {[CONV_DIRECT] = "direct",
                                        [CONV_WINOGRAD_4X4] = "winograd",
                                        [CONV_WINOGRAD_6X6] = "winograd6"};
    return names[algorithm];
}

void conv_plan_describe(const ConvPlan *plan, char *text, size_t size) {
    const char *name = conv_algorithm_name(plan->algorithm);
    if (plan->algorithm != CONV_DIRECT)
        snprintf(text, size, "%s %dx%d, %s first", name, plan->patch_columns, plan->patch_rows,
                 plan->weights_first ? "weights" : "patches");
    else
        snprintf(text, size, "%s", name);
}
