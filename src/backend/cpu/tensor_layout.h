/* tensor_layout.h: how an activation lies in memory: (batch, blocks, height, width, CHANNEL_BLOCK).
 * Each part of a concatenation is padded to whole channel blocks by itself, so that a concatenation
 * is a list of blocks. */
#ifndef CLEAVE_CPU_TENSOR_LAYOUT_H
#define CLEAVE_CPU_TENSOR_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/cpu/kernels/kernels.h"

#define LAYOUT_PARTS_MAX 4

/* The channels of a value, part by part. */
typedef struct ChannelLayout {
    int parts[LAYOUT_PARTS_MAX]; /* channels of each part */
    int part_count;
} ChannelLayout;

int channel_layout_channels(const ChannelLayout *layout);
int channel_layout_blocks(const ChannelLayout *layout);

/* Appends the parts of `other`; false if there is no room. */
bool channel_layout_append(ChannelLayout *layout, const ChannelLayout *other);

bool channel_layout_equal(const ChannelLayout *a, const ChannelLayout *b);

/* Where a channel lies among the padded lanes: block · CHANNEL_BLOCK + lane. */
int channel_layout_position(const ChannelLayout *layout, int channel);

/* A stored activation. Its data is valid while the program's steps that use it run. */
typedef struct CpuTensor {
    bool stored; /* lies in the arena: neither input, output nor folded away */
    ChannelLayout channels;
    int blocks;
    int height;
    int width;
    float *data;
    /* (batch, blocks, height, 2, CHANNEL_BLOCK): mean and sum of squared differences of each row;
     * NULL where nobody needs them. */
    float *statistics;
} CpuTensor;

static inline size_t tensor_row_floats(const CpuTensor *tensor) {
    return (size_t)tensor->width * CHANNEL_BLOCK;
}

/* Rows of one sample of the batch. */
static inline size_t tensor_sample_rows(const CpuTensor *tensor) {
    return (size_t)tensor->blocks * (size_t)tensor->height;
}

static inline float *tensor_row(const CpuTensor *tensor, int sample, int block, int row) {
    size_t index =
        ((size_t)sample * (size_t)tensor->blocks + (size_t)block) * (size_t)tensor->height +
        (size_t)row;
    return tensor->data + index * tensor_row_floats(tensor);
}

/* Mean of a row, followed by its sum of squared differences. */
static inline float *tensor_row_statistics(const CpuTensor *tensor, int sample, int block,
                                           int row) {
    size_t index =
        ((size_t)sample * (size_t)tensor->blocks + (size_t)block) * (size_t)tensor->height +
        (size_t)row;
    return tensor->statistics + index * 2 * CHANNEL_BLOCK;
}

/* Whoever writes a row calls this when it is complete, while it is still in the cache. */
void tensor_row_written(const CpuTensor *tensor, const Kernels *kernels, int sample, int block,
                        int row);

#endif
