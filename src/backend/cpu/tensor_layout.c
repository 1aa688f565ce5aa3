/* tensor_layout.c: see tensor_layout.h. */
#include "backend/cpu/tensor_layout.h"

static int blocks_of(int channels) {
    return (channels + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
}

int channel_layout_channels(const ChannelLayout *layout) {
    int channels = 0;
    for (int i = 0; i < layout->part_count; i++)
        channels += layout->parts[i];
    return channels;
}

int channel_layout_blocks(const ChannelLayout *layout) {
    int blocks = 0;
    for (int i = 0; i < layout->part_count; i++)
        blocks += blocks_of(layout->parts[i]);
    return blocks;
}

bool channel_layout_append(ChannelLayout *layout, const ChannelLayout *other) {
    if (layout->part_count + other->part_count > LAYOUT_PARTS_MAX)
        return false;
    for (int i = 0; i < other->part_count; i++)
        layout->parts[layout->part_count++] = other->parts[i];
    return true;
}

bool channel_layout_equal(const ChannelLayout *a, const ChannelLayout *b) {
    if (a->part_count != b->part_count)
        return false;
    for (int i = 0; i < a->part_count; i++)
        if (a->parts[i] != b->parts[i])
            return false;
    return true;
}

int channel_layout_position(const ChannelLayout *layout, int channel) {
    int base = 0;
    int part = 0;
    while (channel >= layout->parts[part]) {
        channel -= layout->parts[part];
        base += blocks_of(layout->parts[part]) * CHANNEL_BLOCK;
        part++;
    }
    return base + channel;
}

void tensor_row_written(const CpuTensor *tensor, const Kernels *kernels, int sample, int block,
                        int row) {
    if (!tensor->statistics)
        return;
    float *statistics = tensor_row_statistics(tensor, sample, block, row);
    kernels->statistics(tensor_row(tensor, sample, block, row), (size_t)tensor->width, statistics,
                        statistics + CHANNEL_BLOCK);
}
