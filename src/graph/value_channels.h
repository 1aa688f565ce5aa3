/* value_channels.h: how the channels of a value lie in a backend's memory: each part of a
 * concatenation is padded to whole units of channels by itself, so that a concatenation is its
 * parts, one behind the other. How large a unit is, is the backend's business. */
#ifndef CLEAVE_GRAPH_VALUE_CHANNELS_H
#define CLEAVE_GRAPH_VALUE_CHANNELS_H

#include <stdbool.h>

#define VALUE_PARTS_MAX 4

typedef struct ValueChannels {
    int parts[VALUE_PARTS_MAX]; /* channels of each */
    int count;
} ValueChannels;

/* Without padding. */
int value_channels_count(const ValueChannels *channels);

/* With padding: a multiple of `unit`. */
int value_channels_padded(const ValueChannels *channels, int unit);

/* Where a channel lies among the padded ones. */
int value_channels_position(const ValueChannels *channels, int unit, int channel);

/* Appends the parts of `other`; false if there is no room. */
bool value_channels_append(ValueChannels *channels, const ValueChannels *other);

bool value_channels_equal(const ValueChannels *a, const ValueChannels *b);

#endif
