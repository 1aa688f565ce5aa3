/* measuring.c: see measuring.h. */
#include "measuring.h"

#include <stdio.h>

#include "message.h"
#include "terminal.h"
#include "text.h"

#define FIRST_SECONDS  2.0
#define REDRAW_SECONDS 0.1
#define LINE_SECONDS   10.0

/* A cleave_plan_callback. */
static int update(void *user, const cleave_plan_progress *state) {
    Measuring *measuring = user;
    double pause = measuring->last_shown <= 0.0       ? FIRST_SECONDS
                   : measuring->style == PROGRESS_BAR ? REDRAW_SECONDS
                                                      : LINE_SECONDS;
    if (measuring->style == PROGRESS_NONE || state->seconds - measuring->last_shown < pause)
        return 0;
    char line[80];
    snprintf(line, sizeof line, "measuring the plan: %s left",
             text_duration(state->seconds_left).text);
    if (measuring->style == PROGRESS_BAR)
        terminal_draw_status(line);
    else
        message_note("%s", line);
    measuring->last_shown = state->seconds;
    return 0;
}

void measuring_begin(Measuring *measuring, const Options *options,
                     cleave_separator_settings *settings) {
    measuring->style = progress_style(options->verbosity < VERBOSITY_NORMAL, options->json);
    measuring->last_shown = 0.0;
    settings->plan_progress = update;
    settings->plan_progress_user = measuring;
}

void measuring_end(Measuring *measuring) {
    if (measuring->style == PROGRESS_BAR && measuring->last_shown > 0.0)
        terminal_clear_status();
}
