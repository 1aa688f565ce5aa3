/* generated_audio.c: each voice is a function of time, so that any part can be made by itself. */
#include "cli/trials/generated_audio.h"

#include <math.h>

#define BEAT      0.5 /* seconds */
#define BAR       (4.0 * BEAT)
#define TWO_PI    6.28318530717958647693
#define OVERTONES 6

/* Equal-tempered; note 69 is the A of 440 Hz. */
static double frequency_of(int note) {
    return 440.0 * pow(2.0, (note - 69) / 12.0);
}

/* White noise in ±1: a hash of the sample's number (SplitMix64's mixer). */
static double noise_at(int64_t sample, int voice) {
    uint64_t z = (uint64_t)sample * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)voice;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)(int64_t)(z ^ (z >> 31)) * 0x1p-63;
}

/* A tone that falls from 150 Hz to 50 Hz on beats one and three. */
static double kick_at(double time) {
    double t = fmod(time, 2.0 * BEAT);
    return exp(-9.0 * t) * sin(TWO_PI * (50.0 * t + 4.0 * (1.0 - exp(-25.0 * t))));
}

/* Noise and a tone on beats two and four. */
static double snare_at(double time, double noise) {
    double t = fmod(time + BEAT, 2.0 * BEAT);
    return exp(-14.0 * t) * (0.7 * noise + 0.4 * sin(TWO_PI * 190.0 * t));
}

/* Each half beat. */
static double hat_at(double time, double treble) {
    return exp(-60.0 * fmod(time, BEAT / 2.0)) * treble;
}

/* The chord's root, two octaves down, each half beat. */
static double bass_at(double time, int root) {
    double t = fmod(time, BEAT / 2.0);
    double phase = TWO_PI * frequency_of(root - 24) * time;
    double sum = 0.0;
    for (int k = 1; k <= OVERTONES; k++)
        sum += sin(k * phase) / k;
    return sum * fmin(1.0, 200.0 * t) * exp(-3.0 * t);
}

/* The three notes of a chord, each a little out of tune, which moves them in the stereo image. */
static double chord_at(double time, int root, int third, int channel) {
    const int notes[] = {root, root + third, root + 7};
    double sum = 0.0;
    for (int i = 0; i < 3; i++) {
        double frequency = frequency_of(notes[i]) * (1.0 + 0.001 * (channel == 0 ? i : -i));
        sum += sin(TWO_PI * frequency * time) + 0.3 * sin(TWO_PI * 2.0 * frequency * time);
    }
    return sum / 3.0;
}

/* A new note each beat, with vibrato. */
static double melody_at(double time, int root) {
    static const int steps[] = {12, 19, 24, 16, 12, 7, 19, 24};
    double t = fmod(time, BEAT);
    double frequency = frequency_of(root + steps[(int)(time / BEAT) % 8]);
    double phase = TWO_PI * frequency * t + 0.2 * sin(TWO_PI * 5.5 * t);
    double sum = 0.0;
    for (int k = 1; k <= OVERTONES; k++)
        sum += sin(k * phase) / (k * k);
    return sum * fmin(1.0, 60.0 * t) * fmin(1.0, 20.0 * (BEAT - t));
}

static double sample_at(int64_t sample, int sample_rate, int channel) {
    static const int roots[] = {57, 53, 48, 55}; /* A minor, F, C, G */
    static const int thirds[] = {3, 4, 4, 4};
    double time = (double)sample / sample_rate;
    int bar = (int)fmod(time / BAR, 4.0);
    double noise = noise_at(sample, 0);
    double treble = 0.5 * (noise_at(sample, 1) - noise_at(sample - 1, 1));
    double left =
        channel == 0 ? 1.0 : 0.6; /* level of what is on the left; the right has the rest */
    return 0.30 * kick_at(time) + 0.18 * snare_at(time, noise) +
           0.10 * left * hat_at(time, treble) + 0.10 * bass_at(time, roots[bar]) +
           0.09 * chord_at(time, roots[bar], thirds[bar], channel) +
           0.08 * (1.6 - left) * melody_at(time, roots[bar]);
}

void generated_audio_fill(float *const *planes, int channels, int sample_rate, int64_t start,
                          int64_t samples) {
    for (int c = 0; c < channels; c++)
        for (int64_t i = 0; i < samples; i++)
            planes[c][i] = (float)sample_at(start + i, sample_rate, c % 2);
}
