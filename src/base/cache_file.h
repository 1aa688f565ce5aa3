/* cache_file.h: small texts in the user's cache folder: they can be made again, and are not trusted
 * when they are read. */
#ifndef CLEAVE_BASE_CACHE_FILE_H
#define CLEAVE_BASE_CACHE_FILE_H

#include <stddef.h>

/* The path of one of cleave's files there, to be freed. NULL: no environment variable names a
 * folder, or memory ran out. */
char *cache_file_path(const char *name);

/* The text of a regular file, of `largest` bytes at most, to be freed; NULL with errno: there is no
 * such file. Does not block, even on a FIFO without a writer. */
char *cache_file_read(const char *path, size_t largest);

#endif
