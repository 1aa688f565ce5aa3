/* resample.c: resampling by soxr. */
#include "audio/resample.h"

#include <soxr.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct Resampler {
    soxr_t soxr;
    int channels;
    int from_rate;
    int to_rate;
};

/* soxr's errors are nothing but texts: its own words for a lack of memory must be known. */
static bool is_memory_text(const char *why) {
    return strstr(why, "malloc failed") || strstr(why, "out of memory");
}

static cleave_status soxr_failed(const Resampler *resampler, const char *why, cleave_error *error) {
    if (is_memory_text(why))
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_MEMORY,
                                      "out of memory for resampling %d Hz to %d Hz",
                                      resampler->from_rate, resampler->to_rate),
                            "close other programs");
    return error_advise(error,
                        error_set(error, CLEAVE_ERROR_INPUT, "cannot resample: %d Hz to %d Hz: %s",
                                  resampler->from_rate, resampler->to_rate, why),
                        "convert the file to %d Hz first", resampler->to_rate);
}

/* One thread: soxr's own would compete with the network's for little gain. */
static cleave_status resampler_start(Resampler *resampler, cleave_error *error) {
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_S, SOXR_FLOAT32_S);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    soxr_error_t failure = NULL;
    resampler->soxr = soxr_create(resampler->from_rate, resampler->to_rate,
                                  (unsigned)resampler->channels, &failure, &io, &quality, &runtime);
    if (!resampler->soxr)
        return soxr_failed(resampler, failure ? failure : "soxr did not start", error);
    return CLEAVE_OK;
}

cleave_status resampler_create(Resampler **resampler, int channels, int from_rate, int to_rate,
                               cleave_error *error) {
    *resampler = NULL;
    Resampler *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "a resampler", sizeof(*created));
    created->channels = channels;
    created->from_rate = from_rate;
    created->to_rate = to_rate;
    cleave_status status;
    if (from_rate < RESAMPLER_MIN_RATE || from_rate > RESAMPLER_MAX_RATE ||
        to_rate < RESAMPLER_MIN_RATE || to_rate > RESAMPLER_MAX_RATE)
        status = soxr_failed(created, "not a plausible sample rate", error);
    else
        status = resampler_start(created, error);
    if (status != CLEAVE_OK) {
        resampler_destroy(created);
        return status;
    }
    *resampler = created;
    return CLEAVE_OK;
}

void resampler_destroy(Resampler *resampler) {
    if (!resampler)
        return;
    if (resampler->soxr)
        soxr_delete(resampler->soxr);
    free(resampler);
}

/* soxr_clear() keeps its state in some configurations, so a new object is made. */
cleave_status resampler_reset(Resampler *resampler, cleave_error *error) {
    if (resampler->soxr)
        soxr_delete(resampler->soxr);
    resampler->soxr = NULL;
    return resampler_start(resampler, error);
}

cleave_status resampler_run(Resampler *resampler, const float *const *in, int64_t in_frames,
                            int64_t *used, float **out, int64_t out_frames, int64_t *made,
                            cleave_error *error) {
    size_t taken = 0;
    size_t given = 0;
    soxr_error_t failure = soxr_process(resampler->soxr, in, in ? (size_t)in_frames : 0, &taken,
                                        out, (size_t)out_frames, &given);
    *used = in ? (int64_t)taken : 0;
    *made = (int64_t)given;
    return failure ? soxr_failed(resampler, failure, error) : CLEAVE_OK;
}

int64_t resampled_frames(int64_t frames, int from_rate, int to_rate) {
    if (frames <= 0 || from_rate <= 0 || to_rate <= 0)
        return 0;
    int64_t whole = frames / from_rate;
    int64_t rest = frames % from_rate;
    int64_t result;
    if (__builtin_mul_overflow(whole, (int64_t)to_rate, &result))
        return 0;
    int64_t part = (rest * to_rate + from_rate / 2) / from_rate;
    return __builtin_add_overflow(result, part, &result) ? 0 : result;
}
