/* verify_output.c: what `cleave verify` prints: a table of modes and stems, the thresholds, and the
 * conclusion; or all of it as JSON. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/json.h"
#include "cli/console/table.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"
#include "cli/trials/verify.h"

#define STEM_COLUMNS  18
#define INPUT_COLUMNS 40

bool verify_passed(const Verify *verify, const VerifyResult *result) {
    return result->snr >= verify->options->min_snr;
}

/* "-98.2", or "none" if there is no difference at all. */
static ShortText level_text(double level) {
    ShortText result = {"none"};
    if (level > -INFINITY)
        snprintf(result.text, sizeof result.text, "%.1f", level);
    return result;
}

static ShortText snr_text(const cleave_comparison *stem) {
    ShortText result = {"silent"};
    if (stem->not_numbers > 0)
        snprintf(result.text, sizeof result.text, "no number");
    else if (!verdict_is_silent(stem))
        snprintf(result.text, sizeof result.text, isinf(stem->snr) ? "equal" : "%.1f", stem->snr);
    return result;
}

static double max_level(const cleave_comparison *stem) {
    return 20.0 * log10(stem->max_difference);
}

/* ---- The table --------------------------------------------------------------------------- */

typedef struct Ranked {
    int stem;
    double snr;
} Ranked;

static int compare_ranked(const void *a, const void *b) {
    const Ranked *one = a;
    const Ranked *other = b;
    if (one->snr != other->snr)
        return one->snr < other->snr ? -1 : 1;
    return one->stem - other->stem;
}

/* Worst first. Free them. */
static Ranked *rank_stems(const Verify *verify, const VerifyResult *result) {
    int count = verify->model.stem_count;
    Ranked *ranked = allocate((size_t)count, sizeof *ranked);
    for (int i = 0; i < count; i++)
        ranked[i] = (Ranked){i, verdict_snr(&result->stems[i])};
    qsort(ranked, (size_t)count, sizeof *ranked, compare_ranked);
    return ranked;
}

static void add_stem(Table *table, const char *mode, const char *name,
                     const cleave_comparison *stem) {
    ShortText snr = snr_text(stem);
    ShortText max = level_text(max_level(stem));
    char spectral[32];
    char *printable = text_printable(name);
    char *shown = text_shorten(printable, STEM_COLUMNS);
    snprintf(spectral, sizeof spectral, "%.2f", stem->spectral_difference);
    const char *row[] = {mode,
                         shown,
                         snr.text,
                         stem->not_numbers > 0 ? "" : max.text,
                         stem->not_numbers > 0 ? "" : spectral,
                         verdict_name(verdict_of(verdict_snr(stem)))};
    table_row(table, row);
    free(shown);
    free(printable);
}

static void add_result(Table *table, const Verify *verify, const VerifyResult *result) {
    if (result->stems == NULL) {
        bool is_broken = isinf(result->snr);
        const char *row[] = {result->mode.name,
                             is_broken ? "all" : "",
                             is_broken ? "no number" : "",
                             "",
                             "",
                             is_broken ? verdict_name(VERDICT_BROKEN) : "did not run"};
        table_row(table, row);
        return;
    }
    Ranked *ranked = rank_stems(verify, result);
    for (int i = 0; i < verify->model.stem_count; i++)
        add_stem(table, i == 0 ? result->mode.name : "", verify->model.stems[ranked[i].stem],
                 &result->stems[ranked[i].stem]);
    free(ranked);
}

static void print_table(const Verify *verify) {
    static const char *const headers[] = {"mode",     "stem",   "SNR dB",
                                          "max dBFS", "LSD dB", "verdict"};
    Table *table = table_new("llrrrl", headers);
    for (int i = 0; i < verify->count; i++)
        add_result(table, verify, &verify->results[i]);
    table_print(table, stdout);
    table_free(table);
}

/* ---- The text around it ------------------------------------------------------------------ */

static void print_head(const Verify *verify) {
    double rate = (double)verify->trial.audio.sample_rate;
    double seconds = (double)verify->trial.audio.samples / rate;
    char *name = NULL;
    if (verify->trial.input != NULL) {
        char *printable = text_printable(verify->trial.input);
        name = text_shorten(printable, INPUT_COLUMNS);
        free(printable);
        printf("Audio:     %.*f s of %s, from %s on\n", seconds < 1.0 ? 2 : 1, seconds, name,
               text_duration((double)verify->trial.audio.start / rate).text);
    } else {
        printf("Audio:     %.1f s, generated\n", seconds);
    }
    free(name);
    printf("Reference: %s\n", mode_reference().name);
    if (verify->simulated[0] != '\0')
        printf("Simulated: %s; there is no such device here\n", verify->simulated);
    putchar('\n');
}

/* Where a mode did otherwise than it was asked to. */
static void print_notes(const VerifyResult *result) {
    if (result->mode.compile && !result->compiled)
        printf("%s: compiling failed; it ran op by op\n", result->mode.name);
    if (result->fallback_ops > 0)
        printf("%s: %" PRId64 " ops did not run on the device\n", result->mode.name,
               result->fallback_ops);
}

/* "cpu bf16 compiled: audible; worst stem snare, 44.1 dB". */
static void print_conclusion(const Verify *verify, const VerifyResult *result) {
    if (result->stems == NULL && isnan(result->snr)) {
        printf("%s: did not run\n", result->mode.name);
        return;
    }
    const char *verdict = verdict_name(verdict_of(result->snr));
    if (result->stems == NULL) {
        printf("%s: %s; what comes out is no number\n", result->mode.name, verdict);
        return;
    }
    const cleave_comparison *worst = &result->stems[result->worst];
    char *name = text_printable(verify->model.stems[result->worst]);
    char *shown = text_shorten(name, STEM_COLUMNS);
    printf("%s: %s; worst stem: %s, ", result->mode.name, verdict, shown);
    if (worst->not_numbers > 0)
        printf("samples that are no numbers\n");
    else if (verdict_is_silent(worst))
        printf("silent, error %s dBFS\n", level_text(worst->error_level).text);
    else
        printf("%s%s\n", snr_text(worst).text, isinf(worst->snr) ? "" : " dB");
    print_notes(result);
    free(shown);
    free(name);
}

static void print_thresholds(const Verify *verify) {
    printf("\nSNR, the largest difference of two samples and the log-spectral distance, all\n"
           "against the reference. transparent: SNR of %.0f dB and more; broken: less than\n"
           "%.0f dB; audible: between. A silent stem (RMS below %.0f dBFS) is judged by its\n"
           "error alone. 'cleave verify --help' gives formulas and reasons.\n\n",
           TRANSPARENT_SNR, BROKEN_SNR, SILENT_LEVEL);
    int failed = 0;
    for (int i = 0; i < verify->count; i++)
        failed += !verify_passed(verify, &verify->results[i]);
    if (failed == 0)
        printf("All reach --min-snr %g dB.\n", verify->options->min_snr);
    else
        printf("%d of %d modes fall below --min-snr %g dB.\n", failed, verify->count,
               verify->options->min_snr);
}

void verify_print(const Verify *verify) {
    print_head(verify);
    print_table(verify);
    putchar('\n');
    for (int i = 0; i < verify->count; i++)
        print_conclusion(verify, &verify->results[i]);
    print_thresholds(verify);
    terminal_flush_output();
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *stem_json(const char *name, const cleave_comparison *stem) {
    json_t *object = json_new_object();
    bool numbers = stem->not_numbers == 0;
    json_put_text(object, "stem", name);
    json_put_bool(object, "silent", verdict_is_silent(stem));
    json_put_number(object, "snr", verdict_is_silent(stem) ? (double)NAN : stem->snr);
    json_put_number(object, "level_dbfs", stem->level);
    json_put_number(object, "error_dbfs", stem->error_level);
    json_put_number(object, "max_difference", stem->max_difference);
    json_put_number(object, "max_difference_dbfs", numbers ? max_level(stem) : (double)INFINITY);
    json_put_number(object, "spectral_difference", stem->spectral_difference);
    json_put_integer(object, "not_numbers", stem->not_numbers);
    json_put_text(object, "verdict", verdict_name(verdict_of(verdict_snr(stem))));
    return object;
}

static json_t *mode_json(const Mode *mode) {
    json_t *object = json_new_object();
    json_put_text(object, "device", mode->device);
    json_put_text(object, "precision", mode_precision(mode->precision));
    json_put_bool(object, "compile", mode->compile);
    return object;
}

static json_t *result_json(const Verify *verify, const VerifyResult *result) {
    json_t *object = mode_json(&result->mode);
    bool failed = result->error.status != CLEAVE_OK;
    bool judged = !isnan(result->snr);
    json_put_text(object, "error", failed ? result->error.text : NULL);
    json_put_bool(object, "simulated", result->mode.simulated);
    json_put_bool(object, "compiled", result->compiled);
    json_put_integer(object, "fallback_ops", result->fallback_ops);
    json_put_text(object, "kernels", result->kernels[0] != '\0' ? result->kernels : NULL);
    json_put_number(object, "judged_snr", result->snr);
    json_put_text(object, "worst_stem",
                  result->stems != NULL ? verify->model.stems[result->worst] : NULL);
    json_put_text(object, "verdict", judged ? verdict_name(verdict_of(result->snr)) : NULL);
    json_put_bool(object, "passed", verify_passed(verify, result));
    json_t *stems = json_new_array();
    for (int s = 0; result->stems != NULL && s < verify->model.stem_count; s++)
        json_append(stems, stem_json(verify->model.stems[s], &result->stems[s]));
    json_put(object, "stems", stems);
    return object;
}

static json_t *thresholds_json(const Verify *verify) {
    json_t *object = json_new_object();
    json_put_number(object, "transparent_snr", TRANSPARENT_SNR);
    json_put_number(object, "broken_snr", BROKEN_SNR);
    json_put_number(object, "min_snr", verify->options->min_snr);
    json_put_number(object, "silent_dbfs", SILENT_LEVEL);
    json_put_number(object, "silent_as_dbfs", SILENT_AS_LEVEL);
    return object;
}

void verify_print_json(const Verify *verify) {
    double rate = (double)verify->trial.audio.sample_rate;
    bool passed = true;
    json_t *object = json_new_object();
    json_t *modes = json_new_array();
    Mode reference = mode_reference();
    for (int i = 0; i < verify->count; i++) {
        passed = passed && verify_passed(verify, &verify->results[i]);
        json_append(modes, result_json(verify, &verify->results[i]));
    }
    json_put_text(object, "model", verify->options->trial.model.path);
    json_put_text(object, "input", verify->trial.input);
    json_put_number(object, "start_seconds", (double)verify->trial.audio.start / rate);
    json_put_number(object, "seconds", (double)verify->trial.audio.samples / rate);
    json_put(object, "reference", mode_json(&reference));
    json_put(object, "thresholds", thresholds_json(verify));
    json_put(object, "modes", modes);
    json_put_bool(object, "passed", passed);
    json_print_indented(object);
}
