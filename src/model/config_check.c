/* config_check.c: whether the sizes of a configuration fit the network and each other. Reading them
 * is config.c's business. */
#include "model/config_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>

#include "base/path_format.h"

/* More elements than this in one activation (256 GB of f32) is a lie, not a model. */
#define MAX_ACTIVATION ((int64_t)1 << 36)

/* Below this sum of squared windows an inverse STFT refuses to divide; PyTorch's bound. */
#define MIN_WINDOW_SUM 1e-11

static bool is_product_of_2_3_5(int value) {
    static const int primes[] = {2, 3, 5};
    for (int i = 0; i < 3; i++)
        while (value % primes[i] == 0)
            value /= primes[i];
    return value == 1;
}

/* The squared periodic Hann window at index `distance`, or as far from its end. */
static double squared_window(int distance, int n_fft) {
    const double pi = 3.14159265358979323846;
    double root = sin(pi * distance / n_fft);
    return root * root * root * root;
}

/* Kept samples lie from the centre of the first frame to that of the last, so that every one has a
 * frame on either side (or is the last centre itself). Of the frame before it, `a` samples are left
 * at that point, and of the frame behind it, `b` have passed, where a + b = n_fft - hop_length.
 * Their weights are the smallest together where a and b are as equal as whole numbers can be. More
 * frames reach the sample only with hops so short that those two alone are far above the limit. */
bool config_windows_cover(int n_fft, int hop_length) {
    int overlap = n_fft - hop_length;
    int half = overlap / 2;
    return overlap > 0 &&
           squared_window(half, n_fft) + squared_window(overlap - half, n_fft) >= MIN_WINDOW_SUM;
}

static cleave_status check_stft(const Config *c, const char *source, cleave_error *error) {
    if (!is_product_of_2_3_5(c->n_fft))
        return error_set(error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": audio.n_fft is %d, which has a prime factor above 5; sizes such as "
                         "6144, 7680 and 8192 work",
                         source, c->n_fft);
    if (!config_windows_cover(c->n_fft, c->hop_length))
        return error_set(
            error, CLEAVE_ERROR_MODEL,
            PATH_FORMAT ": audio.hop_length is %d, too long for audio.n_fft, %d: the windows would "
                        "leave samples uncovered; hops of half of n_fft or less work",
            source, c->hop_length, c->n_fft);
    if (c->dim_f > c->n_fft / 2 + 1)
        return error_set(error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": audio.dim_f is %d, but an STFT with audio.n_fft %d has only %d bins",
                         source, c->dim_f, c->n_fft, c->n_fft / 2 + 1);
    if (c->chunk_size <= c->n_fft / 2)
        return error_set(error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": the chunk (chunk_size, or hop_length * (dim_t - 1)) is %d samples; "
                         "the reflected edges of an STFT with audio.n_fft %d need more than %d",
                         source, c->chunk_size, c->n_fft, c->n_fft / 2);
    return CLEAVE_OK;
}

/* Frequency: k subbands of F bins; F divides by the scale at every level, and by the bottleneck
 * factor at every level including the last. */
static cleave_status check_frequency(const Config *c, const char *source, cleave_error *error) {
    if (c->dim_f % c->num_subbands != 0)
        return error_set(error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT ": audio.dim_f, %d, does not divide by model.num_subbands, %d",
                         source, c->dim_f, c->num_subbands);
    int bins = c->dim_f / c->num_subbands;
    for (int i = 0; i <= c->num_scales; i++) {
        if (bins % c->bottleneck_factor != 0)
            return error_set(error, CLEAVE_ERROR_MODEL,
                             PATH_FORMAT
                             ": the %d bins at scale %d of %d (audio.dim_f %d / "
                             "model.num_subbands %d / model.scale[1] %d per scale) do not divide "
                             "by model.bottleneck_factor, %d",
                             source, bins, i, c->num_scales, c->dim_f, c->num_subbands, c->scale[1],
                             c->bottleneck_factor);
        if (i < c->num_scales && bins % c->scale[1] != 0)
            return error_set(
                error, CLEAVE_ERROR_MODEL,
                PATH_FORMAT ": the %d bins at scale %d of %d (audio.dim_f %d / "
                            "model.num_subbands %d) do not divide by model.scale[1], %d",
                source, bins, i, c->num_scales, c->dim_f, c->num_subbands, c->scale[1]);
        bins /= c->scale[1];
    }
    return CLEAVE_OK;
}

static cleave_status check_channels(const Config *c, const char *source, cleave_error *error) {
    for (int i = 0; i <= c->num_scales; i++) {
        int64_t channels = c->num_channels + (int64_t)i * c->growth;
        if (channels < 1 || channels > 65536)
            return error_set(error, CLEAVE_ERROR_MODEL,
                             PATH_FORMAT ": model.num_channels %d and model.growth %d give %" PRId64
                                         " channels at scale %d; 1 to 65536 are possible",
                             source, c->num_channels, c->growth, channels, i);
        if (c->norm == NORM_GROUP && channels % c->norm_groups != 0)
            return error_set(
                error, CLEAVE_ERROR_MODEL,
                PATH_FORMAT ": the %" PRId64 " channels at scale %d (model.num_channels %d, "
                            "model.growth %d) do not divide into the %d groups of model.norm, %s",
                source, channels, i, c->num_channels, c->growth, c->norm_groups, c->norm_name);
    }
    return CLEAVE_OK;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static cleave_status check_volume(const Config *c, const char *source, cleave_error *error) {
    int64_t bins = c->dim_f / c->num_subbands;
    int64_t mix_channels = 2 * (int64_t)c->channels * c->num_subbands;
    int64_t deepest = c->num_channels + (int64_t)c->num_scales * c->growth;
    int64_t channels = larger(2 * larger(c->num_channels, deepest), c->num_channels + mix_channels);
    channels = larger(channels, c->stem_count * mix_channels);
    int64_t grid = bins * c->dim_t; /* at most 2^19 · 2^28 */
    if (grid > MAX_ACTIVATION || channels > MAX_ACTIVATION / grid)
        return error_set(error, CLEAVE_ERROR_MODEL,
                         PATH_FORMAT
                         ": one activation would have %" PRId64 " channels of %d frames by "
                         "%" PRId64 " bins, which no machine holds; check chunk_size, dim_f and "
                         "model.num_channels",
                         source, channels, c->dim_t, bins);
    return CLEAVE_OK;
}

cleave_status config_check_frames(const Config *config, int frames, const char *what,
                                  cleave_error *error) {
    int rest = frames;
    bool fits = frames > 0;
    for (int i = 0; i < config->num_scales && fits; i++) {
        fits = rest % config->scale[0] == 0;
        rest /= config->scale[0];
    }
    if (fits)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_MODEL,
                     "%s gives %d frames, which do not divide by model.scale[0], %d, "
                     "model.num_scales, %d, times over",
                     what, frames, config->scale[0], config->num_scales);
}

cleave_status config_check_sizes(const Config *config, const char *source, cleave_error *error) {
    cleave_status status = check_stft(config, source, error);
    if (status == CLEAVE_OK)
        status = check_frequency(config, source, error);
    if (status == CLEAVE_OK)
        status = check_channels(config, source, error);
    if (status == CLEAVE_OK)
        status = check_volume(config, source, error);
    if (status != CLEAVE_OK)
        return status;
    status =
        config_check_frames(config, config->dim_t, "a chunk (chunk_size / hop_length + 1)", error);
    if (status != CLEAVE_OK)
        error_prefix(error, "%s", source);
    return status;
}
