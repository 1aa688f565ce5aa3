/* compare.c: cleave_audio_compare(): how far one signal in memory is from another: SNR, the largest
 * difference, and the difference of their spectra. Files are compared in score.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "dsp/real_fft.h"
#include "dsp/stft.h"

#define WINDOW  2048 /* 46 ms at 44.1 kHz: short enough for hits, long enough for tones */
#define HOP     (WINDOW / 2)
#define BINS    (WINDOW / 2 + 1)
#define FLOOR   1e-9  /* -90 dBFS, where pictures end too */
#define LOUDEST 1e12F /* +120 dB: the limit for samples of any size */

typedef struct Spectra {
    RealFft *fft;
    float window[WINDOW]; /* scaled so that the power of a full-scale sine is 1 */
    float frame[WINDOW];
    kiss_fft_cpx spectrum[BINS];
    double reference[BINS]; /* levels in dB, as is the next */
    double estimate[BINS];
} Spectra;

typedef struct Sums {
    double reference; /* Σ s² */
    double error;     /* Σ (s - ŝ)² */
    double largest;   /* |s - ŝ| */
} Sums;

static double decibels(double power) {
    return power > 0.0 ? 10.0 * log10(power) : -INFINITY;
}

static int64_t count_not_numbers(const float *const *planes, int channels, int64_t samples) {
    int64_t count = 0;
    for (int c = 0; c < channels; c++)
        for (int64_t i = 0; i < samples; i++)
            count += !isfinite(planes[c][i]);
    return count;
}

static Sums sum_up(const float *const *reference, const float *const *estimate, int channels,
                   int64_t samples) {
    Sums sums = {0};
    for (int c = 0; c < channels; c++) {
        for (int64_t i = 0; i < samples; i++) {
            double s = (double)reference[c][i];
            double e = s - (double)estimate[c][i];
            sums.reference += s * s;
            sums.error += e * e;
            sums.largest = fmax(sums.largest, fabs(e));
        }
    }
    return sums;
}

/* ---- Spectra ---- */

static Spectra *spectra_new(cleave_error *error) {
    Spectra *spectra = calloc(1, sizeof(*spectra));
    if (spectra)
        spectra->fft = real_fft_create(WINDOW);
    if (!spectra || !spectra->fft) {
        free(spectra);
        error_memory(error, "a comparison of spectra", sizeof(*spectra));
        return NULL;
    }
    for (int i = 0; i < WINDOW; i++)
        spectra->window[i] = (float)(hann_window(i, WINDOW) * 4.0 / WINDOW);
    return spectra;
}

static void spectra_free(Spectra *spectra) {
    if (spectra)
        real_fft_destroy(spectra->fft);
    free(spectra);
}

/* The levels of the frame that begins at `start`, which may lie before the signal. Around the
 * signal there is silence. */
static void measure_levels(Spectra *spectra, const float *signal, int64_t samples, int64_t start,
                           double *levels) {
    for (int i = 0; i < WINDOW; i++) {
        int64_t at = start + i;
        spectra->frame[i] = at >= 0 && at < samples ? signal[at] * spectra->window[i] : 0.0F;
    }
    real_fft_forward(spectra->fft, spectra->frame, spectra->spectrum);
    for (int k = 0; k < BINS; k++) {
        kiss_fft_cpx z = spectra->spectrum[k];
        levels[k] = decibels(fmax((double)fminf(z.r * z.r + z.i * z.i, LOUDEST), FLOOR));
    }
}

/* RMS over the bins in which either is above the floor; negative: there are no such bins. */
static double frame_distance(const Spectra *spectra) {
    const double floor_level = decibels(FLOOR);
    double sum = 0.0;
    int count = 0;
    for (int k = 0; k < BINS; k++) {
        double difference = spectra->reference[k] - spectra->estimate[k];
        if (spectra->reference[k] <= floor_level && spectra->estimate[k] <= floor_level)
            continue;
        sum += difference * difference;
        count++;
    }
    return count > 0 ? sqrt(sum / count) : -1.0;
}

static double spectral_distance(Spectra *spectra, const float *const *reference,
                                const float *const *estimate, int channels, int64_t samples) {
    double sum = 0.0;
    int64_t count = 0;
    for (int c = 0; c < channels; c++) {
        for (int64_t start = -HOP; start < samples; start += HOP) {
            measure_levels(spectra, reference[c], samples, start, spectra->reference);
            measure_levels(spectra, estimate[c], samples, start, spectra->estimate);
            double distance = frame_distance(spectra);
            sum += distance >= 0.0 ? distance : 0.0;
            count += distance >= 0.0;
        }
    }
    return count > 0 ? sum / (double)count : 0.0;
}

/* ---- The comparison ---- */

static double snr(const Sums *sums) {
    if (sums->reference == 0.0)
        return NAN;
    return sums->error == 0.0 ? INFINITY : 10.0 * log10(sums->reference / sums->error);
}

static cleave_status check_signals(const float *const *reference, const float *const *estimate,
                                   int channels, int64_t samples,
                                   const cleave_comparison *comparison, cleave_error *error) {
    bool sound = reference && estimate && comparison && channels >= 1 && samples >= 1;
    for (int c = 0; sound && c < channels; c++)
        sound = reference[c] && estimate[c];
    if (!sound)
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_ARGUMENT,
                                      "cannot compare: an array or the result is NULL, or there "
                                      "are no samples"),
                            "give two signals of at least one channel and one sample");
    if (count_not_numbers(reference, channels, samples) > 0)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "cannot compare: the reference holds samples that are not numbers");
    return CLEAVE_OK;
}

cleave_status cleave_audio_compare_sized(const float *const *reference,
                                         const float *const *estimate, int channels,
                                         int64_t samples, cleave_comparison *comparison,
                                         size_t comparison_size, cleave_error *error) {
    error_clear(error);
    cleave_status status = check_signals(reference, estimate, channels, samples, comparison, error);
    if (status != CLEAVE_OK)
        return status;
    double count = (double)channels * (double)samples;
    cleave_comparison result = {.not_numbers = count_not_numbers(estimate, channels, samples)};
    if (result.not_numbers > 0) {
        Sums sums = sum_up(reference, reference, channels, samples);
        result.level = decibels(sums.reference / count);
        result.snr = -INFINITY;
        result.error_level = result.max_difference = result.spectral_difference = INFINITY;
        struct_give(comparison, comparison_size, &result, sizeof(result));
        return CLEAVE_OK;
    }
    Spectra *spectra = spectra_new(error);
    if (!spectra)
        return CLEAVE_ERROR_MEMORY;
    Sums sums = sum_up(reference, estimate, channels, samples);
    result.snr = snr(&sums);
    result.level = decibels(sums.reference / count);
    result.error_level = decibels(sums.error / count);
    result.max_difference = sums.largest;
    result.spectral_difference = spectral_distance(spectra, reference, estimate, channels, samples);
    spectra_free(spectra);
    struct_give(comparison, comparison_size, &result, sizeof(result));
    return CLEAVE_OK;
}
