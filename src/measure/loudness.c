/* loudness.c: cleave_loudness_measure(): how loud an audio file is, by EBU R 128 (ITU-R BS.1770).
 * libebur128 measures, this file streams to it. */
#include <ebur128.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "measure/block_reader.h"

#define MOST_CHANNELS 64 /* as many as libebur128 takes */

/* libebur128 keeps the loudness of each 100 ms, about 1 MiB an hour, which is exact. Files that
 * are longer than this by their header get its histogram instead, of 0.1 LU steps and constant
 * size.
 */
#define EXACT_SECONDS (4.0 * 3600.0)

/* A 16-bit sample that was cut at full scale has this value at least. */
#define FULL_SCALE (32767.0F / 32768.0F)

typedef struct Meter {
    BlockReader file;
    ebur128_state *state;
    float *interleaved;
    int64_t full_scale;
} Meter;

static cleave_status meter_open(Meter *meter, const char *path, cleave_error *error) {
    *meter = (Meter){0};
    cleave_status status = block_reader_open(
        &meter->file, path, &(BlockSettings){.most_channels = MOST_CHANNELS}, error);
    if (status != CLEAVE_OK)
        return status;
    size_t channels = (size_t)meter->file.channels;
    double promised = (double)meter->file.expected / meter->file.sample_rate;
    int mode = EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_TRUE_PEAK |
               (promised > EXACT_SECONDS ? EBUR128_MODE_HISTOGRAM : 0);
    meter->state = ebur128_init((unsigned)channels, (unsigned long)meter->file.sample_rate, mode);
    if (!meter->state)
        return error_advise(error,
                            error_set_file(error, CLEAVE_ERROR_INPUT, "cannot measure loudness",
                                           path, "%d Hz is beyond what the measurement takes",
                                           meter->file.sample_rate),
                            "convert the file to 48000 Hz");
    size_t bytes = channels * BLOCK_READER_FRAMES * sizeof(float);
    meter->interleaved = malloc(bytes);
    return meter->interleaved ? CLEAVE_OK : error_memory(error, "a block of audio", bytes);
}

static void meter_close(Meter *meter) {
    if (meter->state)
        ebur128_destroy(&meter->state);
    free(meter->interleaved);
    block_reader_close(&meter->file);
}

static cleave_status meter_add_block(Meter *meter, int64_t frames, cleave_error *error) {
    size_t channels = (size_t)meter->file.channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < (size_t)frames; i++) {
            float sample = meter->file.planes[c][i];
            meter->interleaved[i * channels + c] = sample;
            meter->full_scale += fabsf(sample) >= FULL_SCALE;
        }
    }
    if (ebur128_add_frames_float(meter->state, meter->interleaved, (size_t)frames) ==
        EBUR128_SUCCESS)
        return CLEAVE_OK;
    return error_memory(error, "a loudness measurement", (size_t)frames * sizeof(float));
}

static cleave_status meter_read_all(Meter *meter, const Listener *listener, cleave_error *error) {
    for (;;) {
        int64_t got = 0;
        cleave_status status = block_reader_next(&meter->file, listener, &got, error);
        if (status != CLEAVE_OK || got == 0)
            return status;
        status = meter_add_block(meter, got, error);
        if (status != CLEAVE_OK)
            return status;
    }
}

static double decibels(double peak) {
    return peak > 0.0 ? 20.0 * log10(peak) : -INFINITY;
}

/* Each is -inf if there is nothing to measure, whatever the library says then. */
static void meter_read_off(const Meter *meter, cleave_loudness *loudness) {
    double true_peak = 0.0;
    double sample_peak = 0.0;
    for (unsigned c = 0; c < (unsigned)meter->file.channels; c++) {
        double peak = 0.0;
        if (ebur128_true_peak(meter->state, c, &peak) == EBUR128_SUCCESS)
            true_peak = fmax(true_peak, peak);
        if (ebur128_sample_peak(meter->state, c, &peak) == EBUR128_SUCCESS)
            sample_peak = fmax(sample_peak, peak);
    }
    double integrated = -INFINITY;
    double range = 0.0;
    if (ebur128_loudness_global(meter->state, &integrated) != EBUR128_SUCCESS || isnan(integrated))
        integrated = -INFINITY;
    if (ebur128_loudness_range(meter->state, &range) != EBUR128_SUCCESS || !isfinite(range))
        range = 0.0;
    *loudness = (cleave_loudness){.integrated = integrated,
                                  .range = range,
                                  .true_peak = decibels(fmax(true_peak, sample_peak)),
                                  .sample_peak = decibels(sample_peak),
                                  .full_scale_samples = meter->full_scale,
                                  .samples = meter->file.position,
                                  .sample_rate = meter->file.sample_rate,
                                  .channels = meter->file.channels};
}

cleave_status cleave_loudness_measure_sized(const char *path, cleave_loudness *loudness,
                                            size_t loudness_size, cleave_progress_callback progress,
                                            void *progress_user, cleave_error *error) {
    cleave_loudness own;
    error_clear(error);
    if (!path || !loudness)
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_ARGUMENT,
                                      "cannot measure loudness: the path or the result is NULL"),
                            "give both");
    Listener listener = {progress, progress_user, clock_seconds()};
    Meter meter;
    cleave_status status = meter_open(&meter, path, error);
    if (status == CLEAVE_OK)
        status = meter_read_all(&meter, &listener, error);
    if (status == CLEAVE_OK) {
        meter_read_off(&meter, &own);
        struct_give(loudness, loudness_size, &own, sizeof(own));
    }
    meter_close(&meter);
    return status;
}
