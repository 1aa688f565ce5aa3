/* conv.c: convolutions, and transposed convolutions whose kernel is their stride, as matrix
 * products without a column matrix: the gemm gets a pointer per channel block and tap into rows
 * that were loaded (normalised, activated, padded) once. Weights are the gemm's vectors, one lane
 * per output channel; activations its broadcast operand. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/conv_weights.h"
#include "backend/cpu/splits.h"
#include "backend/cpu/step_kinds.h"
#include "base/memory.h"

/* Positions that a task should cover at least, to be worth its pass over the weights. */
#define TASK_POSITIONS 512

/* Loaded rows of a task should stay in half of a core's own second cache. */
#define TASK_SLAB_BYTES ((size_t)1 << 19)

/* Below this size the whole input is loaded once, before any task, and shared. */
#define SHARED_SLAB_BYTES ((size_t)8 << 20)

/* Loading a position of a channel block takes about as long as so many products with a pair of
 * column blocks. */
#define LOAD_PAIRS 0.6

/* Tasks per thread that even out the load. */
#define TASKS_PER_THREAD 4

typedef struct ConvStep {
    CpuStep base;
    ConvWeights weights;
    bool transposed;
    int kernel[2];
    int stride[2];
    int pad[2];
    bool in_place;     /* rows can be read where they lie */
    bool shared;       /* the whole item is loaded before any task */
    int task_rows;     /* rows of the task's grid: output rows, or input rows if transposed */
    int slab_rows;     /* loaded input rows of a task (of a item, if shared) */
    size_t slab_width; /* positions of a loaded row, padding included */
    size_t element;    /* bytes of an operand's element */
} ConvStep;

/* Pointers that one row of gemms needs: one per channel block and tap. */
static size_t row_pointers(const ConvStep *conv) {
    return (size_t)conv->base.operand.blocks * (size_t)(conv->transposed ? 1 : conv->weights.taps);
}

/* Rows of the grid that tasks cut: output rows, or input rows for a transposed convolution. */
static int grid_rows(const ConvStep *conv) {
    return conv->transposed ? conv->base.operand.height : conv->base.output->height;
}

/* ---- Loading ---- */

/* One task's view of the input rows. */
typedef struct Slab {
    const ConvStep *conv;
    int item;
    int first_row;             /* input row that slab row 0 holds; may be negative (padding) */
    int rows;                  /* slab rows per block */
    const unsigned char *data; /* NULL: read in place */
} Slab;

static size_t position_bytes(const ConvStep *conv) {
    return CHANNEL_BLOCK * conv->element;
}

static size_t slab_row_bytes(const ConvStep *conv) {
    return conv->slab_width * position_bytes(conv);
}

/* Loads a row into the slab; through `row_buffer` if its elements are narrower than f32. */
static void load_slab_row(const ConvStep *conv, const CpuExecutable *executable, int item,
                          int block, int row, float *row_buffer, unsigned char *to) {
    const Operand *operand = &conv->base.operand;
    size_t pad = (size_t)conv->pad[1] * position_bytes(conv);
    size_t used = (size_t)operand->width * position_bytes(conv);
    if (row < 0 || row >= operand->height) {
        memset(to, 0, slab_row_bytes(conv));
        return;
    }
    memset(to, 0, pad);
    if (is_narrow(&conv->base)) {
        operand_load_row(operand, executable->kernels, item, block, row, row_buffer);
        conv->base.products->narrow(to + pad, row_buffer, (size_t)operand->width);
    } else {
        operand_load_row(operand, executable->kernels, item, block, row,
                         (float *)(void *)(to + pad));
    }
    memset(to + pad + used, 0, slab_row_bytes(conv) - pad - used);
}

/* First position of an input row as the gemm sees it, left padding included. */
static const unsigned char *slab_row(const Slab *slab, int block, int row) {
    const ConvStep *conv = slab->conv;
    if (!slab->data)
        return (const void *)operand_plain_row(&conv->base.operand, slab->item, block, row);
    size_t index = (size_t)block * (size_t)slab->rows + (size_t)(row - slab->first_row);
    return slab->data + index * slab_row_bytes(conv);
}

/* ---- Running ---- */

typedef struct ConvContext {
    const ConvStep *conv;
    const CpuRun *run;
    int item; /* if shared */
    int row_groups;
    int splits; /* of the column blocks */
} ConvContext;

/* A share of the output: grid rows [first_row, last_row), column blocks [first, last). */
typedef struct Region {
    int item;
    int first_row;
    int last_row;
    int first_column;
    int last_column;
} Region;

static void fill_pointers(const Slab *slab, int row, const void **pointers) {
    const ConvStep *conv = slab->conv;
    for (int block = 0; block < conv->base.operand.blocks; block++) {
        if (conv->transposed) {
            *pointers++ = slab_row(slab, block, row);
            continue;
        }
        for (int y = 0; y < conv->kernel[0]; y++) {
            const unsigned char *from =
                slab_row(slab, block, row * conv->stride[0] + y - conv->pad[0]);
            for (int x = 0; x < conv->kernel[1]; x++)
                *pointers++ = from + (size_t)x * position_bytes(conv);
        }
    }
}

/* GEMM_COLUMNS column blocks of one output row, or of one phase of it if transposed. */
static void gemm_row(const ConvStep *conv, const void *const *pointers, int item, int column,
                     int columns, int row, int tap) {
    const CpuTensor *output = conv->base.output;
    const CpuTensor *add = conv->base.add;
    int step = conv->transposed ? conv->stride[1] : 1;
    int phase = conv->transposed ? tap % conv->kernel[1] : 0;
    GemmArguments gemm = {.a = pointers,
                          .k_blocks = row_pointers(conv),
                          .a_stride =
                              (size_t)(conv->transposed ? 1 : conv->stride[1]) * CHANNEL_BLOCK,
                          .c_stride = (size_t)step * CHANNEL_BLOCK,
                          .rows = (size_t)(output->width / step),
                          .columns = columns};
    size_t offset = (size_t)phase * CHANNEL_BLOCK;
    for (int j = 0; j < columns; j++) {
        gemm.b[j] = conv_weights_panel(&conv->weights, tap, column + j);
        gemm.c[j] = tensor_row(output, item, column + j, row) + offset;
        gemm.add[j] = add ? tensor_row(add, item, column + j, row) + offset : NULL;
    }
    conv->base.products->gemm(&gemm);
}

static void rows_written(const ConvStep *conv, const CpuRun *run, int item, int column, int columns,
                         int row) {
    for (int j = 0; j < columns; j++)
        tensor_row_written(conv->base.output, run->executable->kernels, item, column + j, row);
}

/* All output rows that come from one grid row, for one group of column blocks. */
static void grid_row(const ConvStep *conv, const CpuRun *run, const void *const *pointers, int item,
                     int column, int columns, int row) {
    if (!conv->transposed) {
        gemm_row(conv, pointers, item, column, columns, row, 0);
        rows_written(conv, run, item, column, columns, row);
        return;
    }
    for (int y = 0; y < conv->kernel[0]; y++) {
        int output_row = row * conv->stride[0] + y;
        for (int x = 0; x < conv->kernel[1]; x++)
            gemm_row(conv, pointers, item, column, columns, output_row, y * conv->kernel[1] + x);
        rows_written(conv, run, item, column, columns, output_row);
    }
}

static void run_region(const ConvStep *conv, const CpuRun *run, const Slab *slab,
                       const Region *region, const void **pointers) {
    size_t per_row = row_pointers(conv);
    for (int row = region->first_row; row < region->last_row; row++)
        fill_pointers(slab, row, pointers + (size_t)(row - region->first_row) * per_row);
    for (int column = region->first_column; column < region->last_column; column += GEMM_COLUMNS) {
        int left = region->last_column - column;
        int columns = left < GEMM_COLUMNS ? left : GEMM_COLUMNS;
        for (int row = region->first_row; row < region->last_row; row++)
            grid_row(conv, run, pointers + (size_t)(row - region->first_row) * per_row,
                     region->item, column, columns, row);
    }
}

/* First input row that a grid row reads. */
static int first_input_row(const ConvStep *conv, int row) {
    return conv->transposed ? row : row * conv->stride[0] - conv->pad[0];
}

/* Input rows that `rows` adjacent grid rows read. */
static int input_rows(const ConvStep *conv, int rows) {
    return conv->transposed ? rows : (rows - 1) * conv->stride[0] + conv->kernel[0];
}

static Region task_region(const ConvContext *c, size_t task) {
    const ConvStep *conv = c->conv;
    int split = (int)(task % (size_t)c->splits);
    task /= (size_t)c->splits;
    int pairs = (conv->weights.column_blocks + GEMM_COLUMNS - 1) / GEMM_COLUMNS;
    Region region = {.item = c->item};
    if (!conv->shared)
        region.item = (int)(task / (size_t)c->row_groups);
    region.first_row = (int)(task % (size_t)c->row_groups) * conv->task_rows;
    region.last_row = region.first_row + conv->task_rows;
    if (region.last_row > grid_rows(conv))
        region.last_row = grid_rows(conv);
    region.first_column = split * pairs / c->splits * GEMM_COLUMNS;
    region.last_column = (split + 1) * pairs / c->splits * GEMM_COLUMNS;
    if (region.last_column > conv->weights.column_blocks)
        region.last_column = conv->weights.column_blocks;
    return region;
}

/* A thread's scratch: the pointers of all rows of a task, then a row on its way to being narrowed,
 * then the task's slab. */
static size_t pointer_bytes(const ConvStep *conv) {
    size_t bytes = row_pointers(conv) * (size_t)conv->task_rows * sizeof(void *);
    return size_round_up(bytes, MEMORY_ALIGNMENT);
}

static size_t row_buffer_bytes(const ConvStep *conv) {
    size_t bytes = (size_t)conv->base.operand.width * CHANNEL_BLOCK * sizeof(float);
    return conv->element < sizeof(float) ? size_round_up(bytes, MEMORY_ALIGNMENT) : 0;
}

static float *row_buffer(const ConvStep *conv, const CpuRun *run, int thread) {
    unsigned char *scratch = thread_scratch(run->executable, thread);
    return (float *)(void *)(scratch + pointer_bytes(conv));
}

static void conv_task(void *context, size_t task, int thread) {
    const ConvContext *c = context;
    const ConvStep *conv = c->conv;
    Region region = task_region(c, task);
    unsigned char *scratch = thread_scratch(c->run->executable, thread);
    Slab slab = {.conv = conv, .item = region.item};
    if (conv->shared) {
        slab.data = c->run->executable->shared;
        slab.first_row = first_input_row(conv, 0);
        slab.rows = conv->slab_rows;
    } else if (!conv->in_place) {
        unsigned char *data = scratch + pointer_bytes(conv) + row_buffer_bytes(conv);
        slab.data = data;
        slab.first_row = first_input_row(conv, region.first_row);
        slab.rows = input_rows(conv, region.last_row - region.first_row);
        for (int block = 0; block < conv->base.operand.blocks; block++)
            for (int row = 0; row < slab.rows; row++, data += slab_row_bytes(conv))
                load_slab_row(conv, c->run->executable, region.item, block, slab.first_row + row,
                              row_buffer(conv, c->run, thread), data);
    }
    run_region(conv, c->run, &slab, &region, (const void **)scratch);
}

static void load_shared_row(void *context, size_t task, int thread) {
    const ConvContext *c = context;
    const ConvStep *conv = c->conv;
    int row = (int)(task % (size_t)conv->slab_rows);
    int block = (int)(task / (size_t)conv->slab_rows);
    load_slab_row(conv, c->run->executable, c->item, block, first_input_row(conv, 0) + row,
                  row_buffer(conv, c->run, thread),
                  c->run->executable->shared + task * slab_row_bytes(conv));
}

/* What a task loads again for each split of its columns, in pairs of column blocks. */
static double loaded_again(const ConvStep *conv) {
    double positions = conv->transposed ? 1 : (double)conv->stride[0] * conv->stride[1];
    return conv->shared || conv->in_place ? 0 : LOAD_PAIRS * positions / conv->weights.taps;
}

/* Splits the columns only as far as it takes to keep all threads busy, and no further than what is
 * loaded again allows. */
static int choose_splits(const ConvStep *conv, const CpuRun *run, int groups) {
    int pairs = (conv->weights.column_blocks + GEMM_COLUMNS - 1) / GEMM_COLUMNS;
    int threads = thread_pool_size(run->executable->pool);
    double again = loaded_again(conv);
    if (again > 0)
        return splits_choose((size_t)groups, pairs, again, threads);
    int splits = (TASKS_PER_THREAD * threads + groups - 1) / groups;
    return splits < pairs ? splits : pairs;
}

static void conv_run(const CpuStep *step, const CpuRun *run) {
    const ConvStep *conv = (const ConvStep *)step;
    ThreadPool *pool = run->executable->pool;
    ConvContext context = {.conv = conv, .run = run};
    context.row_groups = (grid_rows(conv) + conv->task_rows - 1) / conv->task_rows;
    int groups = context.row_groups * (conv->shared ? 1 : run->batch);
    context.splits = choose_splits(conv, run, groups);
    size_t tasks = (size_t)groups * (size_t)context.splits;
    if (!conv->shared) {
        thread_pool_run(pool, tasks, conv_task, &context);
        return;
    }
    for (int item = 0; item < run->batch; item++) {
        context.item = item;
        thread_pool_run(pool, (size_t)conv->base.operand.blocks * (size_t)conv->slab_rows,
                        load_shared_row, &context);
        thread_pool_run(pool, tasks, conv_task, &context);
    }
}

/* ---- Creating ---- */

static void conv_destroy(CpuStep *step) {
    ConvStep *conv = (ConvStep *)step;
    conv_weights_free(&conv->weights);
    step_free(step);
}

static size_t slab_bytes(const ConvStep *conv, int rows) {
    return (size_t)conv->base.operand.blocks * (size_t)input_rows(conv, rows) *
           slab_row_bytes(conv);
}

/* How the work is cut; results do not depend on it. */
static void cut_work(ConvStep *conv) {
    const Operand *operand = &conv->base.operand;
    int rows = grid_rows(conv);
    int width = conv->transposed ? operand->width : conv->base.output->width;
    conv->slab_width = (size_t)operand->width + 2 * (size_t)conv->pad[1];
    conv->in_place =
        operand->plain && conv->pad[0] == 0 && conv->pad[1] == 0 && conv->element == sizeof(float);
    conv->task_rows = (int)size_min((size_t)rows, size_divide_up(TASK_POSITIONS, (size_t)width));
    conv->shared = !conv->in_place && slab_bytes(conv, rows) <= SHARED_SLAB_BYTES;
    if (conv->shared) {
        conv->slab_rows = input_rows(conv, rows);
        conv->base.shared_bytes = slab_bytes(conv, rows);
    }
    conv->base.scratch_bytes = pointer_bytes(conv) + row_buffer_bytes(conv);
    if (conv->in_place || conv->shared)
        return;
    while (conv->task_rows < rows && slab_bytes(conv, conv->task_rows * 2) <= TASK_SLAB_BYTES)
        conv->task_rows = (int)size_min((size_t)rows, (size_t)conv->task_rows * 2);
    conv->base.scratch_bytes =
        pointer_bytes(conv) + row_buffer_bytes(conv) + slab_bytes(conv, conv->task_rows);
}

cleave_status conv_step_create(CpuStep **created, const CpuExecutable *executable, const Step *step,
                               const Graph *weights, cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(ConvStep), executable, step, weights, error);
    if (status != CLEAVE_OK)
        return status;
    ConvStep *conv = (ConvStep *)*created;
    const ConvAttributes *attributes = &conv->base.node->as.conv;
    conv->base.run = conv_run;
    conv->base.destroy = conv_destroy;
    conv->element = conv->base.products->element;
    conv->transposed = conv->base.node->op == OP_CONV_TRANSPOSED;
    memcpy(conv->kernel, attributes->kernel, sizeof(conv->kernel));
    memcpy(conv->stride, attributes->stride, sizeof(conv->stride));
    memcpy(conv->pad, attributes->pad, sizeof(conv->pad));
    status = conv_weights_create(&conv->weights, WEIGHTS_AS_OPERANDS, &conv->base, executable,
                                 graph_weight(weights, &weights->nodes[step->node], 0), error);
    if (status == CLEAVE_OK)
        cut_work(conv);
    return status;
}
