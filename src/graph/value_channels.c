/* value_channels.c: arithmetic of padded parts. */
#include "graph/value_channels.h"

static int padded(int channels, int unit) {
    return (channels + unit - 1) / unit * unit;
}

int value_channels_count(const ValueChannels *channels) {
    int sum = 0;
    for (int i = 0; i < channels->count; i++)
        sum += channels->parts[i];
    return sum;
}

int value_channels_padded(const ValueChannels *channels, int unit) {
    int sum = 0;
    for (int i = 0; i < channels->count; i++)
        sum += padded(channels->parts[i], unit);
    return sum;
}

int value_channels_position(const ValueChannels *channels, int unit, int channel) {
    int position = 0;
    int part = 0;
    for (; channel >= channels->parts[part]; part++) {
        position += padded(channels->parts[part], unit);
        channel -= channels->parts[part];
    }
    return position + channel;
}

bool value_channels_append(ValueChannels *channels, const ValueChannels *other) {
    if (channels->count + other->count > VALUE_PARTS_MAX)
        return false;
    for (int i = 0; i < other->count; i++)
        channels->parts[channels->count++] = other->parts[i];
    return true;
}

bool value_channels_equal(const ValueChannels *a, const ValueChannels *b) {
    if (a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (a->parts[i] != b->parts[i])
            return false;
    return true;
}
