/* cmd_bench.c: `cleave bench`: times the network in every configuration that is asked for. What is
 * run is decided in bench_figures.c, how in bench_run.c. */
#include <stdlib.h>

#include "bench.h"
#include "commands.h"
#include "exit_code.h"
#include "message.h"
#include "model.h"
#include "profile.h"
#include "signals.h"
#include "terminal.h"

/* Returns an exit code. */
static int bench_report(Bench *bench, const cleave_model *model, int code) {
    const Options *options = bench->options;
    bench_sort(bench);
    const BenchResult *fastest = bench_fastest(bench);
    bool good = true;
    if (options->json)
        bench_print_json(bench);
    else
        bench_print(bench);
    terminal_flush_output();
    if (options->profile != NULL && fastest != NULL && code < EXIT_SIGNAL)
        good = bench_profile(bench, model, fastest);
    return code == EXIT_DONE && !good ? EXIT_INPUT : code;
}

/* Returns an exit code. */
static int bench_model(Bench *bench, const cleave_model *model) {
    const Options *options = bench->options;
    ProgressStyle style = progress_style(options->verbosity < VERBOSITY_NORMAL, options->json);
    int seconds = options->seconds > 0 ? options->seconds : BENCH_SECONDS;
    cleave_error error;
    if (!trial_audio_get(&bench->trial, options, &bench->model, seconds, style, &error)) {
        message_error("%s", error.text);
        return EXIT_INPUT;
    }
    signals_hold(true);
    message_note("bench: %d configurations, each run %d times", bench->count, options->runs);
    int code = bench_run(bench, model, style);
    signals_hold(false);
    return bench_report(bench, model, code);
}

static void bench_free(Bench *bench) {
    for (int i = 0; i < bench->count; i++)
        free(bench->results[i].seconds);
    free(bench->results);
    trial_audio_free(&bench->trial);
}

int command_bench(const Options *options) {
    Bench bench = {.options = options};
    cleave_model *model = NULL;
    if (!profile_is_possible(options)) /* said before minutes of work */
        return EXIT_USAGE;
    int code = open_model(&model, options->model, options, NULL);
    if (code == EXIT_DONE) {
        signals_install();
        cleave_model_get_info(model, &bench.model);
        bench_list(&bench);
        code = bench_model(&bench, model);
    }
    bench_free(&bench);
    cleave_model_close(model);
    return code;
}
