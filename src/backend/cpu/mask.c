/* mask.c: masks from tokens, by an MLP for each stem and band, and their product with the
 * spectrogram.
 *
 * The weights are the gemm's broadcast operand, so that rows of a checkpoint can be used as they
 * are; the features are its vectors, one lane for each frame, and so are the outputs, which the
 * next layer reads as they lie. A task is one MLP for a tile of frames: panel by panel of weights,
 * and for each panel all columns of the tile. A panel is so read from memory once for each tile,
 * and mostly by several threads at about the same time.
 *
 * The masks of all bands of a stem are stored, and what overlaps is added up afterwards, band by
 * band: the same sums whatever the threads do. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/mask_weights.h"
#include "backend/cpu/step_kinds.h"
#include "backend/cpu/token_gemm.h"
#include "graph/tokens.h"

/* Columns of a tile, CHANNEL_BLOCK frames each: 416 frames, for which a panel of 64 rows by 1536
 * features takes 80 MFLOP, some twenty times as long as copying it. */
#define MASK_TILE_COLUMNS 26

/* Tasks for each thread, at least, so that the last ones do not wait long for each other. */
#define MASK_TASKS 4

/* Parts of a thread's scratch: the members of MaskScratch. */
#define MASK_SCRATCH_PARTS 6

/* Where a band's features lie. */
typedef struct MaskBand {
    int features;
    int in_spectrogram; /* the first of them */
    int in_masks;
} MaskBand;

typedef struct MaskStep {
    CpuStep base;
    MaskAttributes mask;
    MaskWeights weights;
    MaskBand *bands;
    int band_count;
    int mask_features; /* of all bands */
    int bin_features;
    float *shares;                            /* for each bin, 1 / how many bands hold it */
    size_t k_blocks;                          /* of the widest layer */
    int tile_columns;                         /* a multiple of GEMM_COLUMNS */
    int tiles;                                /* of a chunk's frames */
    size_t scratch_parts[MASK_SCRATCH_PARTS]; /* where each part of a thread's scratch begins */
} MaskStep;

/* ---- Scratch ---- */

/* A thread's scratch. */
typedef struct MaskScratch {
    unsigned char *layer[2]; /* (tile_columns, k_blocks · CHANNEL_BLOCK) vectors of elements: what a
                                layer reads, and what it writes */
    float *column;           /* one column of a layer in f32 */
    float *products;         /* (GEMM_COLUMNS, MASK_PANEL_ROWS) vectors */
    void *panel;             /* of what is copied panel by panel */
    const void **pointers;   /* into a panel, one for each block of k */
} MaskScratch;

static size_t mask_column_bytes(const MaskStep *step, size_t element) {
    return step->k_blocks * CHANNEL_BLOCK * CHANNEL_BLOCK * element;
}

/* Lays the parts out one behind the other; returns the bytes of all. */
static size_t mask_lay_out_scratch(MaskStep *step) {
    size_t layer = (size_t)step->tile_columns * mask_column_bytes(step, step->weights.element);
    size_t panel = feature_blocks(step->weights.copied_in) * CHANNEL_BLOCK * MASK_PANEL_ROWS;
    const size_t bytes[MASK_SCRATCH_PARTS] = {layer,
                                              layer,
                                              mask_column_bytes(step, sizeof(float)),
                                              GEMM_COLUMNS * MASK_PANEL_ROWS * CHANNEL_BLOCK *
                                                  sizeof(float),
                                              panel * sizeof(float),
                                              step->k_blocks * sizeof(void *)};
    size_t used = 0;
    for (int i = 0; i < MASK_SCRATCH_PARTS; i++)
        step->scratch_parts[i] = scratch_take(&used, bytes[i]);
    return used;
}

static MaskScratch mask_scratch(const MaskStep *step, const CpuExecutable *executable, int thread) {
    unsigned char *memory = thread_scratch(executable, thread);
    const size_t *parts = step->scratch_parts;
    return (MaskScratch){{memory + parts[0], memory + parts[1]},
                         (float *)(void *)(memory + parts[2]),
                         (float *)(void *)(memory + parts[3]),
                         memory + parts[4],
                         (const void **)(void *)(memory + parts[5])};
}

/* ---- The MLPs ---- */

/* All tasks of one stem of one item of the batch. */
typedef struct MaskContext {
    const MaskStep *step;
    const CpuRun *run;
    int item;
    int stem;
    float *masks; /* (frames, mask_features) */
} MaskContext;

typedef struct MaskTile {
    const MaskContext *context;
    const MaskBand *band;
    int number; /* of the band */
    int first;  /* frame */
    int frames;
    int columns;
} MaskTile;

/* Vectors of a column of features, padded to whole blocks of k. */
static size_t mask_positions(size_t features) {
    return feature_blocks(features) * CHANNEL_BLOCK;
}

/* Column `column` of what a layer with `features` inputs reads. */
static unsigned char *mask_column(const MaskStep *step, unsigned char *layer, int column,
                                  size_t features) {
    return layer +
           (size_t)column * mask_positions(features) * CHANNEL_BLOCK * step->weights.element;
}

/* Turns the tokens of up to CHANNEL_BLOCK frames into vectors; missing frames are zero. */
static void mask_load_column(const MaskTile *tile, int column, float *to) {
    const MaskContext *c = tile->context;
    const CpuTensor *tokens = c->step->base.operand.sources[0].tensor;
    size_t positions = mask_positions((size_t)tokens->width);
    int first = column * CHANNEL_BLOCK;
    for (int lane = 0; lane < CHANNEL_BLOCK; lane++) {
        bool is_there = first + lane < tile->frames;
        const float *row = tensor_token_row(tokens, c->item, tile->number,
                                            tile->first + (is_there ? first + lane : 0));
        for (size_t k = 0; k < positions; k++)
            to[k * CHANNEL_BLOCK + (size_t)lane] = is_there ? row[k] : 0;
    }
}

static void mask_load(const MaskTile *tile, const MaskScratch *scratch) {
    const MaskStep *step = tile->context->step;
    size_t width = (size_t)step->base.operand.sources[0].tensor->width;
    for (int column = 0; column < tile->columns; column++) {
        unsigned char *to = mask_column(step, scratch->layer[0], column, width);
        if (is_narrow(&step->base)) {
            mask_load_column(tile, column, scratch->column);
            step->base.products->narrow_vectors(to, scratch->column, mask_positions(width));
        } else {
            mask_load_column(tile, column, (float *)(void *)to);
        }
    }
}

/* A panel by up to GEMM_COLUMNS columns, into scratch->products. */
static void mask_multiply(const MaskStep *step, const MaskLinear *linear, size_t rows, int column,
                          int columns, const MaskScratch *scratch) {
    GemmArguments gemm = {.a = scratch->pointers,
                          .k_blocks = feature_blocks(linear->in),
                          .a_stride = CHANNEL_BLOCK,
                          .c_stride = CHANNEL_BLOCK,
                          .rows = rows,
                          .columns = columns};
    for (int j = 0; j < columns; j++) {
        gemm.b[j] = mask_column(step, scratch->layer[0], column + j, linear->in);
        gemm.c[j] = scratch->products + j * MASK_PANEL_ROWS * CHANNEL_BLOCK;
    }
    step->base.products->gemm(&gemm);
}

/* tanh of one column of a panel's outputs, for the next layer, whose blocks of k the last panel
 * completes with zeros. */
static void mask_finish_hidden(const MaskTile *tile, const MaskLinear *linear, MaskRows rows,
                               int column, float *products, const MaskScratch *scratch) {
    const MaskStep *step = tile->context->step;
    bool is_last = rows.first + rows.count == linear->out;
    size_t padded = is_last ? mask_positions(linear->out) - rows.first : rows.count;
    unsigned char *to = mask_column(step, scratch->layer[1], column, linear->out) +
                        rows.first * CHANNEL_BLOCK * step->weights.element;
    float *wide = is_narrow(&step->base) ? products : (float *)(void *)to;
    tile->context->run->executable->kernels->bias_tanh(wide, products, linear->bias + rows.first,
                                                       rows.count);
    memset(wide + rows.count * CHANNEL_BLOCK, 0,
           (padded - rows.count) * CHANNEL_BLOCK * sizeof(float));
    if (is_narrow(&step->base))
        step->base.products->narrow_vectors(to, products, padded);
}

/* The masks of one column: values times sigmoids of their gates, turned into rows. */
static void mask_finish_gated(const MaskTile *tile, const MaskLinear *linear, MaskRows rows,
                              int column, float *products) {
    const MaskContext *c = tile->context;
    const float *bias = linear->bias + rows.first;
    GateArguments gate = {products,
                          products,
                          products + rows.count * CHANNEL_BLOCK,
                          bias,
                          bias + mask_outputs(linear),
                          rows.count};
    c->run->executable->kernels->bias_gate(&gate);
    int first = column * CHANNEL_BLOCK;
    int frames = size_clipped(CHANNEL_BLOCK, first, tile->frames);
    for (int lane = 0; lane < frames; lane++) {
        float *to = c->masks +
                    (size_t)(tile->first + first + lane) * (size_t)c->step->mask_features +
                    (size_t)tile->band->in_masks + rows.first;
        for (size_t i = 0; i < rows.count; i++)
            to[i] = products[i * CHANNEL_BLOCK + (size_t)lane];
    }
}

/* One layer of the tile: reads scratch->layer[0]; writes layer[1], or masks. */
static void mask_layer(const MaskTile *tile, const MaskLinear *linear, const MaskScratch *scratch) {
    const MaskStep *step = tile->context->step;
    for (size_t first = 0; first < mask_outputs(linear); first += mask_panel_outputs(linear)) {
        MaskRows rows = mask_rows(linear, first);
        WeightPanel panel = mask_panel(&step->weights, linear, rows, scratch->panel);
        weight_panel_point(&panel, feature_blocks(linear->in), step->weights.element,
                           scratch->pointers);
        for (int column = 0; column < tile->columns; column += GEMM_COLUMNS) {
            int columns = size_clipped(GEMM_COLUMNS, column, tile->columns);
            mask_multiply(step, linear, rows.all, column, columns, scratch);
            for (int j = 0; j < columns; j++) {
                float *products = scratch->products + j * MASK_PANEL_ROWS * CHANNEL_BLOCK;
                if (linear->gated)
                    mask_finish_gated(tile, linear, rows, column + j, products);
                else
                    mask_finish_hidden(tile, linear, rows, column + j, products, scratch);
            }
        }
    }
}

/* One band, one tile of frames. */
static void mask_task(void *context, size_t task, int thread) {
    const MaskContext *c = context;
    const MaskStep *step = c->step;
    int frames = step->base.output->height;
    MaskScratch scratch = mask_scratch(step, c->run->executable, thread);
    MaskTile tile = {.context = c, .number = (int)(task / (size_t)step->tiles)};
    tile.band = &step->bands[tile.number];
    tile.first = (int)(task % (size_t)step->tiles) * step->tile_columns * CHANNEL_BLOCK;
    tile.frames = size_clipped(step->tile_columns * CHANNEL_BLOCK, tile.first, frames);
    tile.columns = (tile.frames + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
    mask_load(&tile, &scratch);
    for (int layer = 0; layer < step->weights.layers; layer++) {
        mask_layer(&tile, mask_linear(&step->weights, c->stem, tile.number, layer), &scratch);
        unsigned char *written = scratch.layer[1];
        scratch.layer[1] = scratch.layer[0];
        scratch.layer[0] = written;
    }
}

/* ---- The stems ---- */

/* to += the masks of all bands, in their order. */
static void mask_add_bands(const MaskStep *step, const float *masks, float *to) {
    for (int number = 0; number < step->band_count; number++) {
        const MaskBand *band = &step->bands[number];
        for (int i = 0; i < band->features; i++)
            to[band->in_spectrogram + i] += masks[band->in_masks + i];
    }
}

/* One frame of a stem: the mean of the masks times the spectrogram, complex. */
static void mask_apply_task(void *context, size_t task, int thread) {
    (void)thread;
    const MaskContext *c = context;
    const MaskStep *step = c->step;
    const CpuTensor *output = step->base.output;
    const float *mix =
        tensor_token_row(step->base.operand.sources[1].tensor, c->item, 0, (int)task);
    float *to = tensor_token_row(output, c->item, c->stem, (int)task);
    memset(to, 0, tensor_row_floats(output) * sizeof(float));
    mask_add_bands(step, c->masks + task * (size_t)step->mask_features, to);
    for (int i = 0; i < output->width; i += 2) {
        float share = step->shares[i / step->bin_features];
        float re = to[i] * share;
        float im = to[i + 1] * share;
        to[i] = re * mix[i] - im * mix[i + 1];
        to[i + 1] = re * mix[i + 1] + im * mix[i];
    }
    if (step->mask.zero_dc)
        memset(to, 0, (size_t)step->bin_features * sizeof(float));
}

static void mask_run(const CpuStep *base, const CpuRun *run) {
    const MaskStep *step = (const MaskStep *)base;
    ThreadPool *pool = run->executable->pool;
    MaskContext context = {.step = step, .run = run};
    context.masks = (float *)(void *)run->executable->shared;
    for (context.item = 0; context.item < run->batch; context.item++)
        for (context.stem = 0; context.stem < step->mask.stems; context.stem++) {
            thread_pool_run(pool, (size_t)step->band_count * (size_t)step->tiles, mask_task,
                            &context);
            thread_pool_run(pool, (size_t)base->output->height, mask_apply_task, &context);
        }
}

/* ---- Creating ---- */

static void mask_destroy(CpuStep *base) {
    MaskStep *step = (MaskStep *)base;
    mask_weights_destroy(&step->weights);
    free(step->bands);
    free(step->shares);
    step_free(base);
}

static cleave_status mask_create_bands(MaskStep *step, const Graph *graph, cleave_error *error) {
    size_t bins = (size_t)graph_bins(graph);
    step->band_count = graph->band_count;
    step->bin_features = graph_bin_features(graph, step->base.node);
    step->bands = calloc((size_t)graph->band_count, sizeof(*step->bands));
    step->shares = calloc(bins, sizeof(*step->shares));
    step->base.weight_bytes += bins * sizeof(*step->shares);
    if (!step->bands || !step->shares)
        return error_memory(error, step->base.node->name, bins * sizeof(*step->shares));
    for (int i = 0; i < graph->band_count; i++) {
        const Band *band = &graph->bands[i];
        step->bands[i] = (MaskBand){.features = band->bins * step->bin_features,
                                    .in_spectrogram = band->first * step->bin_features,
                                    .in_masks = step->mask_features};
        step->mask_features += step->bands[i].features;
    }
    for (size_t bin = 0; bin < bins; bin++) {
        int first;
        step->shares[bin] = 1 / (float)graph_bands_of_bin(graph, (int)bin, &first);
    }
    return CLEAVE_OK;
}

/* Cuts the frames into tiles as even as can be. */
static void mask_choose_tiles(MaskStep *step, const CpuExecutable *executable) {
    int frames = step->base.node->shape.height;
    int pairs = (frames + GEMM_COLUMNS * CHANNEL_BLOCK - 1) / (GEMM_COLUMNS * CHANNEL_BLOCK);
    int most = MASK_TILE_COLUMNS / GEMM_COLUMNS;
    int tiles = (pairs + most - 1) / most;
    int wanted = (MASK_TASKS * executable->threads + step->band_count - 1) / step->band_count;
    tiles = tiles > wanted ? tiles : wanted;
    int tile_pairs = tiles < pairs ? (pairs + tiles - 1) / tiles : 1;
    step->tile_columns = tile_pairs * GEMM_COLUMNS;
    step->tiles = (pairs + tile_pairs - 1) / tile_pairs;
}

static void mask_measure(MaskStep *step) {
    const CpuTensor *tokens = step->base.operand.sources[0].tensor;
    size_t widest = (size_t)tokens->width;
    if (step->mask.hidden_layers > 0)
        widest = size_max(widest, (size_t)step->mask.hidden_width);
    step->k_blocks = feature_blocks(widest);
    step->base.weight_bytes += step->weights.bytes;
    step->base.scratch_bytes = mask_lay_out_scratch(step);
    step->base.shared_bytes =
        (size_t)step->base.output->height * (size_t)step->mask_features * sizeof(float);
}

cleave_status mask_step_create(CpuStep **created, const CpuExecutable *executable,
                               const Step *program, const Graph *weights, cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(MaskStep), executable, program, weights, error);
    if (status != CLEAVE_OK)
        return status;
    MaskStep *step = (MaskStep *)*created;
    step->base.run = mask_run;
    step->base.destroy = mask_destroy;
    step->mask = step->base.node->as.mask;
    status = mask_create_bands(step, weights, error);
    if (status == CLEAVE_OK)
        status = mask_weights_create(&step->weights, executable, &step->base, weights, error);
    mask_choose_tiles(step, executable);
    mask_measure(step);
    return status;
}
