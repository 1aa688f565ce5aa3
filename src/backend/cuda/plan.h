/* plan.h: how a network is computed on a GPU: where each value lies and how it is stored, which
 * kernel computes each step, and how much memory all of it takes. A plan needs no GPU, and it does
 * not depend on the batch but for the sizes: so a chunk's bits do not, either. */
#ifndef CLEAVE_BACKEND_CUDA_PLAN_H
#define CLEAVE_BACKEND_CUDA_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/cuda/kernels/arguments.h"
#include "base/memory.h"
#include "graph/program.h"
#include "graph/value_channels.h"

/* Where buffers begin: what the driver promises of an allocation, too. */
#define CUDA_ALIGNMENT 256

/* ---- Values ---- */

typedef struct PlannedValue {
    ValueChannels channels;
    int height;
    int width;
    int stored;    /* STORED_… */
    bool exists;   /* in the arena: written by a step, and neither input nor output */
    int parts;     /* of its moments; 0: nobody asks for them */
    size_t offset; /* in the arena */
    size_t moments;
} PlannedValue;

/* Channels with their padding, and where one lies among them (arguments.h). */
static inline int padded_channels(const ValueChannels *channels) {
    return value_channels_padded(channels, CHANNEL_UNIT);
}

static inline int channel_position(const ValueChannels *channels, int channel) {
    return value_channels_position(channels, CHANNEL_UNIT, channel);
}

/* ---- Steps ---- */

typedef enum StepKind {
    STEP_KIND_NONE, /* the input */
    STEP_KIND_STFT,
    STEP_KIND_ISTFT,
    STEP_KIND_CONV,
    STEP_KIND_CONV_HALO,
    STEP_KIND_LINEAR,
    STEP_KIND_MAP,
    /* of tokens: */
    STEP_KIND_BAND_SPLIT,
    STEP_KIND_ATTENTION,
    STEP_KIND_FEED_FORWARD,
    STEP_KIND_RMS_NORM,
    STEP_KIND_MASK
} StepKind;

/* A linear of a step of tokens, for all of its groups; bytes into the weights. */
typedef struct PlannedRows {
    int tile;  /* columns of a tile: 128, 64 or 32 */
    int tiles; /* of all groups */
    size_t weights;
    size_t biases; /* float[tiles · tile] */
    size_t table;  /* RowsTile[tiles] */
} PlannedRows;

/* What a step of tokens keeps in the arena while it runs. */
typedef enum TokensRoom {
    ROOM_OPERAND, /* its input, normalised and rounded */
    ROOM_WIDE,    /* q, k and v; or a hidden layer */
    ROOM_OTHER,   /* gates; or another hidden layer */
    ROOM_MASKS,   /* of one stem */
    TOKENS_ROOMS
} TokensRoom;

typedef struct PlannedTokens {
    PlannedRows *rows; /* per linear */
    int linears;
    int groups;   /* of each linear */
    int head;     /* features of a head, padded */
    int features; /* of all bands, padded */
    size_t rms;   /* bytes into the weights, likewise below: RmsGroup[] */
    size_t gammas;
    size_t turns;               /* of RoPE */
    size_t bins;                /* MaskBin[] */
    size_t bands;               /* MaskBand[] */
    size_t rooms[TOKENS_ROOMS]; /* bytes into the arena */
} PlannedTokens;

typedef struct PlannedStep {
    StepKind kind;
    int type;   /* STORED_…: of the operands */
    int tile;   /* columns of a tile: 128, 64 or 32 */
    bool split; /* a map normalises and activates the operand beforehand, into `temporary` */
    ValueChannels operand; /* of all sources together */
    int columns;           /* of the product */
    int slices;
    size_t weights; /* bytes into the weights, likewise below */
    size_t weight_bytes;
    size_t positions;           /* of a norm */
    size_t gain_bias;           /* of a norm with statistics of its own */
    size_t norm_fixed;          /* of a norm with running statistics */
    size_t roots, window, gain; /* of a transform */
    size_t norm;                /* bytes into the norms */
    size_t temporary;           /* bytes into the arena: of `split`, or of a transform's scratch */
    size_t frames;              /* bytes into the arena: of an inverse transform */
    PlannedTokens tokens;
} PlannedStep;

/* What the plan asks of a device. */
typedef struct PlanTarget {
    int capability;
    int multiprocessors;
    int64_t shared_bytes;
} PlanTarget;

typedef struct CudaPlan {
    Graph graph; /* without weights */
    Program program;
    PlannedValue *values; /* per node */
    PlannedStep *steps;   /* per step of the program */
    PlanTarget target;
    cleave_precision precision;
    int batch;
    size_t arena_bytes;
    size_t weight_bytes;
    size_t norm_bytes;
    size_t input_bytes; /* of the batch, likewise below */
    size_t output_bytes;
    uint64_t digest;
} CudaPlan;

/* `graph` is what graph_rematerialise() made. */
cleave_status cuda_plan_create(CudaPlan *plan, const Graph *graph, const CompileOptions *options,
                               PlanTarget target, cleave_error *error);
void cuda_plan_free(CudaPlan *plan);

/* The node whose value a step's product, transform or norm is about. */
static inline const Node *plan_node(const CudaPlan *plan, int step) {
    return &plan->graph.nodes[plan->program.steps[step].node];
}

static inline const PlannedValue *plan_output(const CudaPlan *plan, int step) {
    return &plan->values[plan->program.steps[step].output];
}

/* A value that a step reads. */
static inline const PlannedValue *plan_source(const CudaPlan *plan, int step, int source) {
    return &plan->values[plan->program.steps[step].sources[source].node];
}

static inline bool plan_is_product(StepKind kind) {
    return kind == STEP_KIND_CONV || kind == STEP_KIND_CONV_HALO || kind == STEP_KIND_LINEAR;
}

static inline bool plan_is_tokens(StepKind kind) {
    return kind >= STEP_KIND_BAND_SPLIT;
}

/* Whether a step of tokens has matrix products. */
static inline bool plan_is_multiplying(StepKind kind) {
    return plan_is_tokens(kind) && kind != STEP_KIND_RMS_NORM;
}

static inline bool plan_is_transform(StepKind kind) {
    return kind == STEP_KIND_STFT || kind == STEP_KIND_ISTFT;
}

/* A norm whose statistics are those of the values at hand. */
static inline bool plan_has_own_statistics(const CudaPlan *plan, int step) {
    return step_has_own_statistics(&plan->graph, &plan->program.steps[step]);
}

/* Elements of a convolution's kernel. */
static inline int plan_taps(const Node *node) {
    return node->as.conv.kernel[0] * node->as.conv.kernel[1];
}

static inline size_t plan_stored_bytes(int stored) { /* of one number */
    return stored == STORED_F32 ? 4 : 2;
}

/* Room for `bytes` at the end of *total; its offset. */
static inline size_t plan_reserve_bytes(size_t *total, size_t bytes) {
    size_t offset = *total;
    *total += size_round_up(bytes, CUDA_ALIGNMENT);
    return offset;
}

/* What a product with so many columns' tiles, and blocks in all, costs: to be compared for tiles of
 * 128, 64 and 32 columns. A narrow one loads and activates its rows for fewer products; and blocks
 * beyond the first for each multiprocessor wait. The figures are estimates, to be replaced by
 * measured ones. */
static inline double plan_tile_cost(const CudaPlan *plan, int tile, int across, double blocks) {
    double idle = plan->target.multiprocessors / blocks;
    return (double)across * tile * (1 + 24.0 / tile) * (idle > 1 ? idle : 1);
}

/* Tiles of a product's rows, or blocks of pixels of a map. */
int64_t plan_tiles(const CudaPlan *plan, int step);

/* ---- Transforms ---- */

int plan_waveforms(const CudaPlan *plan, int step);
int plan_frames(const CudaPlan *plan, int step);

/* Samples that the frames of an inverse transform give; of tokens, all. Zeros follow. */
int plan_istft_length(const CudaPlan *plan, int step);

/* Points of the complex transform of a frame. */
int plan_fourier_length(const CudaPlan *plan, int step);

/* Whether it is computed in float64. */
bool plan_fourier_is_wide(const CudaPlan *plan, int step);

/* Bytes of a block's two buffers. */
size_t plan_fourier_bytes(const CudaPlan *plan, int step);

/* The same if they are in shared memory, else 0. */
size_t plan_fourier_shared(const CudaPlan *plan, int step);

/* Frames that are worked on at a time: the x of the grid. */
int plan_fourier_frames(const CudaPlan *plan, int step);

/* "halo 128, split"; "" for steps without a choice. */
void plan_describe(const PlannedStep *step, char *text, size_t size);

#endif
