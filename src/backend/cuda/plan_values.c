/* plan_values.c: how the channels of a value lie. */
#include "backend/cuda/plan.h"

static int padded(int channels) {
    return (channels + CHANNEL_UNIT - 1) / CHANNEL_UNIT * CHANNEL_UNIT;
}

int value_channels_padded(const ValueChannels *channels) {
    int sum = 0;
    for (int i = 0; i < channels->count; i++)
        sum += padded(channels->parts[i]);
    return sum;
}

int value_channels_position(const ValueChannels *channels, int channel) {
    int position = 0;
    int part = 0;
    for (; part + 1 < channels->count && channel >= channels->parts[part]; part++) {
        position += padded(channels->parts[part]);
        channel -= channels->parts[part];
    }
    return position + channel;
}
