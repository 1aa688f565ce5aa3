/* score.c: cleave_score_files(): SDR and SI-SDR of an estimate against its reference. There are two
 * passes over both files: the scale that SI-SDR allows is known after the first. */
#include <math.h>

#include "base/public_struct.h"
#include "cleave/extra.h"
#include "measure/block_reader.h"

typedef struct Sums {
    double reference; /* Σ s² */
    double product;   /* Σ s ŝ */
    double error;     /* Σ (s - ŝ)² */
    double scaled;    /* Σ (a s - ŝ)² */
} Sums;

static cleave_status check_match(const BlockReader *reference, const BlockReader *estimate,
                                 cleave_error *error) {
    if (reference->channels == estimate->channels &&
        reference->sample_rate == estimate->sample_rate)
        return CLEAVE_OK;
    return error_advise(error,
                        error_set_file(error, CLEAVE_ERROR_INPUT, "cannot score", estimate->path,
                                       "%d channels at %d Hz, but the reference has %d at %d Hz",
                                       estimate->channels, estimate->sample_rate,
                                       reference->channels, reference->sample_rate),
                        "convert one of them");
}

static void sums_add_block(Sums *sums, const BlockReader *reference, const BlockReader *estimate,
                           int64_t frames, const double *scale) {
    for (int c = 0; c < reference->channels; c++) {
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
static cleave_status sums_add_files(Sums *sums, BlockReader *reference, BlockReader *estimate,
                                    const double *scale, cleave_error *error) {
    int64_t s_got = 1;
    int64_t e_got = 1;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && (s_got > 0 || e_got > 0)) {
        status = block_reader_next(reference, NULL, &s_got, error);
        if (status == CLEAVE_OK)
            status = block_reader_next(estimate, NULL, &e_got, error);
        if (status == CLEAVE_OK)
            sums_add_block(sums, reference, estimate, s_got < e_got ? s_got : e_got, scale);
    }
    return status;
}

static cleave_status rewind_both(BlockReader *reference, BlockReader *estimate,
                                 cleave_error *error) {
    cleave_status status = block_reader_rewind(reference, error);
    return status == CLEAVE_OK ? block_reader_rewind(estimate, error) : status;
}

/* In dB; +inf: nothing is wrong, -inf: nothing is right. */
static double ratio_db(double right, double wrong) {
    if (wrong == 0.0)
        return right > 0.0 ? INFINITY : -INFINITY;
    return right == 0.0 ? -INFINITY : 10.0 * log10(right / wrong);
}

static cleave_status measure_score(BlockReader *reference, BlockReader *estimate,
                                   cleave_score *score, cleave_error *error) {
    Sums sums = {0};
    cleave_status status = sums_add_files(&sums, reference, estimate, NULL, error);
    if (status != CLEAVE_OK)
        return status;
    bool reference_is_longer = reference->position > estimate->position;
    score->samples = reference_is_longer ? estimate->position : reference->position;
    score->length_difference = estimate->position - reference->position;
    score->sdr = NAN;
    score->si_sdr = NAN;
    if (sums.reference == 0.0)
        return CLEAVE_OK;
    double scale = sums.product / sums.reference;
    status = rewind_both(reference, estimate, error);
    if (status == CLEAVE_OK)
        status = sums_add_files(&sums, reference, estimate, &scale, error);
    score->sdr = ratio_db(sums.reference, sums.error);
    score->si_sdr = ratio_db(scale * scale * sums.reference, sums.scaled);
    return status;
}

cleave_status cleave_score_files_sized(const char *reference, const char *estimate,
                                       cleave_score *score, size_t score_size,
                                       cleave_error *error) {
    error_clear(error);
    if (!reference || !estimate || !score)
        return error_advise(
            error,
            error_set(error, CLEAVE_ERROR_ARGUMENT, "cannot score: a path or the result is NULL"),
            "give all three");
    const BlockSettings as_they_are = {0};
    BlockReader files[2] = {{0}, {0}};
    cleave_score measured = {0};
    cleave_status status = block_reader_open(&files[0], reference, &as_they_are, error);
    if (status == CLEAVE_OK)
        status = block_reader_open(&files[1], estimate, &as_they_are, error);
    if (status == CLEAVE_OK)
        status = check_match(&files[0], &files[1], error);
    if (status == CLEAVE_OK)
        status = measure_score(&files[0], &files[1], &measured, error);
    if (status == CLEAVE_OK)
        struct_give(score, score_size, &measured, sizeof(measured));
    block_reader_close(&files[0]);
    block_reader_close(&files[1]);
    return status;
}
