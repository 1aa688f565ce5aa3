/* mapped_file.c: mapping files by POSIX's mmap(). */
#include "base/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/path.h"
#include "base/path_format.h"

/* A shared mapping, if possible: a device that reads a private one too might get copies. Some file
 * systems, such as FUSE's with direct I/O, have private ones only. False with errno. */
static bool map_pages(MappedFile *file, int fd, size_t size) {
    void *pages = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    bool shared = pages != MAP_FAILED;
    if (!shared)
        pages = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (pages == MAP_FAILED)
        return false;
    *file = (MappedFile){pages, size, shared};
    return true;
}

/* NULL: none. */
static const char *advice_for(const char *path, int number) {
    if (number == EACCES)
        return "check its permissions";
    if (number == ENOENT && strstr(path, "://"))
        return "an address is no file: download what is there, and give that";
    if (number == ENOENT && path_is_standard(path))
        return "standard input cannot take its place: give a file";
    return number == ENOENT || number == ENOTDIR ? "check the path" : NULL;
}

/* "TASK PATH: REASON; ADVICE" */
static cleave_status map_failed(cleave_error *error, cleave_status status, const char *task,
                                const char *path, const char *reason, const char *advice) {
    error_set(error, status, "%s", reason);
    if (advice)
        error_advise(error, status, "%s", advice);
    error_prefix(error, "%s " PATH_FORMAT, task, path);
    return status;
}

cleave_status mapped_file_open(MappedFile *file, const char *path, cleave_status status,
                               cleave_error *error) {
    cleave_status result = CLEAVE_OK;
    struct stat info;
    *file = (MappedFile){0};
    int fd = descriptor_open_to_read(path);
    if (fd < 0)
        return map_failed(error, status, "cannot open", path, strerror(errno),
                          advice_for(path, errno));
    if (fstat(fd, &info) != 0)
        result = map_failed(error, status, "cannot read", path, strerror(errno), NULL);
    else if (!S_ISREG(info.st_mode))
        result = map_failed(error, status, "cannot read", path,
                            S_ISDIR(info.st_mode) ? "it is a folder" : "it is a pipe or a device",
                            "give a file");
    else if (info.st_size > 0 && !map_pages(file, fd, (size_t)info.st_size))
        result = map_failed(error, status, "cannot map", path, strerror(errno), NULL);
    close(fd);
    return result;
}

void mapped_file_close(MappedFile *file) {
    if (file->data)
        munmap((void *)file->data, file->size);
    *file = (MappedFile){0};
}

void mapped_file_release_pages(const MappedFile *file) {
    if (file->data)
        madvise((void *)file->data, file->size, MADV_DONTNEED);
}

bool mapped_file_holds(const MappedFile *file, const void *data, size_t bytes) {
    uintptr_t begin = (uintptr_t)file->data;
    uintptr_t at = (uintptr_t)data;
    return begin != 0 && at >= begin && at - begin <= file->size &&
           bytes <= file->size - (at - begin);
}
