/* wrap.h: running text on standard output, 79 columns wide. */
#ifndef CLEAVE_CLI_WRAP_H
#define CLEAVE_CLI_WRAP_H

/* Prints `text` word by word from column `indent` on, and ends the line; the line is already at
 * `column`. */
void print_wrapped(const char *text, int column, int indent);

#endif
