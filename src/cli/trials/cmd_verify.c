/* cmd_verify.c: `cleave verify`: separates the same audio in every mode and compares the stems with
 * those of the f32 CPU reference. trial_modes.c lists the modes, verify_output.c prints, verdict.c
 * says what the figures mean. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/progress.h"
#include "cli/console/signals.h"
#include "cli/options/separator_options.h"
#include "cli/trials/commands.h"
#include "cli/trials/trial_progress.h"
#include "cli/trials/verify.h"

/* Says what failed, and returns its exit code. */
static int verify_fail(const cleave_error *error) {
    message_error("%s", error->status == CLEAVE_ERROR_CANCELLED ? "interrupted" : error->text);
    return exit_code_of(error->status);
}

/* ---- Runs -------------------------------------------------------------------------------- */

static cleave_status verify_run_mode(const Verify *verify, const cleave_model *model,
                                     VerifyResult *result, float *stems, TrialProgress *progress) {
    cleave_separator_settings settings = verify->options->trial.separator;
    cleave_separator *separator = NULL;
    cleave_separator_info info;
    mode_apply(&result->mode, &settings);
    if (verify->options->trial.line.verbosity >= VERBOSITY_INFO) /* warnings are of speed only */
        settings.log = message_logger();
    cleave_status status = cleave_separator_open(&separator, model, &settings, &result->error);
    if (status == CLEAVE_OK) {
        signals_watch(separator);
        status = cleave_separator_separate_memory(
            separator, (const float *const *)verify->trial.audio.planes,
            verify->trial.audio.channels, verify->trial.audio.samples, stems, trial_progress_update,
            progress, &result->error);
        signals_watch(NULL);
        cleave_separator_get_info(separator, &info);
        snprintf(result->kernels, sizeof result->kernels, "%s", info.kernels);
        result->compiled = info.compiled;
        result->fallback_ops = info.fallback_ops;
    }
    cleave_separator_close(separator);
    return status;
}

static cleave_status verify_run_trial(const Verify *verify, const cleave_model *model,
                                      VerifyResult *result, float *stems, TrialProgress *progress) {
    char *label = format_text("[%d/%d] %s", progress->done + 1, progress->count, result->mode.name);
    progress_begin(&progress->line, progress->style, label, progress->sample_rate);
    cleave_status status = verify_run_mode(verify, model, result, stems, progress);
    progress_end(&progress->line);
    free(label);
    progress->done++;
    return status;
}

static void verify_compare_stem(const Verify *verify, const float *reference, const float *estimate,
                                cleave_comparison *comparison) {
    const cleave_audio *audio = &verify->trial.audio;
    const float **planes = allocate(2 * (size_t)audio->channels, sizeof *planes);
    cleave_error error;
    for (int c = 0; c < audio->channels; c++) {
        planes[c] = reference + (size_t)c * (size_t)audio->samples;
        planes[audio->channels + c] = estimate + (size_t)c * (size_t)audio->samples;
    }
    if (cleave_audio_compare(planes, planes + audio->channels, audio->channels, audio->samples,
                             comparison, &error) != CLEAVE_OK)
        out_of_memory();
    free(planes);
}

static void verify_compare(const Verify *verify, VerifyResult *result, const float *reference,
                           const float *estimate) {
    size_t stem_size = (size_t)verify->trial.audio.channels * (size_t)verify->trial.audio.samples;
    result->stems = allocate((size_t)verify->model.stem_count, sizeof *result->stems);
    for (int s = 0; s < verify->model.stem_count; s++) {
        verify_compare_stem(verify, reference + (size_t)s * stem_size,
                            estimate + (size_t)s * stem_size, &result->stems[s]);
        double snr = verdict_snr(&result->stems[s]);
        if (s == 0 || snr < result->snr) {
            result->worst = s;
            result->snr = snr;
        }
    }
}

/* Returns an exit code. A mode whose output is not a number is broken; one that cannot run does not
 * keep the others from running. */
static int verify_judge_error(VerifyResult *result) {
    int code = verify_fail(&result->error);
    if (result->error.status != CLEAVE_ERROR_MODEL)
        return code;
    result->snr = -INFINITY;
    return EXIT_INPUT;
}

/* Returns the highest exit code of all modes. */
static int verify_run_modes(Verify *verify, const cleave_model *model, float *reference,
                            float *estimate, TrialProgress *progress) {
    VerifyResult truth = {.mode = mode_reference()};
    if (verify_run_trial(verify, model, &truth, reference, progress) != CLEAVE_OK)
        return verify_fail(&truth.error);
    int code = EXIT_DONE;
    for (int i = 0; i < verify->count; i++) {
        VerifyResult *result = &verify->results[i];
        int mode_code = EXIT_DONE;
        result->snr = (double)NAN;
        if (verify_run_trial(verify, model, result, estimate, progress) == CLEAVE_OK)
            verify_compare(verify, result, reference, estimate);
        else
            mode_code = verify_judge_error(result);
        if (result->error.status == CLEAVE_ERROR_CANCELLED)
            return mode_code;
        if (mode_code == EXIT_DONE && !verify_passed(verify, result))
            mode_code = EXIT_INPUT;
        code = mode_code > code ? mode_code : code;
    }
    return code;
}

/* ---- Modes ------------------------------------------------------------------------------- */

static void verify_list_modes(Verify *verify) {
    ModeList modes = modes_list(&verify->options->trial, MODES_THAT_RUN);
    Mode reference = mode_reference();
    verify->results = allocate((size_t)modes.count + 1, sizeof *verify->results);
    for (int i = 0; i < modes.count; i++)
        if (!mode_equal(&modes.items[i], &reference))
            verify->results[verify->count++].mode = modes.items[i];
    memcpy(verify->simulated, modes.simulated, sizeof verify->simulated);
    free(modes.items);
}

/* ---- The command ------------------------------------------------------------------------- */

/* Returns an exit code. */
static int verify_model(Verify *verify, const cleave_model *model) {
    ProgressStyle style = progress_style(verify->options->trial.line.verbosity < VERBOSITY_NORMAL,
                                         verify->options->trial.line.json);
    int seconds =
        verify->options->trial.seconds > 0 ? verify->options->trial.seconds : VERIFY_SECONDS;
    cleave_error error;
    if (!trial_audio_get(&verify->trial, &verify->options->trial, &verify->model, seconds, style,
                         &error))
        return verify_fail(&error);
    size_t floats = (size_t)verify->model.stem_count * (size_t)verify->model.channels *
                    (size_t)verify->trial.audio.samples;
    float *reference = allocate(floats, sizeof *reference);
    float *estimate = allocate(floats, sizeof *estimate);
    TrialProgress progress = {.style = style,
                              .sample_rate = verify->model.sample_rate,
                              .samples = verify->trial.audio.samples,
                              .count = verify->count + 1,
                              .begin = trial_clock()};
    int code = verify_run_modes(verify, model, reference, estimate, &progress);
    free(reference);
    free(estimate);
    if (code < EXIT_SIGNAL && progress.done == progress.count) {
        if (verify->options->trial.line.json)
            verify_print_json(verify);
        else
            verify_print(verify);
    }
    return code;
}

static int verify_run(const void *arguments) {
    const VerifyOptions *options = arguments;
    Verify verify = {.options = options};
    cleave_model *model = NULL;
    verify_list_modes(&verify);
    int code = EXIT_USAGE;
    if (verify.count == 0)
        message_error("verify: %s is the reference, and nothing else was asked for; add a mode to "
                      "-d, --precision or --compile",
                      mode_reference().name);
    else
        code = trial_open_model(&model, &options->trial);
    if (code == EXIT_DONE) {
        signals_install();
        cleave_model_get_info(model, &verify.model);
        code = verify_model(&verify, model);
    }
    cleave_model_close(model);
    for (int i = 0; i < verify.count; i++)
        free(verify.results[i].stems);
    free(verify.results);
    trial_audio_free(&verify.trial);
    return code;
}

/* ---- Options ----------------------------------------------------------------------------- */

static bool verify_take_min_snr(const Option *row, const char *value, void *field) {
    char *end = NULL;
    errno = 0;
    bool digits = (*value >= '0' && *value <= '9') || *value == '-';
    double number = digits ? strtod(value, &end) : 0.0;
    if (!digits || end == value || *end != '\0' || errno != 0 || number < row->low ||
        number > row->high) {
        message_error("--min-snr: '%s' is not a number of decibels from %d to %d", value, row->low,
                      row->high);
        return false;
    }
    *(double *)field = number;
    return true;
}

/* The offset of a field. */
#define AT(field) offsetof(VerifyOptions, field)

static const Option verify_rows[] = {
    {OPTION_GROUP, .rows = model_rows, .at = AT(trial.model)},
    {OPTION_GROUP, .rows = trial_mode_rows, .at = AT(trial)},
    {OPTION_OTHER, 0, "min-snr", "DB", AT(min_snr),
     "the exit code is 1 where a stem's SNR is lower (default: 20, below which a mode is "
     "broken)",
     .low = -200, .high = 200, .work = verify_take_min_snr},
    {OPTION_GROUP, .rows = trial_audio_rows, .at = AT(trial)},
    {OPTION_GROUP, .rows = threads_rows, .at = AT(trial.separator)},
    {OPTION_GROUP, .rows = overlap_rows, .at = AT(trial.separator)},
    {OPTION_GROUP, .rows = batch_rows, .at = AT(trial.separator)},
    {OPTION_GROUP, .rows = memory_rows, .at = AT(trial.separator)},
    {OPTION_GROUP, .rows = telling_rows, .at = AT(trial.line)},
    {OPTION_END}};

static void verify_set_defaults(void *arguments) {
    VerifyOptions *options = arguments;
    trial_set_defaults(&options->trial);
    options->min_snr = VERIFY_MIN_SNR;
}

const Command command_verify = {.name = "verify",
                                .usage = "verify [OPTION...] [INPUT]",
                                .summary = "compare precisions and devices",
                                .maximum_inputs = 1,
                                .complete = COMPLETE_AUDIO,
                                .rows = verify_rows,
                                .options_size = sizeof(VerifyOptions),
                                .set_defaults = verify_set_defaults,
                                .run = verify_run};
