/* cmd_bench.c: `cleave bench`: times the network in every configuration that is asked for. What is
 * run is decided in bench_figures.c, how in bench_run.c. */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/console/atomic_file.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/console/terminal.h"
#include "cli/model.h"
#include "cli/show/profile.h"
#include "cli/trials/bench.h"

/* Before minutes of work: whether the page and the trace could be written. */
static bool outputs_are_possible(const Options *options) {
    int number = options->html != NULL ? whole_file_check(options->html) : 0;
    if (number != 0)
        message_error("--html: cannot write %s: %s; choose another place", options->html,
                      strerror(number));
    return number == 0 && profile_is_possible(options);
}

static void print(const Bench *bench) {
    if (bench->options->json)
        bench_print_json(bench);
    else if (bench->options->csv)
        bench_print_csv(bench);
    else
        bench_print(bench);
    terminal_flush_output();
}

/* Returns an exit code. */
static int tell(Bench *bench, const cleave_model *model, int code) {
    const Options *options = bench->options;
    bench_sort(bench);
    const BenchResult *fastest = bench_fastest(bench);
    bool good = true;
    print(bench);
    if (options->html != NULL)
        good = bench_write_html(bench, options->html);
    if (options->profile != NULL && fastest != NULL && code < EXIT_SIGNAL)
        good = bench_profile(bench, model, fastest) && good;
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
    return tell(bench, model, code);
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
    if (options->json && options->csv)
        message_error("bench: --json and --csv are two forms of one output; choose one");
    if ((options->json && options->csv) || !outputs_are_possible(options))
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
