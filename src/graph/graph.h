/* graph.h: a network as a list of ops in execution order. Every backend compiles the same graph.
 * What there is to know of each op is in ops.h. */
#ifndef CLEAVE_GRAPH_GRAPH_H
#define CLEAVE_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "graph/tensor.h"

typedef enum NormKind { NORM_NONE, NORM_INSTANCE, NORM_BATCH, NORM_GROUP } NormKind;

/* Each has a row in ops.c. */
typedef enum ActKind { ACT_NONE, ACT_GELU, ACT_RELU, ACT_ELU } ActKind;

#define ACT_KINDS (ACT_ELU + 1)

/* Added to every variance before the square root; PyTorch's default for all three norms. */
#define NORM_EPSILON 1e-5

/* Values are (batch, channels, height, width), row-major. The batch is chosen for each run, so it
 * is not in the graph. In a spectrogram height is time (frames) and width is frequency (bins); a
 * waveform has a height of 1. */
typedef struct Shape {
    int channels;
    int height;
    int width;
} Shape;

/* Writes a shape in the order of the public header: channels, width, height. */
static inline void shape_write(int *to, Shape shape) {
    to[0] = shape.channels;
    to[1] = shape.width;
    to[2] = shape.height;
}

/* Each has a row in ops.c. */
typedef enum OpKind {
    OP_INPUT, /* waveform: (channels, 1, samples) */
    OP_STFT,  /* (ch, 1, L) → (2·ch·k, T, F); channel = (2·ch + re/im)·k + subband */
    OP_ISTFT, /* (S·2·ch·k, T, F) → (S·ch, 1, L) */
    OP_CONV,  /* kernel, stride, zero padding; no bias. weights: (out, in, kh, kw) */
    OP_CONV_TRANSPOSED, /* kernel = stride, no padding, no bias. weights: (in, out, kh, kw) */
    OP_LINEAR,          /* over the last axis, no bias. weights: (out, in) */
    OP_NORM,            /* weights: gain, bias, and for NORM_BATCH running mean and variance */
    OP_ACT,
    OP_ADD,
    OP_MUL,
    OP_CONCAT /* along the channels */
} OpKind;

#define OP_KINDS (OP_CONCAT + 1)

/* Windowed transforms: periodic Hann window, centred frames, reflect padding, unnormalised. */
typedef struct StftAttributes {
    int n_fft;
    int hop;
    int bins;     /* lowest bins kept: subbands · F */
    int subbands; /* k: each channel's bins are cut into k runs that become channels */
} StftAttributes;

typedef struct ConvAttributes {
    int kernel[2]; /* height (time), width (frequency) */
    int stride[2];
    int pad[2]; /* on either side */
} ConvAttributes;

typedef struct NormAttributes {
    NormKind kind;
    int groups; /* NORM_GROUP only */
} NormAttributes;

typedef struct ActAttributes {
    ActKind kind;
    float alpha; /* only where the activation has one (ops.h) */
} ActAttributes;

#define NODE_NAME_SIZE 128
#define NODE_WEIGHTS   4 /* at most */

typedef struct Node {
    OpKind op;
    int inputs[2]; /* node indices, smaller than this node's own */
    int input_count;
    Shape shape; /* of the output */
    union {
        StftAttributes stft;
        ConvAttributes conv;
        NormAttributes norm;
        ActAttributes act;
    } as;
    /* Owned by the checkpoint. NULL where only shapes matter, and in slots that the op lacks. */
    const Tensor *weights[NODE_WEIGHTS];
    char name[NODE_NAME_SIZE]; /* as in the state dict, for profiles and error texts */
} Node;

/* Nodes in execution order; the first is OP_INPUT, the last one is the output. */
typedef struct Graph {
    Node *nodes;
    int count;
    int capacity;
} Graph;

/* Each of these appends a node without weights and returns its index. It returns -1 when memory ran
 * out or an input is -1 already, so a chain of calls needs only one check, at its end. The caller
 * has checked that the shapes fit (config_parse). */
int graph_input(Graph *graph, int channels, int samples);
int graph_stft(Graph *graph, int input, StftAttributes stft, const char *name);
int graph_istft(Graph *graph, int input, StftAttributes stft, int samples, const char *name);
int graph_conv(Graph *graph, int input, int channels, ConvAttributes conv, const char *name);
int graph_conv_transposed(Graph *graph, int input, int channels, ConvAttributes conv,
                          const char *name);
int graph_linear(Graph *graph, int input, int width, const char *name);
int graph_norm(Graph *graph, int input, NormAttributes norm, const char *name);
int graph_act(Graph *graph, int input, ActAttributes act, const char *name);
int graph_add(Graph *graph, int a, int b, const char *name);
int graph_mul(Graph *graph, int a, int b, const char *name);
int graph_concat(Graph *graph, int a, int b, const char *name);

/* Makes *copy the nodes of `graph` without their weights, to be freed: what outlives a checkpoint.
 * It is empty after a failure. */
cleave_status graph_copy_shapes(Graph *copy, const Graph *graph, cleave_error *error);

void graph_free(Graph *graph);

/* "conv", "linear", … */
const char *graph_op_name(OpKind op);

/* Floating-point operations of one node for one item of the batch by direct computation. A multiply
 * and an add count as two; transforms as 5 N log2 N per frame. */
double graph_node_flops(const Graph *graph, int node);
double graph_flops(const Graph *graph);

/* How many weights a node has, and the shape of each of them as in the state dict; the second
 * function returns the number of dims. */
int graph_weight_count(const Node *node);
int graph_weight_shape(const Graph *graph, int node, int64_t dims[4]);

/* Whether the op is a matrix product of its input with weights: a convolution or a linear. */
bool graph_is_product(const Node *node);

/* Whether a node is a product at the edge of the network: it reads the spectrogram as it comes, or
 * writes the one that becomes the stems, with no other product between. In MDX23C these are the
 * first and the final convolutions.
 *
 * Every backend computes them in f32, whatever the precision: their rounding errors reach the stems
 * undiminished, while those of the U-Net average out over many sums. On the bundled drum network in
 * bf16, f32 in these three convolutions raises the SNR of the worst stem from 38 to 48 dB. They are
 * 0.6 % of the work of the full public size. */
bool graph_is_edge_conv(const Graph *graph, int node);

#endif
