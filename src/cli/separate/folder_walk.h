/* folder_walk.h: lists the files below a folder that have certain extensions. Opens no file. */
#ifndef CLEAVE_CLI_FOLDER_WALK_H
#define CLEAVE_CLI_FOLDER_WALK_H

#include <stddef.h>

typedef struct FolderItem {
    char *path;    /* relative to the folder, such as "sub/song.wav"; "" is the folder itself */
    char *failure; /* NULL: this is a file; else this is a folder, and why it could not be read */
} FolderItem;

typedef struct FolderItems {
    FolderItem *items; /* as people sort: "2.wav" before "10.wav", a folder's files together */
    size_t count;
    size_t capacity;
} FolderItems;

/* Lists the files below `folder` whose names end in one of `extensions` (NULL-terminated, without
 * dots, ASCII case ignored). Leaves out names that begin with a dot, what is not a regular file,
 * and the folder `left_out` (may be NULL or missing). Follows symbolic links, but walks each folder
 * once. */
void folder_list(FolderItems *list, const char *folder, const char *const *extensions,
                 const char *left_out);
void folder_items_free(FolderItems *list);

#endif
