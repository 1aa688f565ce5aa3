/* layer_plan.h: how a backend computes the layers of a network, for people to read. Algorithms are
 * chosen inside the backends. */
#ifndef CLEAVE_BACKEND_LAYER_PLAN_H
#define CLEAVE_BACKEND_LAYER_PLAN_H

#include <stdbool.h>

#include "graph/graph.h"

typedef struct LayerClass {
    OpKind op;
    ConvAttributes conv; /* zero for other ops */
    ActKind act;         /* applied to the input */
    Shape input;
    Shape output;
} LayerClass;

#define LAYER_HOW_SIZE 64

/* Layers of one class that are computed in the same way. */
typedef struct LayerPlan {
    LayerClass layer;
    char how[LAYER_HOW_SIZE]; /* the algorithm in the backend's own words, such as "winograd 16x4,
                                 weights first"; "" where there is no choice */
    int count;
    double flops;   /* of all `count` layers, for one chunk, by direct computation */
    double seconds; /* likewise, as estimated: only the ratio of two of them means something */
} LayerPlan;

/* In the order in which the first layer of each class runs. */
typedef struct NetworkPlan {
    LayerPlan *layers;
    int count;
} NetworkPlan;

/* Adds layers to those of the same class and algorithm. False where memory ran out. */
bool network_plan_add(NetworkPlan *plan, const LayerPlan *layer);

void network_plan_free(NetworkPlan *plan);

#endif
