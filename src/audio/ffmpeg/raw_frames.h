/* raw_frames.h: frames of streams without a container, and so without times: MPEG audio, ADTS,
 * AC-3, DTS. Inside ffmpeg/ only. */
#ifndef CLEAVE_AUDIO_FFMPEG_RAW_FRAMES_H
#define CLEAVE_AUDIO_FFMPEG_RAW_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether such a frame may begin here: the bits by which decoders find one are set. */
bool raw_frame_has_sync(const unsigned char *data, size_t size);

/* The bytes of a frame of MPEG audio or ADTS by its own header (ISO 11172-3, section 2.4.3.1; ISO
 * 13818-7, section 6.2); 0: it does not say. */
size_t raw_frame_bytes(const unsigned char *data, size_t size);

#endif
