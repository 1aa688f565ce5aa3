/* summary.c: counts what happened to the inputs, and lays out the lines that say it. */
#include "cli/separate/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/console/message.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"

#define LABEL_COLUMNS 8 /* message_note's "cleave: " */
#define PART_SIZE     192
#define PARTS         5

void summary_add_done(Summary *summary, const cleave_result *result) {
    summary->done++;
    summary->seconds += result->seconds;
    summary->audio_seconds += result->audio_seconds;
}

/* The reason alone: what was tried, the file and the advice were said when it happened. */
static char *summary_reason(const cleave_error *error) {
    if (error->status == CLEAVE_ERROR_CANCELLED)
        return copy_text("interrupted");
    return copy_bytes(error->text + error->reason, (size_t)(error->reason_end - error->reason));
}

void summary_add_failure(Summary *summary, const char *input, const cleave_error *error) {
    if (summary->failed < SUMMARY_FAILURES)
        summary->failures[summary->failed] = (Failure){copy_text(input), summary_reason(error)};
    summary->failed++;
}

/* Columns behind the label. */
static int summary_columns(void) {
    return terminal_width(stderr) - LABEL_COLUMNS - 1;
}

/* Says the parts with commas between them, in as few lines as hold them. */
static void summary_tell_parts(char parts[PARTS][PART_SIZE], int count) {
    char line[PARTS * (PART_SIZE + 2)] = "";
    for (int i = 0; i < count; i++) {
        int needed = (int)(strlen(line) + strlen(parts[i])) + 1 + (i + 1 < count);
        if (*line != '\0' && needed > summary_columns()) {
            message_note("%s", line);
            *line = '\0';
        }
        size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "%s%s%s", used > 0 ? " " : "", parts[i],
                 i + 1 < count ? "," : "");
    }
    message_note("%s", line);
}

static void summary_add_part(char parts[PARTS][PART_SIZE], int *count, int inputs,
                             const char *what) {
    if (inputs > 0)
        snprintf(parts[(*count)++], PART_SIZE, "%d %s", inputs, what);
}

static void summary_tell_counts(const Summary *summary) {
    char parts[PARTS][PART_SIZE];
    char times[128] = "";
    int count = 1;
    int inputs =
        summary->done + summary->skipped + summary->busy + summary->failed + summary->not_started;
    if (summary->done > 0 && summary->seconds > 0.0)
        snprintf(times, sizeof times, " (%s of audio in %s, %.1fx)",
                 text_duration(summary->audio_seconds).text, text_duration(summary->seconds).text,
                 summary->audio_seconds / summary->seconds);
    snprintf(parts[0], PART_SIZE, "%d of %d inputs done%s", summary->done, inputs, times);
    summary_add_part(parts, &count, summary->skipped,
                     summary->skipped == 1 ? "skipped, since its stems are there"
                                           : "skipped, since their stems are there");
    summary_add_part(parts, &count, summary->busy, "left to another process");
    summary_add_part(parts, &count, summary->failed, "failed");
    summary_add_part(parts, &count, summary->not_started, "not started");
    summary_tell_parts(parts, count);
}

/* "  input: reason", shortened to the line: the reason gets at least half of it. */
static void summary_tell_failure(const Failure *failure) {
    char *input = text_printable(failure->input);
    char *reason = text_printable(failure->reason);
    int room = summary_columns() - (int)sizeof "  : " + 1;
    int half = room / 2;
    int for_reason = text_width(reason) < half ? text_width(reason) : half;
    char *short_input = text_shorten(input, room - for_reason);
    char *short_text = text_shorten(reason, room - text_width(short_input));
    message_note("  %s: %s", short_input, short_text);
    free(short_text);
    free(short_input);
    free(reason);
    free(input);
}

void summary_tell(const Summary *summary) {
    summary_tell_counts(summary);
    int told = summary->failed < SUMMARY_FAILURES ? summary->failed : SUMMARY_FAILURES;
    if (told > 0)
        message_note("failed:");
    for (int i = 0; i < told; i++)
        summary_tell_failure(&summary->failures[i]);
    if (summary->failed > told)
        message_note("  and %d more", summary->failed - told);
}

void summary_free(Summary *summary) {
    for (int i = 0; i < SUMMARY_FAILURES; i++) {
        free(summary->failures[i].input);
        free(summary->failures[i].reason);
    }
    *summary = (Summary){.done = 0};
}
