/* allocate.h: memory for the command line, where running out of it ends the program: one clear line
 * on standard error and exit code 1. Free everything with free(). */
#ifndef CLEAVE_CLI_ALLOCATE_H
#define CLEAVE_CLI_ALLOCATE_H

#include <stddef.h>

/* `count` zeroed items of `size` bytes; never NULL. */
void *allocate(size_t count, size_t size);

/* Makes room for one more in an array of `count` items of `size` bytes, and returns the array,
 * which may have moved. *capacity: how many items there is room for. */
void *make_room(void *items, size_t count, size_t *capacity, size_t size);

/* A copy of `text`, or of its first `length` bytes. */
char *copy_text(const char *text);
char *copy_bytes(const char *text, size_t length);

/* sprintf into memory of the right size. */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds formatted text to *text, which is allocated; NULL is an empty one. */
void append_text(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends the program. To be called where another library reports that memory ran out. */
_Noreturn void out_of_memory(void);

#endif
