/* text.h: UTF-8 text as people see it: columns, shortening, numbers. File names may hold any bytes;
 * what is not UTF-8 is replaced before it is shown. */
#ifndef CLEAVE_CLI_TEXT_H
#define CLEAVE_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid UTF-8 for JSON: each invalid byte becomes U+FFFD. */
char *text_valid(const char *text);

/* As text_valid; also, characters that could break a line, steer a terminal or reverse text become
 * '?' (base/utf8.h). */
char *text_printable(const char *text);

/* Columns that printable text takes on a terminal. */
int text_width(const char *text);

/* Printable text, cut in the middle if it is wider than `columns`. The second form writes into
 * `out` and allocates nothing. */
char *text_shorten(const char *text, int columns);
void text_shorten_into(char *out, size_t size, const char *text, int columns);

/* A word and what it means. Lists end with a NULL name. */
typedef struct Term {
    const char *name;
    const char *text;
} Term;

/* A short text, returned by value. */
typedef struct ShortText {
    char text[32];
} ShortText;

/* "0:07", "12:34", "1:02:03". */
ShortText text_duration(double seconds);

/* "7.6 GiB". */
ShortText text_bytes(int64_t bytes);

/* Reads "600M", "2G", "1.5GiB" or "1000": powers of 1000 (k, M, G, T) or of 1024 (Ki, Mi, Gi, Ti).
 * Upper or lower case, a blank before the unit and a B behind it are allowed. At least one byte.
 * False for anything else. */
bool text_parse_bytes(const char *text, int64_t *bytes);

/* A file's name without folders and, in text_stem, without its extension. */
char *text_file_name(const char *path);
char *text_stem(const char *path);

/* An input as messages name it: as it was given, but "standard input" for "-". */
const char *text_input_name(const char *input);

/* Prints `text` on standard output, wrapped to 79 columns and indented by `indent`. The first line
 * already has `column` columns. */
void text_print_wrapped(const char *text, int column, int indent);

/* The one of `words` (NULL-terminated) that is most like `word`; NULL if none is similar. */
const char *text_nearest(const char *word, const char *const *words);

#endif
