/* terminal.h: what the standard streams are attached to, the status line that is redrawn in place,
 * and whether writing to standard output failed. */
#ifndef CLEAVE_CLI_TERMINAL_H
#define CLEAVE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* Opens /dev/null in place of standard streams that the caller closed, so that no audio file gets
 * their descriptor, and sets the locale's character set. Call it first. */
void terminal_prepare(void);

/* Whether the stream is a terminal that can redraw a line (TERM is not dumb). */
bool terminal_is(FILE *stream);

/* Columns of the terminal; 80 if unknown. */
int terminal_width(FILE *stream);

/* Whether the locale's character set is UTF-8. */
bool terminal_is_utf8(void);

/* The escape sequence that begins a style; "" if NO_COLOR is set or the stream is no terminal. */
const char *terminal_style(FILE *stream, const char *style);
#define STYLE_BOLD   "\033[1m"
#define STYLE_RED    "\033[1;31m"
#define STYLE_YELLOW "\033[33m"
#define STYLE_PLAIN  "\033[0m"

/* Draws `line` over the last one on standard error's terminal; messages clear it first. */
void terminal_draw_status(const char *line);
void terminal_clear_status(void);

/* Sets standard output aside for audio: returns a new descriptor for it, which the caller closes,
 * and sends later text for standard output to standard error. Negative, with errno, on failure. */
int terminal_yield_output(void);

/* Flushes standard output. terminal_output_error() is the errno of the first failure, or 0. */
void terminal_flush_output(void);
int terminal_output_error(void);

#endif
