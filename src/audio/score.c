/* score.c: SDR and SI-SDR of an estimate against its reference, in two passes over both files as
 * streams: the scale that SI-SDR allows is known after the first. */
#include <math.h>
#include <stdlib.h>

#include "audio/audio.h"
#include "base/path_format.h"
#include "base/public_struct.h"
#include "cleave/extra.h"

#define BLOCK_FRAMES 4096

/* One of the two files, and one block of it. */
typedef struct Side {
    AudioReader *reader;
    float *samples;
    float **planes;
} Side;

typedef struct Sums {
    double reference; /* Σ s² */
    double product;   /* Σ s ŝ */
    double error;     /* Σ (s - ŝ)² */
    double scaled;    /* Σ (a s - ŝ)² */
    int64_t reference_frames;
    int64_t estimate_frames;
} Sums;

static void side_close(Side *side) {
    audio_reader_close(side->reader);
    free(side->samples);
    free(side->planes);
}

static cleave_status side_open(Side *side, const char *path, cleave_error *error) {
    cleave_status status = audio_reader_open(&side->reader, path, NULL, error);
    if (status != CLEAVE_OK)
        return status;
    size_t channels = (size_t)audio_reader_format(side->reader)->channels;
    side->samples = malloc(channels * BLOCK_FRAMES * sizeof(float));
    side->planes = calloc(channels, sizeof(*side->planes));
    if (!side->samples || !side->planes)
        return error_memory(error, "a block of audio", channels * BLOCK_FRAMES * sizeof(float));
    for (size_t c = 0; c < channels; c++)
        side->planes[c] = side->samples + c * BLOCK_FRAMES;
    return CLEAVE_OK;
}

static cleave_status check_match(const Side *reference, const Side *estimate, const char *path,
                                 cleave_error *error) {
    const AudioFormat *s = audio_reader_format(reference->reader);
    const AudioFormat *e = audio_reader_format(estimate->reader);
    if (s->channels == e->channels && s->sample_rate == e->sample_rate)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot score: " PATH_FORMAT
                     ": %d channels at %d Hz, but the reference has %d at %d Hz; "
                     "convert one of them",
                     path, e->channels, e->sample_rate, s->channels, s->sample_rate);
}

static void add_block(Sums *sums, const Side *reference, const Side *estimate, int channels,
                      int64_t frames, const double *scale) {
    for (int c = 0; c < channels; c++) {
        for (int64_t i = 0; i < frames; i++) {
            double s = (double)reference->planes[c][i];
            double e = (double)estimate->planes[c][i];
            if (scale) {
                sums->scaled += (*scale * s - e) * (*scale * s - e);
                continue;
            }
            sums->reference += s * s;
            sums->product += s * e;
            sums->error += (s - e) * (s - e);
        }
    }
}

/* One pass over both files; scale NULL: the first. The longer one is read on to its end, for its
 * length. */
static cleave_status pass(Sums *sums, const Side *reference, const Side *estimate,
                          const double *scale, cleave_error *error) {
    int channels = audio_reader_format(reference->reader)->channels;
    int64_t s_got = BLOCK_FRAMES;
    int64_t e_got = BLOCK_FRAMES;
    sums->reference_frames = 0;
    sums->estimate_frames = 0;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && (s_got > 0 || e_got > 0)) {
        status =
            audio_reader_read(reference->reader, reference->planes, BLOCK_FRAMES, &s_got, error);
        if (status == CLEAVE_OK)
            status =
                audio_reader_read(estimate->reader, estimate->planes, BLOCK_FRAMES, &e_got, error);
        if (status != CLEAVE_OK)
            break;
        add_block(sums, reference, estimate, channels, s_got < e_got ? s_got : e_got, scale);
        sums->reference_frames += s_got;
        sums->estimate_frames += e_got;
    }
    return status;
}

static cleave_status rewind_both(const Side *reference, const Side *estimate, cleave_error *error) {
    cleave_status status = audio_reader_rewind(reference->reader, error);
    return status == CLEAVE_OK ? audio_reader_rewind(estimate->reader, error) : status;
}

/* In dB; +inf where nothing is wrong, -inf where nothing is right. */
static double ratio_db(double right, double wrong) {
    if (wrong == 0.0)
        return right > 0.0 ? INFINITY : -INFINITY;
    return right == 0.0 ? -INFINITY : 10.0 * log10(right / wrong);
}

static cleave_status measure(const Side *reference, const Side *estimate, cleave_score *score,
                             cleave_error *error) {
    Sums sums = {0};
    cleave_status status = pass(&sums, reference, estimate, NULL, error);
    if (status != CLEAVE_OK)
        return status;
    bool reference_is_longer = sums.reference_frames > sums.estimate_frames;
    score->samples = reference_is_longer ? sums.estimate_frames : sums.reference_frames;
    score->length_difference = sums.estimate_frames - sums.reference_frames;
    score->sdr = NAN;
    score->si_sdr = NAN;
    if (sums.reference == 0.0)
        return CLEAVE_OK;
    double scale = sums.product / sums.reference;
    status = rewind_both(reference, estimate, error);
    if (status == CLEAVE_OK)
        status = pass(&sums, reference, estimate, &scale, error);
    score->sdr = ratio_db(sums.reference, sums.error);
    score->si_sdr = ratio_db(scale * scale * sums.reference, sums.scaled);
    return status;
}

cleave_status cleave_score_files_sized(const char *reference, const char *estimate,
                                       cleave_score *score, size_t score_size,
                                       cleave_error *error) {
    error_clear(error);
    if (!reference || !estimate || !score)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "cannot score: a path or the result is NULL; give all three");
    Side sides[2] = {{0}, {0}};
    cleave_score measured = {0};
    cleave_status status = side_open(&sides[0], reference, error);
    if (status == CLEAVE_OK)
        status = side_open(&sides[1], estimate, error);
    if (status == CLEAVE_OK)
        status = check_match(&sides[0], &sides[1], estimate, error);
    if (status == CLEAVE_OK)
        status = measure(&sides[0], &sides[1], &measured, error);
    if (status == CLEAVE_OK)
        struct_give(score, score_size, &measured, sizeof(measured));
    side_close(&sides[0]);
    side_close(&sides[1]);
    return status;
}
