/* channel_mix.c: chooses the terms of a mix, and adds them up. */
#include "audio/read/channel_mix.h"

#include <stdlib.h>

static void add_term(ChannelMix *mix, int plane, int channel, float gain) {
    if (gain != 0.0f)
        mix->terms[mix->count++] = (MixTerm){plane, channel, gain};
}

static int channel_of_role(const ChannelLayout *layout, ChannelRole role) {
    int c = 0;
    while (layout->roles[c] != role)
        c++;
    return c;
}

/* Adds the terms that the left (side 0) or right gives to a plane. */
static void add_side(ChannelMix *mix, const ChannelLayout *layout, int channels, int plane,
                     int side, float gain) {
    ChannelRole role = side == 0 ? CHANNEL_LEFT : CHANNEL_RIGHT;
    if (mix->downmix == AUDIO_FRONT)
        add_term(mix, plane, channel_of_role(layout, role), gain);
    else if (mix->downmix == AUDIO_MIXED)
        for (int c = 0; c < channels; c++)
            add_term(mix, plane, c, gain * channel_downmix_gain(layout->roles[c], side));
    else
        add_term(mix, plane, side, gain);
}

static AudioDownmix choose_downmix(const ChannelLayout *layout, int from, int to, bool front) {
    if (from <= 2 || to > 2)
        return AUDIO_AS_IT_IS;
    if (!layout->known)
        return AUDIO_FIRST_TWO;
    return front ? AUDIO_FRONT : AUDIO_MIXED;
}

/* A stereo file's mono downmix is the mean; each half is taken before the sum, which could
 * overflow. */
cleave_status channel_mix_create(ChannelMix *mix, const ChannelLayout *layout, int from, int to,
                                 bool front, cleave_error *error) {
    size_t most = 2 * (size_t)(from > to ? from : to);
    *mix = (ChannelMix){.planes = from == 1 ? 1 : to,
                        .downmix = choose_downmix(layout, from, to, front)};
    mix->terms = calloc(most, sizeof(*mix->terms));
    if (!mix->terms)
        return error_memory(error, "a reader's channels", most * sizeof(*mix->terms));
    if (from > 1 && to == 1) {
        add_side(mix, layout, from, 0, 0, 0.5f);
        add_side(mix, layout, from, 0, 1, 0.5f);
    } else if (mix->downmix != AUDIO_AS_IT_IS) {
        add_side(mix, layout, from, 0, 0, 1.0f);
        add_side(mix, layout, from, 1, 1, 1.0f);
    } else {
        for (int c = 0; c < mix->planes; c++)
            add_term(mix, c, c, 1.0f);
    }
    return CLEAVE_OK;
}

void channel_mix_free(ChannelMix *mix) {
    free(mix->terms);
    mix->terms = NULL;
    mix->count = 0;
}

void channel_mix_run(const ChannelMix *mix, const float *interleaved, int channels,
                     float *const *planes, int64_t frames) {
    int begun = -1; /* the plane that has its first term */
    for (int i = 0; i < mix->count; i++) {
        const MixTerm *term = &mix->terms[i];
        const float *from = interleaved + term->channel;
        float *plane = planes[term->plane];
        if (term->plane != begun)
            for (int64_t f = 0; f < frames; f++)
                plane[f] = term->gain * from[f * channels];
        else
            for (int64_t f = 0; f < frames; f++)
                plane[f] += term->gain * from[f * channels];
        begun = term->plane;
    }
}
