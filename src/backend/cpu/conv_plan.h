/* conv_plan.h: how the CPU computes a layer, chosen by what each way would cost: from the layer's
 * shape alone, before anything is allocated. */
#ifndef CLEAVE_CPU_CONV_PLAN_H
#define CLEAVE_CPU_CONV_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/cpu/kernels/kernels.h"
#include "graph/graph.h"

typedef enum ConvAlgorithm {
    CONV_DIRECT,       /* the gemm reads the rows themselves, a block of k per tap */
    CONV_WINOGRAD_4X4, /* F(4×4, 3×3) */
    CONV_WINOGRAD_6X6  /* F(6×6, 3×3), in f32 only */
} ConvAlgorithm;

/* How a convolution is computed. The bits of a result depend on all of this, so it depends neither
 * on the batch nor on the number of threads. */
typedef struct ConvPlan {
    ConvAlgorithm algorithm;
    /* For Winograd only. A patch is a rectangle of tiles that is computed at once. */
    int patch_rows;    /* in tiles */
    int patch_columns; /* in tiles */
    /* true: all weights are transformed, then the patches are computed one by one. false: all
     * patches are loaded, then their products are taken with a few column blocks at a time, whose
     * weights are transformed on the way. */
    bool weights_first;
} ConvPlan;

/* What the cost of a layer depends on. */
typedef struct CpuLayer {
    OpKind op;
    ConvAttributes conv; /* zero for other ops */
    int blocks;          /* channel blocks read; each part of a concatenation is padded */
    int input_height;
    int input_width;
    Shape output;
    const Kernels *kernels;
    cleave_precision precision; /* of the layer's products */
    bool tokens;                /* it reads tokens */
    double flops;               /* of the products of an op of tokens */
} CpuLayer;

static inline bool is_convolution(const Node *node) {
    return node->op == OP_CONV || node->op == OP_CONV_TRANSPOSED;
}

/* Of an algorithm that is not CONV_DIRECT. */
static inline WinogradSize conv_winograd_size(ConvAlgorithm algorithm) {
    return algorithm == CONV_WINOGRAD_6X6 ? WINOGRAD_6X6 : WINOGRAD_4X4;
}

/* Tiles that cover a number of positions. */
static inline int winograd_tiles(WinogradSize size, int positions) {
    int tile = (int)winograd_tile(size);
    return (positions + tile - 1) / tile;
}

/* The cheapest way to compute a layer. For an op that is not a convolution: zeros. */
ConvPlan conv_plan_choose(const CpuLayer *layer);

/* For tests: every 3x3 convolution that is compiled from now on is computed by this plan, with
 * patches cut to its size. NULL: by the cheapest plan again. Not thread-safe; the plan must stay.
 */
void conv_plan_force(const ConvPlan *plan);

/* Estimated time of a layer for one chunk, for any op. Only the ratio of two estimates of the same
 * kernels means something. */
double conv_plan_cost(const CpuLayer *layer, const ConvPlan *plan);

/* "direct", "winograd" or "winograd6". */
const char *conv_algorithm_name(ConvAlgorithm algorithm);

/* "direct", or "winograd 16x4, weights first": the patch in tiles, frequency by time. The tiles of
 * "winograd" are 4×4, those of "winograd6" 6×6. */
void conv_plan_describe(const ConvPlan *plan, char *text, size_t size);

#endif
