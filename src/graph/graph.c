/* graph.c: building a graph, and counting its work. See graph.h. */
#include "graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static Node *add_node(Graph *graph, OpKind op, int a, int b, const char *name) {
    if (graph->count == graph->capacity) {
        int capacity = graph->capacity ? graph->capacity * 2 : 64;
        Node *nodes = realloc(graph->nodes, (size_t)capacity * sizeof(*nodes));
        if (!nodes)
            return NULL;
        graph->nodes = nodes;
        graph->capacity = capacity;
    }
    Node *node = &graph->nodes[graph->count];
    *node = (Node){.op = op, .inputs = {a, b}, .input_count = (a >= 0) + (b >= 0)};
    snprintf(node->name, sizeof(node->name), "%s", name);
    if (a >= 0)
        node->shape = graph->nodes[a].shape;
    return node;
}

/* A node of one input that keeps its shape, for the caller to complete; NULL if that failed. */
static Node *add_unary(Graph *graph, OpKind op, int input, const char *name) {
    return input < 0 ? NULL : add_node(graph, op, input, -1, name);
}

static int finish(Graph *graph, const Node *node) {
    return node ? graph->count++ : -1;
}

int graph_input(Graph *graph, int channels, int samples) {
    Node *node = add_node(graph, OP_INPUT, -1, -1, "input");
    if (node)
        node->shape = (Shape){channels, 1, samples};
    return finish(graph, node);
}

int stft_frames(int samples, int n_fft, int hop) {
    int padded = samples + 2 * (n_fft / 2);
    return 1 + (padded - n_fft) / hop;
}

int istft_length(const StftAttributes *stft, int frames, int samples) {
    int length = stft->n_fft + stft->hop * (frames - 1) - 2 * (stft->n_fft / 2);
    return length < samples ? length : samples;
}

double stft_window(int index, int n_fft) {
    const double pi = 3.14159265358979323846;
    return 0.5 - 0.5 * cos(2 * pi * (double)index / (double)n_fft);
}

int graph_stft(Graph *graph, int input, StftAttributes stft, const char *name) {
    Node *node = add_unary(graph, OP_STFT, input, name);
    if (node) {
        Shape waveform = node->shape;
        node->as.stft = stft;
        node->shape =
            (Shape){2 * waveform.channels * stft.subbands,
                    stft_frames(waveform.width, stft.n_fft, stft.hop), stft.bins / stft.subbands};
    }
    return finish(graph, node);
}

int graph_istft(Graph *graph, int input, StftAttributes stft, int samples, const char *name) {
    Node *node = add_unary(graph, OP_ISTFT, input, name);
    if (node) {
        node->as.stft = stft;
        node->shape = (Shape){node->shape.channels / (2 * stft.subbands), 1, samples};
    }
    return finish(graph, node);
}

int graph_conv(Graph *graph, int input, int channels, ConvAttributes conv, const Tensor *weight,
               const char *name) {
    Node *node = add_unary(graph, OP_CONV, input, name);
    if (node) {
        Shape in = node->shape;
        node->as.conv = conv;
        node->weights[0] = weight;
        node->shape = (Shape){
            channels,
            (in.height + 2 * conv.pad[0] - conv.kernel[0]) / conv.stride[0] + 1,
            (in.width + 2 * conv.pad[1] - conv.kernel[1]) / conv.stride[1] + 1,
        };
    }
    return finish(graph, node);
}

int graph_conv_transposed(Graph *graph, int input, int channels, ConvAttributes conv,
                          const Tensor *weight, const char *name) {
    Node *node = add_unary(graph, OP_CONV_TRANSPOSED, input, name);
    if (node) {
        Shape in = node->shape;
        node->as.conv = conv;
        node->weights[0] = weight;
        node->shape = (Shape){channels, in.height * conv.stride[0], in.width * conv.stride[1]};
    }
    return finish(graph, node);
}

int graph_linear(Graph *graph, int input, int width, const Tensor *weight, const char *name) {
    Node *node = add_unary(graph, OP_LINEAR, input, name);
    if (node) {
        node->weights[0] = weight;
        node->shape.width = width;
    }
    return finish(graph, node);
}

int graph_norm(Graph *graph, int input, NormAttributes norm, const Tensor *const weights[4],
               const char *name) {
    Node *node = add_unary(graph, OP_NORM, input, name);
    if (node) {
        node->as.norm = norm;
        for (int i = 0; i < 4; i++)
            node->weights[i] = weights[i];
    }
    return finish(graph, node);
}

int graph_act(Graph *graph, int input, ActAttributes act, const char *name) {
    Node *node = add_unary(graph, OP_ACT, input, name);
    if (node)
        node->as.act = act;
    return finish(graph, node);
}

static int add_binary(Graph *graph, OpKind op, int a, int b, const char *name) {
    return a < 0 || b < 0 ? -1 : finish(graph, add_node(graph, op, a, b, name));
}

int graph_add(Graph *graph, int a, int b, const char *name) {
    return add_binary(graph, OP_ADD, a, b, name);
}

int graph_mul(Graph *graph, int a, int b, const char *name) {
    return add_binary(graph, OP_MUL, a, b, name);
}

int graph_concat(Graph *graph, int a, int b, const char *name) {
    int node = add_binary(graph, OP_CONCAT, a, b, name);
    if (node >= 0)
        graph->nodes[node].shape.channels += graph->nodes[b].shape.channels;
    return node;
}

void graph_free(Graph *graph) {
    free(graph->nodes);
    *graph = (Graph){0};
}

const char *graph_op_name(OpKind op) {
    switch (op) {
    case OP_INPUT:
        return "input";
    case OP_STFT:
        return "stft";
    case OP_ISTFT:
        return "istft";
    case OP_CONV:
        return "conv";
    case OP_CONV_TRANSPOSED:
        return "conv_transposed";
    case OP_LINEAR:
        return "linear";
    case OP_NORM:
        return "norm";
    case OP_ACT:
        return "act";
    case OP_ADD:
        return "add";
    case OP_MUL:
        return "mul";
    case OP_CONCAT:
        return "concat";
    }
    return "unknown";
}

static double shape_elements(Shape shape) {
    return (double)shape.channels * shape.height * shape.width;
}

static double fft_flops(int n_fft, double frames) {
    return frames * 5.0 * n_fft * log2(n_fft);
}

double graph_node_flops(const Graph *graph, int index) {
    const Node *node = &graph->nodes[index];
    Shape in = node->input_count ? graph->nodes[node->inputs[0]].shape : (Shape){0};
    double taps = (double)node->as.conv.kernel[0] * node->as.conv.kernel[1];
    double out = shape_elements(node->shape);
    switch (node->op) {
    case OP_INPUT:
    case OP_CONCAT:
        return 0;
    case OP_STFT:
        return fft_flops(node->as.stft.n_fft, (double)in.channels * node->shape.height);
    case OP_ISTFT:
        return fft_flops(node->as.stft.n_fft, (double)node->shape.channels * in.height);
    case OP_CONV:
        return 2.0 * out * in.channels * taps;
    case OP_CONV_TRANSPOSED:
        return 2.0 * shape_elements(in) * node->shape.channels * taps;
    case OP_LINEAR:
        return 2.0 * out * in.width;
    case OP_NORM:
        return 2.0 * out;
    case OP_ACT:
    case OP_ADD:
    case OP_MUL:
        return out;
    }
    return 0;
}

double graph_flops(const Graph *graph) {
    double flops = 0;
    for (int i = 0; i < graph->count; i++)
        flops += graph_node_flops(graph, i);
    return flops;
}

bool graph_is_product(const Node *node) {
    return node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED || node->op == OP_LINEAR;
}

/* Whether `from` is `node`, or reaches it through elementwise ops alone. */
static bool reaches(const Graph *graph, int from, int node) {
    const Node *at = &graph->nodes[from];
    if (from == node)
        return true;
    if (from < node || graph_is_product(at) || at->op == OP_STFT)
        return false;
    for (int i = 0; i < at->input_count; i++)
        if (reaches(graph, at->inputs[i], node))
            return true;
    return false;
}

bool graph_is_outer_product(const Graph *graph, int node) {
    for (int i = 0; i < graph->count; i++) {
        const Node *transform = &graph->nodes[i];
        if (transform->op == OP_STFT && reaches(graph, graph->nodes[node].inputs[0], i))
            return true;
        if (transform->op == OP_ISTFT && reaches(graph, transform->inputs[0], node))
            return true;
    }
    return false;
}
