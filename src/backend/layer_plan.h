/* layer_plan.h: how the layers of a network are computed: a plan, made once, that can be kept,
 * printed, and handed to a backend. */
#ifndef CLEAVE_BACKEND_LAYER_PLAN_H
#define CLEAVE_BACKEND_LAYER_PLAN_H

#include <stdbool.h>

#include "graph/graph.h"

typedef enum ConvAlgorithm {
    CONV_DIRECT,  /* the gemm reads the rows themselves, a block of k per tap */
    CONV_WINOGRAD /* F(4×4, 3×3) */
} ConvAlgorithm;

/* How a convolution is computed. The bits of a result depend on all of this, so it depends neither
 * on the batch nor on the number of threads. */
typedef struct ConvPlan {
    ConvAlgorithm algorithm;
    /* For Winograd only. A patch is a rectangle of tiles that is computed at once. */
    int patch_rows;     /* in tiles */
    int patch_columns;  /* in tiles */
    bool weights_first; /* all weights are transformed, then patches are computed one by one; else
                         * all patches are loaded, then their products taken with a few column
                         * blocks at a time, whose weights are transformed on the way */
} ConvPlan;

const char *conv_algorithm_name(ConvAlgorithm algorithm); /* "direct" or "winograd" */

/* "direct", or "winograd 4x16, weights first": a patch's tiles in frequency and in time, and which
 * of the two is transformed first. */
void conv_plan_describe(const ConvPlan *plan, char *text, size_t size);

bool conv_plan_equal(const ConvPlan *a, const ConvPlan *b);

/* Layers of a class are computed in the same way, and take the same time. */
typedef struct LayerClass {
    OpKind op;
    ConvAttributes conv; /* zero for other ops */
    ActKind act;         /* applied to what is read */
    int blocks;          /* channel blocks that are read, each part of a concatenation padded */
    int input_height;
    int input_width;
    Shape output;
} LayerClass;

bool layer_class_equal(const LayerClass *a, const LayerClass *b);

typedef struct LayerPlan {
    LayerClass layer;
    ConvPlan conv;
    int channels;   /* of the input */
    int count;      /* layers of this class in the network */
    double flops;   /* of one layer for one chunk by direct computation */
    double seconds; /* that one layer takes for one chunk: measured, or else estimated, in units
                       that mean something only beside each other */
} LayerPlan;

/* The classes of a network in the order in which they first run. */
typedef struct NetworkPlan {
    LayerPlan *layers;
    int count;
} NetworkPlan;

/* The plan of a class; NULL where the network has none of it. */
const LayerPlan *network_plan_find(const NetworkPlan *plan, const LayerClass *layer);

/* Counts a layer in: one more of its class, or a class of its own. False where memory ran out. */
bool network_plan_add(NetworkPlan *plan, const LayerPlan *layer);

void network_plan_free(NetworkPlan *plan);

#endif
