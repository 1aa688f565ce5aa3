/* report.h: what --spectrogram and --report ask for: a picture for each track, and the figures that
 * the page at the end of the run shows (report_page.h). */
#ifndef CLEAVE_CLI_REPORT_H
#define CLEAVE_CLI_REPORT_H

#include <stdbool.h>
#include <time.h>

#include "cleave/extra.h"
#include "cli/console/progress.h"
#include "cli/separate/separate_options.h"
#include "cli/separate/track_result.h"

/* The mix or a stem. */
typedef struct ReportFile {
    char *name; /* "mix", or the stem's */
    char *path;
    bool measured;
    cleave_loudness loudness;
    double sdr; /* dB; NaN without --score */
} ReportFile;

typedef struct ReportTrack {
    char *input;
    char *error;   /* NULL: it was done */
    char *picture; /* path; NULL: there is none */
    ReportFile *files;
    int file_count;
    bool scored;
    double audio_seconds;
    double seconds;
    double network_seconds;
} ReportTrack;

typedef struct Report {
    const SeparateOptions *options;
    ProgressStyle progress;
    ReportTrack *tracks;
    int track_count;
    size_t capacity; /* of tracks */
    time_t date;
    double seconds; /* of the whole run, reports included */
    struct timespec begin;
} Report;

/* Whether the page could be written at the end. If not, says why. */
bool report_is_possible(const SeparateOptions *options);

void report_begin(Report *report, const SeparateOptions *options, ProgressStyle progress);

/* Draws and measures a track that was separated, and notes one that was not. `output`: the settings
 * it was separated with. Failures are said; the stems stay. False after a failure or a signal. */
bool report_add(Report *report, const Track *track, const cleave_model *model,
                const cleave_file_settings *output);

/* Writes the page, if one is wanted. Writes none if `separator` is NULL: nothing was separated.
 * False after a failure, which is said. */
bool report_finish(Report *report, const cleave_model_info *model,
                   const cleave_separator_info *separator);

void report_free(Report *report);

#endif
