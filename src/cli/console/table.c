/* table.c: column widths, shortening and padding. */
#include "cli/console/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"

#define GAP             2
#define NARROWEST       8 /* columns that a shortened column keeps */
#define MAXIMUM_COLUMNS 16

typedef struct Row {
    char **cells; /* NULL: a rule */
} Row;

struct Table {
    char *alignment;
    int columns;
    bool has_header; /* the first row is a header */
    Row *rows;
    size_t row_count;
    size_t row_capacity;
};

static Row *table_append(Table *table) {
    table->rows =
        make_room(table->rows, table->row_count, &table->row_capacity, sizeof *table->rows);
    table->rows[table->row_count] = (Row){NULL};
    return &table->rows[table->row_count++];
}

Table *table_new(const char *alignment, const char *const *headers) {
    Table *table = allocate(1, sizeof *table);
    table->alignment = copy_text(alignment);
    table->columns = (int)strnlen(alignment, MAXIMUM_COLUMNS);
    table->has_header = headers != NULL;
    if (headers != NULL)
        table_row(table, headers);
    return table;
}

void table_free(Table *table) {
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->row_count; i++) {
        for (int c = 0; table->rows[i].cells != NULL && c < table->columns; c++)
            free(table->rows[i].cells[c]);
        free(table->rows[i].cells);
    }
    free(table->rows);
    free(table->alignment);
    free(table);
}

void table_row(Table *table, const char *const *cells) {
    Row *row = table_append(table);
    row->cells = allocate((size_t)table->columns, sizeof *row->cells);
    for (int c = 0; c < table->columns; c++)
        row->cells[c] = text_printable(cells[c] != NULL ? cells[c] : "");
}

void table_rule(Table *table) {
    table_append(table);
}

static int table_widths(const Table *table, int *widths) {
    int total = GAP * (table->columns - 1);
    for (int c = 0; c < table->columns; c++) {
        widths[c] = 0;
        for (size_t i = 0; i < table->row_count; i++) {
            char **cells = table->rows[i].cells;
            int width = cells != NULL ? text_width(cells[c]) : 0;
            if (width > widths[c])
                widths[c] = width;
        }
        total += widths[c];
    }
    return total;
}

static void table_shrink(const Table *table, int *widths, int excess) {
    for (int c = 0; c < table->columns && excess > 0; c++) {
        if (table->alignment[c] != 'p' || widths[c] <= NARROWEST)
            continue;
        int given = widths[c] - NARROWEST < excess ? widths[c] - NARROWEST : excess;
        widths[c] -= given;
        excess -= given;
    }
}

/* Blanks are printed only once text follows, so that no line ends in blanks. */
static void table_print_cells(const Table *table, char *const *cells, const int *widths,
                              FILE *stream) {
    int blanks = 0;
    for (int c = 0; c < table->columns; c++) {
        char *text = text_shorten(cells[c], widths[c]);
        int padding = widths[c] - text_width(text);
        bool right = table->alignment[c] == 'r';
        if (*text != '\0') {
            fprintf(stream, "%*s%s", blanks + (right ? padding : 0), "", text);
            blanks = 0;
        }
        blanks += *text == '\0' ? widths[c] : right ? 0 : padding;
        blanks += GAP;
        free(text);
    }
}

static void table_print_rule(int width, FILE *stream) {
    const char *dash = terminal_is(stream) && terminal_is_utf8() ? "\xE2\x94\x80" : "-";
    for (int i = 0; i < width; i++)
        fputs(dash, stream);
    fputc('\n', stream);
}

void table_print(const Table *table, FILE *stream) {
    int widths[MAXIMUM_COLUMNS];
    int total = table_widths(table, widths);
    if (terminal_is(stream))
        table_shrink(table, widths, total - terminal_width(stream));
    total = GAP * (table->columns - 1);
    for (int c = 0; c < table->columns; c++)
        total += widths[c];
    for (size_t i = 0; i < table->row_count; i++) {
        char *const *cells = table->rows[i].cells;
        bool header = table->has_header && i == 0;
        const char *style = header ? terminal_style(stream, STYLE_BOLD) : "";
        fputs(style, stream);
        if (cells != NULL) {
            table_print_cells(table, cells, widths, stream);
            fprintf(stream, "%s\n", *style != '\0' ? STYLE_PLAIN : "");
        }
        if (cells == NULL || header)
            table_print_rule(total, stream);
    }
}
