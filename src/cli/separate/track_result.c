/* track_result.c: scores, tables, warnings and JSON of one track. */
#include "cli/separate/track_result.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/json.h"
#include "cli/console/message.h"
#include "cli/console/table.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"
#include "cli/show/profile_table.h"
#include "cli/show/score.h"

#define TIME_COLUMNS 50 /* columns of the line of times without the name */

bool track_score(Track *track, const AudioFiles *truth, const char *folder) {
    bool good = true;
    int count = track->result.stem_count;
    track->scores = allocate((size_t)count, sizeof *track->scores);
    for (int i = 0; i < count; i++) {
        const cleave_stem_result *stem = track->result.stems[i];
        cleave_score *score = &track->scores[i];
        const AudioFile *file = audio_files_find(truth, stem->name);
        cleave_error error;
        bool scored = file != NULL && score_pair(file->path, stem->path, score, &error);
        if (file == NULL)
            message_warning("--score: %s has no file for the stem %s", folder, stem->name);
        else if (!scored)
            good = false;
        if (!scored)
            score->sdr = score->si_sdr = (double)NAN;
    }
    return good;
}

static double decibels(double amplitude) {
    return 20.0 * log10(amplitude);
}

void track_warn_clipped(const Track *track, cleave_format format) {
    char *list = NULL;
    for (int i = 0; i < track->result.stem_count; i++) {
        const cleave_stem_result *stem = track->result.stems[i];
        if (stem->clipped <= 0)
            continue;
        append_text(&list, "%s%s %" PRId64 " (peak %+.1f dBFS)", list != NULL ? ", " : "",
                    stem->name, stem->clipped, decibels(stem->peak));
    }
    const char *input = text_input_name(track->input);
    cleave_format_info info = separate_format(format);
    bool is_lossy = info.default_bits == CLEAVE_BITS_AUTO;
    if (list != NULL && is_lossy) /* encoders take samples as they are */
        message_warning("%s: samples beyond full scale: %s; the files keep them, but players cut "
                        "them off: try -f wav --bits float, or lower the input's level",
                        input, list);
    else if (list != NULL)
        message_warning("%s: samples cut off at full scale: %s; try %s--bits float, which cuts "
                        "none, or lower the input's level",
                        input, list, info.floats ? "" : "-f wav ");
    free(list);
}

static ShortText peak_text(double peak) {
    ShortText text = {"silent"};
    if (peak > 0.0)
        snprintf(text.text, sizeof text.text, "%.1f", decibels(peak));
    return text;
}

static void print_peaks(const cleave_result *result) {
    static const char *const headers[] = {"stem", "file", "peak dBFS"};
    Table *table = table_new("lpr", headers);
    for (int i = 0; i < result->stem_count; i++) {
        ShortText peak = peak_text(result->stems[i]->peak);
        const char *row[] = {result->stems[i]->name, result->stems[i]->path, peak.text};
        table_row(table, row);
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_scores(const cleave_result *result, const cleave_score *scores) {
    static const char *const headers[] = {"stem", "file", "SDR dB"};
    ScoreMean mean = {0.0, 0};
    Table *table = table_new("lpr", headers);
    for (int i = 0; i < result->stem_count; i++) {
        ShortText sdr = score_text(scores[i].sdr);
        const char *row[] = {result->stems[i]->name, result->stems[i]->path, sdr.text};
        table_row(table, row);
        score_mean_add(&mean, scores[i].sdr);
    }
    ShortText sdr = score_text(score_mean(&mean));
    const char *last[] = {"mean", "", sdr.text};
    table_rule(table);
    table_row(table, last);
    table_print(table, stdout);
    table_free(table);
}

static double real_time_factor(const cleave_result *result) {
    return result->seconds > 0.0 ? result->audio_seconds / result->seconds : (double)NAN;
}

static void print_time(const Track *track) {
    const cleave_result *result = &track->result;
    char *name = text_file_name(text_input_name(track->input));
    char *printable = text_printable(name);
    int room = terminal_is(stdout) ? terminal_width(stdout) - TIME_COLUMNS : INT_MAX;
    char *shown = text_shorten(printable, room > 8 ? room : 8);
    printf("%s: %.1f s of audio in %.2f s, %.1fx real time\n", shown, result->audio_seconds,
           result->seconds, real_time_factor(result));
    free(shown);
    free(printable);
    free(name);
}

static void print_memory(const Track *track, const cleave_separator_info *info) {
    const cleave_result *result = &track->result;
    printf("memory: %s at most; of the network %s on %s\n",
           text_bytes(result->peak_host_memory).text, text_bytes(result->peak_device_memory).text,
           info->device);
}

/* The first of `count` ops of one device. */
static void print_fallback_of(const cleave_fallback_op *first, int count) {
    char *name = text_printable(first->name);
    char *line =
        format_text("fallback: %d op%s ran elsewhere than on %s: %s%s", count,
                    count == 1 ? "" : "s", first->instead_of, name, count > 1 ? ", ..." : "");
    text_print_wrapped(line, 0, 0);
    free(line);
    free(name);
}

static void print_fallback(const Track *track) {
    const cleave_fallback_op *ops = track->fallback;
    for (int first = 0, end = 0; first < track->fallback_count; first = end) {
        while (end < track->fallback_count &&
               strcmp(ops[end].instead_of, ops[first].instead_of) == 0)
            end++;
        print_fallback_of(&ops[first], end - first);
    }
}

void track_take_fallback(Track *track, const cleave_separator *separator) {
    int count = cleave_separator_fallbacks(separator, NULL, 0);
    if (count == 0)
        return;
    track->fallback = allocate((size_t)count, sizeof *track->fallback);
    int found = cleave_separator_fallbacks(separator, track->fallback, count);
    track->fallback_count = found < count ? found : count;
}

void track_print(const Track *track, const cleave_separator_info *info, bool quiet) {
    if (track->scores != NULL)
        print_scores(&track->result, track->scores);
    else if (!quiet)
        print_peaks(&track->result);
    else
        return;
    print_time(track);
    print_memory(track, info);
    print_fallback(track);
}

/* Of stems that were there already only names and paths are known. */
static void append_skipped(json_t *outputs, const Track *track) {
    for (int i = 0; track->skipped && i < track->outputs.count; i++) {
        json_t *object = json_new_object();
        json_put_text(object, "stem", track->outputs.stems[i]);
        json_put_text(object, "path", track->outputs.paths[i]);
        json_append(outputs, object);
    }
}

static json_t *outputs_json(const Track *track) {
    json_t *outputs = json_new_array();
    append_skipped(outputs, track);
    for (int i = 0; i < track->result.stem_count; i++) {
        const cleave_stem_result *stem = track->result.stems[i];
        json_t *object = json_new_object();
        json_put_text(object, "stem", stem->name);
        json_put_text(object, "path", stem->path);
        json_put_number(object, "peak", stem->peak);
        json_put_integer(object, "clipped", stem->clipped);
        if (track->scores != NULL) {
            json_put_number(object, "sdr", track->scores[i].sdr);
            json_put_number(object, "si_sdr", track->scores[i].si_sdr);
        }
        json_append(outputs, object);
    }
    return outputs;
}

static void put_result(json_t *object, const cleave_result *result) {
    json_put_number(object, "audio_seconds", result->audio_seconds);
    json_put_number(object, "seconds", result->seconds);
    json_put_number(object, "real_time_factor", real_time_factor(result));
    json_put_number(object, "network_seconds", result->network_seconds);
    json_put_integer(object, "sample_rate", result->sample_rate);
    json_put_integer(object, "source_sample_rate", result->source_rate);
    json_put_integer(object, "channels", result->channels);
    json_put_integer(object, "samples", result->samples);
    json_put_integer(object, "peak_memory_bytes", result->peak_host_memory);
    json_put_integer(object, "peak_device_memory_bytes", result->peak_device_memory);
}

static json_t *fallback_json(const Track *track) {
    json_t *list = json_new_array();
    for (int i = 0; i < track->fallback_count; i++) {
        const cleave_fallback_op *op = &track->fallback[i];
        json_t *object = json_new_object();
        json_put_text(object, "name", op->name);
        json_put_text(object, "op", op->op);
        json_put_text(object, "device", op->device);
        json_put_text(object, "instead_of", op->instead_of);
        json_put_text(object, "reason", op->reason);
        json_put_integer(object, "runs", op->runs);
        json_append(list, object);
    }
    return list;
}

static void put_separator(json_t *object, const cleave_separator_info *info) {
    json_put_text(object, "device", info->device);
    json_put_text(object, "kernels", info->kernels);
    json_put_text(object, "precision", info->precision);
    json_put_bool(object, "compiled", info->compiled);
    json_put_integer(object, "overlap", info->overlap);
    json_put_integer(object, "batch", info->batch);
    json_put_text(object, "blend", info->blend);
    json_put_bool(object, "tta", info->tta);
    json_put_integer(object, "memory_planned_bytes", info->memory_needed);
}

void track_print_json(const Track *track, const char *model, const cleave_separator_info *info) {
    bool done = track->error.status == CLEAVE_OK;
    const char *status = track->skipped ? "skipped"
                         : done         ? "ok"
                                        : cleave_status_name(track->error.status);
    json_t *object = json_new_object();
    json_put_text(object, "input", track->input);
    json_put_text(object, "model", model);
    json_put_text(object, "status", status);
    json_put_text(object, "error", done ? NULL : track->error.text);
    json_put(object, "outputs", outputs_json(track));
    if (done && !track->skipped) {
        put_result(object, &track->result);
        json_put(object, "fallback_ops", fallback_json(track));
    }
    if (info != NULL)
        put_separator(object, info);
    if (track->profile.count > 0)
        json_put(object, "profile", profile_json(&track->profile));
    json_print_line(object);
}

void track_free(Track *track) {
    cleave_result_free(&track->result);
    cleave_outputs_free(&track->outputs);
    cleave_profile_free(&track->profile);
    free(track->fallback);
    track->fallback = NULL;
    track->fallback_count = 0;
    free(track->scores);
    track->scores = NULL;
}
