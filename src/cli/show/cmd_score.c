/* cmd_score.c: `cleave score`: pairs true stems with estimates and shows their scores. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/json.h"
#include "cli/console/message.h"
#include "cli/console/table.h"
#include "cli/show/audio_files.h"
#include "cli/show/commands.h"
#include "cli/show/score.h"

typedef struct Pair {
    const AudioFile *truth;
    const AudioFile *estimate; /* NULL: missing */
    cleave_score score;        /* NaN without an estimate */
    cleave_error error;
} Pair;

typedef struct Comparison {
    AudioFiles truth, estimates;
    Pair *pairs; /* one per true stem */
    ScoreMean sdr, si_sdr;
} Comparison;

static void score_single_file(AudioFiles *list, const char *path) {
    list->files = allocate(1, sizeof *list->files);
    list->files[0] = (AudioFile){text_stem(path), copy_text(path)};
    list->count = 1;
}

static bool score_file_exists(const char *path) {
    struct stat status;
    if (stat(path, &status) == 0)
        return true;
    message_error("%s: %s; check the path", path, strerror(errno));
    return false;
}

/* Returns an exit code. */
static int score_find_files(Comparison *comparison, const char *truth, const char *estimate) {
    if (!score_file_exists(truth) || !score_file_exists(estimate))
        return EXIT_INPUT;
    if (is_folder(truth) != is_folder(estimate)) {
        message_error("score: %s is a folder and %s is not; name two folders or two files",
                      is_folder(truth) ? truth : estimate, is_folder(truth) ? estimate : truth);
        return EXIT_USAGE;
    }
    if (!is_folder(truth)) {
        score_single_file(&comparison->truth, truth);
        score_single_file(&comparison->estimates, estimate);
        return EXIT_DONE;
    }
    if (!audio_files_list(&comparison->truth, truth) ||
        !audio_files_list(&comparison->estimates, estimate))
        return EXIT_INPUT;
    if (comparison->truth.count == 0) {
        message_error("%s: no audio files in this folder", truth);
        return EXIT_INPUT;
    }
    return EXIT_DONE;
}

static const AudioFile *estimate_of(const Comparison *comparison, const AudioFile *truth,
                                    bool two_files) {
    return two_files ? &comparison->estimates.files[0]
                     : audio_files_find(&comparison->estimates, truth->stem);
}

/* Returns an exit code: EXIT_INPUT if a stem is missing or could not be scored. */
static int score_pairs(Comparison *comparison, bool two_files) {
    int code = EXIT_DONE;
    size_t count = comparison->truth.count;
    comparison->pairs = allocate(count, sizeof *comparison->pairs);
    for (size_t i = 0; i < count; i++) {
        Pair *pair = &comparison->pairs[i];
        pair->truth = &comparison->truth.files[i];
        pair->estimate = estimate_of(comparison, pair->truth, two_files);
        bool good = pair->estimate != NULL &&
                    score_pair(pair->truth->path, pair->estimate->path, &pair->score, &pair->error);
        if (!good) {
            pair->score.sdr = pair->score.si_sdr = (double)NAN;
            code = EXIT_INPUT;
        }
        score_mean_add(&comparison->sdr, pair->score.sdr);
        score_mean_add(&comparison->si_sdr, pair->score.si_sdr);
    }
    return code;
}

static void score_tell_missing(const Comparison *comparison, const char *folder) {
    char *names = NULL;
    for (size_t i = 0; i < comparison->truth.count; i++) {
        if (comparison->pairs[i].estimate != NULL)
            continue;
        append_text(&names, "%s%s", names != NULL ? ", " : "", comparison->pairs[i].truth->stem);
    }
    if (names != NULL)
        message_error("%s: no estimate for %s", folder, names);
    free(names);
}

static void score_print_table(const Comparison *comparison) {
    static const char *const headers[] = {"stem", "file", "SDR dB", "SI-SDR dB"};
    Table *table = table_new("lprr", headers);
    for (size_t i = 0; i < comparison->truth.count; i++) {
        const Pair *pair = &comparison->pairs[i];
        ShortText sdr = score_text(pair->score.sdr);
        ShortText si_sdr = score_text(pair->score.si_sdr);
        bool missing = pair->estimate == NULL;
        const char *row[] = {pair->truth->stem, missing ? "missing" : pair->estimate->path,
                             missing ? "" : sdr.text, missing ? "" : si_sdr.text};
        table_row(table, row);
    }
    ShortText sdr = score_text(score_mean(&comparison->sdr));
    ShortText si_sdr = score_text(score_mean(&comparison->si_sdr));
    const char *mean[] = {"mean", "", sdr.text, si_sdr.text};
    table_rule(table);
    table_row(table, mean);
    table_print(table, stdout);
    table_free(table);
}

static json_t *pair_json(const Pair *pair) {
    json_t *object = json_new_object();
    json_put_text(object, "stem", pair->truth->stem);
    json_put_text(object, "true", pair->truth->path);
    json_put_text(object, "estimate", pair->estimate->path);
    json_put_number(object, "sdr", pair->score.sdr);
    json_put_number(object, "si_sdr", pair->score.si_sdr);
    if (pair->error.status != CLEAVE_OK) {
        json_put_text(object, "error", pair->error.text);
    } else {
        json_put_integer(object, "samples", pair->score.samples);
        json_put_integer(object, "length_difference", pair->score.length_difference);
    }
    return object;
}

static void score_print_json(const Comparison *comparison, const CommandLine *line) {
    json_t *object = json_new_object();
    json_t *stems = json_new_array();
    json_t *missing = json_new_array();
    json_t *mean = json_new_object();
    for (size_t i = 0; i < comparison->truth.count; i++) {
        const Pair *pair = &comparison->pairs[i];
        if (pair->estimate != NULL)
            json_append(stems, pair_json(pair));
        else
            json_append_text(missing, pair->truth->stem);
    }
    json_put_number(mean, "sdr", score_mean(&comparison->sdr));
    json_put_number(mean, "si_sdr", score_mean(&comparison->si_sdr));
    json_put_text(object, "true", line->inputs[0]);
    json_put_text(object, "estimate", line->inputs[1]);
    json_put(object, "stems", stems);
    json_put(object, "missing", missing);
    json_put(object, "mean", mean);
    json_print_indented(object);
}

static int score_run(const void *arguments) {
    const CommandLine *line = arguments;
    Comparison comparison = {.pairs = NULL};
    bool two_files = !is_folder(line->inputs[0]);
    int code = score_find_files(&comparison, line->inputs[0], line->inputs[1]);
    if (code == EXIT_DONE) {
        code = score_pairs(&comparison, two_files);
        score_tell_missing(&comparison, line->inputs[1]);
        if (line->json)
            score_print_json(&comparison, line);
        else
            score_print_table(&comparison);
    }
    free(comparison.pairs);
    audio_files_free(&comparison.truth);
    audio_files_free(&comparison.estimates);
    return code;
}

const Command command_score = {
    .name = "score",
    .usage = "score [OPTION...] TRUE ESTIMATE",
    .summary = "compare stems with the true ones",
    .minimum_inputs = 2,
    .maximum_inputs = 2,
    .missing = "score takes the true stems and the estimates: two folders or two files",
    .complete = COMPLETE_AUDIO,
    .rows = telling_rows,
    .options_size = sizeof(CommandLine),
    .run = score_run};
