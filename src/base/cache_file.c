/* cache_file.c: finding and reading files in the user's cache folder. */
#include "base/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/platform.h"

/* NULL: no variable names a folder, or memory ran out. */
static char *cache_folder(void) {
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (cache && cache[0] == '/') /* relative ones are to be ignored, as freedesktop.org has it */
        return string_format("%s/cleave", cache);
    if (!home || home[0] != '/')
        return NULL;
    return string_format("%s/%s/cleave", home, platform_cache_folder);
}

char *cache_file_path(const char *name) {
    char *folder = cache_folder();
    char *path = folder ? string_format("%s/%s", folder, name) : NULL;
    free(folder);
    return path;
}

char *cache_file_read(const char *path, size_t largest) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    char *text = malloc(largest + 1);
    ssize_t bytes = -1;
    if (text && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        bytes = read(fd, text, largest);
    int number = bytes < 0 && errno == 0 ? EINVAL : errno;
    close(fd);
    if (bytes < 0) {
        free(text);
        errno = number;
        return NULL;
    }
    text[bytes] = '\0';
    return text;
}
