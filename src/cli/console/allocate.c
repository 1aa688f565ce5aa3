/* allocate.c: allocations that end the program when memory runs out. Not for use while a separation
 * runs: it would leave unfinished files behind. */
#include "cli/console/allocate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/exit_code.h"
#include "cli/console/message.h"

_Noreturn void out_of_memory(void) {
    message_error("out of memory; close other programs or try fewer files");
    exit(EXIT_INPUT);
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (memory == NULL)
        out_of_memory();
    return memory;
}

void *make_room(void *items, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity)
        return items;
    *capacity = *capacity * 2 + 16;
    void *moved = allocate(*capacity, size);
    if (count > 0)
        memcpy(moved, items, count * size);
    free(items);
    return moved;
}

char *copy_bytes(const char *text, size_t length) {
    char *copy = allocate(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

char *copy_text(const char *text) {
    return copy_bytes(text, strlen(text));
}

static char *format_arguments(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        out_of_memory();
    char *text = allocate((size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *format_text(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = format_arguments(format, arguments);
    va_end(arguments);
    return text;
}

void append_text(char **text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *more = format_arguments(format, arguments);
    va_end(arguments);
    if (*text != NULL) {
        char *both = format_text("%s%s", *text, more);
        free(*text);
        free(more);
        more = both;
    }
    *text = more;
}
