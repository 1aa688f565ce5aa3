/* cmd_separate.c: `cleave INPUT…`: opens the model and the separator once, and takes the inputs one
 * after the other. What is said of each is in track_result.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/failure.h"
#include "cli/console/message.h"
#include "cli/console/progress.h"
#include "cli/console/signals.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"
#include "cli/options/model_options.h"
#include "cli/separate/commands.h"
#include "cli/separate/inputs.h"
#include "cli/separate/outputs.h"
#include "cli/separate/own_stems.h"
#include "cli/separate/report.h"
#include "cli/separate/summary.h"
#include "cli/separate/track_result.h"
#include "cli/show/audio_files.h"
#include "cli/show/profile.h"

#define NAME_MODEL " with -m FILE" /* how to name a model, in the error that none is named */

/* What one command line asks for. */
typedef struct Job {
    const SeparateOptions *options;
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
    bool rate_told;    /* the user knows that the stems have another rate than the input */
    cleave_error stop; /* why no further input is started; status CLEAVE_OK: go on */
    int code;          /* the exit code so far */
    Summary summary;
} Job;

/* ---- Before the start -------------------------------------------------------------------- */

/* Returns an exit code. */
static int job_prepare_score(Job *job) {
    const SeparateOptions *options = job->options;
    if (options->score == NULL)
        return EXIT_DONE;
    if (job->inputs.count > 1 || job->inputs.have_folders) {
        message_error("--score: takes one input, a file, since its folder holds the stems of one");
        return EXIT_USAGE;
    }
    if (!audio_files_list(&job->truth, options->score))
        return EXIT_USAGE;
    if (job->truth.count == 0) {
        message_error("--score: %s: no audio files in this folder", options->score);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* "cleave devcies": a mistyped command rather than a missing input or model. */
static bool is_mistyped_command(const CommandLine *line) {
    const char *input = line->inputs[0];
    const char *near = input != NULL && strpbrk(input, "./") == NULL
                           ? command_nearest(line->commands, input)
                           : NULL;
    if (near == NULL || access(input, F_OK) == 0)
        return false;
    message_error("%s: no such file; did you mean 'cleave %s'?", input, near);
    return true;
}

/* Returns an exit code. */
static int job_prepare_stream(Job *job) {
    if (!job->options->to_standard_output)
        return EXIT_DONE;
    if (isatty(STDOUT_FILENO)) {
        message_error("--output -: standard output is a terminal; let a program read it "
                      "(cleave … | ffmpeg -i - out.mp3), or name a folder");
        return EXIT_USAGE;
    }
    if (job->inputs.count > 1) {
        message_error("--output -: takes the stem of one input; name one, or a folder");
        return EXIT_USAGE;
    }
    job->stream_fd = terminal_yield_output();
    if (job->stream_fd < 0) {
        message_error("--output -: standard output: %s", strerror(errno));
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* Returns an exit code. */
static int job_check(Job *job) {
    const SeparateOptions *options = job->options;
    if (is_mistyped_command(&options->line))
        return EXIT_USAGE;
    if (!report_is_possible(options) || !profile_is_possible(options->profile))
        return EXIT_USAGE;
    if (options->model.path == NULL)
        return model_open(&job->model, &options->model, NAME_MODEL, NULL);
    if (!inputs_find(&job->inputs, options))
        return EXIT_USAGE;
    int code = job_prepare_score(job);
    return code == EXIT_DONE ? job_prepare_stream(job) : code;
}

/* ---- Model and separator ----------------------------------------------------------------- */

/* Returns an exit code. */
static int job_open_separator(Job *job) {
    cleave_separator_settings settings = job->options->separator;
    settings.log = message_logger();
    cleave_status status =
        cleave_separator_open(&job->separator, job->model, &settings, &job->stop);
    if (status != CLEAVE_OK) {
        message_error("%s", job->stop.text);
        return exit_code_of(status);
    }
    cleave_separator_get_info(job->separator, &job->info);
    signals_watch(job->separator);
    return EXIT_DONE;
}

/* If stems are written beside the songs, those of an earlier run are found in the same folder. */
static void job_leave_out_own_stems(Job *job) {
    int count = own_stems_leave_out(&job->inputs, job->options, job->model);
    if (count > 0)
        message_note("%d file%s left out: %s of other inputs", count, count == 1 ? "" : "s",
                     count == 1 ? "it is a stem" : "they are stems");
}

/* Returns an exit code. */
static int job_open_model(Job *job) {
    int code = model_open(&job->model, &job->options->model, NAME_MODEL, &job->stop);
    if (code != EXIT_DONE)
        return code;
    cleave_model_get_info(job->model, &job->model_info);
    job_leave_out_own_stems(job);
    if (!outputs_are_sound(&job->inputs, job->options, job->stream_fd, job->model, &job->stop)) {
        message_error("%s", job->stop.text);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* ---- Tracks ------------------------------------------------------------------------------ */

static void separate_track(Job *job, Track *track, const cleave_file_settings *asked, int number) {
    cleave_file_settings settings = *asked;
    Progress progress;
    char *name = text_file_name(text_input_name(track->input));
    char *label = job->inputs.count > 1 ? format_text("[%d/%d] %s", number, job->inputs.count, name)
                                        : copy_text(name);
    progress_begin(&progress, job->progress, label, job->model_info.sample_rate);
    settings.progress = progress_update;
    settings.progress_user = &progress;
    cleave_separator_separate_file(job->separator, track->input, &settings, &track->result,
                                   &track->error);
    progress_end(&progress);
    cleave_separator_get_info(job->separator, &job->info); /* it may have moved to another device */
    track_take_fallback(track, job->separator);
    profile_take(&job->profiling, job->separator, &track->profile);
    free(label);
    free(name);
}

/* Settings that make no sense, a lost device and a signal concern all inputs: no more of them is
 * started. Any other failure is that of one input, even where the model or memory is its cause. */
static void judge_failure(Job *job, const Track *track) {
    cleave_status status = track->error.status;
    bool concerns_all = status == CLEAVE_ERROR_CANCELLED || status == CLEAVE_ERROR_ARGUMENT ||
                        status == CLEAVE_ERROR_DEVICE;
    job->code = concerns_all ? exit_code_of(status) : EXIT_INPUT;
    if (concerns_all)
        job->stop = track->error;
}

/* What is left of a track that was interrupted. */
static const char *what_is_left(const Job *job) {
    if (job->stream_fd >= 0)
        return "what was written of it is not whole";
    return job->options->output.resume ? "the same command goes on from here"
                                       : "nothing of it was written";
}

/* An error of reading names the input in front of its reason; others do not. */
static void tell_failure(Job *job, const Track *track) {
    const cleave_error *error = &track->error;
    const char *input = text_input_name(track->input);
    if (error->status == CLEAVE_ERROR_CANCELLED)
        message_error("%s: interrupted; %s", input, what_is_left(job));
    else if (error->status == CLEAVE_ERROR_INPUT && error->reason > 0)
        message_error("%s", error->text);
    else
        message_error("%s: %s", input, error->text);
    summary_add_failure(&job->summary, input, &track->error);
    judge_failure(job, track);
}

/* Once, for all inputs. */
static void tell_rate(Job *job, const cleave_result *result) {
    const cleave_file_settings *output = &job->options->output;
    int model_rate = job->model_info.sample_rate;
    int wanted = output->sample_rate == 0                    ? model_rate
                 : output->sample_rate == CLEAVE_RATE_SOURCE ? result->source_rate
                                                             : output->sample_rate;
    bool is_far = result->sample_rate != wanted; /* the format has no such rate */
    bool is_short = output->sample_rate == 0 && wanted != result->source_rate;
    if (job->rate_told || (!is_far && !is_short))
        return;
    job->rate_told = true;
    if (is_far) {
        message_note("stems are at %d Hz: %s has no %d Hz", result->sample_rate,
                     separate_format(output->format).name, wanted);
        return;
    }
    message_note("stems are at %d Hz, the network's rate; --rate source keeps the input's %d Hz",
                 result->sample_rate, result->source_rate);
}

static void tell_success(Job *job, Track *track) {
    const SeparateOptions *options = job->options;
    tell_rate(job, &track->result);
    track_warn_clipped(track, options->output.format);
    if (options->score != NULL && !track_score(track, &job->truth, options->score))
        job->code = EXIT_INPUT;
    if (!options->line.json) {
        bool quiet = options->line.verbosity < VERBOSITY_NORMAL;
        if (job->summary.done > 0 && !quiet)
            putchar('\n');
        track_print(track, &job->info, quiet);
        terminal_flush_output();
    }
    summary_add_done(&job->summary, &track->result);
}

/* With several inputs the summary says how many were skipped. */
static void tell_skipped(Job *job, const Track *track) {
    job->summary.skipped++;
    if (job->inputs.count == 1 || job->options->line.verbosity >= VERBOSITY_INFO)
        message_note("%s: skipped, since its stems are there", track->input);
}

static void tell_busy(Job *job, const Track *track) {
    job->summary.busy++;
    message_note("%s: skipped: another process is working on it", track->input);
}

static void print_track_json(const Job *job, const Track *track) {
    track_print_json(track, job->options->model.path, job->separator != NULL ? &job->info : NULL);
}

/* Whether an input can be skipped. Checked just before its turn, since another process may have
 * separated it by now. An error becomes the track's. */
static bool is_done_already(const Job *job, Track *track, const cleave_file_settings *settings) {
    int whole = 0;
    cleave_outputs_free(&track->outputs);
    cleave_status status =
        cleave_outputs_list(job->model, track->input, settings, &track->outputs, &track->error);
    if (status == CLEAVE_OK)
        status = cleave_outputs_whole(&track->outputs, &whole, &track->error);
    return status == CLEAVE_OK && whole != 0;
}

/* Finds out what needs no network. */
static void look_at_track(const Job *job, Track *track, const Input *input,
                          const cleave_file_settings *settings) {
    if (input->failure != NULL)
        track->error = *input->failure;
    else if (job->options->skip_existing)
        track->skipped = is_done_already(job, track, settings);
}

static void tell_track(Job *job, Track *track) {
    if (track->skipped)
        tell_skipped(job, track);
    else if (track->error.status == CLEAVE_OK)
        tell_success(job, track);
    else if (track->error.status == CLEAVE_ERROR_BUSY)
        tell_busy(job, track);
    else
        tell_failure(job, track);
}

/* An input that was never started still gets its JSON object. */
static void leave_track(Job *job, Track *track) {
    const char *why = job->stop.status == CLEAVE_ERROR_CANCELLED ? "interrupted" : job->stop.text;
    failure_set(&track->error, job->stop.status, "not started", why, NULL);
    job->summary.not_started++;
}

/* False if the separator cannot be opened, which is said and ends the job. */
static bool ensure_separator(Job *job) {
    if (job->separator != NULL)
        return true;
    int code = job_open_separator(job);
    if (code != EXIT_DONE)
        job->code = code;
    return code == EXIT_DONE;
}

static void separate_or_skip_track(Job *job, Track *track, int index) {
    const Input *input = &job->inputs.items[index];
    cleave_file_settings settings = outputs_settings(input, job->options, job->stream_fd);
    bool was_open = job->separator != NULL;
    look_at_track(job, track, input, &settings);
    bool settled = track->skipped || track->error.status != CLEAVE_OK;
    if (!settled && !ensure_separator(job)) {
        leave_track(job, track);
        return;
    }
    /* While the separator was being opened, another process may have separated the track. */
    if (!settled && !was_open) {
        look_at_track(job, track, input, &settings);
        settled = track->skipped || track->error.status != CLEAVE_OK;
    }
    if (!settled)
        separate_track(job, track, &settings, index + 1);
    tell_track(job, track);
}

/* A signal that comes between two tracks ends the job, too. */
static void job_notice_signal(Job *job) {
    if (signals_caught() == 0 || job->stop.status != CLEAVE_OK)
        return;
    failure_set(&job->stop, CLEAVE_ERROR_CANCELLED, NULL, "interrupted", NULL);
    job->code = exit_code_of(CLEAVE_ERROR_CANCELLED);
    message_error("interrupted");
}

/* Draws and measures a track for the report. */
static void report_track(Job *job, const Track *track, int index) {
    cleave_file_settings settings =
        outputs_settings(&job->inputs.items[index], job->options, job->stream_fd);
    if (!report_add(&job->report, track, job->model, &settings) && job->code == EXIT_DONE)
        job->code = EXIT_INPUT;
}

static void separate_tracks(Job *job) {
    for (int i = 0; i < job->inputs.count; i++) {
        Track track = {.input = job->inputs.items[i].path};
        if (job->stop.status == CLEAVE_OK)
            job_notice_signal(job);
        if (job->stop.status == CLEAVE_OK)
            separate_or_skip_track(job, &track, i);
        else
            leave_track(job, &track);
        report_track(job, &track, i);
        if (job->options->line.json)
            print_track_json(job, &track);
        track_free(&track);
    }
    if (job->options->report != NULL || job->options->spectrogram)
        job_notice_signal(job); /* which may have cut the last track's report short */
}

static void write_report(Job *job) {
    bool good =
        report_finish(&job->report, &job->model_info, job->separator != NULL ? &job->info : NULL);
    if (!good && job->code == EXIT_DONE)
        job->code = EXIT_INPUT;
}

static void tell_profile(Job *job) {
    if (!profile_tell(&job->profiling, job->separator) && job->code == EXIT_DONE)
        job->code = EXIT_INPUT;
}

/* Only where several inputs were begun: otherwise the one line that was said is enough. */
static void tell_summary(const Job *job) {
    if (job->inputs.count > 1 && job->summary.not_started < job->inputs.count)
        summary_tell(&job->summary);
}

static void job_close(Job *job) {
    signals_watch(NULL);
    cleave_separator_close(job->separator);
    cleave_model_close(job->model);
    audio_files_free(&job->truth);
    if (job->stream_fd >= 0)
        close(job->stream_fd);
    summary_free(&job->summary);
    inputs_free(&job->inputs);
    report_free(&job->report);
    profile_end(&job->profiling);
}

static int separate_run(const void *arguments) {
    const SeparateOptions *options = arguments;
    const CommandLine *line = &options->line;
    Job job = {.options = options, .stream_fd = -1};
    job.progress = progress_style(line->verbosity < VERBOSITY_NORMAL, line->json);
    report_begin(&job.report, options, job.progress);
    profile_begin(&job.profiling, options->profile, profile_shows_table(line));
    signals_install();
    job.code = job_check(&job);
    if (job.code == EXIT_DONE) {
        job.code = job_open_model(&job);
        separate_tracks(&job);
        write_report(&job);
        tell_summary(&job);
        tell_profile(&job);
    }
    int code = job.code;
    job_close(&job);
    return code;
}

const Command command_separate = {.name = "separate",
                                  .usage = "[separate] [OPTION...] INPUT...",
                                  .summary = "separate audio files into stems",
                                  .maximum_inputs = -1,
                                  .complete = COMPLETE_AUDIO,
                                  .reads_standard_input = true,
                                  .rows = separate_rows,
                                  .options_size = sizeof(SeparateOptions),
                                  .set_defaults = separate_set_defaults,
                                  .check = separate_check,
                                  .run = separate_run};
