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

/* Gain, bias, and for NORM_BATCH the running mean and variance. */
#define NORM_WEIGHTS_MAX 4

/* Added to every variance before the square root; PyTorch's default for all three norms. */
#define NORM_EPSILON 1e-5

/* Values are (batch, channels, height, width), row-major. The batch is chosen for each run, so it
 * is not in the graph. In a spectrogram height is time (frames) and width is frequency (bins); a
 * waveform has a height of 1.
 *
 * A value is an image (what convolutions read and write) or tokens: rows of `width` features, one
 * for each band (channels) and frame (height). Ops of tokens read and write tokens only. */
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
    OP_STFT,  /* (ch, 1, L) → (2·ch·k, T, F); channel = (2·ch + re/im)·k + subband.
                 As tokens: → (1, T, F·ch·2); feature = (bin·ch + channel)·2 + re/im */
    OP_ISTFT, /* (S·2·ch·k, T, F) → (S·ch, 1, L). As tokens: (S, T, F·ch·2) → (S·ch, 1, L) */
    OP_CONV,            /* kernel, stride, zero padding; no bias. weights: (out, in, kh, kw) */
    OP_CONV_TRANSPOSED, /* kernel = stride, no padding, no bias. weights: (in, out, kh, kw) */
    OP_LINEAR,          /* over the last axis, no bias. weights: (out, in) */
    OP_NORM,            /* weights: gain, bias, and for NORM_BATCH running mean and variance */
    OP_ACT,
    OP_ADD,
    OP_MUL,
    OP_CONCAT, /* along the channels */

    /* Ops of tokens, (K bands, T frames, D features). RMS(x; g) = x / max(‖x‖₂, 1e-12) · √n · g
     * over the n features. Their formulas are those of BS-RoFormer (Lu et al., 2023, arXiv
     * 2309.02612) and Mel-RoFormer (Wang et al., 2023, arXiv 2310.01809) as they are trained and
     * run. */

    OP_BAND_SPLIT, /* spectrogram (1, T, F·ch·2) → (K, T, D). Band k reads the c_k features of its
                      bins: W_k · RMS(features; g_k) + bias_k. weights: SPLIT_WEIGHTS per band */
    OP_ATTENTION,    /* x → x + attention(x), along the frames or along the bands; see
                        AttentionWeight. With u = RMS(x; gamma): q, k, v are the three thirds of
                        QKV · u, each (heads, dim_head); q and k are turned by RoPE; a head gives
                        softmax(q·kᵀ / √dim_head)·v · sigmoid(GATES · u + bias), one gate a head;
                        OUT multiplies all heads' features */
    OP_FEED_FORWARD, /* x → x + W2 · gelu(W1 · RMS(x; gamma) + bias1) + bias2; see
                        FeedForwardWeight */
    OP_RMS_NORM,     /* x → RMS(x; weight 0) */
    OP_MASK /* x (K, T, D), spectrogram (1, T, F·ch·2) → (S, T, F·ch·2): for each stem and
               band an MLP, hidden layers with tanh, then a linear to 2·c_k features, of
               which the first half times the sigmoid of the second is the complex mask
               of the band's features. Masks of a bin in several bands are averaged; mask
               times spectrogram, complex, is the stem */
} OpKind;

#define OP_KINDS (OP_MASK + 1)

/* Windowed transforms: periodic Hann window, centred frames, reflect padding, unnormalised. */
typedef struct StftAttributes {
    int n_fft;
    int hop;
    int bins;     /* lowest bins kept: subbands · F */
    int subbands; /* k: each channel's bins are cut into k runs that become channels */
    bool tokens;  /* the spectrogram is tokens, subbands is 1, and the forward transform is computed
                     in float64: the norm of the band split lifts the rounding errors of an empty
                     band to full size. The inverse fills all samples, also those behind the last
                     frame's centre */
} StftAttributes;

/* How many of `samples` samples an OP_ISTFT fills from `frames` frames; the rest is zero. */
int istft_filled(const StftAttributes *stft, int frames, int samples);

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

/* A run of bins. Bands ascend and cover all bins; one may overlap its neighbours. */
typedef struct Band {
    int first;
    int bins;
} Band;

typedef enum SequenceAxis {
    SEQUENCE_FRAMES, /* one sequence for each band; position = frame */
    SEQUENCE_BANDS   /* one sequence for each frame; position = band */
} SequenceAxis;

/* RoPE turns each pair of neighbours of a head, features 2j and 2j + 1 at position p, by the angle
 * a = p · FREQUENCIES[j]: (x, y) → (x cos a - y sin a, y cos a + x sin a). */
typedef struct AttentionAttributes {
    SequenceAxis axis;
    int heads;
    int dim_head; /* even */
} AttentionAttributes;

typedef enum AttentionWeight {
    ATTENTION_GAMMA, /* (D) */
    ATTENTION_QKV, /* (3 · heads · dim_head, D), row = (which · heads + head) · dim_head + e */
    ATTENTION_GATES,       /* (heads, D) */
    ATTENTION_GATES_BIAS,  /* (heads) */
    ATTENTION_OUT,         /* (D, heads · dim_head) */
    ATTENTION_FREQUENCIES, /* (dim_head / 2); may be missing: see rope.h */
    ATTENTION_WEIGHTS
} AttentionWeight;

typedef struct FeedForwardAttributes {
    int hidden; /* features between the two linears */
} FeedForwardAttributes;

typedef enum FeedForwardWeight {
    FEED_FORWARD_GAMMA, /* (D) */
    FEED_FORWARD_IN,    /* (hidden, D) */
    FEED_FORWARD_IN_BIAS,
    FEED_FORWARD_OUT, /* (D, hidden) */
    FEED_FORWARD_OUT_BIAS,
    FEED_FORWARD_WEIGHTS
} FeedForwardWeight;

/* OP_BAND_SPLIT: slot = band · SPLIT_WEIGHTS + one of these. */
typedef enum SplitWeight {
    SPLIT_GAMMA,  /* (c_k) */
    SPLIT_WEIGHT, /* (D, c_k) */
    SPLIT_BIAS,   /* (D) */
    SPLIT_WEIGHTS
} SplitWeight;

/* OP_MASK: slot = mask_weight(): (out, in) weights and (out) biases. */
typedef struct MaskAttributes {
    int stems;
    int hidden_layers; /* 0 or more */
    int hidden_width;  /* features of a hidden layer */
    bool zero_dc;      /* bin 0 of every stem is zero */
} MaskAttributes;

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
        AttentionAttributes attention;
        FeedForwardAttributes feed_forward;
        MaskAttributes mask;
    } as;
    int first_weight;          /* in the graph's weights */
    char name[NODE_NAME_SIZE]; /* as in the state dict, for profiles and error texts */
} Node;

/* Nodes in execution order; the first is OP_INPUT, the last one is the output. */
typedef struct Graph {
    Node *nodes;
    int count;
    int capacity;
    /* Those of all nodes, one node's after the other's: see graph_weight(). They are owned by the
     * checkpoint; NULL where only shapes matter. */
    const Tensor **weights;
    int weight_count;
    /* What OP_BAND_SPLIT and OP_MASK cut the bins into; else none. */
    Band *bands;
    int band_count;
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
int graph_attention(Graph *graph, int input, AttentionAttributes attention, const char *name);
int graph_feed_forward(Graph *graph, int input, FeedForwardAttributes feed_forward,
                       const char *name);
int graph_rms_norm(Graph *graph, int input, const char *name);

/* These two need the graph's bands: graph_set_bands() (tokens.h) comes first. `width` is D. */
int graph_band_split(Graph *graph, int input, int width, const char *name);
int graph_mask(Graph *graph, int input, int spectrogram, MaskAttributes mask, const char *name);

/* Makes *copy a graph of the same nodes, weights and bands with room for `capacity` nodes, to be
 * freed. It is empty after a failure. */
cleave_status graph_copy(Graph *copy, const Graph *graph, int capacity, cleave_error *error);

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
int graph_weight_count(const Graph *graph, const Node *node);
int graph_weight_shape(const Graph *graph, int node, int slot, int64_t dims[4]);

/* One of a node's weights; NULL where only shapes matter, where the checkpoint lacks it, and for
 * slots beyond the node's. */
const Tensor *graph_weight(const Graph *graph, const Node *node, int slot);
void graph_set_weight(Graph *graph, int node, int slot, const Tensor *weight);

/* Whether the op is a matrix product of its input with weights, and no more: a convolution or a
 * linear. */
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
