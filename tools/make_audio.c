/* make_audio.c: writes audio of any length for tests: two tones and noise in 16-bit stereo at 44.1
 * kHz, the same for the same seconds and seed:
 *
 *   make_audio SECONDS OUT.w64|OUT.flac|OUT.wav [SEED]
 *
 * Samples are written as they are made; W64 files can be as large as the disk. */
#include <inttypes.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/random.h"

#define RATE  44100
#define BLOCK 8192

static int format_of(const char *path) {
    const char *dot = strrchr(path, '.');
    if (dot && strcmp(dot, ".flac") == 0)
        return SF_FORMAT_FLAC;
    return dot && strcmp(dot, ".wav") == 0 ? SF_FORMAT_WAV : SF_FORMAT_W64;
}

/* The noise is quiet enough for FLAC to compress. The tones repeat every second. */
static void make_block(short *samples, int64_t start, int64_t frames, const short *tones,
                       uint64_t *state) {
    for (int64_t i = 0; i < frames; i++) {
        uint64_t noise = random_next(state);
        const short *tone = tones + 2 * ((start + i) % RATE);
        samples[2 * i] = (short)(tone[0] + (int)(noise & 0xff) - 128);
        samples[2 * i + 1] = (short)(tone[1] + (int)(noise >> 8 & 0xff) - 128);
    }
}

static int write_all(SNDFILE *file, int64_t total, uint64_t seed) {
    static short tones[2 * RATE];
    static short samples[2 * BLOCK];
    for (int i = 0; i < RATE; i++) {
        double turn = 2 * acos(-1.0) * i / RATE;
        tones[2 * i] = (short)(6000 * sin(220 * turn));
        tones[2 * i + 1] = (short)(4000 * sin(1000 * turn));
    }
    for (int64_t done = 0; done < total; done += BLOCK) {
        int64_t frames = total - done < BLOCK ? total - done : BLOCK;
        make_block(samples, done, frames, tones, &seed);
        if (sf_writef_short(file, samples, frames) != frames)
            return 0;
    }
    return 1;
}

int main(int count, char **words) {
    if (count < 3 || count > 4 || atof(words[1]) <= 0) {
        fprintf(stderr, "usage: make_audio SECONDS OUT.w64|OUT.flac|OUT.wav [SEED]\n");
        return 2;
    }
    SF_INFO info = {.channels = 2, .samplerate = RATE};
    info.format = format_of(words[2]) | SF_FORMAT_PCM_16;
    SNDFILE *file = sf_open(words[2], SFM_WRITE, &info);
    int64_t total = (int64_t)(atof(words[1]) * RATE);
    int done = file && write_all(file, total, count > 3 ? strtoull(words[3], NULL, 10) : 1);
    if (!done || sf_close(file) != 0) {
        fprintf(stderr, "make_audio: cannot write %s: is the disk full?\n", words[2]);
        return 1;
    }
    printf("%s: %" PRId64 " frames\n", words[2], total);
    return 0;
}
