/* path.c: takes paths apart. */
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

const char *path_file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

size_t path_length_without_extension(const char *path) {
    const char *name = path_file_name(path);
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - path) : strlen(path);
}

size_t path_part_length(const char *name, size_t most) {
    size_t length = strlen(name);
    if (length <= most)
        return length;
    length = most;
    while (length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
        length--;
    return length;
}

bool path_is_standard(const char *path) {
    return strcmp(path, "-") == 0;
}

const char *path_shown(const char *path) {
    return path_is_standard(path) ? "standard input" : path;
}

char *path_stem(const char *path) {
    const char *name = path_file_name(path);
    size_t length = path_length_without_extension(path) - (size_t)(name - path);
    char *stem = malloc(length + 1);
    if (!stem)
        return NULL;
    memcpy(stem, name, length);
    stem[length] = '\0';
    return stem;
}
