/* channel_layout.c: the orders of channels that formats define, and the gains of the downmix. */
#include "audio/decode/channel_layout.h"

#include <stddef.h>

/* ---- Layouts ---- */

#define C_ CHANNEL_CENTRE
#define L_ CHANNEL_LEFT
#define R_ CHANNEL_RIGHT
#define LS CHANNEL_LEFT_SURROUND
#define RS CHANNEL_RIGHT_SURROUND
#define CS CHANNEL_CENTRE_SURROUND
#define LF CHANNEL_LOW_FREQUENCY

#define DEFINED_CHANNELS 8

/* Vorbis I specification, section 4.3.9; RFC 7845, section 5.1.1.2, has the same. */
static const ChannelRole vorbis_orders[DEFINED_CHANNELS][DEFINED_CHANNELS] = {
    {C_},
    {L_, R_},
    {L_, C_, R_},
    {L_, R_, LS, RS},
    {L_, C_, R_, LS, RS},
    {L_, C_, R_, LS, RS, LF},
    {L_, C_, R_, LS, RS, CS, LF},
    {L_, C_, R_, LS, RS, LS, RS, LF},
};

/* RFC 9639, section 9.1.3. */
static const ChannelRole flac_orders[DEFINED_CHANNELS][DEFINED_CHANNELS] = {
    {C_},
    {L_, R_},
    {L_, R_, C_},
    {L_, R_, LS, RS},
    {L_, R_, C_, LS, RS},
    {L_, R_, C_, LF, LS, RS},
    {L_, R_, C_, LF, CS, LS, RS},
    {L_, R_, C_, LF, LS, RS, LS, RS},
};

/* The bits of dwChannelMask, the lowest first (Microsoft, WAVEFORMATEXTENSIBLE). */
static const ChannelRole mask_bits[] = {
    L_, R_, C_, LF, LS, RS, CHANNEL_LEFT_OF_CENTRE, CHANNEL_RIGHT_OF_CENTRE,
    CS, LS, RS, CS, /* top centre */
    LS, CS, RS, LS, CS, RS,
};

void channel_layout_judge(ChannelLayout *layout, int channels) {
    bool left = false;
    bool right = false;
    layout->known = channels <= CHANNELS_WITH_ROLES;
    for (int c = 0; c < channels && layout->known; c++) {
        left = left || layout->roles[c] == CHANNEL_LEFT;
        right = right || layout->roles[c] == CHANNEL_RIGHT;
        layout->known = layout->roles[c] != CHANNEL_UNKNOWN;
    }
    layout->known = layout->known && left && right;
}

static ChannelLayout layout_of_order(const ChannelRole orders[][DEFINED_CHANNELS], int channels) {
    ChannelLayout layout = {0};
    if (channels < 1 || channels > DEFINED_CHANNELS)
        return layout;
    for (int c = 0; c < channels; c++)
        layout.roles[c] = orders[channels - 1][c];
    channel_layout_judge(&layout, channels);
    return layout;
}

ChannelLayout channel_layout_of_vorbis(int channels) {
    return layout_of_order(vorbis_orders, channels);
}

ChannelLayout channel_layout_of_flac(int channels) {
    return layout_of_order(flac_orders, channels);
}

ChannelLayout channel_layout_of_mask(unsigned mask, int channels) {
    ChannelLayout layout = {0};
    int c = 0;
    for (size_t bit = 0; bit < sizeof(mask_bits) / sizeof(mask_bits[0]); bit++)
        if ((mask >> bit & 1) != 0 && c < channels && c < CHANNELS_WITH_ROLES)
            layout.roles[c++] = mask_bits[bit];
    channel_layout_judge(&layout, channels);
    return layout;
}

/* ---- Downmix ---- */

#define MINUS_3_DB 0.70710678f
#define MINUS_6_DB 0.5f

float channel_downmix_gain(ChannelRole role, int side) {
    switch (role) {
    case CHANNEL_LEFT:
    case CHANNEL_LEFT_OF_CENTRE:
        return side == 0 ? 1.0f : 0.0f;
    case CHANNEL_RIGHT:
    case CHANNEL_RIGHT_OF_CENTRE:
        return side == 1 ? 1.0f : 0.0f;
    case CHANNEL_CENTRE:
        return MINUS_3_DB;
    case CHANNEL_LEFT_SURROUND:
        return side == 0 ? MINUS_3_DB : 0.0f;
    case CHANNEL_RIGHT_SURROUND:
        return side == 1 ? MINUS_3_DB : 0.0f;
    case CHANNEL_CENTRE_SURROUND:
        return MINUS_6_DB; /* as if it stood in both surround channels, 3 dB lower */
    case CHANNEL_LOW_FREQUENCY:
    case CHANNEL_UNKNOWN:
        return 0.0f;
    }
    return 0.0f;
}
