/* sizes.c: multiplying the dimensions of each array that the ops make, without overflow. */
#include "backend/mps/sizes.h"

#include <stdlib.h>

#include "backend/mps/tables.h"
#include "base/memory.h"
#include "graph/ops.h"
#include "graph/tokens.h"

static int64_t elements(Shape shape, int batch) {
    return (int64_t)batch * shape.channels * shape.height * shape.width;
}

/* ---- Ops of tokens ---- */

AttentionTile attention_tile(int64_t length, int64_t limit) {
    int64_t queries = limit / length;
    if (queries < 1)
        return (AttentionTile){1, 1};
    if (queries < length)
        return (AttentionTile){1, queries};
    return (AttentionTile){queries / length, length};
}

static int64_t scores_of(const Node *node, int batch) {
    const AttentionAttributes *attention = &node->as.attention;
    int64_t length = sequence_length(node);
    int64_t tokens = (int64_t)batch * node->shape.channels * node->shape.height;
    AttentionTile tile = attention_tile(length, ATTENTION_SCORES);
    int64_t heads = tokens / length * attention->heads;
    return (tile.heads < heads ? tile.heads : heads) * tile.queries * length;
}

/* The widest rows of a node that computes in rows: features of a token, or of a frame. */
static int64_t widest_row(const Graph *network, const Node *node) {
    switch (node->op) {
    case OP_ATTENTION:
        return int64_max(node->shape.width,
                         3 * (int64_t)node->as.attention.heads * node->as.attention.dim_head);
    case OP_FEED_FORWARD:
        return int64_max(node->shape.width, node->as.feed_forward.hidden);
    case OP_MASK:
        return int64_max(int64_max(node->as.mask.hidden_width, node->shape.width),
                         (int64_t)bands_per_bin(network) * node->shape.width);
    default:
        return node->shape.width;
    }
}

static bool is_layer(const Node *node) {
    return op_info(node->op)->class == OP_CLASS_LAYER;
}

static int64_t widest_band(const Graph *network, const Node *split) {
    int64_t widest = 0;
    for (int band = 0; band < network->band_count; band++)
        widest = int64_max(widest, graph_band_features(network, split, band));
    return widest;
}

/* What its products sum over, at most. */
static int64_t widest_sum(const Graph *network, const Node *node) {
    int64_t width = network->nodes[node->inputs[0]].shape.width;
    const AttentionAttributes *attention = &node->as.attention;
    switch (node->op) {
    case OP_BAND_SPLIT:
        return widest_band(network, node);
    case OP_ATTENTION:
        width = int64_max(width, (int64_t)attention->heads * attention->dim_head);
        return int64_max(width, sequence_length(node));
    case OP_FEED_FORWARD:
        return int64_max(width, node->as.feed_forward.hidden);
    case OP_MASK:
        return int64_max(width, node->as.mask.hidden_width);
    default:
        return width;
    }
}

/* ---- Arrays ---- */

/* Of frames of `waveforms` channels, complex spectra and, for the inverse, what is gathered of them
 * for each sample. */
static int64_t transform_array(const Node *node, int frames, int channels, int batch) {
    const StftAttributes *stft = &node->as.stft;
    int64_t waveforms = (int64_t)batch * channels;
    int64_t spectra = 2 * waveforms * frames * (stft->n_fft / 2 + 1);
    int64_t cut = waveforms * frames * stft->n_fft;
    int64_t covers = (stft->n_fft + stft->hop - 1) / stft->hop;
    int64_t gathered = node->op == OP_ISTFT ? waveforms * covers * node->shape.width : 0;
    return int64_max(int64_max(spectra, cut), gathered);
}

static int64_t parameter_elements(const Graph *network, int node) {
    const Node *n = &network->nodes[node];
    int64_t largest = 0;
    int64_t dims[4];
    for (int slot = 0; slot < graph_weight_count(network, n); slot++) {
        int64_t elements = 1;
        for (int i = graph_weight_shape(network, node, slot, dims) - 1; i >= 0; i--)
            elements *= dims[i];
        largest = int64_max(largest, elements);
    }
    for (int i = 0; i < table_count(network, node); i++) {
        Table table = table_describe(network, node, i);
        largest = int64_max(largest, table_elements(&table));
    }
    return largest;
}

int64_t node_largest_array(const Graph *network, int index, int batch) {
    const Node *node = &network->nodes[index];
    int64_t largest = int64_max(elements(node->shape, batch), parameter_elements(network, index));
    if (node->op == OP_STFT)
        largest = int64_max(largest,
                            transform_array(node, node->shape.height,
                                            network->nodes[node->inputs[0]].shape.channels, batch));
    if (node->op == OP_ISTFT)
        largest =
            int64_max(largest, transform_array(node, network->nodes[node->inputs[0]].shape.height,
                                               node->shape.channels, batch));
    if (node->op == OP_ATTENTION)
        largest = int64_max(largest, scores_of(node, batch));
    if (is_layer(node)) {
        int64_t tokens = node->op == OP_MASK ? 1 : node->shape.channels;
        largest =
            int64_max(largest, batch * tokens * node->shape.height * widest_row(network, node));
    }
    return largest;
}

/* ---- Work ---- */

static double exact_stft_flops(const Graph *network, const Node *node) {
    Limbs limbs = limbs_of(node->as.stft.n_fft);
    double rows = (double)network->nodes[node->inputs[0]].shape.channels * node->shape.height;
    double one = rows * node->as.stft.n_fft * node->as.stft.bins; /* of half the samples */
    return one * limbs.count * (limbs.count + 1); /* real and imaginary parts, half of all pairs */
}

static bool is_exact_stft(const Node *node) {
    return node->op == OP_STFT && node->as.stft.tokens;
}

double work_flops(const Graph *network, int node) {
    const Node *n = &network->nodes[node];
    return is_exact_stft(n) ? exact_stft_flops(network, n) : graph_node_flops(network, node);
}

double product_flops(const Graph *network, int node) {
    const Node *n = &network->nodes[node];
    bool has_products =
        graph_is_product(n) || is_exact_stft(n) || (is_layer(n) && n->op != OP_RMS_NORM);
    return has_products ? work_flops(network, node) : 0;
}

/* ---- What is alive at once ---- */

/* Limbs of frames and of the matrix, and sums of products. */
static int64_t transform_work(const Graph *network, const Node *node, int batch) {
    int64_t half = node->as.stft.n_fft / 2;
    int64_t bins = node->as.stft.bins;
    int64_t rows =
        (int64_t)batch * network->nodes[node->inputs[0]].shape.channels * node->shape.height;
    return 2 * limbs_of(node->as.stft.n_fft).count * (rows * half + half * bins + rows * bins);
}

/* All of a frame's masks, those averaged, and complex numbers' parts; and one band's layers. */
static int64_t mask_work(const Graph *network, const Node *node, int batch) {
    int64_t features = graph_all_band_features(network, node);
    int64_t layers = 2 * (int64_t)node->as.mask.hidden_width;
    int64_t tokens = network->nodes[node->inputs[0]].shape.channels;
    int64_t operands = tokens * network->nodes[node->inputs[0]].shape.width;
    int64_t whole = (bands_per_bin(network) + 3) * (int64_t)node->shape.width;
    return (int64_t)batch * node->shape.height * (operands + features + int64_max(layers, whole));
}

/* Elements of what a node computes in between, as far as it is alive at once. Elementwise ops are
 * taken to be fused. */
static int64_t node_work(const Graph *network, int index, int batch) {
    const Node *node = &network->nodes[index];
    int64_t tokens = (int64_t)batch * node->shape.channels * node->shape.height;
    switch (node->op) {
    case OP_STFT:
        return node->as.stft.tokens ? transform_work(network, node, batch)
                                    : node_largest_array(network, index, batch);
    case OP_ATTENTION:
        return tokens * (2 * node->shape.width +
                         6 * (int64_t)node->as.attention.heads * node->as.attention.dim_head) +
               3 * scores_of(node, batch);
    case OP_FEED_FORWARD:
        return tokens * (2 * node->shape.width + 3 * (int64_t)node->as.feed_forward.hidden);
    case OP_MASK:
        return mask_work(network, node, batch);
    default:
        return node_largest_array(network, index, batch);
    }
}

bool sizes_fit(const Graph *network, int batch, int *node) {
    for (*node = 0; *node < network->count; ++*node) {
        int64_t largest = node_largest_array(network, *node, batch);
        if (largest > ARRAY_ELEMENTS_MAX || largest * (int64_t)sizeof(float) > ARRAY_BYTES_MAX)
            return false;
    }
    return true;
}

static bool sides_fit(Shape shape) {
    return shape.channels <= CONV_SIDE_MAX && shape.height <= CONV_SIDE_MAX &&
           shape.width <= CONV_SIDE_MAX;
}

static bool product_fits(const Graph *network, const Node *node) {
    if (is_layer(node))
        return widest_sum(network, node) <= LINEAR_WIDTH_MAX;
    Shape from = network->nodes[node->inputs[0]].shape;
    if (node->op == OP_LINEAR)
        return from.width <= LINEAR_WIDTH_MAX;
    return sides_fit(from) && sides_fit(node->shape) &&
           node->as.conv.kernel[0] <= CONV_KERNEL_MAX && node->as.conv.kernel[1] <= CONV_KERNEL_MAX;
}

bool products_fit(const Graph *network, int *node) {
    for (*node = 0; *node < network->count; ++*node)
        if ((graph_is_product(&network->nodes[*node]) || is_layer(&network->nodes[*node])) &&
            !product_fits(network, &network->nodes[*node]))
            return false;
    return true;
}

void find_last_uses(const Graph *network, int *last) {
    for (int node = 0; node < network->count; node++) {
        last[node] = node;
        for (int i = 0; i < network->nodes[node].input_count; i++)
            last[network->nodes[node].inputs[i]] = node;
    }
    last[network->count - 1] = network->count;
}

int64_t live_bytes(const Graph *network, int batch) {
    int *last = malloc((size_t)network->count * sizeof(*last));
    int64_t live = 0;
    int64_t peak = 0;
    if (!last)
        return 0;
    find_last_uses(network, last);
    for (int node = 0; node < network->count; node++) {
        live += elements(network->nodes[node].shape, batch);
        peak = int64_max(peak, live + node_work(network, node, batch));
        for (int before = 0; before <= node; before++)
            if (last[before] == node)
                live -= elements(network->nodes[before].shape, batch);
    }
    free(last);
    return peak * (int64_t)sizeof(float);
}
