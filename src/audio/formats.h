/* formats.h: the formats that stems are written in: one row for each, with all that is known of it.
 * How a row becomes a file is in the encoders (encoder.h). */
#ifndef CLEAVE_AUDIO_FORMATS_H
#define CLEAVE_AUDIO_FORMATS_H

#include <stdbool.h>
#include <stdint.h>

#include "cleave.h"

typedef enum FormatKind {
    FORMAT_PCM,      /* 16, 24 or float, which is the default */
    FORMAT_LOSSLESS, /* 16, or 24, which is the default */
    FORMAT_LOSSY     /* has no depth */
} FormatKind;

/* Either `sndfile` or `muxer` and `codec` are set. Fields that are left out are 0 or NULL. */
typedef struct OutputFormat {
    const char *name;      /* what people type: "wav" */
    const char *title;     /* what they read: "Ogg Vorbis" */
    const char *extension; /* of its files, without a dot */
    const char *instead;   /* what to choose if it cannot hold a signal */
    FormatKind kind;
    bool streams; /* can be written front to back, without going back to the header */

    /* What it can hold. */
    bool raises_rates;      /* a rate that it lacks becomes the next higher one */
    const int *rates;       /* Hz, ascending, 0 at the end; NULL: any */
    const char *rates_text; /* what an error says about them */
    int64_t most_bytes;     /* of samples; 0: no limit */
    const char *size_text;  /* what an error says about that limit */
    int most_channels;      /* 0: as many as the library takes */

    /* If libsndfile writes it. */
    int sndfile;       /* SF_FORMAT_…: the container; of a lossy format with its coding */
    int sndfile_large; /* the container of what may exceed most_bytes */
    int quality;       /* SFC_SET_…: the command that takes quality_value */
    double quality_value;
    bool constant_bit_rate;
    bool late_header; /* libsndfile writes no header if there are no samples */

    /* If FFmpeg writes it. The codec takes planar samples. */
    int bits_per_second; /* for each channel; 0: lossless */
    const char *muxer;
    const char *codec;
} OutputFormat;

/* NULL: there is no such format. */
const OutputFormat *output_format(cleave_format format);

/* SF_FORMAT_… for a depth, in the container for short or for large files; 0: this libsndfile has
 * none. */
int output_format_sndfile(const OutputFormat *format, cleave_bits bits, bool large);

/* Why this build cannot write a format; NULL: it can. */
const char *output_format_lack(const OutputFormat *format);

/* Whether a sample rate is among its rates. */
bool output_format_has_rate(const OutputFormat *format, int rate);

#endif
