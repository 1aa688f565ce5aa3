/* folder.h: folders that are made for files, and removed again where nothing came of it. */
#ifndef CLEAVE_BASE_FOLDER_H
#define CLEAVE_BASE_FOLDER_H

#include <stddef.h>

/* The folder that a path's last name is in: "." or "/" where the path says no other. NULL where
 * memory ran out; to be freed. */
char *folder_of(const char *path);

/* Makes what is missing of `folder`, from the top. Returns 0 or an errno. *made_from is the length
 * of the outermost folder that was made here, 0 where all were there; also after a failure. */
int folder_make(const char *folder, size_t *made_from);

/* Removes folders of `path` that folder_make() made, from the innermost up to `made_from`; stops at
 * the first that is not empty. One that is not there is passed over: folder_make() may have failed
 * before it. */
void folder_remove_made(const char *path, size_t made_from);

#endif
