/* utf8.h: text that people may see. A name from a file or from outside may hold any bytes: some are
 * no UTF-8, some steer a terminal, some hide what stands behind them. Here it becomes one line of
 * valid, harmless UTF-8. Paths themselves stay as they are: only what is shown of them changes. */
#ifndef CLEAVE_BASE_UTF8_H
#define CLEAVE_BASE_UTF8_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shown for each byte that belongs to no character: U+FFFD. */
#define UTF8_REPLACEMENT      0xFFFDu
#define UTF8_REPLACEMENT_TEXT "\xEF\xBF\xBD"

/* Reads the character at `text` and returns how many bytes it has. If there is no valid one, *code
 * is U+FFFD and the result is 1. */
size_t utf8_decode(const char *text, uint32_t *code);

/* Whether a character may be shown: it is no control character (C0, DEL, C1), ends neither a line
 * nor a paragraph (U+2028, U+2029), and does not turn the direction of the text behind it (U+202A
 * to U+202E, U+2066 to U+2069). */
bool utf8_is_harmless(uint32_t code);

/* Writes `text` as it may be shown: U+FFFD for bytes that are no UTF-8, '?' for each character that
 * is not harmless. If that does not fit into `size` bytes, NUL included, bytes become '?', too, and
 * so need no more room than before; what still does not fit is cut behind a whole character.
 * Showing it again changes nothing. `out` must not be `text`. */
void utf8_show(char *out, size_t size, const char *text);

/* In the formats of utf8_show_format(): "%.640s", but never cut within a character. */
#define UTF8_CUT(size) UTF8_CUT_BEGIN "%." #size "s" UTF8_CUT_END #size UTF8_CUT_SIZE

/* Marks around such a text, which are removed again, also from names that have them. */
#define UTF8_CUT_BEGIN "\x02\x05"
#define UTF8_CUT_END   "\x03\x05"
#define UTF8_CUT_SIZE  "\x04"

/* The same for the text that a format makes. `out` may be among the arguments. */
void utf8_show_format(char *out, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Takes off the part of a character that a cut at `text`'s end may have left there. */
void utf8_trim(char *text);

#endif
