/* operand.h: what a step reads: act(norm(concat(sources))), loaded row by row. Steps of tokens read
 * their sources themselves. */
#ifndef CLEAVE_CPU_OPERAND_H
#define CLEAVE_CPU_OPERAND_H

#include "backend/cpu/tensor_layout.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "graph/program.h"

typedef struct CpuExecutable CpuExecutable;

#define OPERAND_SOURCES_MAX 2

typedef struct Operand {
    struct {
        const CpuTensor *tensor;
        const CpuTensor *factor; /* multiplied in; or NULL */
    } sources[OPERAND_SOURCES_MAX];
    int source_count;
    bool tokens;            /* nothing below but `plain` means anything */
    ValueChannels channels; /* of the concatenation */
    int blocks;
    int height;
    int width;
    ActAttributes act;
    bool plain; /* no norm, act or factor: rows can be read where they lie */
    /* The normalisation as y = x · scale + shift, (items, blocks, CHANNEL_BLOCK) each. Computed
     * from the input's statistics before the step runs; constants once, for all items. */
    NormAttributes norm; /* kind NORM_NONE: scale is 1 and shift 0 */
    float *gain;         /* these four: (channels) */
    float *bias;
    float *running_mean; /* NORM_BATCH only */
    float *running_variance;
    float *scale;
    float *shift;
    size_t item_stride;      /* floats between items of scale and shift; 0 for constants */
    struct Moments *moments; /* (items, blocks, CHANNEL_BLOCK); NULL for constants */
    size_t bytes;            /* of all these arrays */
} Operand;

/* The operand of program step `step`; `weights` is the graph with its weights. To be destroyed also
 * after a failure. */
cleave_status operand_create(Operand *operand, const CpuExecutable *executable, const Step *step,
                             const Graph *weights, cleave_error *error);
void operand_destroy(Operand *operand);

/* Computes scale and shift for every item of the batch, if they depend on the data. */
void operand_prepare(const Operand *operand, ThreadPool *pool, int batch);

/* A run of positions of one row of one channel block. */
typedef struct RowPart {
    int item; /* of the batch */
    int block;
    int row;
    int first; /* position */
    int count;
} RowPart;

/* Loads to[part.count · CHANNEL_BLOCK]. */
void operand_load(const Operand *operand, const Kernels *kernels, RowPart part, float *to);

/* Loads a whole row: to[width · CHANNEL_BLOCK]. */
void operand_load_row(const Operand *operand, const Kernels *kernels, int item, int block, int row,
                      float *to);

/* Where a row of a plain operand lies. */
const float *operand_plain_row(const Operand *operand, int item, int block, int row);

#endif
