/* tensor_layout.c: arithmetic of blocks and parts. */
#include "backend/cpu/tensor_layout.h"

size_t tensor_item_statistics(const CpuTensor *tensor) {
    return (size_t)tensor->blocks * (size_t)tensor_parts_down(tensor) *
           (size_t)tensor_parts_across(tensor) * 2 * CHANNEL_BLOCK;
}

float *tensor_part_statistics(const CpuTensor *tensor, int item, int block, int down, int across) {
    size_t index = (size_t)block * (size_t)tensor_parts_down(tensor) + (size_t)down;
    index = index * (size_t)tensor_parts_across(tensor) + (size_t)across;
    return tensor->statistics + (size_t)item * tensor_item_statistics(tensor) +
           index * 2 * CHANNEL_BLOCK;
}

static int part_height(const CpuTensor *tensor, int down) {
    return size_clipped(tensor->part_height, down * tensor->part_height, tensor->height);
}

static int part_width(const CpuTensor *tensor, int across) {
    return size_clipped(tensor->part_width, across * tensor->part_width, tensor->width);
}

int tensor_part_elements(const CpuTensor *tensor, int down, int across) {
    return part_height(tensor, down) * part_width(tensor, across);
}

void tensor_part_written(const CpuTensor *tensor, const Kernels *kernels, int item, int block,
                         int down, int across) {
    if (!tensor->statistics)
        return;
    float *statistics = tensor_part_statistics(tensor, item, block, down, across);
    StatisticsArguments arguments = {
        .from = tensor_row(tensor, item, block, down * tensor->part_height) +
                (size_t)across * (size_t)tensor->part_width * CHANNEL_BLOCK,
        .rows = (size_t)part_height(tensor, down),
        .stride = tensor_row_floats(tensor),
        .positions = (size_t)part_width(tensor, across),
        .mean = statistics,
        .squares = statistics + CHANNEL_BLOCK,
    };
    kernels->statistics(&arguments);
}

void tensor_row_written(const CpuTensor *tensor, const Kernels *kernels, int item, int block,
                        int row) {
    tensor_part_written(tensor, kernels, item, block, row, 0);
}
