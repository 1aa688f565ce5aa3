/* graph.h: a network as a list of ops in execution order. One graph per model; every backend
 * compiles the same graph. Weights are referred to, not owned; where only shapes matter they may be
 * NULL. */
#ifndef CLEAVE_GRAPH_GRAPH_H
#define CLEAVE_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "graph/tensor.h"

typedef enum NormKind { NORM_NONE, NORM_INSTANCE, NORM_BATCH, NORM_GROUP } NormKind;
typedef enum ActKind { ACT_NONE, ACT_GELU, ACT_RELU, ACT_ELU } ActKind;

/* Added to every variance before the square root; PyTorch's default for all three norms. */
#define NORM_EPSILON 1e-5

/* Everything is (batch, channels, height, width), row-major; the batch is left to the run. In a
 * spectrogram height is time (frames) and width is frequency. */
typedef struct Shape {
    int channels;
    int height;
    int width;
} Shape;

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
    float alpha; /* ACT_ELU only */
} ActAttributes;

#define NODE_NAME_SIZE 128

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
    const Tensor *weights[4];
    char name[NODE_NAME_SIZE]; /* as in the state dict, for profiles and error texts */
} Node;

/* Nodes in execution order; the first is OP_INPUT, the last one is the output. */
typedef struct Graph {
    Node *nodes;
    int count;
    int capacity;
} Graph;

/* A graph is built by these; each returns the new node's index, or -1 when memory ran out or an
 * input is -1 already, so that a chain of calls needs one check at its end. Shapes are inferred;
 * the caller has checked that they fit (network_check, config_parse). */
int graph_input(Graph *graph, int channels, int samples);
int graph_stft(Graph *graph, int input, StftAttributes stft, const char *name);
int graph_istft(Graph *graph, int input, StftAttributes stft, int samples, const char *name);
int graph_conv(Graph *graph, int input, int channels, ConvAttributes conv, const Tensor *weight,
               const char *name);
int graph_conv_transposed(Graph *graph, int input, int channels, ConvAttributes conv,
                          const Tensor *weight, const char *name);
int graph_linear(Graph *graph, int input, int width, const Tensor *weight, const char *name);
int graph_norm(Graph *graph, int input, NormAttributes norm, const Tensor *const weights[4],
               const char *name);
int graph_act(Graph *graph, int input, ActAttributes act, const char *name);
int graph_add(Graph *graph, int a, int b, const char *name);
int graph_mul(Graph *graph, int a, int b, const char *name);
int graph_concat(Graph *graph, int a, int b, const char *name);

void graph_free(Graph *graph);

/* "conv", "linear", … */
const char *graph_op_name(OpKind op);

/* Frames of an STFT over `samples` samples. */
int stft_frames(int samples, int n_fft, int hop);

/* The sample that stands at `index` of a waveform that is reflected at both ends. */
static inline int stft_reflect(int index, int samples) {
    if (index < 0)
        index = -index;
    if (index >= samples)
        index = 2 * (samples - 1) - index;
    return index;
}

/* Samples that the inverse of `frames` frames gives, `samples` at most: what is left of these is
 * zero. */
int istft_length(const StftAttributes *stft, int frames, int samples);

/* The periodic Hann window. */
double stft_window(int index, int n_fft);

/* Floating-point operations of one node for one sample of the batch by direct computation, a
 * multiply and an add counted as two; transforms as 5 N log2 N per frame. */
double graph_node_flops(const Graph *graph, int node);
double graph_flops(const Graph *graph);

/* Whether the op is a product of an operand with weights: a convolution or a linear. */
bool graph_is_product(const Node *node);

/* Whether a product reads the spectrogram as it comes, or writes the one that becomes the stems,
 * with at most elementwise ops between: MDX23C's first and final convolutions. How such a product
 * rounds its operands reaches the stems undiminished, while in the U-Net between it is averaged
 * over many sums: on the bundled drum network with bf16 operands elsewhere, f32 in these three
 * raises the worst stem's SNR from 38 to 48 dB, and they are 0.6 % of the work of the full public
 * size. So every backend computes them in f32, whatever the precision. */
bool graph_is_outer_product(const Graph *graph, int node);

#endif
