/* ops.c: the table of ops and that of activations, and for each op the function that appends a node
 * of it to a graph. A new op is a row and such a function. */
#include "graph/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dsp/stft.h"
#include "graph/tokens.h"

/* ---- Shapes ---- */

static void infer_given(Node *node, const Shape in[2]) {
    (void)node;
    (void)in;
}

static void infer_same(Node *node, const Shape in[2]) {
    node->shape = in[0];
}

static void infer_stft(Node *node, const Shape in[2]) {
    const StftAttributes *stft = &node->as.stft;
    int frames = stft_frames(in[0].width, stft->n_fft, stft->hop);
    if (stft->tokens)
        node->shape = (Shape){1, frames, stft->bins * in[0].channels * 2};
    else
        node->shape =
            (Shape){2 * in[0].channels * stft->subbands, frames, stft->bins / stft->subbands};
}

static void infer_istft(Node *node, const Shape in[2]) {
    const StftAttributes *stft = &node->as.stft;
    node->shape.channels = stft->tokens ? in[0].channels * (in[0].width / (2 * stft->bins))
                                        : in[0].channels / (2 * stft->subbands);
    node->shape.height = 1;
}

static void infer_conv(Node *node, const Shape in[2]) {
    const ConvAttributes *conv = &node->as.conv;
    node->shape.height = (in[0].height + 2 * conv->pad[0] - conv->kernel[0]) / conv->stride[0] + 1;
    node->shape.width = (in[0].width + 2 * conv->pad[1] - conv->kernel[1]) / conv->stride[1] + 1;
}

static void infer_conv_transposed(Node *node, const Shape in[2]) {
    node->shape.height = in[0].height * node->as.conv.stride[0];
    node->shape.width = in[0].width * node->as.conv.stride[1];
}

static void infer_linear(Node *node, const Shape in[2]) {
    node->shape.channels = in[0].channels;
    node->shape.height = in[0].height;
}

static void infer_concat(Node *node, const Shape in[2]) {
    node->shape = in[0];
    node->shape.channels += in[1].channels;
}

/* The caller has put the number of bands and D. */
static void infer_band_split(Node *node, const Shape in[2]) {
    node->shape.height = in[0].height;
}

static void infer_mask(Node *node, const Shape in[2]) {
    node->shape = in[1];
    node->shape.channels = node->as.mask.stems;
}

/* ---- Work ---- */

static Shape input_shape(const Graph *graph, const Node *node) {
    return node->input_count ? graph->nodes[node->inputs[0]].shape : (Shape){0};
}

static double shape_elements(Shape shape) {
    return (double)shape.channels * shape.height * shape.width;
}

static double kernel_taps(const Node *node) {
    return (double)node->as.conv.kernel[0] * node->as.conv.kernel[1];
}

static double fft_flops(int n_fft, double frames) {
    return frames * 5.0 * n_fft * log2(n_fft);
}

static double flops_none(const Graph *graph, const Node *node) {
    (void)graph;
    (void)node;
    return 0;
}

static double flops_one_each(const Graph *graph, const Node *node) {
    (void)graph;
    return shape_elements(node->shape);
}

static double flops_two_each(const Graph *graph, const Node *node) {
    (void)graph;
    return 2.0 * shape_elements(node->shape);
}

static double flops_stft(const Graph *graph, const Node *node) {
    return fft_flops(node->as.stft.n_fft,
                     (double)input_shape(graph, node).channels * node->shape.height);
}

static double flops_istft(const Graph *graph, const Node *node) {
    return fft_flops(node->as.stft.n_fft,
                     (double)node->shape.channels * input_shape(graph, node).height);
}

static double flops_conv(const Graph *graph, const Node *node) {
    return 2.0 * shape_elements(node->shape) * input_shape(graph, node).channels *
           kernel_taps(node);
}

static double flops_conv_transposed(const Graph *graph, const Node *node) {
    return 2.0 * shape_elements(input_shape(graph, node)) * node->shape.channels *
           kernel_taps(node);
}

static double flops_linear(const Graph *graph, const Node *node) {
    return 2.0 * shape_elements(node->shape) * input_shape(graph, node).width;
}

static double token_count(Shape shape) {
    return (double)shape.channels * shape.height;
}

static double flops_band_split(const Graph *graph, const Node *node) {
    return 2.0 * node->shape.height * node->shape.width * graph_all_band_features(graph, node);
}

/* Each token's linears, then its scores and their product with the values. */
static double flops_attention(const Graph *graph, const Node *node) {
    (void)graph;
    const AttentionAttributes *attention = &node->as.attention;
    double inner = (double)attention->heads * attention->dim_head;
    double length = attention->axis == SEQUENCE_FRAMES ? node->shape.height : node->shape.channels;
    double linears = 2 * node->shape.width * (4 * inner + attention->heads);
    return token_count(node->shape) * (linears + 4 * inner * length);
}

static double flops_feed_forward(const Graph *graph, const Node *node) {
    (void)graph;
    return 4.0 * shape_elements(node->shape) * node->as.feed_forward.hidden;
}

static double flops_mask(const Graph *graph, const Node *node) {
    const MaskAttributes *mask = &node->as.mask;
    double outputs = 2.0 * graph_all_band_features(graph, node);
    double width = input_shape(graph, node).width;
    double products = 0;
    for (int i = 0; i < mask->hidden_layers; i++) {
        products += width * mask->hidden_width * graph->band_count;
        width = mask->hidden_width;
    }
    products += width * outputs;
    return 2.0 * node->shape.height * mask->stems * products;
}

/* ---- Weights ---- */

static int weights_one(const Graph *graph, const Node *node) {
    (void)graph;
    (void)node;
    return 1;
}

static int weights_norm(const Graph *graph, const Node *node) {
    (void)graph;
    return node->as.norm.kind == NORM_BATCH ? 4 : node->as.norm.kind == NORM_NONE ? 0 : 2;
}

static int weights_band_split(const Graph *graph, const Node *node) {
    (void)node;
    return graph->band_count * SPLIT_WEIGHTS;
}

static int weights_attention(const Graph *graph, const Node *node) {
    (void)graph;
    (void)node;
    return ATTENTION_WEIGHTS;
}

static int weights_feed_forward(const Graph *graph, const Node *node) {
    (void)graph;
    (void)node;
    return FEED_FORWARD_WEIGHTS;
}

static int weights_mask(const Graph *graph, const Node *node) {
    return mask_weight(graph, node, node->as.mask.stems, 0, 0);
}

static int vector_dims(int length, int64_t dims[4]) {
    dims[0] = length;
    return 1;
}

static int matrix_dims(int out, int in, int64_t dims[4]) {
    dims[0] = out;
    dims[1] = in;
    return 2;
}

static int conv_dims(const Node *node, int first, int second, int64_t dims[4]) {
    dims[0] = first;
    dims[1] = second;
    dims[2] = node->as.conv.kernel[0];
    dims[3] = node->as.conv.kernel[1];
    return 4;
}

static int weight_shape_conv(const Graph *graph, const Node *node, int slot, int64_t dims[4]) {
    (void)slot;
    return conv_dims(node, node->shape.channels, input_shape(graph, node).channels, dims);
}

static int weight_shape_conv_transposed(const Graph *graph, const Node *node, int slot,
                                        int64_t dims[4]) {
    (void)slot;
    return conv_dims(node, input_shape(graph, node).channels, node->shape.channels, dims);
}

static int weight_shape_linear(const Graph *graph, const Node *node, int slot, int64_t dims[4]) {
    (void)slot;
    return matrix_dims(node->shape.width, input_shape(graph, node).width, dims);
}

static int weight_shape_norm(const Graph *graph, const Node *node, int slot, int64_t dims[4]) {
    (void)graph;
    (void)slot;
    return vector_dims(node->shape.channels, dims);
}

static int weight_shape_rms_norm(const Graph *graph, const Node *node, int slot, int64_t dims[4]) {
    (void)graph;
    (void)slot;
    return vector_dims(node->shape.width, dims);
}

static int weight_shape_band_split(const Graph *graph, const Node *node, int slot,
                                   int64_t dims[4]) {
    int features = graph_band_features(graph, node, slot / SPLIT_WEIGHTS);
    switch (slot % SPLIT_WEIGHTS) {
    case SPLIT_GAMMA:
        return vector_dims(features, dims);
    case SPLIT_WEIGHT:
        return matrix_dims(node->shape.width, features, dims);
    default:
        return vector_dims(node->shape.width, dims);
    }
}

static int weight_shape_attention(const Graph *graph, const Node *node, int slot, int64_t dims[4]) {
    (void)graph;
    const AttentionAttributes *attention = &node->as.attention;
    int width = node->shape.width;
    int inner = attention->heads * attention->dim_head;
    switch ((AttentionWeight)slot) {
    case ATTENTION_QKV:
        return matrix_dims(3 * inner, width, dims);
    case ATTENTION_GATES:
        return matrix_dims(attention->heads, width, dims);
    case ATTENTION_GATES_BIAS:
        return vector_dims(attention->heads, dims);
    case ATTENTION_OUT:
        return matrix_dims(width, inner, dims);
    case ATTENTION_FREQUENCIES:
        return vector_dims(attention->dim_head / 2, dims);
    default:
        return vector_dims(width, dims);
    }
}

static int weight_shape_feed_forward(const Graph *graph, const Node *node, int slot,
                                     int64_t dims[4]) {
    (void)graph;
    int width = node->shape.width;
    int hidden = node->as.feed_forward.hidden;
    switch ((FeedForwardWeight)slot) {
    case FEED_FORWARD_IN:
        return matrix_dims(hidden, width, dims);
    case FEED_FORWARD_IN_BIAS:
        return vector_dims(hidden, dims);
    case FEED_FORWARD_OUT:
        return matrix_dims(width, hidden, dims);
    default:
        return vector_dims(width, dims);
    }
}

static int weight_shape_mask(const Graph *graph, const Node *node, int slot, int64_t dims[4]) {
    const MaskAttributes *mask = &node->as.mask;
    int linear = slot / 2;
    int layer = linear % (mask->hidden_layers + 1);
    int band = linear / (mask->hidden_layers + 1) % graph->band_count;
    int in = layer == 0 ? input_shape(graph, node).width : mask->hidden_width;
    int out = layer < mask->hidden_layers ? mask->hidden_width
                                          : 2 * graph_band_features(graph, node, band);
    return slot % 2 ? vector_dims(out, dims) : matrix_dims(out, in, dims);
}

/* ---- The tables ---- */

static const OpInfo ops[OP_KINDS] = {
    [OP_INPUT] = {"input", OP_CLASS_INPUT, 0, infer_given, flops_none, NULL, NULL},
    [OP_STFT] = {"stft", OP_CLASS_TRANSFORM, 1, infer_stft, flops_stft, NULL, NULL},
    [OP_ISTFT] = {"istft", OP_CLASS_TRANSFORM, 1, infer_istft, flops_istft, NULL, NULL},
    [OP_CONV] = {"conv", OP_CLASS_PRODUCT, 1, infer_conv, flops_conv, weights_one,
                 weight_shape_conv},
    [OP_CONV_TRANSPOSED] = {"conv_transposed", OP_CLASS_PRODUCT, 1, infer_conv_transposed,
                            flops_conv_transposed, weights_one, weight_shape_conv_transposed},
    [OP_LINEAR] = {"linear", OP_CLASS_PRODUCT, 1, infer_linear, flops_linear, weights_one,
                   weight_shape_linear},
    [OP_NORM] = {"norm", OP_CLASS_ELEMENTWISE, 1, infer_same, flops_two_each, weights_norm,
                 weight_shape_norm},
    [OP_ACT] = {"act", OP_CLASS_ELEMENTWISE, 1, infer_same, flops_one_each, NULL, NULL},
    [OP_ADD] = {"add", OP_CLASS_ELEMENTWISE, 2, infer_same, flops_one_each, NULL, NULL},
    [OP_MUL] = {"mul", OP_CLASS_ELEMENTWISE, 2, infer_same, flops_one_each, NULL, NULL},
    [OP_CONCAT] = {"concat", OP_CLASS_ELEMENTWISE, 2, infer_concat, flops_none, NULL, NULL},
    [OP_BAND_SPLIT] = {"band_split", OP_CLASS_LAYER, 1, infer_band_split, flops_band_split,
                       weights_band_split, weight_shape_band_split},
    [OP_ATTENTION] = {"attention", OP_CLASS_LAYER, 1, infer_same, flops_attention,
                      weights_attention, weight_shape_attention},
    [OP_FEED_FORWARD] = {"feed_forward", OP_CLASS_LAYER, 1, infer_same, flops_feed_forward,
                         weights_feed_forward, weight_shape_feed_forward},
    [OP_RMS_NORM] = {"rms_norm", OP_CLASS_LAYER, 1, infer_same, flops_two_each, weights_one,
                     weight_shape_rms_norm},
    [OP_MASK] = {"mask", OP_CLASS_LAYER, 2, infer_mask, flops_mask, weights_mask,
                 weight_shape_mask},
};

/* Gelu as one op of ONNX rather than by Erf: runtimes that know it save five passes over the
 * values, and ONNX Runtime, which fuses the five, comes out the same. */
static const ActInfo acts[ACT_KINDS] = {
    [ACT_NONE] = {"none", "Identity", false},
    [ACT_GELU] = {"gelu", "Gelu", false},
    [ACT_RELU] = {"relu", "Relu", false},
    [ACT_ELU] = {"elu", "Elu", true},
};

const OpInfo *op_info(OpKind op) {
    return &ops[op];
}

const ActInfo *act_info(ActKind kind) {
    return &acts[kind];
}

/* ---- Appending nodes ---- */

static Node *graph_make_room(Graph *graph) {
    if (graph->count == graph->capacity) {
        int capacity = graph->capacity ? graph->capacity * 2 : 64;
        Node *nodes = realloc(graph->nodes, (size_t)capacity * sizeof(*nodes));
        if (!nodes)
            return NULL;
        graph->nodes = nodes;
        graph->capacity = capacity;
    }
    return &graph->nodes[graph->count];
}

/* Room for the node's weights, behind those of all others. */
static bool graph_make_weights(Graph *graph, Node *node) {
    const OpInfo *info = op_info(node->op);
    int count = info->weights ? info->weights(graph, node) : 0;
    size_t total = (size_t)graph->weight_count + (size_t)count;
    node->first_weight = graph->weight_count;
    if (count == 0)
        return true;
    const Tensor **weights =
        (const Tensor **)realloc((void *)graph->weights, total * sizeof(*graph->weights));
    if (!weights)
        return false;
    graph->weights = weights;
    for (; graph->weight_count < (int)total; graph->weight_count++)
        weights[graph->weight_count] = NULL;
    return true;
}

/* Appends a node whose op, inputs and attributes are set, and what ops.h asks for of its shape. */
static int graph_append(Graph *graph, Node node, const char *name) {
    const OpInfo *info = op_info(node.op);
    Shape in[2] = {{0}, {0}};
    for (int i = 0; i < info->input_count; i++) {
        if (node.inputs[i] < 0)
            return -1;
        in[i] = graph->nodes[node.inputs[i]].shape;
    }
    Node *appended = graph_make_room(graph);
    if (!appended)
        return -1;
    node.input_count = info->input_count;
    info->infer(&node, in);
    snprintf(node.name, sizeof(node.name), "%s", name);
    *appended = node;
    graph->count++;
    return graph_make_weights(graph, appended) ? graph->count - 1 : -1;
}

int graph_input(Graph *graph, int channels, int samples) {
    Node node = {.op = OP_INPUT, .inputs = {-1, -1}, .shape = {channels, 1, samples}};
    return graph_append(graph, node, "input");
}

int graph_stft(Graph *graph, int input, StftAttributes stft, const char *name) {
    Node node = {.op = OP_STFT, .inputs = {input, -1}, .as.stft = stft};
    return graph_append(graph, node, name);
}

int graph_istft(Graph *graph, int input, StftAttributes stft, int samples, const char *name) {
    Node node = {
        .op = OP_ISTFT, .inputs = {input, -1}, .as.stft = stft, .shape = {.width = samples}};
    return graph_append(graph, node, name);
}

int graph_conv(Graph *graph, int input, int channels, ConvAttributes conv, const char *name) {
    Node node = {
        .op = OP_CONV, .inputs = {input, -1}, .as.conv = conv, .shape = {.channels = channels}};
    return graph_append(graph, node, name);
}

int graph_conv_transposed(Graph *graph, int input, int channels, ConvAttributes conv,
                          const char *name) {
    Node node = {.op = OP_CONV_TRANSPOSED,
                 .inputs = {input, -1},
                 .as.conv = conv,
                 .shape = {.channels = channels}};
    return graph_append(graph, node, name);
}

int graph_linear(Graph *graph, int input, int width, const char *name) {
    Node node = {.op = OP_LINEAR, .inputs = {input, -1}, .shape = {.width = width}};
    return graph_append(graph, node, name);
}

int graph_norm(Graph *graph, int input, NormAttributes norm, const char *name) {
    return graph_append(graph, (Node){.op = OP_NORM, .inputs = {input, -1}, .as.norm = norm}, name);
}

int graph_act(Graph *graph, int input, ActAttributes act, const char *name) {
    return graph_append(graph, (Node){.op = OP_ACT, .inputs = {input, -1}, .as.act = act}, name);
}

int graph_add(Graph *graph, int a, int b, const char *name) {
    return graph_append(graph, (Node){.op = OP_ADD, .inputs = {a, b}}, name);
}

int graph_mul(Graph *graph, int a, int b, const char *name) {
    return graph_append(graph, (Node){.op = OP_MUL, .inputs = {a, b}}, name);
}

int graph_concat(Graph *graph, int a, int b, const char *name) {
    return graph_append(graph, (Node){.op = OP_CONCAT, .inputs = {a, b}}, name);
}

int graph_attention(Graph *graph, int input, AttentionAttributes attention, const char *name) {
    Node node = {.op = OP_ATTENTION, .inputs = {input, -1}, .as.attention = attention};
    return graph_append(graph, node, name);
}

int graph_feed_forward(Graph *graph, int input, FeedForwardAttributes feed_forward,
                       const char *name) {
    Node node = {.op = OP_FEED_FORWARD, .inputs = {input, -1}, .as.feed_forward = feed_forward};
    return graph_append(graph, node, name);
}

int graph_rms_norm(Graph *graph, int input, const char *name) {
    return graph_append(graph, (Node){.op = OP_RMS_NORM, .inputs = {input, -1}}, name);
}

int graph_band_split(Graph *graph, int input, int width, const char *name) {
    Node node = {.op = OP_BAND_SPLIT,
                 .inputs = {input, -1},
                 .shape = {.channels = graph->band_count, .width = width}};
    return graph_append(graph, node, name);
}

int graph_mask(Graph *graph, int input, int spectrogram, MaskAttributes mask, const char *name) {
    Node node = {.op = OP_MASK, .inputs = {input, spectrogram}, .as.mask = mask};
    return graph_append(graph, node, name);
}
