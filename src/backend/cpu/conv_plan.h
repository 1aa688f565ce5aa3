/* conv_plan.h: how a convolution is computed, chosen once, before anything is allocated. */
#ifndef CLEAVE_CPU_CONV_PLAN_H
#define CLEAVE_CPU_CONV_PLAN_H

#include <stdbool.h>

#include "graph/graph.h"

typedef enum ConvAlgorithm {
    CONV_DIRECT,  /* the gemm reads the rows themselves, a block of k per tap */
    CONV_WINOGRAD /* F(4×4, 3×3) */
} ConvAlgorithm;

/* The bits of a result depend on all of this, so it depends on shapes alone: neither on the batch
 * nor on the number of threads. */
typedef struct ConvPlan {
    ConvAlgorithm algorithm;
    /* For Winograd only. A patch is a rectangle of tiles that is computed at once. */
    int patch_rows;     /* in tiles */
    int patch_columns;  /* in tiles */
    bool weights_first; /* all weights are transformed, then patches are computed one by one; else
                         * all patches are loaded, then their products taken with a few column
                         * blocks at a time, whose weights are transformed on the way */
} ConvPlan;

/* For a node that is not a convolution the plan is zero. `blocks` and `column_blocks` count the
 * channel blocks of its input and output. */
ConvPlan conv_plan_estimate(const Node *node, int blocks, int column_blocks);

#endif
