/* channel_mix.h: which of a source's channels go into which planes, and how loud. Inside read/
 * only.
 */
#ifndef CLEAVE_AUDIO_READ_CHANNEL_MIX_H
#define CLEAVE_AUDIO_READ_CHANNEL_MIX_H

#include "audio/audio.h"
#include "audio/decode/channel_layout.h"

/* plane += gain × channel */
typedef struct MixTerm {
    int plane;
    int channel; /* of the source */
    float gain;
} MixTerm;

typedef struct ChannelMix {
    MixTerm *terms; /* those of one plane one behind the other */
    int count;
    int planes; /* that are mixed: 1 of a mono source, else as many as asked for */
    AudioDownmix downmix;
} ChannelMix;

/* `from` channels of a layout become `to`; front: as in AudioReaderSettings. */
cleave_status channel_mix_create(ChannelMix *mix, const ChannelLayout *layout, int from, int to,
                                 bool front, cleave_error *error);
void channel_mix_free(ChannelMix *mix);

/* Mixes an interleaved block of `channels` channels. */
void channel_mix_run(const ChannelMix *mix, const float *interleaved, int channels,
                     float *const *planes, int64_t frames);

#endif
