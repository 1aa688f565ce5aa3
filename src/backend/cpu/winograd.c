/* winograd.c: 3×3 convolutions by F(4×4, 3×3) (kernels.h). Patches of tiles are loaded (normalised,
 * activated, padded) and transformed, multiplied element by element of the window with the
 * transformed weights by the gemm, and transformed back.
 *
 * Weights are kept as they are, and transformed in every run: that costs less than to read four
 * times as many from memory, and a quarter of the memory. */
#include <string.h>

#include "backend/cpu/conv_weights.h"
#include "backend/cpu/executable.h"
#include "base/memory.h"

/* Input channel blocks whose weights are transformed at once, where that happens on the way: they
 * should stay in the cache, and so should the products that are summed over them. */
#define WEIGHT_BLOCKS 8

/* Floats of one block of input and of output channels. */
#define PANEL ((size_t)CHANNEL_BLOCK * CHANNEL_BLOCK)

typedef struct WinogradStep {
    CpuStep base;
    ConvPlan plan;
    ConvWeights weights;
    int patches_down;
    int patches_across;
} WinogradStep;

typedef struct WinogradContext {
    const WinogradStep *step;
    const CpuRun *run;
    int sample; /* where all patches are loaded first */
} WinogradContext;

/* ---- Sizes, in floats ---- */

static size_t patch_tiles(const ConvPlan *plan) {
    return (size_t)plan->patch_rows * (size_t)plan->patch_columns;
}

/* Between the elements of a patch's transformed input: one more than (blocks, tiles), so that the
 * 36 elements of a tile do not all compete for the same lines of the cache. */
static size_t input_stride(const WinogradStep *w) {
    return ((size_t)w->base.operand.blocks * patch_tiles(&w->plan) + 1) * CHANNEL_BLOCK;
}

static size_t input_floats(const WinogradStep *w) {
    return WINOGRAD_ELEMENTS * input_stride(w);
}

static size_t product_stride(const WinogradStep *w) {
    return (GEMM_COLUMNS * patch_tiles(&w->plan) + 1) * CHANNEL_BLOCK;
}

static size_t product_floats(const WinogradStep *w) {
    return WINOGRAD_ELEMENTS * product_stride(w);
}

/* Loaded positions of one channel block of a patch. */
static size_t slab_stride(const WinogradStep *w) {
    return ((size_t)w->plan.patch_columns * WINOGRAD_TILE + 2) * CHANNEL_BLOCK;
}

static size_t slab_floats(const WinogradStep *w) {
    return ((size_t)w->plan.patch_rows * WINOGRAD_TILE + 2) * slab_stride(w);
}

/* Between the elements of transformed weights: all of them, or `blocks` for a few columns. */
static size_t weight_stride(const WinogradStep *w) {
    size_t panels = w->plan.weights_first
                        ? (size_t)w->weights.column_blocks * (size_t)w->weights.blocks
                        : (size_t)GEMM_COLUMNS * WEIGHT_BLOCKS;
    return panels * PANEL + CHANNEL_BLOCK;
}

static size_t patch_count(const WinogradStep *w) {
    return (size_t)w->patches_down * (size_t)w->patches_across;
}

static int column_pairs(const WinogradStep *w) {
    return (w->weights.column_blocks + GEMM_COLUMNS - 1) / GEMM_COLUMNS;
}

/* ---- Patches ---- */

typedef struct Patch {
    int sample;
    int down; /* index among the patches */
    int across;
    int row; /* first tile */
    int column;
    int rows; /* in tiles */
    int columns;
} Patch;

static int clipped(int size, int first, int limit) {
    return first + size > limit ? limit - first : size;
}

static int tiles(int size) {
    return (size + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
}

static Patch find_patch(const WinogradStep *w, int sample, size_t index) {
    Patch patch = {.sample = sample,
                   .down = (int)(index / (size_t)w->patches_across),
                   .across = (int)(index % (size_t)w->patches_across)};
    patch.row = patch.down * w->plan.patch_rows;
    patch.column = patch.across * w->plan.patch_columns;
    patch.rows = clipped(w->plan.patch_rows, patch.row, tiles(w->base.output->height));
    patch.columns = clipped(w->plan.patch_columns, patch.column, tiles(w->base.output->width));
    return patch;
}

static void clear(float *to, int positions) {
    if (positions > 0)
        memset(to, 0, (size_t)positions * CHANNEL_BLOCK * sizeof(float));
}

/* One row of a patch's slab, zero where the convolution pads and where tiles reach beyond. */
static void load_slab_row(const WinogradStep *w, const Kernels *kernels, const Patch *patch,
                          int block, int row, float *to) {
    const Operand *operand = &w->base.operand;
    int count = patch->columns * WINOGRAD_TILE + 2;
    int first = patch->column * WINOGRAD_TILE - 1;
    int before = first < 0 ? -first : 0;
    int behind = first + count > operand->width ? first + count - operand->width : 0;
    if (row < 0 || row >= operand->height) {
        clear(to, count);
        return;
    }
    RowPart part = {.sample = patch->sample,
                    .block = block,
                    .row = row,
                    .first = first + before,
                    .count = count - before - behind};
    clear(to, before);
    operand_load(operand, kernels, part, to + (size_t)before * CHANNEL_BLOCK);
    clear(to + (size_t)(count - behind) * CHANNEL_BLOCK, behind);
}

/* Bᵀ d B of one channel block of a patch, whose transformed input begins at `to`. */
static void load_patch_block(const WinogradStep *w, const Kernels *kernels, const Patch *patch,
                             int block, float *slab, float *to) {
    size_t stride = slab_stride(w);
    for (int row = 0; row < patch->rows * WINOGRAD_TILE + 2; row++)
        load_slab_row(w, kernels, patch, block, patch->row * WINOGRAD_TILE - 1 + row,
                      slab + (size_t)row * stride);
    to += (size_t)block * patch_tiles(&w->plan) * CHANNEL_BLOCK;
    for (int row = 0; row < patch->rows; row++)
        kernels->winograd_input(to + (size_t)(row * patch->columns) * CHANNEL_BLOCK,
                                input_stride(w), slab + (size_t)(row * WINOGRAD_TILE) * stride,
                                stride, (size_t)patch->columns);
}

/* Aᵀ m A of the products of `columns` column blocks, written where they belong. */
static void store_patch(const WinogradStep *w, const Kernels *kernels, const Patch *patch,
                        int column, int columns, const float *products) {
    const CpuTensor *output = w->base.output;
    const CpuTensor *add = w->base.add;
    for (int j = 0; j < columns; j++) {
        const float *from = products + (size_t)j * patch_tiles(&w->plan) * CHANNEL_BLOCK;
        for (int row = 0; row < patch->rows; row++) {
            int y = (patch->row + row) * WINOGRAD_TILE;
            int x = patch->column * WINOGRAD_TILE;
            size_t offset = (size_t)x * CHANNEL_BLOCK;
            WinogradOutput arguments = {
                .from = from + (size_t)(row * patch->columns) * CHANNEL_BLOCK,
                .from_stride = product_stride(w),
                .to = tensor_row(output, patch->sample, column + j, y) + offset,
                .add = add ? tensor_row(add, patch->sample, column + j, y) + offset : NULL,
                .to_stride = tensor_row_floats(output),
                .rows = (size_t)clipped(WINOGRAD_TILE, y, output->height),
                .positions = (size_t)clipped(patch->columns * WINOGRAD_TILE, x, output->width)};
            kernels->winograd_output(&arguments);
        }
        tensor_part_written(output, kernels, patch->sample, column + j, patch->down, patch->across);
    }
}

/* ---- Products ---- */

/* Where a product finds its operands: input blocks [first, last). */
typedef struct Product {
    const float *input;    /* of the whole patch */
    const float *weights;  /* of column block 0 and input block `first` */
    size_t weights_column; /* floats between column blocks */
    int first;
    int last;
    int columns;
    size_t rows; /* tiles */
} Product;

/* products[e] = (first block: 0, else itself) + input[e] · weights[e] for each element e. */
static void multiply(const WinogradStep *w, const Kernels *kernels, const Product *product,
                     const void **pointers, float *products) {
    size_t block_floats = patch_tiles(&w->plan) * CHANNEL_BLOCK;
    for (size_t e = 0; e < WINOGRAD_ELEMENTS; e++) {
        const float *input = product->input + e * input_stride(w);
        const float *weights = product->weights + e * weight_stride(w);
        GemmArguments gemm = {.a = pointers,
                              .k_blocks = (size_t)(product->last - product->first),
                              .a_stride = CHANNEL_BLOCK,
                              .c_stride = CHANNEL_BLOCK,
                              .rows = product->rows,
                              .columns = product->columns};
        for (int block = product->first; block < product->last; block++)
            pointers[block - product->first] = input + (size_t)block * block_floats;
        for (int j = 0; j < product->columns; j++) {
            gemm.b[j] = weights + (size_t)j * product->weights_column;
            gemm.c[j] = products + e * product_stride(w) + (size_t)j * block_floats;
            gemm.add[j] = product->first > 0 ? gemm.c[j] : NULL;
        }
        kernels->products[CLEAVE_PRECISION_F32].gemm(&gemm);
    }
}

/* A thread's scratch. */
typedef struct Scratch {
    const void **pointers;
    float *slab;
    float *products;
    float *input;   /* weights_first only */
    float *weights; /* the other way only */
} Scratch;

static size_t pointer_floats(const WinogradStep *w) {
    size_t bytes = (size_t)w->base.operand.blocks * sizeof(void *);
    return size_round_up(bytes, MEMORY_ALIGNMENT) / sizeof(float);
}

static size_t scratch_floats(const WinogradStep *w) {
    return pointer_floats(w) + slab_floats(w) + product_floats(w) +
           (w->plan.weights_first ? input_floats(w) : WINOGRAD_ELEMENTS * weight_stride(w));
}

static Scratch find_scratch(const WinogradStep *w, const CpuRun *run, int thread) {
    float *memory = thread_scratch(run->executable, thread);
    Scratch scratch = {.pointers = (const void **)(void *)memory};
    scratch.slab = memory + pointer_floats(w);
    scratch.products = scratch.slab + slab_floats(w);
    scratch.input = scratch.products + product_floats(w);
    scratch.weights = scratch.input;
    return scratch;
}

static float *shared_memory(const CpuRun *run) {
    return (float *)(void *)run->executable->shared;
}

/* ---- Weights first ---- */

static void transform_weights(void *context, size_t task, int thread) {
    (void)thread;
    const WinogradContext *c = context;
    const WinogradStep *w = c->step;
    c->run->executable->kernels->winograd_weights(
        shared_memory(c->run) + task * PANEL, weight_stride(w), w->weights.data + task * 9 * PANEL);
}

static void patch_task(void *context, size_t task, int thread) {
    const WinogradContext *c = context;
    const WinogradStep *w = c->step;
    const Kernels *kernels = c->run->executable->kernels;
    Scratch scratch = find_scratch(w, c->run, thread);
    Patch patch = find_patch(w, (int)(task / patch_count(w)), task % patch_count(w));
    for (int block = 0; block < w->weights.blocks; block++)
        load_patch_block(w, kernels, &patch, block, scratch.slab, scratch.input);
    size_t column_floats = (size_t)w->weights.blocks * PANEL;
    for (int column = 0; column < w->weights.column_blocks; column += GEMM_COLUMNS) {
        Product product = {.input = scratch.input,
                           .weights = shared_memory(c->run) + (size_t)column * column_floats,
                           .weights_column = column_floats,
                           .last = w->weights.blocks,
                           .columns = clipped(GEMM_COLUMNS, column, w->weights.column_blocks),
                           .rows = (size_t)(patch.rows * patch.columns)};
        multiply(w, kernels, &product, scratch.pointers, scratch.products);
        store_patch(w, kernels, &patch, column, product.columns, scratch.products);
    }
}

static void run_weights_first(const WinogradStep *w, const CpuRun *run) {
    WinogradContext context = {.step = w, .run = run};
    ThreadPool *pool = run->executable->pool;
    size_t panels = (size_t)w->weights.column_blocks * (size_t)w->weights.blocks;
    thread_pool_run(pool, panels, transform_weights, &context);
    thread_pool_run(pool, (size_t)run->batch * patch_count(w), patch_task, &context);
}

/* ---- Patches first ---- */

static float *patch_input(const WinogradContext *c, size_t patch) {
    return shared_memory(c->run) + patch * input_floats(c->step);
}

static void load_task(void *context, size_t task, int thread) {
    const WinogradContext *c = context;
    const WinogradStep *w = c->step;
    size_t index = task / (size_t)w->weights.blocks;
    Patch patch = find_patch(w, c->sample, index);
    load_patch_block(w, c->run->executable->kernels, &patch,
                     (int)(task % (size_t)w->weights.blocks), find_scratch(w, c->run, thread).slab,
                     patch_input(c, index));
}

static void columns_task(void *context, size_t task, int thread) {
    const WinogradContext *c = context;
    const WinogradStep *w = c->step;
    const Kernels *kernels = c->run->executable->kernels;
    Scratch scratch = find_scratch(w, c->run, thread);
    size_t index = task / (size_t)column_pairs(w);
    int column = (int)(task % (size_t)column_pairs(w)) * GEMM_COLUMNS;
    Patch patch = find_patch(w, c->sample, index);
    Product product = {.input = patch_input(c, index),
                       .weights = scratch.weights,
                       .weights_column = WEIGHT_BLOCKS * PANEL,
                       .columns = clipped(GEMM_COLUMNS, column, w->weights.column_blocks),
                       .rows = (size_t)(patch.rows * patch.columns)};
    for (; product.first < w->weights.blocks; product.first = product.last) {
        int count = clipped(WEIGHT_BLOCKS, product.first, w->weights.blocks);
        product.last = product.first + count;
        for (int j = 0; j < product.columns; j++)
            for (int block = 0; block < count; block++)
                kernels->winograd_weights(
                    scratch.weights + (size_t)(j * WEIGHT_BLOCKS + block) * PANEL, weight_stride(w),
                    conv_weights_panel(&w->weights, 0, column + j) +
                        (size_t)(product.first + block) * 9 * PANEL);
        multiply(w, kernels, &product, scratch.pointers, scratch.products);
    }
    store_patch(w, kernels, &patch, column, product.columns, scratch.products);
}

static void run_patches_first(const WinogradStep *w, const CpuRun *run) {
    WinogradContext context = {.step = w, .run = run};
    ThreadPool *pool = run->executable->pool;
    for (int sample = 0; sample < run->batch; sample++) {
        context.sample = sample;
        thread_pool_run(pool, patch_count(w) * (size_t)w->weights.blocks, load_task, &context);
        thread_pool_run(pool, patch_count(w) * (size_t)column_pairs(w), columns_task, &context);
    }
}

/* ---- The step ---- */

static void winograd_run(const CpuStep *step, const CpuRun *run) {
    const WinogradStep *w = (const WinogradStep *)step;
    if (w->plan.weights_first)
        run_weights_first(w, run);
    else
        run_patches_first(w, run);
}

static void winograd_destroy(CpuStep *step) {
    WinogradStep *w = (WinogradStep *)step;
    conv_weights_free(&w->weights);
    step_free(step);
}

cleave_status winograd_step_create(CpuStep **created, const CpuExecutable *executable,
                                   const Step *step, const Graph *weights, cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(WinogradStep), executable, step, weights, error);
    if (status != CLEAVE_OK)
        return status;
    WinogradStep *w = (WinogradStep *)*created;
    const CpuTensor *output = w->base.output;
    w->base.run = winograd_run;
    w->base.destroy = winograd_destroy;
    w->plan = *step_plan(executable, step);
    w->patches_down = (tiles(output->height) + w->plan.patch_rows - 1) / w->plan.patch_rows;
    w->patches_across = (tiles(output->width) + w->plan.patch_columns - 1) / w->plan.patch_columns;
    status = conv_weights_create(&w->weights, &w->base, executable,
                                 weights->nodes[step->node].weights[0], error);
    if (status != CLEAVE_OK)
        return status;
    w->base.scratch_bytes = scratch_floats(w) * sizeof(float);
    w->base.shared_bytes = (w->plan.weights_first ? WINOGRAD_ELEMENTS * weight_stride(w)
                                                  : patch_count(w) * input_floats(w)) *
                           sizeof(float);
    return CLEAVE_OK;
}
