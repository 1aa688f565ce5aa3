/* feed_forward.c: the two linears of a transformer's layer, by tiles of tokens whose hidden
 * features stay in the cache. */
#include <math.h>

#include "backend/cpu/step_kinds.h"
#include "backend/cpu/token_gemm.h"

/* What a tile's hidden features may take of the cache, and the fewest rows of a tile. */
#define HIDDEN_BYTES ((size_t)384 << 10)
#define LEAST_ROWS   28

typedef struct FeedForwardStep {
    CpuStep base;
    size_t rows; /* of a tile */
    TokenWeights in;
    TokenWeights out;
    float *gain;
    float *in_bias;
    float *out_bias;
    /* Where in a thread's scratch memory: */
    size_t pointers; /* of a gemm's blocks */
    size_t input;    /* (blocks of features, rows) elements, normalised */
    size_t pair;     /* (GEMM_COLUMNS, rows) hidden features before the activation */
    size_t hidden;   /* (blocks of hidden features, rows) elements */
} FeedForwardStep;

/* ---- Running ---- */

/* A tile of rows, and the thread's scratch memory. */
typedef struct FeedForwardTile {
    const FeedForwardStep *step;
    unsigned char *scratch;
    const float *from;
    float *to;
    size_t rows;
} FeedForwardTile;

static size_t block_elements(const FeedForwardTile *tile) {
    return tile->rows * CHANNEL_BLOCK * tile->step->base.products->element;
}

static float *tile_floats(const FeedForwardTile *tile, size_t at) {
    return (float *)(void *)(tile->scratch + at);
}

/* The gemm's A: the normalised rows. */
static const void *normalise(const FeedForwardTile *tile) {
    const FeedForwardStep *step = tile->step;
    void *input = tile->scratch + step->input;
    step->base.products->rms_norm(
        &(RmsNormArguments){.from = tile->from,
                            .to = input,
                            .gain = step->gain,
                            .from_stride = tensor_row_floats(step->base.output),
                            .to_block = tile->rows * CHANNEL_BLOCK,
                            .to_stride = CHANNEL_BLOCK,
                            .blocks = step->in.k_blocks,
                            .rows = tile->rows});
    return input;
}

/* GELU of a few column blocks of sums, into the hidden features from `block` on. */
static void activate(const FeedForwardTile *tile, const float *sums, size_t block, size_t count) {
    const FeedForwardStep *step = tile->step;
    for (size_t j = 0; j < count; j++)
        step->base.products->bias_gelu(tile->scratch + step->hidden +
                                           (block + j) * block_elements(tile),
                                       sums + j * tile->rows * CHANNEL_BLOCK,
                                       step->in_bias + (block + j) * CHANNEL_BLOCK, tile->rows);
}

static void compute_hidden(const FeedForwardTile *tile, const void *input) {
    const FeedForwardStep *step = tile->step;
    TokenGemm gemm = {.a = input,
                      .a_block = block_elements(tile),
                      .b_block = step->in.block_bytes,
                      .c = tile_floats(tile, step->pair),
                      .c_block = tile->rows * CHANNEL_BLOCK,
                      .c_stride = CHANNEL_BLOCK,
                      .rows = tile->rows,
                      .k_blocks = step->in.k_blocks,
                      .pointers = (const void **)(void *)(tile->scratch + step->pointers)};
    for (size_t block = 0; block < step->in.column_blocks; block += GEMM_COLUMNS) {
        gemm.column_blocks = size_min(step->in.column_blocks - block, GEMM_COLUMNS);
        gemm.b = step->in.vectors + block * step->in.block_bytes;
        token_gemm(step->base.products, &gemm);
        activate(tile, gemm.c, block, gemm.column_blocks);
    }
}

static void compute_output(const FeedForwardTile *tile) {
    const FeedForwardStep *step = tile->step;
    TokenGemm gemm = {.a = tile->scratch + step->hidden,
                      .a_block = block_elements(tile),
                      .b = step->out.vectors,
                      .b_block = step->out.block_bytes,
                      .c = tile->to,
                      .add = tile->from,
                      .bias = step->out_bias,
                      .c_block = CHANNEL_BLOCK,
                      .c_stride = tensor_row_floats(step->base.output),
                      .rows = tile->rows,
                      .k_blocks = step->out.k_blocks,
                      .column_blocks = step->out.column_blocks,
                      .pointers = (const void **)(void *)(tile->scratch + step->pointers)};
    token_gemm(step->base.products, &gemm);
}

static size_t all_rows(const CpuStep *step, const CpuRun *run) {
    return (size_t)run->batch * tensor_item_rows(step->output);
}

static void feed_forward_task(void *context, size_t task, int thread) {
    const CpuRun *run = ((void *const *)context)[0];
    const FeedForwardStep *step = ((void *const *)context)[1];
    const CpuTensor *output = step->base.output;
    size_t first = task * step->rows;
    size_t offset = first * tensor_row_floats(output);
    FeedForwardTile tile = {.step = step,
                            .scratch = thread_scratch(run->executable, thread),
                            .from = step->base.operand.sources[0].tensor->data + offset,
                            .to = output->data + offset,
                            .rows = size_min(all_rows(&step->base, run) - first, step->rows)};
    compute_hidden(&tile, normalise(&tile));
    compute_output(&tile);
}

static void feed_forward_run(const CpuStep *step, const CpuRun *run) {
    const void *context[2] = {run, step};
    size_t tiles = size_divide_up(all_rows(step, run), ((const FeedForwardStep *)step)->rows);
    thread_pool_run(run->executable->pool, tiles, feed_forward_task, context);
}

/* ---- Creating ---- */

static void feed_forward_destroy(CpuStep *base) {
    FeedForwardStep *step = (FeedForwardStep *)base;
    token_weights_free(&step->in);
    token_weights_free(&step->out);
    memory_free_aligned(step->gain);
    memory_free_aligned(step->in_bias);
    memory_free_aligned(step->out_bias);
    step_free(base);
}

static void lay_out_scratch(FeedForwardStep *step, size_t input_blocks, size_t hidden_blocks) {
    size_t element = step->base.products->element;
    size_t row = hidden_blocks * CHANNEL_BLOCK * element;
    size_t fitting = HIDDEN_BYTES / row / LEAST_ROWS * LEAST_ROWS;
    step->rows = size_min(size_max(fitting, LEAST_ROWS), TOKEN_TILE_ROWS);
    size_t block = step->rows * CHANNEL_BLOCK;
    size_t *used = &step->base.scratch_bytes;
    step->pointers = scratch_take(used, size_max(input_blocks, hidden_blocks) * sizeof(void *));
    step->input = scratch_take(used, input_blocks * block * element);
    step->pair = scratch_take(used, GEMM_COLUMNS * block * sizeof(float));
    step->hidden = scratch_take(used, hidden_blocks * block * element);
}

static cleave_status read_vectors(FeedForwardStep *step, const CpuExecutable *executable,
                                  const Graph *weights, const Node *node, cleave_error *error) {
    size_t width = (size_t)node->shape.width;
    size_t hidden = (size_t)node->as.feed_forward.hidden;
    const struct {
        float **vector;
        FeedForwardWeight slot;
        size_t count;
        float factor;
    } vectors[] = {{&step->gain, FEED_FORWARD_GAMMA, width, sqrtf((float)width)},
                   {&step->in_bias, FEED_FORWARD_IN_BIAS, hidden, 1},
                   {&step->out_bias, FEED_FORWARD_OUT_BIAS, width, 1}};
    cleave_status status = CLEAVE_OK;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]) && status == CLEAVE_OK; i++)
        status = token_vector_create(vectors[i].vector, &step->base, executable,
                                     graph_weight(weights, node, (int)vectors[i].slot),
                                     vectors[i].count, vectors[i].factor, error);
    return status;
}

cleave_status feed_forward_step_create(CpuStep **created, const CpuExecutable *executable,
                                       const Step *program_step, const Graph *weights,
                                       cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(FeedForwardStep), executable, program_step, weights, error);
    if (status != CLEAVE_OK)
        return status;
    FeedForwardStep *step = (FeedForwardStep *)*created;
    const Node *node = &weights->nodes[program_step->node];
    size_t width = (size_t)node->shape.width;
    size_t hidden = (size_t)node->as.feed_forward.hidden;
    TokenWeightsSource in = {
        .tensor = graph_weight(weights, node, FEED_FORWARD_IN), .outputs = hidden, .inputs = width};
    TokenWeightsSource out = {.tensor = graph_weight(weights, node, FEED_FORWARD_OUT),
                              .outputs = width,
                              .inputs = hidden};
    step->base.run = feed_forward_run;
    step->base.destroy = feed_forward_destroy;
    lay_out_scratch(step, feature_blocks(width), feature_blocks(hidden));
    status = read_vectors(step, executable, weights, node, error);
    if (status == CLEAVE_OK)
        status = token_weights_create(&step->in, &step->base, executable, &in, error);
    if (status == CLEAVE_OK)
        status = token_weights_create(&step->out, &step->base, executable, &out, error);
    return status;
}
