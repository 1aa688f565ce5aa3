/* text.h: UTF-8 text as people see it: columns, shortening, numbers. Names of files may hold any
 * bytes; what is not UTF-8 is replaced before it is shown. */
#ifndef CLEAVE_CLI_TEXT_H
#define CLEAVE_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid UTF-8 for JSON: each byte that belongs to no character becomes U+FFFD. */
char *text_valid(const char *text);

/* As text_valid, and what breaks a line, steers a terminal or turns the text behind it becomes '?'
 * (base/utf8.h). */
char *text_printable(const char *text);

/* Columns that printable text takes on a terminal. */
int text_width(const char *text);

/* Printable text cut in the middle to at most `columns`; a copy where it fits. The second form
 * writes into `out` and needs no memory. */
char *text_shorten(const char *text, int columns);
void text_shorten_into(char *out, size_t size, const char *text, int columns);

/* A word and what it means. Lists end with a NULL name. */
typedef struct Term {
    const char *name;
    const char *text;
} Term;

/* A few words, by value. */
typedef struct ShortText {
    char text[32];
} ShortText;

/* "0:07", "12:34", "1:02:03". */
ShortText text_duration(double seconds);

/* "7.6 GiB". */
ShortText text_bytes(int64_t bytes);

/* "600M", "2G", "1.5GiB", "1000": powers of 1000 (k, M, G, T) or of 1024 (Ki, Mi, Gi, Ti), with or
 * without a B or a blank before the unit, in any case; at least one byte. False, and *bytes
 * untouched, for anything else. */
bool text_parse_bytes(const char *text, int64_t *bytes);

/* A file's name without folders and, in text_stem, without its extension. */
char *text_file_name(const char *path);
char *text_stem(const char *path);

/* Where an error's text names `name`, a path, or NULL; *end: what stands behind it there. Errors
 * show names as text_printable() does, and of long paths the beginning only. */
const char *text_find_name(const char *text, const char *name, const char **end);

/* How people are told of an input: as it was given, but "standard input" for "-". */
const char *text_input_name(const char *input);

/* Prints `text` on standard output, word by word from column `indent` on, in lines of at most 79
 * columns; the line is already at `column`. */
void text_print_wrapped(const char *text, int column, int indent);

/* The one of `words` (NULL-terminated) most like `word`, or NULL where none is near enough to
 * suggest. */
const char *text_nearest(const char *word, const char *const *words);

#endif
