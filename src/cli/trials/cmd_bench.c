/* cmd_bench.c: `cleave bench`: times the network in every configuration that is asked for.
 * bench_figures.c lists them, bench_run.c runs them. */
#include <stdlib.h>

#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/console/terminal.h"
#include "cli/options/separator_options.h"
#include "cli/show/profile.h"
#include "cli/trials/bench.h"
#include "cli/trials/commands.h"

/* Returns an exit code. */
static int bench_tell(Bench *bench, const cleave_model *model, int code) {
    const BenchOptions *options = bench->options;
    bench_sort(bench);
    const BenchResult *fastest = bench_fastest(bench);
    bool good = true;
    if (options->trial.line.json)
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
    const BenchOptions *options = bench->options;
    ProgressStyle style =
        progress_style(options->trial.line.verbosity < VERBOSITY_NORMAL, options->trial.line.json);
    int seconds = options->trial.seconds > 0 ? options->trial.seconds : BENCH_SECONDS;
    cleave_error error;
    if (!trial_audio_get(&bench->trial, &options->trial, &bench->model, seconds, style, &error)) {
        message_error("%s", error.text);
        return EXIT_INPUT;
    }
    signals_hold(true);
    message_note("bench: %d configurations, each run %d times", bench->count, options->runs);
    int code = bench_run(bench, model, style);
    signals_hold(false);
    return bench_tell(bench, model, code);
}

static void bench_free(Bench *bench) {
    for (int i = 0; i < bench->count; i++)
        free(bench->results[i].seconds);
    free(bench->results);
    trial_audio_free(&bench->trial);
}

static int bench_command(const void *arguments) {
    const BenchOptions *options = arguments;
    Bench bench = {.options = options};
    cleave_model *model = NULL;
    if (!profile_is_possible(options->profile)) /* said before minutes of work */
        return EXIT_USAGE;
    int code = trial_open_model(&model, &options->trial);
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

/* ---- Options ----------------------------------------------------------------------------- */

static const Choice automatic[] = {{"auto", 0}, {NULL, 0}};

/* The offset of a field. */
#define AT(field) offsetof(BenchOptions, field)

static const Option bench_rows[] = {
    {OPTION_GROUP, .rows = model_rows, .at = AT(trial.model)},
    {OPTION_GROUP, .rows = profile_rows, .at = AT(profile)},
    {OPTION_GROUP, .rows = trial_mode_rows, .at = AT(trial)},
    {OPTION_GROUP, .rows = trial_audio_rows, .at = AT(trial)},
    {OPTION_NUMBERS, 0, "overlap", "A,B", AT(overlaps),
     "how many chunks cover each moment, such as 1,2,4 (default: as configured)", .low = 1,
     .high = CLEAVE_OVERLAP_MAX},
    {OPTION_NUMBERS, 'b', "batch", "A,B", AT(batches),
     "chunks per run, such as 1,2,auto (default: auto); lowered to what fits into memory", .low = 1,
     .high = BATCH_MAX, .choices = automatic, .also = " or auto"},
    {OPTION_NUMBER, 0, "runs", "N", AT(runs),
     "timed runs of each configuration, 1 to 100 (default: 3)", .low = 1, .high = BENCH_RUNS_MAX},
    {OPTION_GROUP, .rows = threads_rows, .at = AT(trial.separator)},
    {OPTION_GROUP, .rows = memory_rows, .at = AT(trial.separator)},
    {OPTION_GROUP, .rows = telling_rows, .at = AT(trial.line)},
    {OPTION_END}};

static void bench_set_defaults(void *arguments) {
    BenchOptions *options = arguments;
    trial_set_defaults(&options->trial);
    options->runs = BENCH_RUNS;
}

const Command command_bench = {.name = "bench",
                               .usage = "bench [OPTION...] [INPUT]",
                               .summary = "time a network in many ways",
                               .maximum_inputs = 1,
                               .complete = COMPLETE_AUDIO,
                               .rows = bench_rows,
                               .options_size = sizeof(BenchOptions),
                               .set_defaults = bench_set_defaults,
                               .run = bench_command};
