/* folder_walk.h: all the files below a folder that have one of certain extensions. Opens no file.
 */
#ifndef CLEAVE_CLI_FOLDER_WALK_H
#define CLEAVE_CLI_FOLDER_WALK_H

#include <stddef.h>

typedef struct FolderItem {
    char *path;    /* below the folder, such as "sub/song.wav"; "" is the folder itself */
    char *failure; /* NULL: a file; else why this folder below it could not be read */
} FolderItem;

typedef struct FolderItems {
    FolderItem *items; /* as people sort: "2.wav" before "10.wav", a folder's files together */
    size_t count;
    size_t capacity;
} FolderItems;

/* Lists the files below `folder` whose names end in one of `extensions` (NULL-terminated, no dot,
 * ASCII case does not matter). Left out are names that begin with a dot, what is no file (a pipe),
 * and the folder `left_out` (NULL, or a path that need not be there). Symbolic links are followed,
 * but each folder is walked once, under its own name where it has one below `folder`. */
void folder_list(FolderItems *list, const char *folder, const char *const *extensions,
                 const char *left_out);
void folder_items_free(FolderItems *list);

#endif
