/* report.c: has the library draw and measure each track, and collects the figures for the page,
 * which report_page.c writes. */
#include "cli/separate/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/atomic_file.h"
#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"
#include "cli/separate/report_page.h"

#define PATIENCE_SECONDS 2.0 /* only then progress is shown */
#define NAME_COLUMNS     60
#define PICTURE_NAME     "spectrogram"

bool report_is_possible(const SeparateOptions *options) {
    if (options->report == NULL)
        return true;
    int number = atomic_file_check(options->report);
    if (number != 0)
        message_error("--report: cannot write %s: %s; choose another place", options->report,
                      strerror(number));
    return number == 0;
}

void report_begin(Report *report, const SeparateOptions *options, ProgressStyle progress) {
    *report = (Report){.options = options, .progress = progress, .date = time(NULL)};
    clock_gettime(CLOCK_MONOTONIC, &report->begin);
}

static double seconds_since(const struct timespec *begin) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begin->tv_sec) + 1e-9 * (double)(now.tv_nsec - begin->tv_nsec);
}

/* ---- Telling ----------------------------------------------------------------------------- */

typedef struct Watch {
    ProgressStyle style;
    const char *what; /* "spectrogram" */
    char *name;       /* of the track, printable */
    struct timespec begin;
    bool told;
} Watch;

/* A cleave_progress_callback. A signal cancels the work. */
static int watch_update(void *user, const cleave_progress *state) {
    Watch *watch = user;
    (void)state;
    if (signals_caught() != 0)
        return 1;
    if (watch->told || watch->style == PROGRESS_NONE ||
        seconds_since(&watch->begin) < PATIENCE_SECONDS)
        return 0;
    watch->told = true;
    char name[256];
    char line[320];
    text_shorten_into(name, sizeof name, watch->name, NAME_COLUMNS);
    snprintf(line, sizeof line, "%s: %s ...", name, watch->what);
    if (watch->style == PROGRESS_BAR)
        terminal_draw_status(line);
    else
        message_note("%s", line);
    return 0;
}

static Watch watch_begin(const Report *report, const Track *track, const char *what) {
    Watch watch = {.style = report->progress, .what = what};
    char *name = text_file_name(track->input);
    watch.name = text_printable(name);
    clock_gettime(CLOCK_MONOTONIC, &watch.begin);
    free(name);
    return watch;
}

static void watch_end(Watch *watch) {
    terminal_clear_status();
    free(watch->name);
}

/* False for a failure, which is said, and for a signal, which is said elsewhere. */
static bool report_is_good(cleave_status status, const char *what, const cleave_error *error) {
    if (status != CLEAVE_OK && status != CLEAVE_ERROR_CANCELLED)
        message_warning("%s: %s", what, error->text);
    return status == CLEAVE_OK;
}

/* ---- A track's files --------------------------------------------------------------------- */

/* What came through a pipe cannot be read a second time. */
static bool can_be_read_again(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static void report_add_file(ReportTrack *entry, const char *name, const char *path, double sdr) {
    entry->files[entry->file_count++] =
        (ReportFile){.name = copy_text(name), .path = copy_text(path), .sdr = sdr};
}

static void report_list_files(ReportTrack *entry, const Track *track) {
    const cleave_result *result = &track->result;
    entry->files = allocate((size_t)result->stem_count + 1, sizeof *entry->files);
    entry->scored = track->scores != NULL;
    if (can_be_read_again(track->input))
        report_add_file(entry, "mix", track->input, (double)NAN);
    for (int i = 0; i < result->stem_count; i++)
        report_add_file(entry, result->stems[i]->name, result->stems[i]->path,
                        entry->scored ? track->scores[i].sdr : (double)NAN);
}

static bool report_measure(const Report *report, ReportTrack *entry, const Track *track) {
    Watch watch = watch_begin(report, track, "loudness");
    bool good = true;
    for (int i = 0; i < entry->file_count && signals_caught() == 0; i++) {
        ReportFile *file = &entry->files[i];
        cleave_error error;
        file->measured = report_is_good(
            cleave_loudness_measure(file->path, &file->loudness, watch_update, &watch, &error),
            "--report", &error);
        good = good && file->measured;
    }
    watch_end(&watch);
    return good && signals_caught() == 0;
}

/* ---- A track's picture ------------------------------------------------------------------- */

/* The picture goes where a stem called "spectrogram" would, so that pictures of different tracks
 * never collide. NULL after a failure. */
static char *picture_path(const Track *track, const cleave_model *model,
                          const cleave_file_settings *output, cleave_error *error) {
    static const char *const no_stems[] = {NULL};
    cleave_file_settings settings = *output;
    settings.stems = no_stems;
    settings.stem_count = 0;
    settings.residual = PICTURE_NAME;
    cleave_outputs list;
    if (cleave_outputs_list(model, track->input, &settings, &list, error) != CLEAVE_OK)
        return NULL;
    const char *path = list.paths[0];
    char *picture = format_text("%.*s.png", (int)(strrchr(path, '.') - path), path);
    cleave_outputs_free(&list);
    return picture;
}

/* "song.flac - separated by drumsep". */
static char *picture_title(const Track *track, const cleave_model *model) {
    cleave_model_info info;
    cleave_model_get_info(model, &info);
    char *name = text_file_name(track->input);
    char *title = format_text("%s - separated by %s", name, info.name);
    free(name);
    return title;
}

static bool report_draw(const Report *report, ReportTrack *entry, const Track *track,
                        const cleave_model *model, const cleave_file_settings *output) {
    cleave_error error = {.status = CLEAVE_OK};
    char *path = picture_path(track, model, output, &error);
    if (path == NULL)
        return report_is_good(error.status, "--spectrogram", &error);
    cleave_spectrogram_panel *panels = allocate((size_t)entry->file_count, sizeof *panels);
    for (int i = 0; i < entry->file_count; i++)
        panels[i] = (cleave_spectrogram_panel){entry->files[i].name, entry->files[i].path};
    char *title = picture_title(track, model);
    Watch watch = watch_begin(report, track, "spectrogram");
    cleave_status status = cleave_spectrogram_write(path, panels, entry->file_count, title,
                                                    watch_update, &watch, &error);
    watch_end(&watch);
    if (status == CLEAVE_OK)
        entry->picture = path;
    else
        free(path);
    free(title);
    free(panels);
    return report_is_good(status, "--spectrogram", &error);
}

/* ---- The report -------------------------------------------------------------------------- */

static ReportTrack *report_append(Report *report) {
    size_t count = (size_t)report->track_count++;
    report->tracks = make_room(report->tracks, count, &report->capacity, sizeof *report->tracks);
    return &report->tracks[count];
}

bool report_add(Report *report, const Track *track, const cleave_model *model,
                const cleave_file_settings *output) {
    const SeparateOptions *options = report->options;
    if (options->report == NULL && !options->spectrogram)
        return true;
    ReportTrack *entry = report_append(report);
    entry->input = copy_text(track->input);
    if (track->skipped)
        entry->error = copy_text("left out, since its stems are there");
    else if (track->error.status != CLEAVE_OK)
        entry->error = copy_text(track->error.text);
    if (entry->error != NULL)
        return true;
    entry->audio_seconds = track->result.audio_seconds;
    entry->seconds = track->result.seconds;
    entry->network_seconds = track->result.network_seconds;
    report_list_files(entry, track);
    bool good = !options->spectrogram || report_draw(report, entry, track, model, output);
    if (options->report != NULL && signals_caught() == 0)
        good = report_measure(report, entry, track) && good;
    return good && signals_caught() == 0;
}

bool report_finish(Report *report, const cleave_model_info *model,
                   const cleave_separator_info *separator) {
    const char *path = report->options->report;
    if (path != NULL && separator == NULL && report->track_count > 0)
        message_note("report: nothing was separated; %s was not written", path);
    if (path == NULL || separator == NULL || report->track_count == 0)
        return true;
    report->seconds = seconds_since(&report->begin);
    AtomicFile file;
    int number = atomic_file_open(&file, path);
    if (number == 0) {
        report_page_write(file.stream, report, model, separator);
        number = atomic_file_close(&file, true);
    }
    struct stat status;
    if (number != 0)
        message_error("--report: cannot write %s: %s", path, strerror(number));
    else if (stat(path, &status) == 0)
        message_note("report: %s (%s)", path, text_bytes(status.st_size).text);
    return number == 0;
}

void report_free(Report *report) {
    for (int i = 0; i < report->track_count; i++) {
        ReportTrack *track = &report->tracks[i];
        for (int k = 0; k < track->file_count; k++) {
            free(track->files[k].name);
            free(track->files[k].path);
        }
        free(track->files);
        free(track->input);
        free(track->error);
        free(track->picture);
    }
    free(report->tracks);
    report->tracks = NULL;
    report->track_count = 0;
}
