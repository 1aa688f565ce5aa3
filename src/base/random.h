/* random.h: repeatable random numbers: for networks of random weights, noise, tests and tools. */
#ifndef CLEAVE_BASE_RANDOM_H
#define CLEAVE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The next 64 bits after *state; any seed will do. SplitMix64 (Steele, Lea & Flood, 2014). */
static inline uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* White noise within ±amplitude, the same at every call: all frequencies at once. */
static inline void random_noise(float *samples, size_t count, float amplitude) {
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++)
        samples[i] = amplitude * ((float)(random_next(&state) >> 40) * 0x1p-23f - 1.0f);
}

#endif
