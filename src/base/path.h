/* path.h: the parts of a path, as text; no file is looked at. */
#ifndef CLEAVE_BASE_PATH_H
#define CLEAVE_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* What follows the last slash. */
const char *path_file_name(const char *path);

/* Length of the path without the extension of its file name. A dot that begins the name begins no
 * extension: ".ckpt" has none. */
size_t path_length_without_extension(const char *path);

/* Bytes of the start of a name, at most `most`, that do not end within a UTF-8 character, which
 * some file systems would refuse. */
size_t path_part_length(const char *name, size_t most);

/* Whether the path is "-", which stands for standard input or output. */
bool path_is_standard(const char *path);

/* How messages name an input: the path itself, or "standard input". */
const char *path_shown(const char *path);

/* File name without folder and extension, to be freed; NULL when memory ran out. */
char *path_stem(const char *path);

#endif
