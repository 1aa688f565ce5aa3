/* tensor_layout.h: how an activation lies in memory.
 *
 * An image: (batch, blocks, height, width, CHANNEL_BLOCK). Each part of a concatenation is padded
 * to whole channel blocks by itself, so that a concatenation is a list of blocks.
 *
 * Tokens: (batch, bands, frames, features), a row for each token. Rows are padded to whole vectors
 * of CHANNEL_BLOCK features, and the padding is always zero. A band stands where an image has a
 * channel block. */
#ifndef CLEAVE_CPU_TENSOR_LAYOUT_H
#define CLEAVE_CPU_TENSOR_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/cpu/kernels/kernels.h"
#include "graph/value_channels.h"

/* Channel blocks of a value. */
static inline int channel_blocks(const ValueChannels *channels) {
    return value_channels_padded(channels, CHANNEL_BLOCK) / CHANNEL_BLOCK;
}

/* Blocks of CHANNEL_BLOCK features, of which the last may be padded. */
static inline size_t feature_blocks(size_t features) {
    return (features + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
}

/* Where a channel lies among the padded lanes: block · CHANNEL_BLOCK + lane. */
static inline int channel_position(const ValueChannels *channels, int channel) {
    return value_channels_position(channels, CHANNEL_BLOCK, channel);
}

/* What is left of `size` elements from `first` on, of `limit` in all. */
static inline int size_clipped(int size, int first, int limit) {
    return first + size > limit ? limit - first : size;
}

/* A stored activation. Its data is valid while the program's steps that use it run. */
typedef struct CpuTensor {
    bool stored; /* lies in the arena: neither input, output nor folded away */
    bool tokens;
    ValueChannels channels; /* of tokens: the bands */
    int blocks;             /* of tokens: the bands */
    int height;
    int width; /* of tokens: the features, without padding */
    float *data;
    /* The rectangle that its writer completes at once, while it is in the cache; those at the right
     * and lower edges may be smaller. */
    int part_height;
    int part_width;
    /* (batch, blocks, parts down, parts across, 2, CHANNEL_BLOCK): mean and sum of squared
     * differences of each part. NULL if no step reads them. */
    float *statistics;
} CpuTensor;

/* Vectors of CHANNEL_BLOCK floats in a row. */
static inline size_t tensor_row_positions(const CpuTensor *tensor) {
    size_t width = (size_t)tensor->width;
    return tensor->tokens ? feature_blocks(width) : width;
}

static inline size_t tensor_row_floats(const CpuTensor *tensor) {
    return tensor_row_positions(tensor) * CHANNEL_BLOCK;
}

/* Rows of one item of the batch. */
static inline size_t tensor_item_rows(const CpuTensor *tensor) {
    return (size_t)tensor->blocks * (size_t)tensor->height;
}

static inline float *tensor_row(const CpuTensor *tensor, int item, int block, int row) {
    size_t index =
        ((size_t)item * (size_t)tensor->blocks + (size_t)block) * (size_t)tensor->height +
        (size_t)row;
    return tensor->data + index * tensor_row_floats(tensor);
}

/* The features of a token; the next frame's are tensor_row_floats() behind. */
static inline float *tensor_token_row(const CpuTensor *tensor, int item, int band, int frame) {
    return tensor_row(tensor, item, band, frame);
}

static inline int tensor_parts_down(const CpuTensor *tensor) {
    return (tensor->height + tensor->part_height - 1) / tensor->part_height;
}

static inline int tensor_parts_across(const CpuTensor *tensor) {
    return (tensor->width + tensor->part_width - 1) / tensor->part_width;
}

/* Floats of one item's statistics. */
size_t tensor_item_statistics(const CpuTensor *tensor);

/* Mean of a part, followed by its sum of squared differences. */
float *tensor_part_statistics(const CpuTensor *tensor, int item, int block, int down, int across);

/* Elements of a part in each lane. */
int tensor_part_elements(const CpuTensor *tensor, int down, int across);

/* To be called when a part is complete, while it is still in the cache: computes its statistics. */
void tensor_part_written(const CpuTensor *tensor, const Kernels *kernels, int item, int block,
                         int down, int across);

/* The same for a tensor whose parts are rows. */
void tensor_row_written(const CpuTensor *tensor, const Kernels *kernels, int item, int block,
                        int row);

#endif
