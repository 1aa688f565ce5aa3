/* band_split.c: each band: a norm and a product with weights of its own. A task takes all bands of
 * a tile of frames. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/step_kinds.h"
#include "backend/cpu/token_gemm.h"
#include "graph/tokens.h"

/* Frames of a tile. */
#define SPLIT_FRAMES 56

typedef struct SplitBand {
    int first;    /* feature of the spectrogram */
    int features; /* c_k */
    TokenWeights weights;
    float *gain; /* √c_k · gamma, padded */
    float *bias; /* padded */
} SplitBand;

typedef struct SplitStep {
    CpuStep base;
    SplitBand *bands;
    int band_count;
    int tiles; /* of a chunk's frames */
    /* Where in a thread's scratch memory: */
    size_t pointers; /* of a gemm's blocks */
    size_t rows;     /* (frames, features), padded */
    size_t input;    /* (blocks of features, frames) elements, normalised */
} SplitStep;

/* ---- Running ---- */

/* A tile of frames, and the thread's scratch memory. */
typedef struct SplitTile {
    const SplitStep *step;
    unsigned char *scratch;
    int item;
    int first; /* frame */
    size_t frames;
} SplitTile;

static float *split_floats(const SplitTile *tile, size_t at) {
    return (float *)(void *)(tile->scratch + at);
}

/* The band's features of each frame, padded by zeros. */
static void split_gather(const SplitTile *tile, const SplitBand *band) {
    const CpuTensor *spectrogram = tile->step->base.operand.sources[0].tensor;
    size_t features = (size_t)band->features;
    size_t padded = band->weights.k_blocks * CHANNEL_BLOCK;
    for (size_t i = 0; i < tile->frames; i++) {
        const float *row = tensor_token_row(spectrogram, tile->item, 0, tile->first + (int)i);
        float *to = split_floats(tile, tile->step->rows) + i * padded;
        memcpy(to, row + band->first, features * sizeof(float));
        memset(to + features, 0, (padded - features) * sizeof(float));
    }
}

/* The gemm's A: the normalised features. */
static const void *split_normalise(const SplitTile *tile, const SplitBand *band) {
    const SplitStep *step = tile->step;
    void *input = tile->scratch + step->input;
    split_gather(tile, band);
    step->base.products->rms_norm(
        &(RmsNormArguments){.from = split_floats(tile, step->rows),
                            .to = input,
                            .gain = band->gain,
                            .from_stride = band->weights.k_blocks * CHANNEL_BLOCK,
                            .to_block = tile->frames * CHANNEL_BLOCK,
                            .to_stride = CHANNEL_BLOCK,
                            .blocks = band->weights.k_blocks,
                            .rows = tile->frames});
    return input;
}

static void split_band(const SplitTile *tile, int number) {
    const SplitStep *step = tile->step;
    const SplitBand *band = &step->bands[number];
    const CpuTensor *output = step->base.output;
    token_gemm(step->base.products,
               &(TokenGemm){.a = split_normalise(tile, band),
                            .a_block = tile->frames * CHANNEL_BLOCK * step->base.products->element,
                            .b = band->weights.vectors,
                            .b_block = band->weights.block_bytes,
                            .c = tensor_token_row(output, tile->item, number, tile->first),
                            .bias = band->bias,
                            .c_block = CHANNEL_BLOCK,
                            .c_stride = tensor_row_floats(output),
                            .rows = tile->frames,
                            .k_blocks = band->weights.k_blocks,
                            .column_blocks = band->weights.column_blocks,
                            .pointers = (const void **)(void *)(tile->scratch + step->pointers)});
}

static void split_task(void *context, size_t task, int thread) {
    const CpuRun *run = ((void *const *)context)[0];
    const SplitStep *step = ((void *const *)context)[1];
    SplitTile tile = {.step = step,
                      .scratch = thread_scratch(run->executable, thread),
                      .item = (int)(task / (size_t)step->tiles),
                      .first = (int)(task % (size_t)step->tiles) * SPLIT_FRAMES};
    tile.frames = (size_t)size_clipped(SPLIT_FRAMES, tile.first, step->base.output->height);
    for (int number = 0; number < step->band_count; number++)
        split_band(&tile, number);
}

static void split_run(const CpuStep *step, const CpuRun *run) {
    const void *context[2] = {run, step};
    size_t tiles = (size_t)((const SplitStep *)step)->tiles;
    thread_pool_run(run->executable->pool, (size_t)run->batch * tiles, split_task, context);
}

/* ---- Creating ---- */

static void split_destroy(CpuStep *base) {
    SplitStep *step = (SplitStep *)base;
    for (int i = 0; step->bands && i < step->band_count; i++) {
        token_weights_free(&step->bands[i].weights);
        memory_free_aligned(step->bands[i].gain);
        memory_free_aligned(step->bands[i].bias);
    }
    free(step->bands);
    step_free(base);
}

static cleave_status split_read_band(SplitStep *step, const CpuExecutable *executable,
                                     const Graph *graph, const Node *node, int number,
                                     cleave_error *error) {
    SplitBand *band = &step->bands[number];
    const Tensor *weights[SPLIT_WEIGHTS];
    size_t width = (size_t)node->shape.width;
    size_t features = (size_t)graph_band_features(graph, node, number);
    for (int i = 0; i < SPLIT_WEIGHTS; i++)
        weights[i] = graph_weight(graph, node, number * SPLIT_WEIGHTS + i);
    TokenWeightsSource source = {
        .tensor = weights[SPLIT_WEIGHT], .outputs = width, .inputs = features};
    band->features = (int)features;
    band->first = graph->bands[number].first * graph_bin_features(graph, node);
    cleave_status status =
        token_vector_create(&band->gain, &step->base, executable, weights[SPLIT_GAMMA], features,
                            sqrtf((float)features), error);
    if (status == CLEAVE_OK)
        status = token_vector_create(&band->bias, &step->base, executable, weights[SPLIT_BIAS],
                                     width, 1, error);
    if (status == CLEAVE_OK)
        status = token_weights_create(&band->weights, &step->base, executable, &source, error);
    return status;
}

static void split_lay_out_scratch(SplitStep *step) {
    size_t blocks = 0;
    for (int i = 0; i < step->band_count; i++)
        blocks = size_max(blocks, step->bands[i].weights.k_blocks);
    size_t vectors = blocks * SPLIT_FRAMES * CHANNEL_BLOCK;
    size_t *used = &step->base.scratch_bytes;
    step->pointers = scratch_take(used, blocks * sizeof(void *));
    step->rows = scratch_take(used, vectors * sizeof(float));
    step->input = scratch_take(used, vectors * step->base.products->element);
}

cleave_status band_split_step_create(CpuStep **created, const CpuExecutable *executable,
                                     const Step *program, const Graph *weights,
                                     cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(SplitStep), executable, program, weights, error);
    if (status != CLEAVE_OK)
        return status;
    SplitStep *step = (SplitStep *)*created;
    const Node *node = &weights->nodes[program->node];
    step->base.run = split_run;
    step->base.destroy = split_destroy;
    step->band_count = weights->band_count;
    step->tiles = (node->shape.height + SPLIT_FRAMES - 1) / SPLIT_FRAMES;
    step->bands = calloc((size_t)step->band_count, sizeof(*step->bands));
    if (!step->bands)
        return error_memory(error, node->name, (size_t)step->band_count * sizeof(*step->bands));
    for (int i = 0; i < step->band_count && status == CLEAVE_OK; i++)
        status = split_read_band(step, executable, weights, node, i, error);
    split_lay_out_scratch(step);
    return status;
}
