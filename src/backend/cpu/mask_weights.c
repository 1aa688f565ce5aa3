/* mask_weights.c: which weights stay in the file, and packing the others. */
#include "backend/cpu/mask_weights.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "graph/tokens.h"
#include "graph/weight_check.h"

/* ---- Panels ---- */

MaskRows mask_rows(const MaskLinear *linear, size_t first) {
    size_t count = size_min(mask_outputs(linear) - first, mask_panel_outputs(linear));
    return (MaskRows){first, count, linear->gated ? 2 * count : count};
}

/* The row of the weight that is row `at` of a panel. */
static size_t mask_row_of(const MaskLinear *linear, MaskRows rows, size_t at) {
    size_t gates = at < rows.count ? 0 : mask_outputs(linear) - rows.count;
    return gates + rows.first + at;
}

static WeightPanel mask_packed_panel(const MaskWeights *weights, const MaskLinear *linear,
                                     MaskRows rows) {
    size_t before = linear->gated ? 2 * rows.first : rows.first;
    size_t row_bytes = feature_blocks(linear->in) * CHANNEL_BLOCK * weights->element;
    return (WeightPanel){linear->packed + before * row_bytes, rows.all};
}

WeightPanel mask_panel(const MaskWeights *weights, const MaskLinear *linear, MaskRows rows,
                       void *scratch) {
    if (!linear->in_place)
        return mask_packed_panel(weights, linear, rows);
    WeightPanel panel = {scratch, rows.all};
    for (size_t at = 0; at < rows.all; at++) {
        size_t row = mask_row_of(linear, rows, at);
        weight_row_copy(&panel, at, linear->in_place + row * linear->in * sizeof(float),
                        linear->in);
    }
    return panel;
}

/* ---- What there is ---- */

/* What the weights are made for, and of. */
typedef struct MaskSource {
    const CpuExecutable *executable;
    const CpuStep *step;
    const Graph *graph; /* with its weights */
    int node;
} MaskSource;

static int mask_slot(const MaskWeights *weights, const MaskSource *source, int index) {
    int layer = index % weights->layers;
    int band = index / weights->layers % weights->bands;
    int stem = index / weights->layers / weights->bands;
    return mask_weight(source->graph, &source->graph->nodes[source->node], stem, band, layer);
}

static const Tensor *mask_tensor(const MaskSource *source, int slot) {
    return graph_weight(source->graph, &source->graph->nodes[source->node], slot);
}

static bool mask_can_stay(const MaskSource *source, const Tensor *weight) {
    const MappedFile *file = source->executable->options->weights_file;
    return weight && file && !is_narrow(source->step) && weight->dtype == DTYPE_F32 &&
           tensor_is_contiguous(weight) &&
           mapped_file_holds(file, weight->data, tensor_elements(weight) * sizeof(float));
}

static size_t mask_packed_bytes(const MaskWeights *weights, const MaskLinear *linear) {
    return linear->out * feature_blocks(linear->in) * CHANNEL_BLOCK * weights->element;
}

/* Shapes, and which weights stay; *packed becomes the bytes of the others. Returns the values of
 * all biases. */
static size_t mask_weights_measure(MaskWeights *weights, const MaskSource *source, size_t *packed) {
    size_t biases = 0;
    *packed = 0;
    for (int i = 0; i < weights->count; i++) {
        MaskLinear *linear = &weights->linears[i];
        int slot = mask_slot(weights, source, i);
        const Tensor *weight = mask_tensor(source, slot);
        int64_t dims[4];
        graph_weight_shape(source->graph, source->node, slot, dims);
        *linear = (MaskLinear){.in = (size_t)dims[1], .out = (size_t)dims[0]};
        linear->gated = i % weights->layers == weights->layers - 1;
        biases += linear->out;
        if (mask_can_stay(source, weight)) {
            linear->in_place = weight->data;
            weights->copied_in = size_max(weights->copied_in, linear->in);
            weights->bytes += linear->out * linear->in * sizeof(float);
        } else {
            *packed += mask_packed_bytes(weights, linear);
        }
    }
    weights->bytes += *packed + biases * sizeof(float);
    return biases;
}

/* Gives each linear its part of the two arrays. */
static void mask_weights_share_out(MaskWeights *weights) {
    unsigned char *packed = weights->packed;
    float *bias = weights->biases;
    for (int i = 0; i < weights->count; i++) {
        MaskLinear *linear = &weights->linears[i];
        linear->bias = bias;
        bias += linear->out;
        if (linear->in_place)
            continue;
        linear->packed = packed;
        packed += mask_packed_bytes(weights, linear);
    }
}

/* ---- Reading ---- */

typedef struct MaskPacking {
    const MaskWeights *weights;
    const MaskLinear *linear;
    const Tensor *weight;
    const ProductKernels *products;
    float *scratch; /* a row for each thread */
    size_t row_floats;
    atomic_size_t not_finite; /* values of the weight */
} MaskPacking;

static size_t mask_pack_into_panel(const MaskPacking *c, size_t row, float *scratch) {
    const MaskLinear *linear = c->linear;
    size_t output = row % mask_outputs(linear);
    size_t full = mask_panel_outputs(linear);
    MaskRows rows = mask_rows(linear, output / full * full);
    size_t at = output - rows.first + (row == output ? 0 : rows.count);
    WeightPanel panel = mask_packed_panel(c->weights, linear, rows);
    return weight_row_pack(&panel, at, c->weight, row, c->products, scratch);
}

/* Row `task` of a weight. One that stays is only looked at. */
static void mask_read_row(void *context, size_t task, int thread) {
    MaskPacking *c = context;
    size_t in = c->linear->in;
    float *scratch = c->scratch + (size_t)thread * c->row_floats;
    size_t not_finite = c->linear->in_place ? tensor_read_f32(c->weight, task * in, in, scratch)
                                            : mask_pack_into_panel(c, task, scratch);
    if (not_finite > 0)
        atomic_fetch_add(&c->not_finite, not_finite);
}

static cleave_status mask_read_linear(MaskPacking *packing, ThreadPool *pool, const Tensor *bias,
                                      cleave_error *error) {
    const MaskLinear *linear = packing->linear;
    cleave_status status =
        weight_check(bias, tensor_read_f32(bias, 0, linear->out, linear->bias), error);
    if (status != CLEAVE_OK)
        return status;
    atomic_init(&packing->not_finite, 0);
    thread_pool_run(pool, linear->out, mask_read_row, packing);
    return weight_check(packing->weight, atomic_load(&packing->not_finite), error);
}

/* Lets go of the file's pages behind each MLP that was packed: else all of them would be in memory
 * at the end, beside the packed ones. */
static cleave_status mask_read_all(MaskPacking *packing, const MaskSource *source,
                                   cleave_error *error) {
    const CompileOptions *options = source->executable->options;
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < packing->weights->count && status == CLEAVE_OK; i++) {
        int slot = mask_slot(packing->weights, source, i);
        packing->linear = &packing->weights->linears[i];
        packing->weight = mask_tensor(source, slot);
        status = mask_read_linear(packing, source->executable->pool, mask_tensor(source, slot + 1),
                                  error);
        if (packing->linear->gated && packing->linear->packed && options->weights_read)
            options->weights_read(options->weights_context);
    }
    return status;
}

static cleave_status mask_weights_fill(const MaskWeights *weights, const MaskSource *source,
                                       cleave_error *error) {
    MaskPacking packing = {.weights = weights, .products = source->step->products};
    for (int i = 0; i < weights->count; i++)
        packing.row_floats =
            size_max(packing.row_floats, feature_blocks(weights->linears[i].in) * CHANNEL_BLOCK);
    size_t bytes = packing.row_floats * sizeof(float) * (size_t)source->executable->threads;
    packing.scratch = memory_allocate_aligned(bytes);
    if (!packing.scratch)
        return error_memory(error, source->step->node->name, bytes);
    cleave_status status = mask_read_all(&packing, source, error);
    memory_free_aligned(packing.scratch);
    return status;
}

cleave_status mask_weights_create(MaskWeights *weights, const CpuExecutable *executable,
                                  const CpuStep *step, const Graph *graph, cleave_error *error) {
    const MaskSource source = {executable, step, graph,
                               (int)(step->node - executable->graph.nodes)};
    const MaskAttributes *mask = &step->node->as.mask;
    size_t packed = 0;
    weights->bands = graph->band_count;
    weights->layers = mask->hidden_layers + 1;
    weights->element = step->products->element;
    weights->count = mask->stems * weights->bands * weights->layers;
    weights->linears = calloc((size_t)weights->count, sizeof(*weights->linears));
    if (!weights->linears)
        return error_memory(error, step->node->name,
                            (size_t)weights->count * sizeof(*weights->linears));
    size_t biases = mask_weights_measure(weights, &source, &packed);
    if (executable->sizes_only)
        return CLEAVE_OK;
    weights->biases = calloc(biases + 1, sizeof(float));
    weights->packed = memory_allocate_aligned(packed);
    if (!weights->biases || !weights->packed)
        return error_memory(error, step->node->name, biases * sizeof(float) + packed);
    mask_weights_share_out(weights);
    return mask_weights_fill(weights, &source, error);
}

void mask_weights_destroy(MaskWeights *weights) {
    free(weights->linears);
    free(weights->biases);
    memory_free_aligned(weights->packed);
}
