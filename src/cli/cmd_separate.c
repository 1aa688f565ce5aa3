/* cmd_separate.c: `cleave INPUT…`: one model, one separator, and the inputs one after the other. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocate.h"
#include "audio_files.h"
#include "commands.h"
#include "exit_code.h"
#include "message.h"
#include "model.h"
#include "outputs.h"
#include "progress.h"
#include "signals.h"
#include "terminal.h"
#include "text.h"
#include "track.h"

#define NAMED_FAILURES 5 /* as many are named in the summary; each had its own line before */

typedef struct Run {
    const Options *options;
    cleave_model *model;
    cleave_separator *separator;
    cleave_model_info model_info;
    cleave_separator_info info; /* while there is a separator */
    AudioFiles truth;           /* with --score */
    ProgressStyle progress;
    cleave_error stop; /* status other than CLEAVE_OK: why no further input is started */
    int code;          /* the exit code so far */
    int done;
    int failed;
    char *failed_names;
    double seconds;
    double audio_seconds;
} Run;

/* ---- Before the start -------------------------------------------------------------------- */

/* Returns an exit code. */
static int prepare_score(Run *run) {
    const Options *options = run->options;
    if (options->score == NULL)
        return EXIT_DONE;
    if (options->input_count > 1) {
        message_error("--score: takes one input, since its folder holds the stems of one");
        return EXIT_USAGE;
    }
    if (!audio_files_list(&run->truth, options->score))
        return EXIT_USAGE;
    if (run->truth.count == 0) {
        message_error("--score: %s: no audio files in this folder", options->score);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* "cleave devcies" is no file: better told as what it is than as a missing input or model. */
static bool is_mistyped_command(const char *input) {
    const char *near = strpbrk(input, "./") == NULL ? command_nearest(input) : NULL;
    if (near == NULL || access(input, F_OK) == 0)
        return false;
    message_error("%s: no such file; did you mean 'cleave %s'?", input, near);
    return true;
}

/* Returns an exit code. */
static int check_command_line(Run *run) {
    if (is_mistyped_command(run->options->inputs[0]))
        return EXIT_USAGE;
    return prepare_score(run);
}

/* ---- Model and separator ----------------------------------------------------------------- */

static int open_code(cleave_status status) {
    switch (status) {
    case CLEAVE_ERROR_ARGUMENT:
        return EXIT_USAGE;
    case CLEAVE_ERROR_MODEL:
        return EXIT_MODEL;
    default:
        return EXIT_DEVICE;
    }
}

static int open_separator(Run *run) {
    cleave_separator_settings settings = run->options->separator;
    settings.log = message_logger();
    cleave_status status =
        cleave_separator_open(&run->separator, run->model, &settings, &run->stop);
    if (status != CLEAVE_OK) {
        message_error("%s", run->stop.text);
        return open_code(status);
    }
    cleave_separator_get_info(run->separator, &run->info);
    signals_watch(run->separator);
    return EXIT_DONE;
}

static int open_all(Run *run) {
    int code = open_model(&run->model, run->options->model, run->options, &run->stop);
    if (code != EXIT_DONE)
        return code;
    cleave_model_get_info(run->model, &run->model_info);
    if (!outputs_are_sound(run->options, run->model, &run->stop)) {
        message_error("%s", run->stop.text);
        return EXIT_USAGE;
    }
    return open_separator(run);
}

/* ---- Tracks ------------------------------------------------------------------------------ */

static void separate_track(Run *run, Track *track, int number) {
    const Options *options = run->options;
    cleave_output_settings settings = options->output;
    Progress progress;
    char *name = text_file_name(track->input);
    char *label = options->input_count > 1
                      ? format_text("[%d/%d] %s", number, options->input_count, name)
                      : copy_text(name);
    progress_begin(&progress, run->progress, label, run->model_info.sample_rate);
    settings.progress = progress_update;
    settings.progress_user = &progress;
    cleave_separate_file(run->separator, track->input, &settings, &track->result, &track->error);
    progress_end(&progress);
    free(label);
    free(name);
}

static void count_failure(Run *run, const Track *track) {
    run->failed++;
    if (run->failed > NAMED_FAILURES || run->options->input_count == 1)
        return; /* no summary will name it; and there may be no memory left for the name */
    char *names = format_text("%s%s%s", run->failed_names != NULL ? run->failed_names : "",
                              run->failed_names != NULL ? ", " : "", track->input);
    free(run->failed_names);
    run->failed_names = names;
}

/* What an error of one input means for the others: settings that make no sense, a lost device and
 * a signal concern them all. */
static void judge_failure(Run *run, const Track *track) {
    int code = EXIT_INPUT;
    if (track->error.status == CLEAVE_ERROR_CANCELLED)
        code = EXIT_SIGNAL + (signals_caught() != 0 ? signals_caught() : SIGINT);
    else if (track->error.status == CLEAVE_ERROR_ARGUMENT)
        code = EXIT_USAGE;
    else if (track->error.status == CLEAVE_ERROR_DEVICE)
        code = EXIT_DEVICE;
    if (code != EXIT_INPUT)
        run->stop = track->error;
    run->code = code;
}

static void report_failure(Run *run, const Track *track) {
    if (track->error.status == CLEAVE_ERROR_CANCELLED)
        message_error("%s: interrupted; %s", track->input,
                      run->options->output.resume ? "the same command goes on from here"
                                                  : "nothing of it was written");
    else if (strstr(track->error.text, track->input) != NULL)
        message_error("%s", track->error.text);
    else
        message_error("%s: %s", track->input, track->error.text);
    count_failure(run, track);
    judge_failure(run, track);
}

static void report_success(Run *run, Track *track) {
    const Options *options = run->options;
    track_warn_clipped(track, options->output.format);
    if (options->score != NULL && !track_score(track, &run->truth, options->score))
        run->code = EXIT_INPUT;
    if (!options->json) {
        bool quiet = options->verbosity < VERBOSITY_NORMAL;
        if (run->done > 0 && !quiet)
            putchar('\n');
        track_print(track, quiet);
        terminal_flush_output();
    }
    run->done++;
    run->seconds += track->result.seconds;
    run->audio_seconds += track->result.audio_seconds;
}

static void print_json(const Run *run, const Track *track) {
    track_print_json(track, run->options->model, run->separator != NULL ? &run->info : NULL);
}

static void do_track(Run *run, int index) {
    Track track = {.input = run->options->inputs[index]};
    separate_track(run, &track, index + 1);
    if (track.error.status == CLEAVE_OK)
        report_success(run, &track);
    else
        report_failure(run, &track);
    if (run->options->json)
        print_json(run, &track);
    track_free(&track);
}

/* An input that was never started still gets its JSON object. */
static void skip_track(Run *run, int index) {
    Track track = {.input = run->options->inputs[index], .error = {.status = run->stop.status}};
    const char *why = run->stop.status == CLEAVE_ERROR_CANCELLED ? "interrupted" : run->stop.text;
    size_t size = sizeof track.error.text;
    int room = (int)size - (int)sizeof "not started: ";
    snprintf(track.error.text, size, "not started: %.*s", room, why);
    count_failure(run, &track);
    if (run->options->json)
        print_json(run, &track);
}

/* A signal between two tracks stops the run as well. */
static void notice_signal(Run *run) {
    if (signals_caught() == 0 || run->stop.status != CLEAVE_OK)
        return;
    run->stop.status = CLEAVE_ERROR_CANCELLED;
    snprintf(run->stop.text, sizeof run->stop.text, "interrupted");
    run->code = EXIT_SIGNAL + signals_caught();
    message_error("interrupted");
}

static void do_tracks(Run *run) {
    for (int i = 0; i < run->options->input_count; i++) {
        if (run->stop.status == CLEAVE_OK)
            notice_signal(run);
        if (run->stop.status == CLEAVE_OK)
            do_track(run, i);
        else
            skip_track(run, i);
    }
}

static void summarise(const Run *run) {
    int count = run->options->input_count;
    if (count == 1 || run->separator == NULL)
        return; /* the one line that was said is enough */
    char *failures =
        run->failed > 0 ? format_text("; not done: %s", run->failed_names) : copy_text("");
    char *more = run->failed > NAMED_FAILURES
                     ? format_text(" and %d more", run->failed - NAMED_FAILURES)
                     : copy_text("");
    char *times =
        run->done > 0
            ? format_text(" (%s of audio in %s, %.1fx)", text_duration(run->audio_seconds).text,
                          text_duration(run->seconds).text, run->audio_seconds / run->seconds)
            : copy_text("");
    message_note("%d of %d inputs done%s%s%s", run->done, count, times, failures, more);
    free(times);
    free(more);
    free(failures);
}

static void close_all(Run *run) {
    signals_watch(NULL);
    cleave_separator_close(run->separator);
    cleave_model_close(run->model);
    audio_files_free(&run->truth);
    free(run->failed_names);
}

int command_separate(const Options *options) {
    Run run = {.options = options};
    run.progress = progress_style(options->verbosity < VERBOSITY_NORMAL, options->json);
    signals_install();
    run.code = check_command_line(&run);
    if (run.code == EXIT_DONE && options->model == NULL) {
        run.code = open_model(&run.model, NULL, options, NULL);
    } else if (run.code == EXIT_DONE) {
        run.code = open_all(&run);
        do_tracks(&run);
        summarise(&run);
    }
    int code = run.code;
    close_all(&run);
    return code;
}
