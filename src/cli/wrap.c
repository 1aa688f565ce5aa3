/* wrap.c: see wrap.h. */
#include "wrap.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 79

void print_wrapped(const char *text, int column, int indent) {
    if (column >= indent) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", indent - column, "");
    column = indent;
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column + length > WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        printf("%.*s", length, text);
        column += length;
        text += length;
        if (*text == ' ') {
            text++;
            if (column < WIDTH && column + 1 + (int)strcspn(text, " ") <= WIDTH) {
                putchar(' ');
                column++;
            } else {
                column = WIDTH;
            }
        }
    }
    putchar('\n');
}
