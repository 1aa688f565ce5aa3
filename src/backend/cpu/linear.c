/* linear.c: linears over the last axis (frequency): for each channel block and frame, the matrix
 * product of the weights with the (frequency, CHANNEL_BLOCK) row. The weights are the gemm's
 * broadcast operand, the activations its vectors, one lane per channel. */
#include <stdatomic.h>
#include <string.h>

#include "backend/cpu/step_kinds.h"
#include "backend/cpu/weight_rows.h"
#include "base/memory.h"
#include "graph/weight_check.h"

/* Rows per task: a multiple of the columns that a gemm takes at once. */
#define LINEAR_TASK_ROWS (4 * GEMM_COLUMNS)

typedef struct LinearStep {
    CpuStep base;
    int k_blocks;   /* input width, in blocks */
    bool in_place;  /* the operand's rows can be read where they lie */
    size_t element; /* bytes of an operand's element */
    /* (k_blocks, output width, CHANNEL_BLOCK); zero beyond the input width */
    unsigned char *weights;
    const void **a; /* the gemm's pointers into weights, the same for all rows */
} LinearStep;

static size_t packed_row_positions(const LinearStep *linear) {
    return (size_t)linear->k_blocks * CHANNEL_BLOCK;
}

/* Of a row in f32, and as the gemm reads it. */
static size_t row_bytes(const LinearStep *linear) {
    return packed_row_positions(linear) * CHANNEL_BLOCK * sizeof(float);
}

static size_t operand_bytes(const LinearStep *linear) {
    return packed_row_positions(linear) * CHANNEL_BLOCK * linear->element;
}

/* ---- Running ---- */

typedef struct LinearContext {
    const LinearStep *linear;
    const CpuRun *run;
    size_t groups; /* of rows, per block */
} LinearContext;

/* A row as the gemm reads it: where it lies, or in `scratch`. */
static const void *load_row(const LinearStep *linear, const CpuExecutable *executable, int item,
                            int block, int row, unsigned char *scratch) {
    const Operand *operand = &linear->base.operand;
    if (linear->in_place)
        return operand_plain_row(operand, item, block, row);
    size_t used = (size_t)operand->width * CHANNEL_BLOCK * sizeof(float);
    operand_load_row(operand, executable->kernels, item, block, row, (float *)(void *)scratch);
    memset(scratch + used, 0, row_bytes(linear) - used);
    if (!is_narrow(&linear->base))
        return scratch;
    linear->base.products->narrow_vectors(scratch + row_bytes(linear),
                                          (const float *)(const void *)scratch,
                                          packed_row_positions(linear));
    return scratch + row_bytes(linear);
}

/* Scratch of one row. */
static size_t row_scratch_bytes(const LinearStep *linear) {
    return row_bytes(linear) + (linear->element < sizeof(float) ? operand_bytes(linear) : 0);
}

/* Up to GEMM_COLUMNS rows of one block at once. */
static void linear_rows(const LinearStep *linear, const CpuRun *run, int item, int block, int row,
                        int count, unsigned char *scratch) {
    const Kernels *kernels = run->executable->kernels;
    const CpuTensor *output = linear->base.output;
    const CpuTensor *add = linear->base.add;
    GemmArguments gemm = {.a = linear->a,
                          .k_blocks = (size_t)linear->k_blocks,
                          .a_stride = CHANNEL_BLOCK,
                          .c_stride = CHANNEL_BLOCK,
                          .rows = (size_t)output->width,
                          .columns = count};
    for (int j = 0; j < count; j++) {
        unsigned char *own = scratch + (size_t)j * row_scratch_bytes(linear);
        gemm.b[j] = load_row(linear, run->executable, item, block, row + j, own);
        gemm.c[j] = tensor_row(output, item, block, row + j);
        gemm.add[j] = add ? tensor_row(add, item, block, row + j) : NULL;
    }
    linear->base.products->gemm(&gemm);
    for (int j = 0; j < count; j++)
        tensor_row_written(output, kernels, item, block, row + j);
}

static void linear_task(void *context, size_t task, int thread) {
    const LinearContext *c = context;
    const CpuTensor *output = c->linear->base.output;
    unsigned char *scratch = thread_scratch(c->run->executable, thread);
    int first = (int)(task % c->groups) * LINEAR_TASK_ROWS;
    int block = (int)(task / c->groups % (size_t)output->blocks);
    int item = (int)(task / c->groups / (size_t)output->blocks);
    int last =
        first + LINEAR_TASK_ROWS < output->height ? first + LINEAR_TASK_ROWS : output->height;
    for (int row = first; row < last; row += GEMM_COLUMNS) {
        int count = last - row < GEMM_COLUMNS ? last - row : GEMM_COLUMNS;
        linear_rows(c->linear, c->run, item, block, row, count, scratch);
    }
}

static void linear_run(const CpuStep *step, const CpuRun *run) {
    LinearContext context = {.linear = (const LinearStep *)step, .run = run};
    context.groups = size_divide_up((size_t)step->output->height, LINEAR_TASK_ROWS);
    size_t blocks = (size_t)run->batch * (size_t)step->output->blocks;
    thread_pool_run(run->executable->pool, blocks * context.groups, linear_task, &context);
}

/* ---- Creating ---- */

static void linear_destroy(CpuStep *step) {
    LinearStep *linear = (LinearStep *)step;
    memory_free_aligned(linear->weights);
    memory_free_aligned(linear->a);
    step_free(step);
}

typedef struct PackContext {
    LinearStep *linear;
    const Tensor *weight;
    WeightPanel panel;        /* all rows */
    atomic_size_t not_finite; /* values of the weight */
    unsigned char *scratch;
    size_t scratch_bytes;
} PackContext;

static void pack_row(void *context, size_t task, int thread) {
    PackContext *c = context;
    float *scratch = (float *)(void *)(c->scratch + (size_t)thread * c->scratch_bytes);
    size_t not_finite =
        weight_row_pack(&c->panel, task, c->weight, task, c->linear->base.products, scratch);
    if (not_finite > 0)
        atomic_fetch_add(&c->not_finite, not_finite);
}

static cleave_status pack_linear(LinearStep *linear, const CpuExecutable *executable,
                                 const Tensor *weight, cleave_error *error) {
    size_t rows = (size_t)linear->base.output->width;
    size_t k_blocks = (size_t)linear->k_blocks;
    size_t bytes = k_blocks * rows * CHANNEL_BLOCK * linear->element;
    PackContext context = {.linear = linear, .weight = weight};
    atomic_init(&context.not_finite, 0);
    linear->base.weight_bytes += bytes + k_blocks * sizeof(*linear->a);
    if (executable->sizes_only)
        return CLEAVE_OK;
    context.scratch_bytes = k_blocks * CHANNEL_BLOCK * sizeof(float);
    context.scratch = memory_allocate_aligned(context.scratch_bytes * (size_t)executable->threads);
    linear->weights = memory_allocate_aligned(bytes);
    linear->a = memory_allocate_aligned(k_blocks * sizeof(*linear->a));
    if (!context.scratch || !linear->weights || !linear->a) {
        memory_free_aligned(context.scratch);
        return error_memory(error, linear->base.node->name, bytes);
    }
    context.panel = (WeightPanel){linear->weights, rows};
    thread_pool_run(executable->pool, rows, pack_row, &context);
    memory_free_aligned(context.scratch);
    weight_panel_point(&context.panel, k_blocks, linear->element, linear->a);
    return weight_check(weight, atomic_load(&context.not_finite), error);
}

cleave_status linear_step_create(CpuStep **created, const CpuExecutable *executable,
                                 const Step *step, const Graph *weights, cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(LinearStep), executable, step, weights, error);
    if (status != CLEAVE_OK)
        return status;
    LinearStep *linear = (LinearStep *)*created;
    size_t width = (size_t)linear->base.operand.width;
    linear->base.run = linear_run;
    linear->base.destroy = linear_destroy;
    linear->k_blocks = (int)feature_blocks(width);
    linear->element = linear->base.products->element;
    linear->in_place = linear->base.operand.plain && width % CHANNEL_BLOCK == 0 &&
                       linear->element == sizeof(float);
    linear->base.scratch_bytes = GEMM_COLUMNS * row_scratch_bytes(linear);
    return pack_linear(linear, executable, graph_weight(weights, &weights->nodes[step->node], 0),
                       error);
}
