/* terminal.h: what the standard streams are attached to, the one line that is redrawn in place, and
 * whether standard output took what was written. */
#ifndef CLEAVE_CLI_TERMINAL_H
#define CLEAVE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* Opens /dev/null in place of standard streams that the caller closed, so that no audio file gets
 * their number, and takes the locale's character set. Call first. */
void terminal_prepare(void);

/* A terminal that can redraw a line (TERM is not dumb). */
bool terminal_is(FILE *stream);

/* Columns of the terminal; 80 where that is unknown. */
int terminal_width(FILE *stream);

/* The locale's character set is UTF-8. */
bool terminal_is_utf8(void);

/* The escape sequence that begins a style, or "" where colour is unwanted (NO_COLOR) or useless. */
const char *terminal_style(FILE *stream, const char *style);
#define STYLE_BOLD   "\033[1m"
#define STYLE_RED    "\033[1;31m"
#define STYLE_YELLOW "\033[33m"
#define STYLE_PLAIN  "\033[0m"

/* Draws `line` over the last one on standard error's terminal; messages clear it first. */
void terminal_draw_status(const char *line);
void terminal_clear_status(void);

/* Sets standard output aside for audio: returns another descriptor of it, to be closed, and from
 * now on text that is meant for it goes to standard error. Negative, with errno, where that failed.
 */
int terminal_yield_output(void);

/* Pushes standard output out. The first failure is kept: terminal_output_error() is its errno. */
void terminal_flush_output(void);
int terminal_output_error(void);

#endif
