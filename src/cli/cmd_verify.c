/* cmd_verify.c: `cleave verify`: the same audio through every mode, compared with the f32 CPU
 * reference. Which modes there are is decided in modes.c, what is printed in
 * verify_output.c, what the figures mean in verdict.c. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocate.h"
#include "cleave/extra.h"
#include "commands.h"
#include "exit_code.h"
#include "message.h"
#include "model.h"
#include "progress.h"
#include "signals.h"
#include "steps.h"
#include "verify.h"

/* Returns an exit code. */
static int code_of(const cleave_error *error) {
    switch (error->status) {
    case CLEAVE_ERROR_CANCELLED:
        message_error("interrupted");
        return EXIT_SIGNAL + (signals_caught() != 0 ? signals_caught() : SIGINT);
    case CLEAVE_ERROR_ARGUMENT:
        return EXIT_USAGE;
    case CLEAVE_ERROR_MODEL:
        return EXIT_MODEL;
    case CLEAVE_ERROR_INPUT:
        return EXIT_INPUT;
    default:
        return EXIT_DEVICE;
    }
}

/* Returns an exit code. */
static int fail(const cleave_error *error) {
    if (error->status != CLEAVE_ERROR_CANCELLED)
        message_error("%s", error->text);
    return code_of(error);
}

/* ---- Runs -------------------------------------------------------------------------------- */

static cleave_status run_mode(const Verify *verify, const cleave_model *model, VerifyResult *result,
                              float *stems, Steps *steps) {
    cleave_separator_settings settings = verify->options->separator;
    cleave_separator *separator = NULL;
    cleave_separator_info info;
    mode_apply(&result->mode, &settings);
    if (verify->options->verbosity >= VERBOSITY_INFO) /* warnings are of speed; others are told */
        settings.log = message_logger();
    cleave_status status = cleave_separator_open(&separator, model, &settings, &result->error);
    if (status == CLEAVE_OK) {
        signals_watch(separator);
        status = cleave_separator_separate_memory(
            separator, (const float *const *)verify->trial.audio.planes,
            verify->trial.audio.channels, verify->trial.audio.samples, stems, steps_update, steps,
            &result->error);
        signals_watch(NULL);
        cleave_separator_get_info(separator, &info);
        snprintf(result->kernels, sizeof result->kernels, "%s", info.kernels);
        result->compiled = info.compiled;
        result->fallback_ops = info.fallback_ops;
    }
    cleave_separator_close(separator);
    return status;
}

static cleave_status run_step(const Verify *verify, const cleave_model *model, VerifyResult *result,
                              float *stems, Steps *steps) {
    char *label = format_text("[%d/%d] %s", steps->done + 1, steps->count, result->mode.name);
    progress_begin(&steps->progress, steps->style, label, steps->sample_rate);
    cleave_status status = run_mode(verify, model, result, stems, steps);
    progress_end(&steps->progress);
    free(label);
    steps->done++;
    return status;
}

static void compare(const Verify *verify, VerifyResult *result, const float *reference,
                    const float *estimate) {
    size_t stem_size = (size_t)verify->trial.audio.channels * (size_t)verify->trial.audio.samples;
    result->stems = allocate((size_t)verify->model.stem_count, sizeof *result->stems);
    for (int s = 0; s < verify->model.stem_count; s++) {
        if (trial_audio_compare(&verify->trial, reference + (size_t)s * stem_size,
                                estimate + (size_t)s * stem_size, verify->trial.audio.channels,
                                &result->stems[s], NULL) != CLEAVE_OK)
            out_of_memory();
        double snr = verdict_snr(&result->stems[s]);
        if (s == 0 || snr < result->snr) {
            result->worst = s;
            result->snr = snr;
        }
    }
}

/* Returns an exit code. A mode that puts out what is no number is broken; one that does not run
 * leaves the others to run. */
static int judge_error(VerifyResult *result) {
    int code = fail(&result->error);
    if (result->error.status != CLEAVE_ERROR_MODEL)
        return code;
    result->snr = -INFINITY;
    return EXIT_INPUT;
}

/* Returns an exit code: the gravest of all modes'. */
static int run_modes(Verify *verify, const cleave_model *model, float *reference, float *estimate,
                     Steps *steps) {
    VerifyResult truth = {.mode = verify_reference()};
    if (run_step(verify, model, &truth, reference, steps) != CLEAVE_OK)
        return fail(&truth.error);
    int code = EXIT_DONE;
    for (int i = 0; i < verify->count; i++) {
        VerifyResult *result = &verify->results[i];
        int mode_code = EXIT_DONE;
        result->snr = (double)NAN;
        if (run_step(verify, model, result, estimate, steps) == CLEAVE_OK)
            compare(verify, result, reference, estimate);
        else
            mode_code = judge_error(result);
        if (result->error.status == CLEAVE_ERROR_CANCELLED)
            return mode_code;
        if (mode_code == EXIT_DONE && !verify_passed(verify, result))
            mode_code = EXIT_INPUT;
        code = mode_code > code ? mode_code : code;
    }
    return code;
}

/* ---- Modes ------------------------------------------------------------------------------- */

Mode verify_reference(void) {
    return mode_of("cpu", CLEAVE_PRECISION_F32, 0);
}

static void list_modes(Verify *verify) {
    ModeList modes = modes_list(verify->options, MODES_THAT_RUN);
    Mode reference = verify_reference();
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
    ProgressStyle style =
        progress_style(verify->options->verbosity < VERBOSITY_NORMAL, verify->options->json);
    int seconds = verify->options->seconds > 0 ? verify->options->seconds : VERIFY_SECONDS;
    cleave_error error;
    if (!trial_audio_get(&verify->trial, verify->options, &verify->model, seconds, style, &error))
        return fail(&error);
    size_t floats = (size_t)verify->model.stem_count * (size_t)verify->model.channels *
                    (size_t)verify->trial.audio.samples;
    float *reference = allocate(floats, sizeof *reference);
    float *estimate = allocate(floats, sizeof *estimate);
    Steps steps = {.style = style,
                   .sample_rate = verify->model.sample_rate,
                   .samples = verify->trial.audio.samples,
                   .count = verify->count + 1,
                   .begin = steps_now()};
    int code = run_modes(verify, model, reference, estimate, &steps);
    free(reference);
    free(estimate);
    if (code < EXIT_SIGNAL && steps.done == steps.count) {
        if (verify->options->json)
            verify_print_json(verify);
        else
            verify_print(verify);
    }
    return code;
}

int command_verify(const Options *options) {
    Verify verify = {.options = options};
    cleave_model *model = NULL;
    list_modes(&verify);
    int code = EXIT_USAGE;
    if (verify.count == 0)
        message_error("verify: %s is the reference, and nothing else was asked for; add a mode to "
                      "-d, --precision or --compile",
                      verify_reference().name);
    else
        code = open_model(&model, options->model, options, NULL);
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
