/* cmd_separate.c: `cleave INPUT…`: one model, one separator, and the inputs one after the other. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocate.h"
#include "audio_files.h"
#include "base/utf8.h"
#include "cleave/extra.h"
#include "commands.h"
#include "exit_code.h"
#include "inputs.h"
#include "message.h"
#include "model.h"
#include "outputs.h"
#include "own_stems.h"
#include "profile.h"
#include "progress.h"
#include "report.h"
#include "signals.h"
#include "summary.h"
#include "terminal.h"
#include "text.h"
#include "track.h"

typedef struct Run {
    const Options *options;
    Inputs inputs;
    int stream_fd; /* with --output -: where the stem goes; else -1 */
    cleave_model *model;
    cleave_separator *separator; /* opened for the first input that needs it */
    cleave_model_info model_info;
    cleave_separator_info info; /* while there is a separator */
    AudioFiles truth;           /* with --score */
    ProgressStyle progress;
    Report report;
    Profiling profiling;
    bool rate_told;    /* that the stems have another rate than the input */
    cleave_error stop; /* status other than CLEAVE_OK: why no further input is started */
    int code;          /* the exit code so far */
    Summary summary;
} Run;

/* ---- Before the start -------------------------------------------------------------------- */

/* Returns an exit code. */
static int prepare_score(Run *run) {
    const Options *options = run->options;
    if (options->score == NULL)
        return EXIT_DONE;
    if (run->inputs.count > 1 || run->inputs.have_folders) {
        message_error("--score: takes one input, a file, since its folder holds the stems of one");
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
    const char *near =
        input != NULL && strpbrk(input, "./") == NULL ? command_nearest(input) : NULL;
    if (near == NULL || access(input, F_OK) == 0)
        return false;
    message_error("%s: no such file; did you mean 'cleave %s'?", input, near);
    return true;
}

/* Returns an exit code. */
static int prepare_stream(Run *run) {
    if (!run->options->to_standard_output)
        return EXIT_DONE;
    if (isatty(STDOUT_FILENO)) {
        message_error("--output -: standard output is a terminal; let a program read it "
                      "(cleave … | ffmpeg -i - out.mp3), or name a folder");
        return EXIT_USAGE;
    }
    if (run->inputs.count > 1) {
        message_error("--output -: takes the stem of one input; name one, or a folder");
        return EXIT_USAGE;
    }
    run->stream_fd = terminal_yield_output();
    if (run->stream_fd < 0) {
        message_error("--output -: standard output: %s", strerror(errno));
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* Returns an exit code. */
static int check_command_line(Run *run) {
    if (is_mistyped_command(run->options->inputs[0]))
        return EXIT_USAGE;
    if (!report_is_possible(run->options) || !profile_is_possible(run->options))
        return EXIT_USAGE;
    if (run->options->model == NULL)
        return open_model(&run->model, NULL, run->options, NULL);
    if (!inputs_find(&run->inputs, run->options))
        return EXIT_USAGE;
    int code = prepare_score(run);
    return code == EXIT_DONE ? prepare_stream(run) : code;
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

/* Returns an exit code. */
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

/* Where stems are written beside the songs, an earlier run's are found with them. */
static void leave_out_own_stems(Run *run) {
    int count = own_stems_leave_out(&run->inputs, run->options, run->model);
    if (count > 0)
        message_note("%d file%s left out: %s of other inputs", count, count == 1 ? "" : "s",
                     count == 1 ? "it is a stem" : "they are stems");
}

/* Returns an exit code. */
static int open_and_check(Run *run) {
    int code = open_model(&run->model, run->options->model, run->options, &run->stop);
    if (code != EXIT_DONE)
        return code;
    cleave_model_get_info(run->model, &run->model_info);
    leave_out_own_stems(run);
    if (!outputs_are_sound(&run->inputs, run->options, run->stream_fd, run->model, &run->stop)) {
        message_error("%s", run->stop.text);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* ---- Tracks ------------------------------------------------------------------------------ */

static void separate_track(Run *run, Track *track, const cleave_file_settings *asked, int number) {
    cleave_file_settings settings = *asked;
    Progress progress;
    char *name = text_file_name(text_input_name(track->input));
    char *label = run->inputs.count > 1 ? format_text("[%d/%d] %s", number, run->inputs.count, name)
                                        : copy_text(name);
    progress_begin(&progress, run->progress, label, run->model_info.sample_rate);
    settings.progress = progress_update;
    settings.progress_user = &progress;
    cleave_separator_separate_file(run->separator, track->input, &settings, &track->result,
                                   &track->error);
    progress_end(&progress);
    cleave_separator_get_info(run->separator, &run->info); /* it may have moved to another device */
    track_take_fallback(track, run->separator);
    profile_take(&run->profiling, run->separator, &track->profile);
    free(label);
    free(name);
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

/* What an interrupted track leaves behind. */
static const char *what_is_left(const Run *run) {
    if (run->stream_fd >= 0)
        return "what was written of it is not whole";
    return run->options->output.resume ? "the same command goes on from here"
                                       : "nothing of it was written";
}

static void report_failure(Run *run, const Track *track) {
    const char *input = text_input_name(track->input);
    const char *behind = NULL;
    if (track->error.status == CLEAVE_ERROR_CANCELLED)
        message_error("%s: interrupted; %s", input, what_is_left(run));
    else if (text_find_name(track->error.text, input, &behind) != NULL)
        message_error("%s", track->error.text);
    else
        message_error("%s: %s", input, track->error.text);
    summary_add_failure(&run->summary, input, &track->error);
    judge_failure(run, track);
}

/* Once, for all inputs. */
static void tell_rate(Run *run, const cleave_result *result) {
    const cleave_file_settings *output = &run->options->output;
    int model_rate = run->model_info.sample_rate;
    int wanted = output->sample_rate == 0                    ? model_rate
                 : output->sample_rate == CLEAVE_RATE_SOURCE ? result->source_rate
                                                             : output->sample_rate;
    bool is_far = result->sample_rate != wanted; /* the format has no such rate */
    bool is_short = output->sample_rate == 0 && wanted != result->source_rate;
    if (run->rate_told || (!is_far && !is_short))
        return;
    run->rate_told = true;
    if (is_far) {
        message_note("stems are at %d Hz: %s has no %d Hz", result->sample_rate,
                     format_info(output->format).name, wanted);
        return;
    }
    message_note("stems are at %d Hz, the network's rate; --rate source keeps the input's %d Hz",
                 result->sample_rate, result->source_rate);
}

static void report_success(Run *run, Track *track) {
    const Options *options = run->options;
    tell_rate(run, &track->result);
    track_warn_clipped(track, options->output.format);
    if (options->score != NULL && !track_score(track, &run->truth, options->score))
        run->code = EXIT_INPUT;
    if (!options->json) {
        bool quiet = options->verbosity < VERBOSITY_NORMAL;
        if (run->summary.done > 0 && !quiet)
            putchar('\n');
        track_print(track, &run->info, quiet);
        terminal_flush_output();
    }
    summary_add_done(&run->summary, &track->result);
}

/* Of several inputs the summary counts those that were skipped. */
static void report_skipped(Run *run, const Track *track) {
    run->summary.skipped++;
    if (run->inputs.count == 1 || run->options->verbosity >= VERBOSITY_INFO)
        message_note("%s: skipped, since its stems are there", track->input);
}

static void report_busy(Run *run, const Track *track) {
    run->summary.busy++;
    message_note("%s: another process is at it; left to it", track->input);
}

static void print_json(const Run *run, const Track *track) {
    track_print_json(track, run->options->model, run->separator != NULL ? &run->info : NULL);
}

/* Whether an input can be left out; looked at when its turn has come, since another process may
 * have done it meanwhile. An error of memory is the track's. */
static bool is_done_already(const Run *run, Track *track, const cleave_file_settings *settings) {
    int whole = 0;
    cleave_outputs_free(&track->outputs);
    cleave_status status =
        cleave_outputs_list(run->model, track->input, settings, &track->outputs, &track->error);
    if (status == CLEAVE_OK)
        status = cleave_outputs_whole(&track->outputs, &whole, &track->error);
    return status == CLEAVE_OK && whole != 0;
}

/* Looks at what can be told without the network. */
static void look_at_track(const Run *run, Track *track, const Input *input,
                          const cleave_file_settings *settings) {
    if (input->failure != NULL) {
        track->error.status = CLEAVE_ERROR_INPUT;
        snprintf(track->error.text, sizeof track->error.text, "%s", input->failure);
    } else if (run->options->skip_existing) {
        track->skipped = is_done_already(run, track, settings);
    }
}

static void report(Run *run, Track *track) {
    if (track->skipped)
        report_skipped(run, track);
    else if (track->error.status == CLEAVE_OK)
        report_success(run, track);
    else if (track->error.status == CLEAVE_ERROR_BUSY)
        report_busy(run, track);
    else
        report_failure(run, track);
}

/* An input that was never started still gets its JSON object. */
static void leave_track(Run *run, Track *track) {
    const char *why = run->stop.status == CLEAVE_ERROR_CANCELLED ? "interrupted" : run->stop.text;
    size_t size = sizeof track->error.text;
    int room = (int)size - (int)sizeof "not started: ";
    track->error.status = run->stop.status;
    snprintf(track->error.text, size, "not started: %.*s", room, why);
    utf8_trim(track->error.text);
    run->summary.not_started++;
}

/* Returns false where there is no separator; why has been said and ends the run. */
static bool ensure_separator(Run *run) {
    if (run->separator != NULL)
        return true;
    int code = open_separator(run);
    if (code != EXIT_DONE)
        run->code = code;
    return code == EXIT_DONE;
}

static void do_track(Run *run, Track *track, int index) {
    const Input *input = &run->inputs.items[index];
    cleave_file_settings settings = outputs_settings(input, run->options, run->stream_fd);
    bool was_open = run->separator != NULL;
    look_at_track(run, track, input, &settings);
    bool settled = track->skipped || track->error.status != CLEAVE_OK;
    if (!settled && !ensure_separator(run)) {
        leave_track(run, track);
        return;
    }
    /* Opening takes a while, in which another process may have done the track. */
    if (!settled && !was_open) {
        look_at_track(run, track, input, &settings);
        settled = track->skipped || track->error.status != CLEAVE_OK;
    }
    if (!settled)
        separate_track(run, track, &settings, index + 1);
    report(run, track);
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

/* What is drawn and listed of a track: an input in a folder has its outputs in one of their own. */
static void report_track(Run *run, const Track *track, int index) {
    cleave_file_settings settings =
        outputs_settings(&run->inputs.items[index], run->options, run->stream_fd);
    if (!report_add(&run->report, track, run->model, &settings) && run->code == EXIT_DONE)
        run->code = EXIT_INPUT;
}

static void do_tracks(Run *run) {
    for (int i = 0; i < run->inputs.count; i++) {
        Track track = {.input = run->inputs.items[i].path};
        if (run->stop.status == CLEAVE_OK)
            notice_signal(run);
        if (run->stop.status == CLEAVE_OK)
            do_track(run, &track, i);
        else
            leave_track(run, &track);
        report_track(run, &track, i);
        if (run->options->json)
            print_json(run, &track);
        track_free(&track);
    }
    if (run->options->report != NULL || run->options->spectrogram)
        notice_signal(run); /* which may have cut the last track's report short */
}

static void write_report(Run *run) {
    bool good =
        report_finish(&run->report, &run->model_info, run->separator != NULL ? &run->info : NULL);
    if (!good && run->code == EXIT_DONE)
        run->code = EXIT_INPUT;
}

static void tell_profile(Run *run) {
    if (!profile_tell(&run->profiling, run->separator) && run->code == EXIT_DONE)
        run->code = EXIT_INPUT;
}

/* Where there was one input or none was begun, the one line that was said is enough. */
static void summarise(const Run *run) {
    if (run->inputs.count > 1 && run->summary.not_started < run->inputs.count)
        summary_tell(&run->summary);
}

static void close_all(Run *run) {
    signals_watch(NULL);
    cleave_separator_close(run->separator);
    cleave_model_close(run->model);
    audio_files_free(&run->truth);
    if (run->stream_fd >= 0)
        close(run->stream_fd);
    summary_free(&run->summary);
    inputs_free(&run->inputs);
    report_free(&run->report);
    profile_end(&run->profiling);
}

int command_separate(const Options *options) {
    Run run = {.options = options, .stream_fd = -1};
    run.progress = progress_style(options->verbosity < VERBOSITY_NORMAL, options->json);
    report_begin(&run.report, options, run.progress);
    profile_begin(&run.profiling, options);
    signals_install();
    run.code = check_command_line(&run);
    if (run.code == EXIT_DONE) {
        run.code = open_and_check(&run);
        do_tracks(&run);
        write_report(&run);
        summarise(&run);
        tell_profile(&run);
    }
    int code = run.code;
    close_all(&run);
    return code;
}
