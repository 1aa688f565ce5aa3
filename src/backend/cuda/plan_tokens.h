/* plan_tokens.h: how ops of tokens are computed: which linears a step has, how their weights lie,
 * and which tables and memory their kernels take. Parts of plan.c, and questions to a plan. */
#ifndef CLEAVE_BACKEND_CUDA_PLAN_TOKENS_H
#define CLEAVE_BACKEND_CUDA_PLAN_TOKENS_H

#include "backend/cuda/plan.h"
#include "base/memory.h"

/* Features of a row as rows lie: whole units of channels. */
static inline int tokens_padded(int features) {
    return (int)size_round_up((size_t)features, CHANNEL_UNIT);
}

/* Chooses a step's kernels, whose sizes must fit into what kernels count with. */
cleave_status plan_tokens(CudaPlan *plan, int step, cleave_error *error);

/* Room for a step's weights and tables. */
void plan_tokens_reserve(CudaPlan *plan, int step);

/* Writes what a room of a step takes for one item, as factors up to a 0. No factor: nothing. */
void plan_tokens_room(const CudaPlan *plan, int step, TokensRoom room, size_t factors[4]);

/* ---- Questions ---- */

/* Rows of one item that a linear of a step multiplies, in each of its groups. */
int plan_rows(const CudaPlan *plan, int step);

/* The value of tokens that a step reads, but for the spectrogram of a band split or a mask. */
const PlannedValue *plan_tokens_input(const CudaPlan *plan, int step);

/* Whether a step's products read a rounded or normalised copy of its input. */
bool plan_has_operand(const CudaPlan *plan, int step);

/* One of the groups of a step's linear. */
typedef struct RowsGroup {
    int weight; /* slots of the node's weights; likewise below */
    int bias;   /* -1: none */
    int in;     /* of the weights' tensor */
    int out;
    int k;           /* channels of the operand, padded */
    int channels;    /* of the product, padded */
    int64_t operand; /* elements to the group's first row */
    int64_t output;
} RowsGroup;

RowsGroup plan_rows_group(const CudaPlan *plan, int step, int linear, int group);

RowsFinish plan_rows_finish(const CudaPlan *plan, int step, int linear);

/* How many slices of k and tiles of columns a group has. */
int plan_group_slices(const CudaPlan *plan, int step, const RowsGroup *group);
int plan_group_tiles(const PlannedRows *rows, const RowsGroup *group);

/* Numbers of a band's features in a row of normalised features or of masks, and of those before
 * it. */
int plan_band_room(const CudaPlan *plan, int step, int band);
int plan_band_offset(const CudaPlan *plan, int step, int band);

/* Positions of an attention's sequences, and sequences. */
int plan_positions(const CudaPlan *plan, int step);
int plan_sequences(const CudaPlan *plan, int step);
int plan_query_tiles(const CudaPlan *plan, int step);

#endif
