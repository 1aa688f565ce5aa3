/* cache_file.h: small texts in the user's cache folder: what can be made again, and is not to be
 * trusted when it is read. */
#ifndef CLEAVE_BASE_CACHE_FILE_H
#define CLEAVE_BASE_CACHE_FILE_H

#include <stddef.h>

/* The path of a file of cleave's there, to be freed. NULL where no environment variable tells of a
 * folder, or memory ran out. */
char *cache_file_path(const char *name);

/* The text of a regular file, of `largest` bytes at most, to be freed; NULL, with errno, where
 * there is none. Waits for nobody: who writes to a named pipe, or never does. */
char *cache_file_read(const char *path, size_t largest);

#endif
