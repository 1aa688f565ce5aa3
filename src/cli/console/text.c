/* text.c: measuring, shortening and parsing text, and wrapping it on standard output. */
#include "cli/console/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/console/allocate.h"
#include "cli/console/terminal.h"

/* Room for `text` if each of its bytes takes three. */
static size_t room_for(const char *text) {
    return 3 * strlen(text) + 1;
}

char *text_valid(const char *text) {
    char *valid = allocate(room_for(text), 1);
    size_t length = 0;
    while (*text != '\0') {
        uint32_t code;
        size_t step = utf8_decode(text, &code);
        bool bad = code == UTF8_REPLACEMENT;
        size_t size = bad ? sizeof UTF8_REPLACEMENT_TEXT - 1 : step;
        memcpy(valid + length, bad ? UTF8_REPLACEMENT_TEXT : text, size);
        length += size;
        text += step;
    }
    return valid;
}

char *text_printable(const char *text) {
    size_t size = room_for(text);
    char *printable = allocate(size, 1);
    utf8_show(printable, size, text);
    return printable;
}

static int character_width(uint32_t code) {
    int width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : width;
}

int text_width(const char *text) {
    int width = 0;
    while (*text != '\0') {
        uint32_t code;
        text += utf8_decode(text, &code);
        width += character_width(code);
    }
    return width;
}

/* How many bytes of `text` fit into `columns`. */
static size_t head_bytes(const char *text, int columns) {
    size_t bytes = 0;
    while (text[bytes] != '\0') {
        uint32_t code;
        size_t step = utf8_decode(text + bytes, &code);
        columns -= character_width(code);
        if (columns < 0)
            break;
        bytes += step;
    }
    return bytes;
}

/* Where the longest end of `text` begins that fits into `columns`. */
static const char *tail_start(const char *text, int columns) {
    int excess = text_width(text) - columns;
    while (excess > 0 && *text != '\0') {
        uint32_t code;
        text += utf8_decode(text, &code);
        excess -= character_width(code);
    }
    return text;
}

void text_shorten_into(char *out, size_t size, const char *text, int columns) {
    if (text_width(text) <= columns) {
        snprintf(out, size, "%s", text);
        utf8_trim(out);
        return;
    }
    const char *mark = terminal_is_utf8() ? "\xE2\x80\xA6" : "...";
    int mark_width = terminal_is_utf8() ? 1 : 3;
    if (columns <= mark_width) {
        snprintf(out, size, "%.*s", (int)head_bytes(text, columns > 0 ? columns : 0), text);
        utf8_trim(out);
        return;
    }
    int room = columns - mark_width;
    int head = room / 3; /* the end of a path says more than its beginning */
    const char *tail = tail_start(text, room - head);
    snprintf(out, size, "%.*s%s%s", (int)head_bytes(text, head), text, mark, tail);
    utf8_trim(out);
}

char *text_shorten(const char *text, int columns) {
    size_t size = strlen(text) + sizeof "...";
    char *shortened = allocate(size, 1);
    text_shorten_into(shortened, size, text, columns);
    return shortened;
}

ShortText text_duration(double seconds) {
    ShortText result = {"?"};
    if (!(seconds >= 0.0 && seconds < 3.6e9))
        return result;
    long long whole = llround(seconds);
    if (whole < 3600)
        snprintf(result.text, sizeof result.text, "%lld:%02lld", whole / 60, whole % 60);
    else
        snprintf(result.text, sizeof result.text, "%lld:%02lld:%02lld", whole / 3600,
                 whole / 60 % 60, whole % 60);
    return result;
}

ShortText text_bytes(int64_t bytes) {
    ShortText result;
    snprintf(result.text, sizeof result.text, "%s", size_text(bytes).text);
    return result;
}

/* The factor of a unit such as "MiB"; 0 for an unknown unit. */
static double unit_factor(const char *unit) {
    static const char letters[] = "kmgt";
    double factor = 1.0;
    double base = 1000.0;
    const char *letter = *unit != '\0' ? strchr(letters, *unit | 0x20) : NULL;
    if (letter != NULL) {
        unit++;
        if ((*unit | 0x20) == 'i') {
            base = 1024.0;
            unit++;
        }
        factor = pow(base, (double)(letter - letters + 1));
    }
    if ((*unit | 0x20) == 'b')
        unit++;
    return *unit == '\0' ? factor : 0.0;
}

/* Reads digits with at most one point. strtod would also accept signs, "inf", hexadecimals and the
 * locale's point. */
bool text_parse_bytes(const char *text, int64_t *bytes) {
    double value = 0.0;
    double place = 0.0; /* of the next digit behind the point; 0 before it */
    bool digits = false;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && place == 0.0); text++) {
        if (*text == '.') {
            place = 0.1;
            continue;
        }
        digits = true;
        value = place > 0.0 ? value + (*text - '0') * place : 10.0 * value + (*text - '0');
        place /= 10.0;
    }
    double total = value * unit_factor(text + (text[0] == ' ' && text[1] != '\0'));
    if (!digits || !(total >= 1.0 && total < 9.2e18))
        return false;
    *bytes = (int64_t)(total + 0.5);
    return true;
}

char *text_file_name(const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return copy_bytes(path + start, end - start);
}

char *text_stem(const char *path) {
    char *name = text_file_name(path);
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name)
        *dot = '\0';
    return name;
}

const char *text_input_name(const char *input) {
    return strcmp(input, "-") == 0 ? "standard input" : input;
}

/* Levenshtein distance: letters to insert, drop or change. */
static size_t text_distance(const char *a, const char *b) {
    size_t columns = strlen(b) + 1;
    size_t *row = allocate(columns, sizeof *row);
    for (size_t j = 0; j < columns; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j < columns; j++) {
            size_t changed = diagonal + (a[i] != b[j - 1]);
            size_t moved = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = changed < moved ? changed : moved;
        }
    }
    size_t result = row[columns - 1];
    free(row);
    return result;
}

const char *text_nearest(const char *word, const char *const *words) {
    const char *best = NULL;
    size_t best_distance = 1 + strlen(word) / 3; /* further away is another word */
    for (size_t i = 0; words[i] != NULL; i++) {
        size_t d = text_distance(word, words[i]);
        if (d <= best_distance && (best == NULL || d < best_distance)) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}

/* ---- Lines ---- */

#define WRAP_COLUMNS 79

void text_print_wrapped(const char *text, int column, int indent) {
    if (column > 0 && column >= indent) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", indent - column, "");
    column = indent;
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column + length > WRAP_COLUMNS) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        printf("%.*s", length, text);
        column += length;
        text += length;
        if (*text == ' ') {
            text++;
            if (column < WRAP_COLUMNS && column + 1 + (int)strcspn(text, " ") <= WRAP_COLUMNS) {
                putchar(' ');
                column++;
            } else {
                column = WRAP_COLUMNS;
            }
        }
    }
    putchar('\n');
}
