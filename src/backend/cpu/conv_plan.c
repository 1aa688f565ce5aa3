/* conv_plan.c: see conv_plan.h. */
#include "backend/cpu/conv_plan.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* What a plan may keep transformed. */
#define CANDIDATE_BYTES ((size_t)64 << 20)

/* ---- Sizes ---- */

static bool is_3x3(const CpuLayer *layer) {
    static const ConvAttributes wanted = {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};
    return layer->op == OP_CONV && memcmp(&layer->conv, &wanted, sizeof(wanted)) == 0;
}

static int tiles(int size) {
    return (size + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
}

static size_t layer_tiles(const CpuLayer *layer) {
    return (size_t)tiles(layer->output.height) * (size_t)tiles(layer->output.width);
}

static size_t column_blocks(const CpuLayer *layer) {
    return size_divide_up((size_t)layer->output.channels, CHANNEL_BLOCK);
}

static size_t patch_tiles(const ConvPlan *plan) {
    return (size_t)plan->patch_rows * (size_t)plan->patch_columns;
}

static size_t patches(const CpuLayer *layer, const ConvPlan *plan) {
    return size_divide_up((size_t)tiles(layer->output.height), (size_t)plan->patch_rows) *
           size_divide_up((size_t)tiles(layer->output.width), (size_t)plan->patch_columns);
}

/* Bytes of the largest thing that a plan keeps transformed, in f32: all weights, or all patches, or
 * what a thread has of a patch. False where that overflows. */
static bool transformed_bytes(const CpuLayer *layer, const ConvPlan *plan, size_t *bytes) {
    size_t patch = 0;
    size_t all = 0;
    size_t one = WINOGRAD_ELEMENTS * CHANNEL_BLOCK * sizeof(float);
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

/* Nanoseconds on one core of an AMD EPYC with AVX2, fitted to some two hundred measurements of
 * convolutions and linears of 16 to 1280 channels. Other processors, kernels and precisions change
 * all of them by much the same factor. */
#define GEMM_NS        0.37 /* for each vector of a product */
#define LOAD_NS        1.0  /* for each position of a channel block that is loaded */
#define LINEAR_NS      0.34
#define LINEAR_LOAD_NS 7.0
#define TILE_NS        374  /* for loading and transforming a tile of a channel block, and back */
#define PANEL_NS       1930 /* for transforming the weights of a block of in and output */
#define STFT_NS        8    /* for each element */
#define MAP_NS         2    /* for each position of a channel block */

/* For each vector of all transformed weights, which every patch reads anew from where they stay. */
#define INNER_CACHE_BYTES ((double)((size_t)4 << 20))
#define OUTER_CACHE_BYTES ((double)((size_t)16 << 20))
#define INNER_WEIGHT_NS   0.1
#define OUTER_WEIGHT_NS   0.67
#define MEMORY_WEIGHT_NS  2.96

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
    const int *kernel = layer->conv.kernel;
    bool transposed = layer->op == OP_CONV_TRANSPOSED;
    double taps = transposed ? 1 : (double)kernel[0] * kernel[1];
    double rows = (double)layer->output.height * layer->output.width * taps;
    double vectors = rows * layer->blocks * CHANNEL_BLOCK * (double)column_blocks(layer);
    return GEMM_NS * vectors +
           LOAD_NS * elements(layer->blocks, layer->input_height, layer->input_width);
}

static double weight_ns(double bytes) {
    return bytes <= INNER_CACHE_BYTES   ? INNER_WEIGHT_NS
           : bytes <= OUTER_CACHE_BYTES ? OUTER_WEIGHT_NS
                                        : MEMORY_WEIGHT_NS;
}

static double winograd_cost(const CpuLayer *layer, const ConvPlan *plan) {
    double panels = (double)layer->blocks * (double)column_blocks(layer);
    double vectors = WINOGRAD_ELEMENTS * CHANNEL_BLOCK * panels;
    double weights = weight_ns(vectors * CHANNEL_BLOCK * sizeof(float)) * vectors;
    size_t parts = patches(layer, plan);
    double cost = (GEMM_NS * vectors + TILE_NS * layer->blocks) * (double)layer_tiles(layer);
    if (plan->weights_first)
        return (cost + PANEL_NS * panels + weights * (double)parts) * imbalance(parts);
    return (cost + PANEL_NS * panels * (double)parts) *
           imbalance(parts * size_divide_up(column_blocks(layer), GEMM_COLUMNS));
}

static double linear_cost(const CpuLayer *layer) {
    double rows = (double)layer->blocks * layer->output.height;
    return rows * (LINEAR_NS * (double)layer->output.width * layer->input_width +
                   LINEAR_LOAD_NS * layer->input_width);
}

double conv_plan_cost(const CpuLayer *layer, const ConvPlan *plan) {
    switch (layer->op) {
    case OP_CONV:
    case OP_CONV_TRANSPOSED:
        return plan->algorithm == CONV_WINOGRAD ? winograd_cost(layer, plan) : direct_cost(layer);
    case OP_LINEAR:
        return linear_cost(layer);
    case OP_STFT:
        return STFT_NS *
               elements(layer->output.channels, layer->output.height, layer->output.width);
    case OP_ISTFT:
        return STFT_NS *
               elements(layer->blocks * CHANNEL_BLOCK, layer->input_height, layer->input_width);
    default:
        return MAP_NS * elements(layer->blocks, layer->output.height, layer->output.width);
    }
}

/* ---- Choosing ---- */

/* The ways in which Winograd is worth a try. Wide patches are loaded and transformed in longer
 * runs; 64 tiles are enough for the weights' way through the caches to pay, and of many channels
 * still stay in one themselves. Smaller ones share out a small layer; larger ones transform weights
 * less often, where that is done for each patch. Of those that cost the same the first is taken. */
static const struct Way {
    size_t tiles; /* of a patch */
    size_t columns;
    bool weights_first;
} ways[] = {{64, 16, true}, {32, 8, true}, {16, 8, true}, {64, 16, false}, {128, 16, false}};

#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

static ConvPlan winograd(const CpuLayer *layer, const struct Way *way) {
    size_t columns = size_max(size_min((size_t)tiles(layer->output.width), way->columns), 1);
    size_t rows = size_max(size_min((size_t)tiles(layer->output.height), way->tiles / columns), 1);
    return (ConvPlan){.algorithm = CONV_WINOGRAD,
                      .patch_rows = (int)rows,
                      .patch_columns = (int)columns,
                      .weights_first = way->weights_first};
}

/* What may be kept transformed: CANDIDATE_BYTES, or as much as the least of all ways takes. */
static size_t allowed_bytes(const CpuLayer *layer) {
    size_t least = SIZE_MAX;
    for (int i = 0; i < WAYS; i++) {
        size_t bytes = 0;
        ConvPlan plan = winograd(layer, &ways[i]);
        if (transformed_bytes(layer, &plan, &bytes))
            least = size_min(least, bytes);
    }
    return size_max(least, CANDIDATE_BYTES);
}

static bool is_candidate(const CpuLayer *layer, const ConvPlan *plan) {
    size_t bytes = 0;
    return transformed_bytes(layer, plan, &bytes) && bytes <= allowed_bytes(layer);
}

static const ConvPlan *forced_plan;

void conv_plan_force(const ConvPlan *plan) {
    forced_plan = plan;
}

/* The forced plan, with patches cut to the layer's size. */
static ConvPlan cut_forced_plan(const CpuLayer *layer) {
    ConvPlan plan = *forced_plan;
    if (plan.patch_rows > tiles(layer->output.height))
        plan.patch_rows = tiles(layer->output.height);
    if (plan.patch_columns > tiles(layer->output.width))
        plan.patch_columns = tiles(layer->output.width);
    return plan;
}

ConvPlan conv_plan_choose(const CpuLayer *layer) {
    ConvPlan best = {.algorithm = CONV_DIRECT};
    if (!is_3x3(layer))
        return best;
    if (forced_plan)
        return cut_forced_plan(layer);
    for (int i = 0; i < WAYS; i++) {
        ConvPlan plan = winograd(layer, &ways[i]);
        if (is_candidate(layer, &plan) &&
            conv_plan_cost(layer, &plan) < conv_plan_cost(layer, &best))
            best = plan;
    }
    return best;
}

/* ---- Words ---- */

const char *conv_algorithm_name(ConvAlgorithm algorithm) {
    return algorithm == CONV_WINOGRAD ? "winograd" : "direct";
}

void conv_plan_describe(const ConvPlan *plan, char *text, size_t size) {
    const char *name = conv_algorithm_name(plan->algorithm);
    if (plan->algorithm == CONV_WINOGRAD)
        snprintf(text, size, "%s %dx%d, %s first", name, plan->patch_columns, plan->patch_rows,
                 plan->weights_first ? "weights" : "patches");
    else
        snprintf(text, size, "%s", name);
}
