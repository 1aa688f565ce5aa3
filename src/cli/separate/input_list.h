/* input_list.h: a list of paths in a file or on standard input, as --from-list takes it. */
#ifndef CLEAVE_CLI_INPUT_LIST_H
#define CLEAVE_CLI_INPUT_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct PathList {
    char **paths;
    size_t count;
    size_t capacity;
} PathList;

/* Reads a list from `file` ("-": standard input): one path per line, or with `ended_by_null` each
 * ended by a NUL byte. False, and says why, if the list cannot be read or is empty or no list of
 * paths. Free it in either case. */
bool path_list_read(PathList *list, const char *file, bool ended_by_null);
void path_list_free(PathList *list);

#endif
