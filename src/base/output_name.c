/* output_name.c: the temporary names of output files, and files that have none yet. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/memory.h"
#include "base/output_file_private.h"
#include "base/path.h"
#include "base/platform.h"
#include "base/random.h"

/* The longest part of a name that its temporary name repeats: together they stay below the 255
 * bytes that file systems allow. */
#define NAME_PART 200

#define NAME_ATTEMPTS 100

cleave_status output_make_folder(OutputFile *file, cleave_error *error) {
    char *folder = folder_of(file->path);
    if (!folder)
        return error_memory(error, "a path", strlen(file->path) + 1);
    size_t made_from = 0;
    int number = folder_make(folder, &made_from);
    if (made_from > 0 && (file->made_from == 0 || made_from < file->made_from))
        file->made_from = made_from;
    cleave_status status =
        number == 0 ? CLEAVE_OK
                    : output_failed("cannot make the output folder", folder, number, error);
    free(folder);
    return status;
}

cleave_status output_check_target(const char *path, cleave_error *error) {
    size_t length = strlen(path);
    if (length == 0 || path[length - 1] == '/')
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_OUTPUT,
                                      "cannot write: \"" PATH_FORMAT "\": not the name of a file",
                                      path),
                            "add one");
    struct stat status;
    if (stat(path, &status) != 0)
        return errno == ENOENT ? CLEAVE_OK : output_failed("cannot write", path, errno, error);
    if (S_ISREG(status.st_mode))
        return CLEAVE_OK;
    return error_advise(error,
                        error_set_file(error, CLEAVE_ERROR_OUTPUT, "cannot write", path,
                                       "%s of that name is in the way",
                                       S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe"),
                        "choose another folder or name");
}

/* A number that differs between processes, between files and between attempts. It need not be
 * unpredictable: O_EXCL refuses a name that is taken. */
static uint32_t name_number(const OutputFile *file, int attempt) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t mix = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20 ^ (uint64_t)getpid() << 40 ^
                   (uint64_t)(uintptr_t)file ^ (uint64_t)attempt << 12;
    return (uint32_t)(random_next(&mix) >> 32);
}

/* A new temporary name beside file->path. */
static cleave_status choose_name(OutputFile *file, int attempt, cleave_error *error) {
    const char *slash = strrchr(file->path, '/');
    const char *name = slash ? slash + 1 : file->path;
    int folder = (int)(name - file->path);
    free(file->temporary);
    file->temporary =
        string_format("%.*s.%.*s.%08x.tmp", folder, file->path,
                      (int)path_part_length(name, NAME_PART), name, name_number(file, attempt));
    return file->temporary ? CLEAVE_OK : error_memory(error, "a path", strlen(file->path));
}

/* Tries temporary names until `take` gets one that is free. A file without a name does not keep its
 * folder: another process may have found it empty, and then it is made again. */
static cleave_status take_name(OutputFile *file, bool (*take)(OutputFile *file),
                               cleave_error *error) {
    int number = 0;
    for (int attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        cleave_status status = choose_name(file, attempt, error);
        if (status == CLEAVE_OK && number == ENOENT)
            status = output_make_folder(file, error);
        if (status != CLEAVE_OK)
            return status;
        file->named = take(file);
        if (file->named)
            return CLEAVE_OK;
        number = errno;
        if (number != EEXIST && number != EINTR && number != ENOENT)
            break;
    }
    return output_failed("cannot write", file->path, number, error);
}

/* Not mkstemp(), whose file is for the owner alone: open() applies the umask without changing it.
 */
static bool create_named(OutputFile *file) {
    file->fd = open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return file->fd >= 0;
}

/* The temporary name may be too long where the final one is not. */
static bool can_be_named(OutputFile *file) {
    struct stat found;
    return platform_can_name(file->fd) && choose_name(file, 0, NULL) == CLEAVE_OK &&
           stat(file->temporary, &found) != 0 && errno == ENOENT;
}

bool output_create_nameless(OutputFile *file) {
    char *folder = folder_of(file->path);
    if (!folder)
        return false;
    file->fd = platform_open_nameless(folder, 0666);
    free(folder);
    if (file->fd >= 0 && can_be_named(file))
        return true;
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    return false;
}

cleave_status output_create_named(OutputFile *file, cleave_error *error) {
    return take_name(file, create_named, error);
}

static bool link_nameless(OutputFile *file) {
    return platform_give_name(file->fd, file->temporary);
}

cleave_status output_give_name(OutputFile *file, cleave_error *error) {
    return take_name(file, link_nameless, error);
}

/* Whether `entry` is a temporary name that choose_name() would give to `name`. */
static bool is_temporary_of(const char *entry, const char *name) {
    size_t length = path_part_length(name, NAME_PART);
    if (entry[0] != '.' || strncmp(entry + 1, name, length) != 0 || entry[1 + length] != '.')
        return false;
    const char *number = entry + length + 2;
    return strspn(number, "0123456789abcdef") == 8 && strcmp(number + 8, ".tmp") == 0;
}

void output_file_remove_stale(const char *path) {
    char *folder = folder_of(path);
    DIR *directory = folder ? opendir(folder) : NULL;
    const struct dirent *entry = directory ? readdir(directory) : NULL;
    for (; entry; entry = readdir(directory))
        if (is_temporary_of(entry->d_name, path_file_name(path)))
            unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
    free(folder);
}
