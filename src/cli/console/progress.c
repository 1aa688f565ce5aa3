/* progress.c: composes the line of progress; terminal.c draws it. An update runs in the middle of a
 * separation, so it must not fail and allocates nothing. */
#include "cli/console/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"

#define REDRAW_SECONDS 0.1
#define LINE_SECONDS   10.0
#define LINE_FRACTION  0.1
#define WIDEST_LINE    160
#define WIDEST_BAR     40
#define NARROWEST_BAR  6
#define NARROWEST_NAME 8

ProgressStyle progress_style(bool quiet, bool json) {
    if (quiet)
        return PROGRESS_NONE;
    if (terminal_is(stderr))
        return PROGRESS_BAR;
    return json ? PROGRESS_NONE : PROGRESS_LINES;
}

/* 0 to 1; negative if the length is unknown. */
static double progress_fraction(const cleave_progress *state) {
    if (state->samples_total <= 0)
        return -1.0;
    double fraction = (double)state->samples_done / (double)state->samples_total;
    return fraction > 1.0 ? 1.0 : fraction < 0.0 ? 0.0 : fraction;
}

/* "45 %  12.3x  0:05 left  612.3 MiB" with `glue` between the parts; the last is the process's peak
 * memory. */
static void progress_write_figures(char *out, size_t size, const Progress *progress,
                                   const cleave_progress *state, const char *glue) {
    double fraction = progress_fraction(state);
    double audio = (double)state->samples_done / progress->sample_rate;
    char speed[48] = "";
    char memory[48] = "";
    if (state->peak_host_memory > 0)
        snprintf(memory, sizeof memory, "%s%s", glue, text_bytes(state->peak_host_memory).text);
    if (state->samples_done > 0 && state->seconds > 0.0)
        snprintf(speed, sizeof speed, "%s%.1fx", glue, audio / state->seconds);
    if (fraction < 0.0)
        snprintf(out, size, "%s done%s%s", text_duration(audio).text, speed, memory);
    else if (fraction > 0.0)
        snprintf(out, size, "%3d %%%s%s%s left%s", (int)(100.0 * fraction), speed, glue,
                 text_duration(state->seconds * (1.0 - fraction) / fraction).text, memory);
    else
        snprintf(out, size, "  0 %%");
}

/* A bar of `columns` (3 to WIDEST_BAR), frame included. */
static void progress_write_bar(char *out, size_t size, double fraction, int columns) {
    static const char *const blocks[] = {" ",
                                         "\xE2\x96\x8F",
                                         "\xE2\x96\x8E",
                                         "\xE2\x96\x8D",
                                         "\xE2\x96\x8C",
                                         "\xE2\x96\x8B",
                                         "\xE2\x96\x8A",
                                         "\xE2\x96\x89",
                                         "\xE2\x96\x88"};
    bool fine = terminal_is_utf8();
    int eighths = (int)(fraction * (columns - 2) * 8);
    size_t used = (size_t)snprintf(out, size, "%s", fine ? "\xE2\x96\x95" : "[");
    for (int i = 0; i < columns - 2; i++) {
        int part = eighths - 8 * i;
        part = part < 0 ? 0 : part > 8 ? 8 : part;
        const char *piece = fine ? blocks[part] : part == 8 ? "#" : ".";
        used += (size_t)snprintf(out + used, size - used, "%s", piece);
    }
    snprintf(out + used, size - used, "%s", fine ? "\xE2\x96\x8F" : "]");
}

/* Name, bar and figures within `width` columns. If they do not fit, the bar goes first, then the
 * name is shortened, then the figures. */
static void progress_compose(char *out, size_t size, const Progress *progress,
                             const cleave_progress *state, int width) {
    char numbers[160];
    char name[4 * WIDEST_LINE];
    char drawn[3 * WIDEST_BAR + 3];
    progress_write_figures(numbers, sizeof numbers, progress, state, "  ");
    int room = width - text_width(numbers) - 2;
    if (room < NARROWEST_NAME) {
        text_shorten_into(out, size, numbers, width);
        return;
    }
    int name_room = room >= 2 * NARROWEST_NAME ? room / 2 : room;
    text_shorten_into(name, sizeof name, progress->label, name_room);
    int columns = room - text_width(name) - 2;
    columns = columns > WIDEST_BAR ? WIDEST_BAR : columns;
    if (state->samples_total <= 0 || columns < NARROWEST_BAR) {
        snprintf(out, size, "%s  %s", name, numbers);
        return;
    }
    progress_write_bar(drawn, sizeof drawn, progress_fraction(state), columns);
    snprintf(out, size, "%s  %s  %s", name, drawn, numbers);
}

static void progress_draw(Progress *progress, const cleave_progress *state) {
    bool last = state->samples_total > 0 && state->samples_done >= state->samples_total;
    bool due = progress->last_shown < 0.0 || last ||
               state->seconds - progress->last_shown >= REDRAW_SECONDS;
    if (!due)
        return;
    char line[8 * WIDEST_LINE];
    int width = terminal_width(stderr) - 3; /* room for the ^C that a terminal echoes */
    progress_compose(line, sizeof line, progress, state, width < WIDEST_LINE ? width : WIDEST_LINE);
    terminal_draw_status(line);
    progress->last_shown = state->seconds;
}

/* One line for each tenth of the track, and one every ten seconds where a tenth takes longer. */
static void progress_tell(Progress *progress, const cleave_progress *state) {
    double fraction = progress_fraction(state);
    bool further = fraction - progress->last_fraction >= LINE_FRACTION;
    bool late = state->seconds - progress->last_shown >= LINE_SECONDS;
    if (fraction >= 1.0 || !(further || late))
        return;
    char numbers[160];
    progress_write_figures(numbers, sizeof numbers, progress, state, ", ");
    message_note("%s: %s", progress->label, numbers + strspn(numbers, " "));
    progress->last_shown = state->seconds;
    progress->last_fraction = fraction;
}

void progress_begin(Progress *progress, ProgressStyle style, const char *label, int sample_rate) {
    progress->style = style;
    progress->label = text_printable(label);
    progress->sample_rate = sample_rate > 0 ? sample_rate : 1;
    progress->last_shown = style == PROGRESS_BAR ? -1.0 : 0.0;
    progress->last_fraction = 0.0;
    cleave_progress nothing = {.samples_total = 1};
    if (style == PROGRESS_BAR)
        progress_draw(progress, &nothing);
}

int progress_update(void *user, const cleave_progress *state) {
    Progress *progress = user;
    if (progress->style == PROGRESS_BAR)
        progress_draw(progress, state);
    else if (progress->style == PROGRESS_LINES)
        progress_tell(progress, state);
    return signals_caught() != 0;
}

void progress_end(Progress *progress) {
    terminal_clear_status();
    free(progress->label);
    progress->label = NULL;
}
