/* track_result.h: one input and what became of it, shown to people or as JSON. */
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
    cleave_score *scores; /* with --score: one for each stem, NaN without a true stem; else NULL */
} Track;

/* Scores each stem against the file of its name in `truth`. A stem without such a file is a
 * warning. False if a file cannot be compared, which is said. */
bool track_score(Track *track, const AudioFiles *truth, const char *folder);

/* Warns if samples were cut at full scale, and says what to try. */
void track_warn_clipped(const Track *track, cleave_format format);

/* Stores which ops ran elsewhere than on the separator's device. */
void track_take_fallback(Track *track, const cleave_separator *separator);

/* Prints what was written, its peaks or scores, the time and memory it took, and what ran
 * elsewhere. */
void track_print(const Track *track, const cleave_separator_info *info, bool quiet);

/* Prints one line of JSON. `info` is NULL if there was no separator. */
void track_print_json(const Track *track, const char *model, const cleave_separator_info *info);

/* Frees what a track owns. */
void track_free(Track *track);

#endif
