/* table.h: plain text tables. On a terminal, paths are shortened so that the table fits; in a file
 * or a pipe nothing is shortened. */
#ifndef CLEAVE_CLI_TABLE_H
#define CLEAVE_CLI_TABLE_H

#include <stdio.h>

typedef struct Table Table;

/* `alignment` has one letter for each column: l (left), r (right), or p (left, shortened in the
 * middle if the terminal is too narrow). `headers` has a string for each column; NULL: no header.
 */
Table *table_new(const char *alignment, const char *const *headers);
void table_free(Table *table);

/* Adds a row and copies its cells, one for each column. NULL is an empty cell. */
void table_row(Table *table, const char *const *cells);

/* Puts a rule between the last row and the next one. */
void table_rule(Table *table);

void table_print(const Table *table, FILE *stream);

#endif
