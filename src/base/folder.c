/* folder.c: making and removing folders, from one end of a path to the other. */
#include "base/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* Length of `path` up to the last separator before its last name; 0 where it has none. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    while (length > 0 && path[length - 1] == '/')
        length--;
    return length;
}

char *folder_of(const char *path) {
    size_t length = folder_length(path);
    return length > 0 ? string_format("%.*s", (int)length, path)
                      : string_copy(path[0] == '/' ? "/" : ".");
}

/* Makes one folder; 0 or an errno. *made: it was not there before. ENOENT: it was there, and is
 * gone again. */
static int folder_make_one(const char *folder, bool *made) {
    *made = mkdir(folder, 0777) == 0;
    if (*made)
        return 0;
    int number = errno;
    struct stat status;
    if (stat(folder, &status) != 0)
        return number == EEXIST || errno != ENOENT ? errno : number;
    return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

int folder_make(const char *folder, size_t *made_from) {
    size_t length = strlen(folder);
    char *part = string_copy(folder);
    int number = part ? 0 : ENOMEM;
    *made_from = 0;
    for (size_t i = 1; i <= length && number == 0; i++) {
        if (i < length && (part[i] != '/' || part[i - 1] == '/'))
            continue;
        char kept = part[i];
        bool made = false;
        part[i] = '\0';
        number = folder_make_one(part, &made);
        if (made && *made_from == 0)
            *made_from = i;
        part[i] = kept;
    }
    free(part);
    return number;
}

/* Without an allocation, since it also clears up after one that failed. A path that is too long for
 * the copy is too long for the system. */
void folder_remove_made(const char *path, size_t made_from) {
    char folder[PATH_MAX];
    size_t length = made_from > 0 ? folder_length(path) : 0;
    if (length == 0 || length >= sizeof(folder))
        return;
    memcpy(folder, path, length);
    do {
        folder[length] = '\0';
        if (length < made_from || (rmdir(folder) != 0 && errno != ENOENT))
            return;
        length = folder_length(folder);
    } while (length > 0);
}
