/* bench_output.c: what `cleave bench` prints: a table sorted by speed, or JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/json.h"
#include "cli/console/table.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"
#include "cli/show/devices.h"
#include "cli/trials/bench.h"

#define INPUT_COLUMNS 40

/* ---- The table --------------------------------------------------------------------------- */

static void print_audio(const Bench *bench) {
    const cleave_audio *audio = &bench->trial.audio;
    double rate = (double)audio->sample_rate;
    double seconds = (double)audio->samples / rate;
    int digits = seconds < 1.0 ? 2 : 1;
    if (bench->trial.input == NULL) {
        printf("Audio: %.*f s, generated\n", digits, seconds);
        return;
    }
    char *printable = text_printable(bench->trial.input);
    char *name = text_shorten(printable, INPUT_COLUMNS);
    printf("Audio: %.*f s of %s, from %s on\n", digits, seconds, name,
           text_duration((double)audio->start / rate).text);
    free(name);
    free(printable);
}

static void print_head(const Bench *bench) {
    print_audio(bench);
    if (bench->simulated[0] != '\0')
        printf("Simulated: %s; " SIMULATED_MEANS "\n", bench->simulated);
    putchar('\n');
}

static const char *plus_minus(void) {
    return terminal_is_utf8() ? "±" : "+-";
}

/* "1.234 s ±3 %" */
static ShortText time_text(const BenchResult *result) {
    ShortText text;
    double median = bench_median(result);
    snprintf(text.text, sizeof text.text, "%.*f s %s%.0f %%", median < 10 ? 3 : 1, median,
             plus_minus(), 100 * bench_spread(result));
    return text;
}

static void add_row(Table *table, const Bench *bench, const BenchResult *result) {
    char overlap[16];
    char batch[16];
    char real_time[16];
    char speed_up[16];
    bool ran = result->runs > 0;
    snprintf(overlap, sizeof overlap, "%d", result->overlap);
    snprintf(batch, sizeof batch, "%d", result->batch);
    snprintf(real_time, sizeof real_time, "%.*fx", bench_real_time(bench, result) < 10 ? 2 : 1,
             bench_real_time(bench, result));
    snprintf(speed_up, sizeof speed_up, "%.2fx", bench_speed_up(bench, result));
    ShortText time = time_text(result);
    ShortText memory = text_bytes(result->host_memory);
    const char *row[] = {result->mode.device,
                         mode_precision(result->mode.precision),
                         bench_graph(result),
                         result->overlap > 0 ? overlap : "",
                         result->batch > 0 ? batch : "",
                         ran             ? time.text
                         : result->began ? "failed"
                                         : "not run",
                         ran ? real_time : "",
                         ran ? speed_up : "",
                         ran && result->host_memory > 0 ? memory.text : ""};
    table_row(table, row);
}

static void print_table(const Bench *bench) {
    static const char *const headers[] = {"device", "type", "graph", "overlap", "batch",
                                          "median", "real", "gain",  "memory"};
    Table *table = table_new("lllrrrrrr", headers);
    for (int i = 0; i < bench->count; i++)
        add_row(table, bench, &bench->results[i]);
    table_print(table, stdout);
    table_free(table);
}

/* An earlier row has the same failure: an absent device fails every time in the same way. */
static bool is_repeated(const Bench *bench, int row) {
    const BenchResult *result = &bench->results[row];
    for (int i = 0; i < row; i++) {
        const BenchResult *before = &bench->results[i];
        if (before->error.status != CLEAVE_OK &&
            strcmp(before->mode.name, result->mode.name) == 0 &&
            strcmp(before->error.text, result->error.text) == 0)
            return true;
    }
    return false;
}

/* Why configurations failed: standard error, which says so too, may not be kept. */
static void print_failures(const Bench *bench) {
    for (int i = 0; i < bench->count; i++) {
        const BenchResult *result = &bench->results[i];
        if (result->error.status == CLEAVE_OK || is_repeated(bench, i))
            continue;
        char *reason = text_printable(result->error.text);
        printf("%s: %s\n", result->mode.name, reason);
        free(reason);
    }
}

/* What one row cannot hold. */
static void print_notes(const Bench *bench) {
    for (int i = 0; i < bench->count; i++) {
        const BenchResult *result = &bench->results[i];
        if (result->runs > 0 && result->mode.compile && !result->compiled)
            printf("%s: compiling failed; it ran op by op\n", result->mode.name);
        if (result->fallback_ops > 0)
            printf("%s: %" PRId64 " ops did not run on the device\n", result->mode.name,
                   result->fallback_ops);
        bool elsewhere = result->runs > 0 && strcmp(result->mode.device, "cpu") != 0;
        if (elsewhere)
            printf("%s, overlap %d, batch %d: %s on the device\n", result->mode.name,
                   result->overlap, result->batch, text_bytes(result->device_memory).text);
    }
}

static void print_warm_ups(const Bench *bench) {
    double open = 0;
    double warm = 0;
    for (int i = 0; i < bench->count; i++) {
        const BenchResult *result = &bench->results[i];
        open = result->runs > 0 && result->open_seconds > open ? result->open_seconds : open;
        warm = result->runs > 0 && result->warm_seconds > warm ? result->warm_seconds : warm;
    }
    printf("\nMedians of %d run%s, %s half of their range. real: seconds of audio per second of\n"
           "work; gain: over the slowest; memory: the process's peak. Not in the times:\n"
           "making a network ready took up to %.2f s, a warm-up up to %.2f s.\n",
           bench->options->runs, bench->options->runs == 1 ? "" : "s", plus_minus(), open, warm);
}

void bench_print(const Bench *bench) {
    print_head(bench);
    print_table(bench);
    print_warm_ups(bench);
    print_notes(bench);
    print_failures(bench);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *seconds_json(const BenchResult *result) {
    json_t *list = json_new_array();
    for (int i = 0; i < result->runs; i++)
        json_append(list, json_real(result->seconds[i]));
    return list;
}

static json_t *result_json(const Bench *bench, const BenchResult *result) {
    json_t *object = json_new_object();
    bool ran = result->runs > 0;
    const char *error = result->error.status != CLEAVE_OK ? result->error.text
                        : ran                             ? NULL
                                                          : "not run";
    json_put_text(object, "device", result->mode.device);
    json_put_text(object, "precision", mode_precision(result->mode.precision));
    json_put_bool(object, "simulated", result->mode.simulated);
    json_put_bool(object, "compile", result->mode.compile);
    json_put_bool(object, "compiled", ran && result->compiled);
    json_put_text(object, "kernels", result->kernels);
    json_put_integer(object, "overlap", result->overlap);
    json_put_integer(object, "batch", result->batch);
    json_put_text(object, "error", error);
    json_put(object, "seconds", seconds_json(result));
    json_put(object, "median_seconds", ran ? json_real(bench_median(result)) : json_null());
    json_put(object, "spread", ran ? json_real(bench_spread(result)) : json_null());
    json_put(object, "real_time_factor",
             ran ? json_real(bench_real_time(bench, result)) : json_null());
    json_put(object, "speed_up", ran ? json_real(bench_speed_up(bench, result)) : json_null());
    json_put_number(object, "open_seconds", result->open_seconds);
    json_put_number(object, "warm_up_seconds", result->warm_seconds);
    json_put_integer(object, "peak_memory_bytes", result->host_memory);
    json_put_integer(object, "peak_device_memory_bytes", result->device_memory);
    json_put_integer(object, "fallback_ops", result->fallback_ops);
    return object;
}

void bench_print_json(const Bench *bench) {
    const cleave_audio *audio = &bench->trial.audio;
    double rate = (double)audio->sample_rate;
    json_t *list = json_new_array();
    for (int i = 0; i < bench->count; i++)
        json_append(list, result_json(bench, &bench->results[i]));
    json_t *object = json_new_object();
    json_put_text(object, "model", bench->options->trial.model.path);
    json_put_text(object, "input", bench->trial.input);
    json_put_number(object, "start_seconds", (double)audio->start / rate);
    json_put_number(object, "audio_seconds", (double)audio->samples / rate);
    json_put_integer(object, "runs", bench->options->runs);
    json_put(object, "configurations", list);
    json_print_indented(object);
}
