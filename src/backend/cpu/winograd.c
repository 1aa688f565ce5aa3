/* winograd.c: 3×3 convolutions by F(4×4, 3×3) and F(6×6, 3×3) (kernels.h). Patches of tiles are
 * loaded (normalised, activated, padded) and transformed, multiplied element by element of the
 * window with the transformed weights by the gemm, and transformed back.
 *
 * Weights are kept as they are, and transformed in every run: that costs less than to read four
 * or seven times as many from memory. */
#include <string.h>

#include "backend/cpu/conv_weights.h"
#include "backend/cpu/splits.h"
#include "backend/cpu/step_kinds.h"
#include "base/memory.h"

/* Input channel blocks whose weights are transformed at once, where that happens on the way: they
 * should stay in the cache, and so should the products that are summed over them. */
#define WEIGHT_BLOCKS 8

/* Loading a patch and transforming it takes about as long as the products of so many pairs of
 * column blocks. */
#define PATCH_LOAD_PAIRS 1.0

/* Two column blocks at once share rows that each would read by itself. That takes about as long as
 * so much of one block's products. */
#define SHARED_COLUMNS 0.5

/* Floats of one block of input and of output channels. */
#define PANEL ((size_t)CHANNEL_BLOCK * CHANNEL_BLOCK)

typedef struct WinogradStep {
    CpuStep base;
    ConvPlan plan;
    WinogradSize size;
    size_t window_elements;
    int tile; /* positions along its side */
    ConvWeights weights;
    size_t element; /* bytes of an operand's element */
    int patches_down;
    int patches_across;
} WinogradStep;

typedef struct WinogradContext {
    const WinogradStep *step;
    const CpuRun *run;
    int item;   /* where all patches are loaded first */
    int splits; /* of all columns of a patch, where weights come first; else of each pair of them */
} WinogradContext;

/* ---- Sizes, in elements of their kind ---- */

static size_t patch_tiles(const ConvPlan *plan) {
    return (size_t)plan->patch_rows * (size_t)plan->patch_columns;
}

/* Between the elements of a patch's transformed input: one more than (blocks, tiles), so that the
 * elements of a tile do not all compete for the same lines of the cache. */
static size_t input_stride(const WinogradStep *w) {
    return ((size_t)w->base.operand.blocks * patch_tiles(&w->plan) + 1) * CHANNEL_BLOCK;
}

static size_t input_bytes(const WinogradStep *w) {
    return w->window_elements * input_stride(w) * w->element;
}

/* Of weights on their way to narrower elements: the taps and the elements of one block. */
static size_t buffer_floats(const WinogradStep *w) {
    bool narrow = w->element < sizeof(float);
    return narrow ? ((size_t)w->weights.taps + w->window_elements) * PANEL : 0;
}

static size_t product_stride(const WinogradStep *w) {
    return (GEMM_COLUMNS * patch_tiles(&w->plan) + 1) * CHANNEL_BLOCK;
}

static size_t product_floats(const WinogradStep *w) {
    return w->window_elements * product_stride(w);
}

/* Loaded positions of one channel block of a patch. */
static size_t slab_stride(const WinogradStep *w) {
    return ((size_t)(w->plan.patch_columns * w->tile) + 2) * CHANNEL_BLOCK;
}

static size_t slab_floats(const WinogradStep *w) {
    return ((size_t)(w->plan.patch_rows * w->tile) + 2) * slab_stride(w);
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
    int item;
    int down; /* index among the patches */
    int across;
    int row; /* first tile */
    int column;
    int rows; /* in tiles */
    int columns;
} Patch;

static Patch find_patch(const WinogradStep *w, int item, size_t index) {
    Patch patch = {.item = item,
                   .down = (int)(index / (size_t)w->patches_across),
                   .across = (int)(index % (size_t)w->patches_across)};
    patch.row = patch.down * w->plan.patch_rows;
    patch.column = patch.across * w->plan.patch_columns;
    patch.rows = size_clipped(w->plan.patch_rows, patch.row,
                              winograd_tiles(w->size, w->base.output->height));
    patch.columns = size_clipped(w->plan.patch_columns, patch.column,
                                 winograd_tiles(w->size, w->base.output->width));
    return patch;
}

static void clear_positions(float *to, int positions) {
    if (positions > 0)
        memset(to, 0, (size_t)positions * CHANNEL_BLOCK * sizeof(float));
}

/* One row of a patch's slab, zero where the convolution pads and where tiles reach beyond. */
static void load_slab_row(const WinogradStep *w, const Kernels *kernels, const Patch *patch,
                          int block, int row, float *to) {
    const Operand *operand = &w->base.operand;
    int count = patch->columns * w->tile + 2;
    int first = patch->column * w->tile - 1;
    int before = first < 0 ? -first : 0;
    int behind = first + count > operand->width ? first + count - operand->width : 0;
    if (row < 0 || row >= operand->height) {
        clear_positions(to, count);
        return;
    }
    RowPart part = {.item = patch->item,
                    .block = block,
                    .row = row,
                    .first = first + before,
                    .count = count - before - behind};
    clear_positions(to, before);
    operand_load(operand, kernels, part, to + (size_t)before * CHANNEL_BLOCK);
    clear_positions(to + (size_t)(count - behind) * CHANNEL_BLOCK, behind);
}

/* A thread's scratch. */
typedef struct Scratch {
    const void **pointers;
    float *slab;
    float *products;
    float *buffer;          /* see buffer_floats() */
    unsigned char *input;   /* weights_first only */
    unsigned char *weights; /* the other way only */
} Scratch;

/* Bᵀ d B of one channel block of a patch, whose transformed input begins at `to`. */
static void load_patch_block(const WinogradStep *w, const CpuExecutable *executable,
                             const Patch *patch, int block, const Scratch *scratch,
                             unsigned char *to) {
    size_t stride = slab_stride(w);
    size_t first = (size_t)block * patch_tiles(&w->plan);
    int loaded = 0;
    for (int row = 0; row < patch->rows; row++) {
        size_t tile = first + (size_t)(row * patch->columns);
        for (; loaded < (row + 1) * w->tile + 2; loaded++)
            load_slab_row(w, executable->kernels, patch, block, patch->row * w->tile - 1 + loaded,
                          scratch->slab + (size_t)loaded * stride);
        w->base.products->winograd_input[w->size](
            to + tile * CHANNEL_BLOCK * w->element, input_stride(w),
            scratch->slab + (size_t)(row * w->tile) * stride, stride, (size_t)patch->columns);
    }
}

/* G g Gᵀ of one block of input and of output channels, in the operands' elements. */
static void transform_block(const WinogradStep *w, const CpuExecutable *executable, int column,
                            int block, float *buffer, unsigned char *to) {
    const Kernels *kernels = executable->kernels;
    const float *taps = conv_weights_taps(&w->weights, kernels, column, block, buffer);
    if (!is_narrow(&w->base)) {
        kernels->winograd[w->size].weights((float *)(void *)to, weight_stride(w), taps);
        return;
    }
    float *elements = buffer + (size_t)w->weights.taps * PANEL;
    kernels->winograd[w->size].weights(elements, PANEL, taps);
    for (size_t e = 0; e < w->window_elements; e++)
        w->base.products->narrow_vectors(to + e * weight_stride(w) * w->element,
                                         elements + e * PANEL, CHANNEL_BLOCK);
}

/* Aᵀ m A of the products of `columns` column blocks, written where they belong. */
static void store_patch(const WinogradStep *w, const Kernels *kernels, const Patch *patch,
                        int column, int columns, const float *products) {
    const CpuTensor *output = w->base.output;
    const CpuTensor *add = w->base.add;
    for (int j = 0; j < columns; j++) {
        const float *from = products + (size_t)j * patch_tiles(&w->plan) * CHANNEL_BLOCK;
        for (int row = 0; row < patch->rows; row++) {
            int y = (patch->row + row) * w->tile;
            int x = patch->column * w->tile;
            size_t offset = (size_t)x * CHANNEL_BLOCK;
            WinogradOutput arguments = {
                .from = from + (size_t)(row * patch->columns) * CHANNEL_BLOCK,
                .from_stride = product_stride(w),
                .to = tensor_row(output, patch->item, column + j, y) + offset,
                .add = add ? tensor_row(add, patch->item, column + j, y) + offset : NULL,
                .to_stride = tensor_row_floats(output),
                .rows = (size_t)size_clipped(w->tile, y, output->height),
                .positions = (size_t)size_clipped(patch->columns * w->tile, x, output->width)};
            kernels->winograd[w->size].output(&arguments);
        }
        tensor_part_written(output, kernels, patch->item, column + j, patch->down, patch->across);
    }
}

/* ---- Products ---- */

/* Where a product finds its operands: input blocks [first, last). */
typedef struct Product {
    const unsigned char *input;   /* of the whole patch */
    const unsigned char *weights; /* of column block 0 and input block `first` */
    size_t weights_column;        /* elements between column blocks */
    int first;
    int last;
    int columns;
    size_t rows; /* tiles */
} Product;

/* products[e] = (first block: 0, else itself) + input[e] · weights[e] for each element e. */
static void multiply_patch(const WinogradStep *w, const Product *product, const void **pointers,
                           float *products) {
    size_t block = patch_tiles(&w->plan) * CHANNEL_BLOCK;
    for (size_t e = 0; e < w->window_elements; e++) {
        const unsigned char *input = product->input + e * input_stride(w) * w->element;
        const unsigned char *weights = product->weights + e * weight_stride(w) * w->element;
        GemmArguments gemm = {.a = pointers,
                              .k_blocks = (size_t)(product->last - product->first),
                              .a_stride = CHANNEL_BLOCK,
                              .c_stride = CHANNEL_BLOCK,
                              .rows = product->rows,
                              .columns = product->columns};
        for (int i = product->first; i < product->last; i++)
            pointers[i - product->first] = input + (size_t)i * block * w->element;
        for (int j = 0; j < product->columns; j++) {
            gemm.b[j] = weights + (size_t)j * product->weights_column * w->element;
            gemm.c[j] = products + e * product_stride(w) + (size_t)j * block;
            gemm.add[j] = product->first > 0 ? gemm.c[j] : NULL;
            if (e + 1 < w->window_elements)
                gemm.next_b[j] = (const unsigned char *)gemm.b[j] + weight_stride(w) * w->element;
        }
        w->base.products->gemm(&gemm);
    }
}

/* Bytes of the part of a scratch that holds pointers, and of all of it. */
static size_t pointer_bytes(const WinogradStep *w) {
    return size_round_up((size_t)w->base.operand.blocks * sizeof(void *), MEMORY_ALIGNMENT);
}

static size_t weight_bytes(const WinogradStep *w) {
    return w->window_elements * weight_stride(w) * w->element;
}

static size_t scratch_bytes(const WinogradStep *w) {
    return pointer_bytes(w) +
           (slab_floats(w) + product_floats(w) + buffer_floats(w)) * sizeof(float) +
           (w->plan.weights_first ? input_bytes(w) : weight_bytes(w));
}

static Scratch find_scratch(const WinogradStep *w, const CpuRun *run, int thread) {
    unsigned char *memory = thread_scratch(run->executable, thread);
    Scratch scratch = {.pointers = (const void **)(void *)memory};
    scratch.slab = (float *)(void *)(memory + pointer_bytes(w));
    scratch.products = scratch.slab + slab_floats(w);
    scratch.buffer = scratch.products + product_floats(w);
    scratch.input = (unsigned char *)(scratch.buffer + buffer_floats(w));
    scratch.weights = scratch.input;
    return scratch;
}

/* ---- Weights first ---- */

static void transform_weights(void *context, size_t task, int thread) {
    const WinogradContext *c = context;
    const WinogradStep *w = c->step;
    int column = (int)(task / (size_t)w->weights.blocks);
    int block = (int)(task % (size_t)w->weights.blocks);
    transform_block(w, c->run->executable, column, block, find_scratch(w, c->run, thread).buffer,
                    c->run->executable->shared + task * PANEL * w->element);
}

/* Column blocks [first, last) of a patch whose input is loaded. */
static void patch_columns(const WinogradStep *w, const CpuExecutable *executable,
                          const Patch *patch, int first, int last, const Scratch *scratch) {
    size_t column_elements = (size_t)w->weights.blocks * PANEL;
    for (int column = first; column < last; column += GEMM_COLUMNS) {
        Product product = {.input = scratch->input,
                           .weights =
                               executable->shared + (size_t)column * column_elements * w->element,
                           .weights_column = column_elements,
                           .last = w->weights.blocks,
                           .columns = size_clipped(GEMM_COLUMNS, column, last),
                           .rows = (size_t)(patch->rows * patch->columns)};
        multiply_patch(w, &product, scratch->pointers, scratch->products);
        store_patch(w, executable->kernels, patch, column, product.columns, scratch->products);
    }
}

static void patch_task(void *context, size_t task, int thread) {
    const WinogradContext *c = context;
    const WinogradStep *w = c->step;
    Scratch scratch = find_scratch(w, c->run, thread);
    int split = (int)(task % (size_t)c->splits);
    size_t index = task / (size_t)c->splits;
    Patch patch = find_patch(w, (int)(index / patch_count(w)), index % patch_count(w));
    int first = split * column_pairs(w) / c->splits * GEMM_COLUMNS;
    int last = (split + 1) * column_pairs(w) / c->splits * GEMM_COLUMNS;
    for (int block = 0; block < w->weights.blocks; block++)
        load_patch_block(w, c->run->executable, &patch, block, &scratch, scratch.input);
    patch_columns(w, c->run->executable, &patch, first,
                  last < w->weights.column_blocks ? last : w->weights.column_blocks, &scratch);
}

static void run_weights_first(const WinogradStep *w, const CpuRun *run) {
    WinogradContext context = {.step = w, .run = run};
    ThreadPool *pool = run->executable->pool;
    size_t panels = (size_t)w->weights.column_blocks * (size_t)w->weights.blocks;
    size_t patches = (size_t)run->batch * patch_count(w);
    context.splits =
        splits_choose(patches, column_pairs(w), PATCH_LOAD_PAIRS, thread_pool_size(pool));
    thread_pool_run(pool, panels, transform_weights, &context);
    thread_pool_run(pool, patches * (size_t)context.splits, patch_task, &context);
}

/* ---- Patches first ---- */

static unsigned char *patch_input(const WinogradContext *c, size_t patch) {
    return c->run->executable->shared + patch * input_bytes(c->step);
}

static void load_task(void *context, size_t task, int thread) {
    const WinogradContext *c = context;
    const WinogradStep *w = c->step;
    size_t index = task / (size_t)w->weights.blocks;
    Scratch scratch = find_scratch(w, c->run, thread);
    Patch patch = find_patch(w, c->item, index);
    load_patch_block(w, c->run->executable, &patch, (int)(task % (size_t)w->weights.blocks),
                     &scratch, patch_input(c, index));
}

static void columns_task(void *context, size_t task, int thread) {
    const WinogradContext *c = context;
    const WinogradStep *w = c->step;
    const CpuExecutable *executable = c->run->executable;
    Scratch scratch = find_scratch(w, c->run, thread);
    size_t tasks = (size_t)column_pairs(w) * (size_t)c->splits;
    size_t index = task / tasks;
    int width = GEMM_COLUMNS / c->splits;
    int column = (int)(task % tasks) * width;
    Patch patch = find_patch(w, c->item, index);
    if (column >= w->weights.column_blocks)
        return;
    Product product = {.input = patch_input(c, index),
                       .weights = scratch.weights,
                       .weights_column = WEIGHT_BLOCKS * PANEL,
                       .columns = size_clipped(width, column, w->weights.column_blocks),
                       .rows = (size_t)(patch.rows * patch.columns)};
    for (; product.first < w->weights.blocks; product.first = product.last) {
        int count = size_clipped(WEIGHT_BLOCKS, product.first, w->weights.blocks);
        product.last = product.first + count;
        for (int j = 0; j < product.columns; j++)
            for (int block = 0; block < count; block++)
                transform_block(w, executable, column + j, product.first + block, scratch.buffer,
                                scratch.weights +
                                    (size_t)(j * WEIGHT_BLOCKS + block) * PANEL * w->element);
        multiply_patch(w, &product, scratch.pointers, scratch.products);
    }
    store_patch(w, executable->kernels, &patch, column, product.columns, scratch.products);
}

static void run_patches_first(const WinogradStep *w, const CpuRun *run) {
    WinogradContext context = {.step = w, .run = run};
    ThreadPool *pool = run->executable->pool;
    size_t pairs = patch_count(w) * (size_t)column_pairs(w);
    context.splits = splits_choose(pairs, GEMM_COLUMNS, SHARED_COLUMNS, thread_pool_size(pool));
    for (int item = 0; item < run->batch; item++) {
        context.item = item;
        thread_pool_run(pool, patch_count(w) * (size_t)w->weights.blocks, load_task, &context);
        thread_pool_run(pool, pairs * (size_t)context.splits, columns_task, &context);
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
    w->element = w->base.products->element;
    w->plan = *step_plan(executable, step);
    w->size = conv_winograd_size(w->plan.algorithm);
    w->window_elements = winograd_elements(w->size);
    w->tile = (int)winograd_tile(w->size);
    w->patches_down =
        (winograd_tiles(w->size, output->height) + w->plan.patch_rows - 1) / w->plan.patch_rows;
    w->patches_across = (winograd_tiles(w->size, output->width) + w->plan.patch_columns - 1) /
                        w->plan.patch_columns;
    status = conv_weights_create(&w->weights, WEIGHTS_TO_TRANSFORM, &w->base, executable,
                                 graph_weight(weights, &weights->nodes[step->node], 0), error);
    if (status != CLEAVE_OK)
        return status;
    w->base.scratch_bytes = scratch_bytes(w);
    w->base.shared_bytes =
        w->plan.weights_first ? weight_bytes(w) : patch_count(w) * input_bytes(w);
    return CLEAVE_OK;
}
