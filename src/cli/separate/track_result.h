/* track_result.h: one input of a run and what became of it, told to people or as JSON. */
#ifndef CLEAVE_CLI_TRACK_RESULT_H
#define CLEAVE_CLI_TRACK_RESULT_H

#include "cleave/extra.h"
#include "cli/separate/separate_options.h"
#include "cli/show/audio_files.h"

typedef struct Track {
    const char *input;
    bool skipped;                 /* its outputs were there */
    cleave_outputs outputs;       /* where it was skipped; else empty */
    cleave_error error;           /* status CLEAVE_OK where it was done or skipped */
    cleave_result result;         /* empty where it was not */
    cleave_fallback_op *fallback; /* ops that ran elsewhere than on the device; or NULL */
    int fallback_count;
    cleave_profile profile; /* with --profile: of this input alone; else empty */
    cleave_score *scores;   /* with --score: one per stem, NaN where there is none; else NULL */
} Track;

/* Scores each stem against the file of its name in `truth`. A stem without one is a warning, a file
 * that cannot be compared an error that is said; then it returns false. */
bool track_score(Track *track, const AudioFiles *truth, const char *folder);

/* Says how many samples an integer format cut, if any, and what to try. */
void track_warn_clipped(const Track *track, cleave_format format);

/* Takes over what the separator knows of ops that ran elsewhere than on its device. */
void track_take_fallback(Track *track, const cleave_separator *separator);

/* What was written, how loud it is or how near the truth, the time and memory that it took, and
 * what ran elsewhere. */
void track_print(const Track *track, const cleave_separator_info *info, bool quiet);

/* One line of JSON. `info` is NULL where there was no separator. */
void track_print_json(const Track *track, const char *model, const cleave_separator_info *info);

/* Frees what a track owns. */
void track_free(Track *track);

#endif
