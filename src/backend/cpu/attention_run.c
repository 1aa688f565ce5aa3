/* attention_run.c: attention on a few sequences at a time. */
#include <math.h>
#include <string.h>

#include "backend/cpu/attention_step.h"

/* A thread's share: some sequences. */
typedef struct AttentionTask {
    const AttentionStep *step;
    const CpuRun *run;
    const Kernels *kernels;
    unsigned char *scratch;
    size_t first; /* sequence of the run */
    size_t count;
} AttentionTask;

static float *attention_floats(const AttentionTask *task, size_t at) {
    return (float *)(void *)(task->scratch + at);
}

static const void **attention_pointers(const AttentionTask *task) {
    return (const void **)(void *)(task->scratch + task->step->pointers);
}

/* Bytes of `rows` rows of a block, as elements. */
static size_t attention_elements(const AttentionTask *task, size_t rows) {
    return rows * CHANNEL_BLOCK * task->step->base.products->element;
}

/* ---- Where a sequence lies ---- */

static float *attention_row(const AttentionTask *task, const CpuTensor *tensor, size_t sequence,
                            size_t position) {
    bool frames = task->step->axis == SEQUENCE_FRAMES;
    size_t each = (size_t)(frames ? tensor->blocks : tensor->height);
    int item = (int)((task->first + sequence) / each);
    int other = (int)((task->first + sequence) % each);
    return frames ? tensor_token_row(tensor, item, other, (int)position)
                  : tensor_token_row(tensor, item, (int)position, other);
}

/* Floats from one token of a sequence to the next. */
static size_t attention_stride(const AttentionTask *task, const CpuTensor *tensor) {
    size_t row = tensor_row_floats(tensor);
    return task->step->axis == SEQUENCE_FRAMES ? row : row * (size_t)tensor->height;
}

/* ---- Rows, some at a time ---- */

/* A run of rows of one sequence. */
typedef struct AttentionRows {
    size_t sequence;
    size_t first; /* position */
    size_t count;
} AttentionRows;

/* The next rows of a sequence: `most` at most, which is a multiple of CHANNEL_BLOCK, of runs that
 * begin at whole blocks and are as even as can be. False after the last. At first: count 0. */
static bool attention_next(const AttentionTask *task, AttentionRows *rows, size_t most) {
    rows->first += rows->count;
    size_t left = task->step->length - size_min(rows->first, task->step->length);
    size_t runs = size_divide_up(left, most);
    rows->count = 0;
    if (left > 0)
        rows->count = size_min(size_round_up(size_divide_up(left, runs), CHANNEL_BLOCK), left);
    return rows->count > 0;
}

/* The same through all sequences of a task. */
static bool attention_next_of_all(const AttentionTask *task, AttentionRows *rows) {
    if (attention_next(task, rows, TOKEN_TILE_ROWS))
        return true;
    *rows = (AttentionRows){.sequence = rows->sequence + 1};
    return rows->sequence < task->count && attention_next(task, rows, TOKEN_TILE_ROWS);
}

static size_t attention_index(const AttentionTask *task, const AttentionRows *rows) {
    return rows->sequence * task->step->padded + rows->first;
}

/* ---- Products with weights ---- */

static void attention_normalise(const AttentionTask *task, AttentionRows rows) {
    const AttentionStep *step = task->step;
    const CpuTensor *input = step->base.operand.sources[0].tensor;
    size_t index = attention_index(task, &rows);
    step->base.products->rms_norm(&(RmsNormArguments){
        .from = attention_row(task, input, rows.sequence, rows.first),
        .to = task->scratch + step->normalised + attention_elements(task, index),
        .gain = step->gain,
        .from_stride = attention_stride(task, input),
        .to_block = step->rows * CHANNEL_BLOCK,
        .to_stride = CHANNEL_BLOCK,
        .blocks = step->qkv.k_blocks,
        .rows = rows.count});
}

/* Some column blocks of weights, from `block` on, with the normalised rows; C goes to `to`, a block
 * every to_block floats. */
static void attention_project(const AttentionTask *task, const AttentionRows *rows,
                              const TokenWeights *weights, size_t block, size_t blocks, float *to,
                              size_t to_block) {
    const AttentionStep *step = task->step;
    size_t index = attention_index(task, rows);
    TokenGemm gemm = {.a = task->scratch + step->normalised + attention_elements(task, index),
                      .a_block = attention_elements(task, step->rows),
                      .b = weights->vectors + block * weights->block_bytes,
                      .b_block = weights->block_bytes,
                      .c = to,
                      .c_block = to_block,
                      .c_stride = CHANNEL_BLOCK,
                      .rows = rows->count,
                      .k_blocks = weights->k_blocks,
                      .column_blocks = blocks,
                      .pointers = attention_pointers(task)};
    token_gemm(step->base.products, &gemm);
}

static void attention_set_gates(const AttentionTask *task, const AttentionRows *rows) {
    const AttentionStep *step = task->step;
    float *to =
        attention_floats(task, step->gates_made) + attention_index(task, rows) * CHANNEL_BLOCK;
    attention_project(task, rows, &step->gates, 0, step->gates.column_blocks, to,
                      step->rows * CHANNEL_BLOCK);
}

/* The heads' product with the last weights, added to the input. */
static void attention_output(const AttentionTask *task, const AttentionRows *rows) {
    const AttentionStep *step = task->step;
    const CpuTensor *input = step->base.operand.sources[0].tensor;
    size_t index = attention_index(task, rows);
    TokenGemm gemm = {.a = task->scratch + step->heads_together + attention_elements(task, index),
                      .a_block = attention_elements(task, step->rows),
                      .b = step->out.vectors,
                      .b_block = step->out.block_bytes,
                      .c = attention_row(task, step->base.output, rows->sequence, rows->first),
                      .add = attention_row(task, input, rows->sequence, rows->first),
                      .c_block = CHANNEL_BLOCK,
                      .c_stride = attention_stride(task, input),
                      .rows = rows->count,
                      .k_blocks = step->out.k_blocks,
                      .column_blocks = step->out.column_blocks,
                      .pointers = attention_pointers(task)};
    token_gemm(step->base.products, &gemm);
}

/* ---- Queries, keys and values of one head in one sequence ---- */

/* Some rows' queries, keys and values as they come from the weights, (blocks, padded,
 * CHANNEL_BLOCK): padded by zeros to whole blocks of rows. */
typedef struct AttentionPart {
    AttentionRows rows; /* begins at a whole block */
    size_t padded;
    float *queries;
    float *keys;
    float *values;
} AttentionPart;

static void attention_turn(const AttentionTask *task, const AttentionPart *part, float *blocks,
                           float scale) {
    const AttentionStep *step = task->step;
    size_t block = part->padded * CHANNEL_BLOCK;
    for (size_t pair = 0; pair < step->turned_blocks / 2; pair++) {
        size_t angles = (pair * step->padded + part->rows.first) * CHANNEL_BLOCK;
        task->kernels->rope(&(RopeArguments){.x = blocks + 2 * pair * block,
                                             .y = blocks + (2 * pair + 1) * block,
                                             .cosines = step->cosines + angles,
                                             .sines = step->sines + angles,
                                             .positions = part->padded,
                                             .scale = scale});
    }
}

/* As elements of a gemm's A. */
static void attention_set_queries(const AttentionTask *task, const AttentionPart *part) {
    const AttentionStep *step = task->step;
    attention_turn(task, part, part->queries, step->scale);
    for (size_t block = 0; block < step->turned_blocks; block++) {
        size_t at = block * step->padded + part->rows.first;
        elements_copy(step->base.products, part->queries + block * part->padded * CHANNEL_BLOCK,
                      task->scratch + step->queries + attention_elements(task, at), part->padded);
    }
}

/* A vector of the scores' product holds one feature of CHANNEL_BLOCK keys. */
static void attention_set_keys(const AttentionTask *task, const AttentionPart *part) {
    const AttentionStep *step = task->step;
    size_t positions = step->turned_blocks * CHANNEL_BLOCK;
    float *vectors = attention_floats(task, step->key_block);
    attention_turn(task, part, part->keys, 1);
    for (size_t row = 0; row < part->padded; row += CHANNEL_BLOCK) {
        size_t at = (part->rows.first + row) / CHANNEL_BLOCK * positions;
        TransposeArguments rows = {.from_step = part->padded * CHANNEL_BLOCK,
                                   .to_step = CHANNEL_BLOCK * CHANNEL_BLOCK,
                                   .count = step->turned_blocks};
        for (size_t i = 0; i < CHANNEL_BLOCK; i++) {
            rows.from[i] = part->keys + (row + i) * CHANNEL_BLOCK;
            rows.to[i] = vectors + i * CHANNEL_BLOCK;
        }
        task->kernels->transpose_rows(&rows);
        elements_copy_vectors(step->base.products, vectors,
                              task->scratch + step->keys + attention_elements(task, at), positions);
    }
}

/* The values' vectors lie as they are wanted. */
static void attention_set_values(const AttentionTask *task, const AttentionPart *part) {
    const AttentionStep *step = task->step;
    for (size_t block = 0; block < step->value_blocks; block++) {
        size_t at = block * step->padded + part->rows.first;
        elements_copy_vectors(
            step->base.products, part->values + block * part->padded * CHANNEL_BLOCK,
            task->scratch + step->values + attention_elements(task, at), part->padded);
    }
}

static void attention_part(const AttentionTask *task, size_t head, AttentionRows rows) {
    const AttentionStep *step = task->step;
    size_t blocks = 2 * step->turned_blocks + step->value_blocks;
    AttentionPart part = {.rows = rows, .padded = size_round_up(rows.count, CHANNEL_BLOCK)};
    size_t block = part.padded * CHANNEL_BLOCK;
    part.queries = attention_floats(task, step->part);
    part.keys = part.queries + step->turned_blocks * block;
    part.values = part.keys + step->turned_blocks * block;
    attention_project(task, &rows, &step->qkv, head * blocks, blocks, part.queries, block);
    for (size_t i = 0; i < blocks; i++)
        memset(part.queries + i * block + rows.count * CHANNEL_BLOCK, 0,
               (part.padded - rows.count) * CHANNEL_BLOCK * sizeof(float));
    attention_set_queries(task, &part);
    attention_set_keys(task, &part);
    attention_set_values(task, &part);
}

/* ---- Scores ---- */

/* Rows from one block of a tile's scores to the next. */
static size_t attention_score_stride(const AttentionRows *rows) {
    return rows->count | 1;
}

/* The powers of a tile's scores, as elements: (padded / CHANNEL_BLOCK, attention_score_stride()).
 * Their sums go into the scratch memory. */
static const void *attention_weigh(const AttentionTask *task, const AttentionRows *rows) {
    const AttentionStep *step = task->step;
    size_t key_blocks = step->padded / CHANNEL_BLOCK;
    float *scores = attention_floats(task, step->scores);
    TokenGemm gemm = {.a = task->scratch + step->queries + attention_elements(task, rows->first),
                      .a_block = attention_elements(task, step->padded),
                      .b = task->scratch + step->keys,
                      .b_block = attention_elements(task, step->turned_blocks * CHANNEL_BLOCK),
                      .c = scores,
                      .c_block = attention_score_stride(rows) * CHANNEL_BLOCK,
                      .c_stride = CHANNEL_BLOCK,
                      .rows = rows->count,
                      .k_blocks = step->turned_blocks,
                      .column_blocks = key_blocks,
                      .pointers = attention_pointers(task)};
    token_gemm(step->base.products, &gemm);
    SoftmaxArguments softmax = {.scores = scores,
                                .powers = scores,
                                .sums = attention_floats(task, step->sums),
                                .rows = rows->count,
                                .stride = attention_score_stride(rows),
                                .keys = step->length};
    if (is_narrow(&step->base))
        softmax.powers = task->scratch + step->narrow_scores;
    step->base.products->softmax(&softmax);
    return softmax.powers;
}

/* What the sums of weighed values are multiplied by: the gate over the sum of the powers. The
 * factors take the sums' place. */
static const float *attention_factors(const AttentionTask *task, size_t head,
                                      const AttentionRows *rows) {
    const AttentionStep *step = task->step;
    size_t block = head / CHANNEL_BLOCK * step->rows + attention_index(task, rows);
    const float *gates =
        attention_floats(task, step->gates_made) + block * CHANNEL_BLOCK + head % CHANNEL_BLOCK;
    float *factors = attention_floats(task, step->sums);
    for (size_t row = 0; row < rows->count; row++) {
        float gate = gates[row * CHANNEL_BLOCK] + step->gates_bias[head];
        factors[row] = 1.0f / ((1.0f + expf(-gate)) * factors[row]);
    }
    return factors;
}

/* A tile of queries of one head, to its place among the heads. */
static void attention_tile(const AttentionTask *task, size_t head, const AttentionRows *rows) {
    const AttentionStep *step = task->step;
    bool narrow = is_narrow(&step->base);
    size_t place = head * step->value_blocks * step->rows + attention_index(task, rows);
    unsigned char *to = task->scratch + step->heads_together + attention_elements(task, place);
    size_t to_block = attention_elements(task, step->rows);
    float *sums = narrow ? attention_floats(task, step->values_sum) : (float *)(void *)to;
    TokenGemm gemm = {.a = attention_weigh(task, rows),
                      .a_block = attention_elements(task, attention_score_stride(rows)),
                      .b = task->scratch + step->values,
                      .b_block = attention_elements(task, step->padded),
                      .c = sums,
                      .c_block = (narrow ? rows->count : step->rows) * CHANNEL_BLOCK,
                      .c_stride = CHANNEL_BLOCK,
                      .rows = rows->count,
                      .k_blocks = step->padded / CHANNEL_BLOCK,
                      .column_blocks = step->value_blocks,
                      .pointers = attention_pointers(task)};
    token_gemm(step->base.products, &gemm);
    const float *factors = attention_factors(task, head, rows);
    for (size_t block = 0; block < step->value_blocks; block++) {
        float *values = sums + block * gemm.c_block;
        task->kernels->scale_rows(values, values, factors, rows->count);
        elements_of(step->base.products, values, to + block * to_block, rows->count);
    }
}

/* ---- All ---- */

static void attention_head(const AttentionTask *task, size_t head, size_t sequence) {
    const AttentionStep *step = task->step;
    for (AttentionRows rows = {.sequence = sequence}; attention_next(task, &rows, TOKEN_TILE_ROWS);)
        attention_part(task, head, rows);
    for (AttentionRows rows = {.sequence = sequence};
         attention_next(task, &rows, step->query_rows);)
        attention_tile(task, head, &rows);
}

static size_t attention_sequences(const AttentionStep *step, const CpuRun *run) {
    const CpuTensor *output = step->base.output;
    int each = step->axis == SEQUENCE_FRAMES ? output->blocks : output->height;
    return (size_t)run->batch * (size_t)each;
}

static void attention_task(void *context, size_t index, int thread) {
    const CpuRun *run = ((void *const *)context)[0];
    const AttentionStep *step = ((void *const *)context)[1];
    AttentionTask task = {.step = step,
                          .run = run,
                          .kernels = run->executable->kernels,
                          .scratch = thread_scratch(run->executable, thread),
                          .first = index * step->sequences};
    task.count = size_min(attention_sequences(step, run) - task.first, step->sequences);
    for (AttentionRows rows = {0}; attention_next_of_all(&task, &rows);) {
        attention_normalise(&task, rows);
        attention_set_gates(&task, &rows);
    }
    for (size_t head = 0; head < step->heads; head++)
        for (size_t sequence = 0; sequence < task.count; sequence++)
            attention_head(&task, head, sequence);
    for (AttentionRows rows = {0}; attention_next_of_all(&task, &rows);)
        attention_output(&task, &rows);
}

void attention_run(const CpuStep *base, const CpuRun *run) {
    const AttentionStep *step = (const AttentionStep *)base;
    const void *context[2] = {run, base};
    size_t tasks = size_divide_up(attention_sequences(step, run), step->sequences);
    thread_pool_run(run->executable->pool, tasks, attention_task, context);
}
