/* sizes.c: multiplying the dimensions of each array that the ops make, without overflow. */
#include "backend/mps/sizes.h"

#include <stdlib.h>

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t elements(Shape shape, int batch) {
    return (int64_t)batch * shape.channels * shape.height * shape.width;
}

/* Of frames of `waveforms` channels, complex spectra and, for the inverse, what is gathered of them
 * for each sample. */
static int64_t transform_array(const Node *node, int frames, int channels, int batch) {
    const StftAttributes *stft = &node->as.stft;
    int64_t waveforms = (int64_t)batch * channels;
    int64_t spectra = 2 * waveforms * frames * (stft->n_fft / 2 + 1);
    int64_t cut = waveforms * frames * stft->n_fft;
    int64_t covers = (stft->n_fft + stft->hop - 1) / stft->hop;
    int64_t gathered = node->op == OP_ISTFT ? waveforms * covers * node->shape.width : 0;
    return larger(larger(spectra, cut), gathered);
}

static int64_t weight_elements(const Graph *network, const Node *node) {
    if (!graph_is_product(node))
        return 0;
    Shape from = network->nodes[node->inputs[0]].shape;
    if (node->op == OP_LINEAR)
        return (int64_t)from.width * node->shape.width;
    return (int64_t)from.channels * node->shape.channels * node->as.conv.kernel[0] *
           node->as.conv.kernel[1];
}

int64_t node_largest_array(const Graph *network, int index, int batch) {
    const Node *node = &network->nodes[index];
    int64_t largest = elements(node->shape, batch);
    if (node->op == OP_STFT)
        largest =
            larger(largest, transform_array(node, node->shape.height,
                                            network->nodes[node->inputs[0]].shape.channels, batch));
    if (node->op == OP_ISTFT)
        largest =
            larger(largest, transform_array(node, network->nodes[node->inputs[0]].shape.height,
                                            node->shape.channels, batch));
    return larger(largest, weight_elements(network, node));
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
    Shape from = network->nodes[node->inputs[0]].shape;
    if (node->op == OP_LINEAR)
        return from.width <= LINEAR_WIDTH_MAX;
    return sides_fit(from) && sides_fit(node->shape) &&
           node->as.conv.kernel[0] <= CONV_KERNEL_MAX && node->as.conv.kernel[1] <= CONV_KERNEL_MAX;
}

bool products_fit(const Graph *network, int *node) {
    for (*node = 0; *node < network->count; ++*node)
        if (graph_is_product(&network->nodes[*node]) &&
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
        peak = larger(peak, live + node_largest_array(network, node, batch));
        for (int before = 0; before <= node; before++)
            if (last[before] == node)
                live -= elements(network->nodes[before].shape, batch);
    }
    free(last);
    return peak * (int64_t)sizeof(float);
}
