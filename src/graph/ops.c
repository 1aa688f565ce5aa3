/* ops.c: the table of ops and that of activations, and for each op the function that appends a node
 * of it to a graph. A new op is a row and such a function. */
#include "graph/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "dsp/stft.h"

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
    node->shape =
        (Shape){2 * in[0].channels * stft->subbands,
                stft_frames(in[0].width, stft->n_fft, stft->hop), stft->bins / stft->subbands};
}

static void infer_istft(Node *node, const Shape in[2]) {
    node->shape.channels = in[0].channels / (2 * node->as.stft.subbands);
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

/* ---- Work ---- */

static double shape_elements(Shape shape) {
    return (double)shape.channels * shape.height * shape.width;
}

static double kernel_taps(const Node *node) {
    return (double)node->as.conv.kernel[0] * node->as.conv.kernel[1];
}

static double fft_flops(int n_fft, double frames) {
    return frames * 5.0 * n_fft * log2(n_fft);
}

static double flops_none(const Node *node, Shape in) {
    (void)node;
    (void)in;
    return 0;
}

static double flops_one_each(const Node *node, Shape in) {
    (void)in;
    return shape_elements(node->shape);
}

static double flops_two_each(const Node *node, Shape in) {
    (void)in;
    return 2.0 * shape_elements(node->shape);
}

static double flops_stft(const Node *node, Shape in) {
    return fft_flops(node->as.stft.n_fft, (double)in.channels * node->shape.height);
}

static double flops_istft(const Node *node, Shape in) {
    return fft_flops(node->as.stft.n_fft, (double)node->shape.channels * in.height);
}

static double flops_conv(const Node *node, Shape in) {
    return 2.0 * shape_elements(node->shape) * in.channels * kernel_taps(node);
}

static double flops_conv_transposed(const Node *node, Shape in) {
    return 2.0 * shape_elements(in) * node->shape.channels * kernel_taps(node);
}

static double flops_linear(const Node *node, Shape in) {
    return 2.0 * shape_elements(node->shape) * in.width;
}

/* ---- Weights ---- */

static int weights_one(const Node *node) {
    (void)node;
    return 1;
}

static int weights_norm(const Node *node) {
    return node->as.norm.kind == NORM_BATCH ? 4 : node->as.norm.kind == NORM_NONE ? 0 : 2;
}

static int conv_dims(const Node *node, int first, int second, int64_t dims[4]) {
    dims[0] = first;
    dims[1] = second;
    dims[2] = node->as.conv.kernel[0];
    dims[3] = node->as.conv.kernel[1];
    return 4;
}

static int weight_shape_conv(const Node *node, Shape in, int64_t dims[4]) {
    return conv_dims(node, node->shape.channels, in.channels, dims);
}

static int weight_shape_conv_transposed(const Node *node, Shape in, int64_t dims[4]) {
    return conv_dims(node, in.channels, node->shape.channels, dims);
}

static int weight_shape_linear(const Node *node, Shape in, int64_t dims[4]) {
    dims[0] = node->shape.width;
    dims[1] = in.width;
    return 2;
}

static int weight_shape_norm(const Node *node, Shape in, int64_t dims[4]) {
    (void)in;
    dims[0] = node->shape.channels;
    return 1;
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
    return graph->count++;
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
