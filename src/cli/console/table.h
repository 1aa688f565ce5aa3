/* table.h: plain text tables. On a terminal a column of paths gives way so that a table fits; in a
 * file or a pipe nothing is shortened. */
#ifndef CLEAVE_CLI_TABLE_H
#define CLEAVE_CLI_TABLE_H

#include <stdio.h>

typedef struct Table Table;

/* `alignment` has one letter per column: l or r, or p for one that aligns left and is shortened in
 * the middle where a terminal is too narrow. `headers` are its first `strlen(alignment)` strings;
 * NULL: a table without a header. */
Table *table_new(const char *alignment, const char *const *headers);
void table_free(Table *table);

/* Adds a row of as many cells as there are columns; copies them, and NULL is an empty cell. */
void table_row(Table *table, const char *const *cells);

/* Puts a rule between the last row and the next one. */
void table_rule(Table *table);

void table_print(const Table *table, FILE *stream);

#endif
