/* claim.c: see claim.h. */
#include "track/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/memory.h"
#include "base/path_format.h"
#include "track/working_path.h"

/* The claim's file is nobody's business: what cannot be written into is the folder. */
static cleave_status fail(const Claim *claim, int number, cleave_error *error) {
    char *folder = number != ENOMEM ? folder_of(claim->path) : NULL;
    if (!folder)
        return error_memory(error, "a path", strlen(claim->path) + 1);
    error_set(error, CLEAVE_ERROR_OUTPUT,
              "cannot write into " PATH_FORMAT ": %s; choose another output folder", folder,
              strerror(number));
    free(folder);
    return CLEAVE_ERROR_OUTPUT;
}

/* Makes the folder of the claim's file; what an earlier attempt made stays known. */
static int make_folder(Claim *claim) {
    size_t made_from = 0;
    char *folder = folder_of(claim->path);
    int number = folder ? folder_make(folder, &made_from) : ENOMEM;
    free(folder);
    if (made_from > 0 && (claim->made_from == 0 || made_from < claim->made_from))
        claim->made_from = made_from;
    return number;
}

/* A folder that another process has just removed is made again. */
static int open_file(Claim *claim) {
    for (int attempt = 0; attempt < 100; attempt++) {
        int number = make_folder(claim);
        if (number != 0 && number != ENOENT)
            return number;
        claim->fd = open(claim->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        claim->inherited = claim->fd < 0 && errno == EEXIST;
        if (claim->inherited)
            claim->fd = open(claim->path, O_RDWR | O_CLOEXEC);
        if (claim->fd >= 0)
            return 0;
        if (errno != ENOENT && errno != EINTR)
            return errno;
    }
    return ENOENT;
}

/* Whether the locked file still has its name: whoever had the claim before removes it. 0, or an
 * errno where that cannot be told; ESTALE: it has not. */
static int check_current(const Claim *claim) {
    struct stat opened;
    struct stat named;
    if (fstat(claim->fd, &opened) != 0)
        return errno;
    if (stat(claim->path, &named) != 0)
        return errno == ENOENT ? ESTALE : errno;
    return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino ? 0 : ESTALE;
}

static void close_file(Claim *claim) {
    if (claim->fd >= 0)
        close(claim->fd);
    claim->fd = -1;
}

static int lock(const Claim *claim) {
    int result;
    do {
        result = flock(claim->fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

/* 0: claimed, or an errno; EWOULDBLOCK: by somebody else. */
static int take(Claim *claim, const cleave_logger *log) {
    for (;;) {
        int number = open_file(claim);
        if (number != 0)
            return number;
        number = lock(claim);
        if (number == EWOULDBLOCK)
            return number;
        if (number != 0) {
            log_write(log, CLEAVE_LOG_INFO,
                      PATH_FORMAT ": cannot be locked (%s); other processes will not see that this "
                                  "track is being worked on",
                      claim->path, strerror(number));
            claim->shared = claim->inherited;
            claim->inherited = false;
            return 0;
        }
        number = check_current(claim);
        if (number == 0)
            return 0;
        if (number != ESTALE && !claim->inherited)
            unlink(claim->path); /* this call's own */
        close_file(claim);
        if (number != ESTALE)
            return number;
    }
}

cleave_status claim_take(Claim *claim, const char *output, const cleave_logger *log,
                         cleave_error *error) {
    *claim = (Claim){.fd = -1, .path = side_file_path(output, "lock")};
    if (!claim->path)
        return error_memory(error, "a path", strlen(output));
    int number = take(claim, log);
    if (number == 0)
        return CLEAVE_OK;
    cleave_status status = number == EWOULDBLOCK
                               ? error_set(error, CLEAVE_ERROR_BUSY,
                                           "another process is at work on " PATH_FORMAT
                                           " and the like; wait for it, or leave the track to it",
                                           output)
                               : fail(claim, number, error);
    close_file(claim);
    claim_release(claim);
    return status;
}

/* The name goes before the lock, so that nobody locks a file that is about to lose its name
 * without noticing. */
void claim_release(Claim *claim) {
    if (claim->fd >= 0 && !claim->shared)
        unlink(claim->path);
    close_file(claim);
    if (claim->path)
        folder_remove_made(claim->path, claim->made_from);
    free(claim->path);
    claim->path = NULL;
}
