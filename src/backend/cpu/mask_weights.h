/* mask_weights.h: the linears of the mask MLPs. They are by far the most of a Roformer's weights,
 * and a run reads each of them for the frames of a chunk only. So in f32 they stay where they lie
 * in the checkpoint's file, and a panel at a time is copied while it is used; what is narrower than
 * the checkpoint has it, or not plain f32 there, is packed once, panel behind panel. */
#ifndef CLEAVE_CPU_MASK_WEIGHTS_H
#define CLEAVE_CPU_MASK_WEIGHTS_H

#include "backend/cpu/step.h"
#include "backend/cpu/weight_rows.h"

/* Rows of a panel: a multiple of CHANNEL_BLOCK, and of a tile of AMX. 64 rows of 1536 features are
 * 393 kB of f32, which an L2 cache of 1 MB holds beside two column blocks of the other operand. */
#define MASK_PANEL_ROWS 64

/* One linear. The last one of an MLP has values in its first half of rows and their gates in the
 * second: a panel of it has some of the values and, behind them, their gates. */
typedef struct MaskLinear {
    size_t in;
    size_t out;
    bool gated;
    const unsigned char *in_place; /* (out, in) f32 in the file; or NULL */
    unsigned char *packed;         /* else the panels */
    float *bias;                   /* (out) */
} MaskLinear;

typedef struct MaskWeights {
    MaskLinear *linears; /* (stems, bands, layers) */
    int count;
    int bands;
    int layers;
    size_t element;        /* bytes of an element of a panel */
    size_t copied_in;      /* the most `in` of linears that are copied panel by panel; 0: there are
                              none */
    size_t bytes;          /* of all weights, packed or in place */
    float *biases;         /* of all linears */
    unsigned char *packed; /* of all linears */
} MaskWeights;

/* The linears of OP_MASK. Nothing is read for a sizes_only executable. To be destroyed also after a
 * failure. */
cleave_status mask_weights_create(MaskWeights *weights, const CpuExecutable *executable,
                                  const CpuStep *step, const Graph *graph, cleave_error *error);
void mask_weights_destroy(MaskWeights *weights);

static inline const MaskLinear *mask_linear(const MaskWeights *weights, int stem, int band,
                                            int layer) {
    return &weights->linears[(stem * weights->bands + band) * weights->layers + layer];
}

/* Rows of one panel: `count` outputs from `first` on; if gated, as many gates behind them. */
typedef struct MaskRows {
    size_t first;
    size_t count;
    size_t all; /* count, or twice that */
} MaskRows;

/* Outputs of a linear: without the gates. */
static inline size_t mask_outputs(const MaskLinear *linear) {
    return linear->gated ? linear->out / 2 : linear->out;
}

/* Outputs of a full panel. */
static inline size_t mask_panel_outputs(const MaskLinear *linear) {
    return linear->gated ? MASK_PANEL_ROWS / 2 : MASK_PANEL_ROWS;
}

/* The panel whose outputs begin at `first`. */
MaskRows mask_rows(const MaskLinear *linear, size_t first);

/* The panel itself, in `scratch` if it is not packed. */
WeightPanel mask_panel(const MaskWeights *weights, const MaskLinear *linear, MaskRows rows,
                       void *scratch);

#endif
