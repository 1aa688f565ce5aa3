/* channel_layout.h: which loudspeaker each channel of a source is meant for, and what each channel
 * gives to the left and the right where many are mixed down to two.
 *
 * The downmix is that of Recommendation ITU-R BS.775 (its equations for 3/2 to 2/0): left and right
 * as they are, centre and surround 3 dB lower, no low-frequency effects. A channel in the middle
 * goes to both sides. Nothing is scaled afterwards: samples are floats, and may exceed ±1. */
#ifndef CLEAVE_AUDIO_DECODE_CHANNEL_LAYOUT_H
#define CLEAVE_AUDIO_DECODE_CHANNEL_LAYOUT_H

#include <stdbool.h>

/* Most channels that a source may have: more is a damaged header. */
#define SOURCE_MAX_CHANNELS 1024

/* Sources with more channels have no known layout. */
#define CHANNELS_WITH_ROLES 32

typedef enum ChannelRole {
    CHANNEL_UNKNOWN,
    CHANNEL_LEFT,
    CHANNEL_RIGHT,
    CHANNEL_CENTRE,
    CHANNEL_LOW_FREQUENCY,
    CHANNEL_LEFT_OF_CENTRE, /* between left and centre */
    CHANNEL_RIGHT_OF_CENTRE,
    CHANNEL_LEFT_SURROUND, /* beside, behind or above the listener */
    CHANNEL_RIGHT_SURROUND,
    CHANNEL_CENTRE_SURROUND
} ChannelRole;

/* The channels of a source in its own order. */
typedef struct ChannelLayout {
    bool known; /* the file says where each channel belongs, left and right among them */
    ChannelRole roles[CHANNELS_WITH_ROLES]; /* where known */
} ChannelLayout;

/* Sets `known` from the roles of `channels` channels. */
void channel_layout_judge(ChannelLayout *layout, int channels);

/* The order that Vorbis and Opus define for 1 to 8 channels; beyond that, not known. */
ChannelLayout channel_layout_of_vorbis(int channels);

/* The order that FLAC defines for 1 to 8 channels; beyond that, not known. */
ChannelLayout channel_layout_of_flac(int channels);

/* The channels of a WAV whose header has this mask of loudspeakers (dwChannelMask). */
ChannelLayout channel_layout_of_mask(unsigned mask, int channels);

/* What a channel gives to the left (side 0) or the right (side 1) of a downmix. */
float channel_downmix_gain(ChannelRole role, int side);

#endif
