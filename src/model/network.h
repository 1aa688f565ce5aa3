/* network.h: a network as its family describes it: a graph, the weights that the graph reads, and
 * the parts that people know it by. Checking a checkpoint against it is in network_check.h. */
#ifndef CLEAVE_MODEL_NETWORK_H
#define CLEAVE_MODEL_NETWORK_H

#include "graph/graph.h"
#include "model/checkpoint.h"
#include "model/config.h"

#define WEIGHT_NAME_SIZE 128

/* A name in the state dict, or the front of one: "encoder_blocks.0.tfc_tdf". */
typedef struct WeightName {
    char text[WEIGHT_NAME_SIZE];
} WeightName;

WeightName weight_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One weight: its name in the state dict and its shape. */
typedef struct WeightSpec {
    char name[WEIGHT_NAME_SIZE];
    int dim_count;
    int64_t dims[4];
    const char *keys; /* the configuration's keys that the shape follows from; static */
    int node;         /* which node of the graph reads it */
    bool trained;     /* false: BatchNorm's running statistics, RoPE's frequencies */
    bool optional;    /* a checkpoint may lack it */
} WeightSpec;

/* The names of a node's weights in a state dict of PyTorch end in "weight", "bias", "running_mean"
 * and "running_var". Which of Node.weights a name stands for; -1: none, such as a counter. */
enum { WEIGHT_GAIN, WEIGHT_BIAS, WEIGHT_RUNNING_MEAN, WEIGHT_RUNNING_VARIANCE };
int weight_slot(const char *name);

/* The trained values of a weight; 0 for statistics. */
int64_t weight_parameters(const WeightSpec *spec);

/* A run of nodes: from `first` to the next part, or to the end. The texts are static. */
typedef struct NetworkPart {
    const char *kind; /* as programs read it: "final_conv" */
    const char *name; /* as people read it: "final convs" */
    int number;       /* behind the name; 0: none */
    int first;
} NetworkPart;

typedef struct Network {
    const Config *config;
    const Checkpoint *checkpoint; /* NULL: only shapes matter */
    Graph graph;
    WeightSpec *weights; /* in the order of the state dict */
    size_t weight_count;
    size_t weight_capacity;
    NetworkPart *parts;
    int part_count;
    int part_capacity;
    const bool *wanted; /* per stem of the configuration; NULL: all */
    WeightSpec nowhere; /* what network_weigh_slot() returns when memory ran out */
    bool failed;        /* memory ran out for a part or a weight */
} Network;

/* What a network is built for. */
typedef struct NetworkUse {
    const Checkpoint *checkpoint; /* has passed network_check(), and outlives the network. NULL:
                                     only shapes matter, and nodes have no weights */
    int samples;                  /* of a chunk */
    const bool *wanted; /* per stem of the configuration, at least one; NULL: all. A family whose
                           stems are computed apart (family.h) leaves the others out; one whose
                           stems are computed together does not look at this */
} NetworkUse;

/* Builds the network: (batch, channels, samples) → (batch, stems · channels, samples). On failure
 * nothing is left to free. */
cleave_status network_build(Network *network, const Config *config, const NetworkUse *use,
                            cleave_error *error);
void network_free(Network *network);

/* The same, but keeps only the graph. */
cleave_status network_graph(Graph *graph, const Config *config, const NetworkUse *use,
                            cleave_error *error);

/* How many stems a network gives that is built for these; NULL: all. */
int network_stems(const Config *config, const bool *wanted);

/* Lists all weights in the order of the state dict, without BatchNorm's num_batches_tracked, which
 * nothing reads. *specs must be freed with free(); NULL on failure. */
cleave_status network_weights(const Config *config, WeightSpec **specs, size_t *count,
                              cleave_error *error);

/* Number of trained values. 0 if memory ran out. */
int64_t network_parameters(const Config *config);

/* Floating-point operations for one chunk of config->chunk_size; 0 if memory ran out. */
double network_flops_per_chunk(const Config *config);

/* ---- What a family describes its network by ---- */

/* Begins a part: the nodes that follow belong to it. */
void network_part(Network *network, const char *kind, const char *name, int number);

/* Lists the weights that a node reads, as NODE.weight, NODE.bias and so on, and finds them in the
 * checkpoint if there is one. `keys`: see WeightSpec. Returns the node, or -1 if memory ran out or
 * `node` is -1. */
int network_weigh(Network *network, int node, const char *keys);

/* Lists one weight of a node by its name in the state dict, and finds it in the checkpoint if there
 * is one. The caller may change what it returns, which is valid until the next call. */
WeightSpec *network_weigh_slot(Network *network, int node, int slot, const char *keys,
                               WeightName name);

/* Moves the weight of a product to the end of the list, for a state dict that has it later than the
 * graph does. */
void network_list_last(Network *network, int node);

#endif
