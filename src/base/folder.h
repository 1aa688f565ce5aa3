/* folder.h: making folders for files, and removing them again after a failure. */
#ifndef CLEAVE_BASE_FOLDER_H
#define CLEAVE_BASE_FOLDER_H

#include <stddef.h>

/* The folder of a path's last name: "." or "/" if the path has no other. To be freed; NULL: memory
 * ran out. */
char *folder_of(const char *path);

/* Makes `folder` and the folders above it that are missing. Returns 0 or an errno. *made_from is
 * the length of the outermost folder that was made, 0 if all were there; also after a failure. */
int folder_make(const char *folder, size_t *made_from);

/* Removes the folders of `path` that folder_make() made, from the innermost up to `made_from`.
 * Stops at the first that is not empty. Missing ones are passed over: folder_make() may have
 * failed. */
void folder_remove_made(const char *path, size_t made_from);

#endif
