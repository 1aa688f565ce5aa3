/* report.h: what --spectrogram and --report ask for: a picture for each track, and the figures that
 * the page at the end of the run shows (report_page.h). */
#ifndef CLEAVE_CLI_REPORT_H
#define CLEAVE_CLI_REPORT_H

#include <stdbool.h>
#include <time.h>

#include "cleave/extra.h"
#include "options.h"
#include "progress.h"
#include "track.h"

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
    const Options *options;
    ProgressStyle progress;
    ReportTrack *tracks;
    int track_count;
    time_t date;
    double seconds; /* of the whole run, reports included */
    struct timespec begin;
} Report;

/* Says why, and returns false, where the page could not be written at the end. */
bool report_is_possible(const Options *options);

void report_begin(Report *report, const Options *options, ProgressStyle progress);

/* Draws and measures a track that was done, and takes note of one that was not. `output` is what
 * the track was separated with. What fails is said; it leaves the stems alone. False after a
 * failure or a signal. */
bool report_add(Report *report, const Track *track, const cleave_model *model,
                const cleave_file_settings *output);

/* Writes the page, if one is wanted. `separator` is NULL where there was none: then there is no
 * page either. False after a failure, which is said. */
bool report_finish(Report *report, const cleave_model_info *model,
                   const cleave_separator_info *separator);

void report_free(Report *report);

#endif
