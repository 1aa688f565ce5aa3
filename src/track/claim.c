/* claim.c: making, locking and removing a claim's file while others do the same. */
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

/* The user does not know the claim's file, so the error names its folder. */
static cleave_status claim_fail(const Claim *claim, int number, cleave_error *error) {
    char *folder = number != ENOMEM ? folder_of(claim->path) : NULL;
    if (!folder)
        return error_memory(error, "a path", strlen(claim->path) + 1);
    error_set(error, CLEAVE_ERROR_OUTPUT, "cannot write into " PATH_FORMAT ": %s", folder,
              strerror(number));
    free(folder);
    return error_advise(error, CLEAVE_ERROR_OUTPUT, "choose another output folder");
}

static cleave_status claim_busy(const char *output, cleave_error *error) {
    error_set(error, CLEAVE_ERROR_BUSY,
              "another process is at work on " PATH_FORMAT " and the like", output);
    return error_advise(error, CLEAVE_ERROR_BUSY, "wait for it, or leave the track to it");
}

/* Makes the folder of the claim's file. Folders that an earlier attempt made still count as made.
 */
static int claim_make_folder(Claim *claim) {
    size_t made_from = 0;
    char *folder = folder_of(claim->path);
    int number = folder ? folder_make(folder, &made_from) : ENOMEM;
    free(folder);
    if (made_from > 0 && (claim->made_from == 0 || made_from < claim->made_from))
        claim->made_from = made_from;
    return number;
}

/* Tries again if another process has just removed the folder. */
static int claim_open(Claim *claim) {
    for (int attempt = 0; attempt < 100; attempt++) {
        int number = claim_make_folder(claim);
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

/* Whether the locked file still has its name, which the claim's last holder removes. 0: it has;
 * ESTALE: it has not; else the errno of what could not be asked. */
static int claim_check_name(const Claim *claim) {
    struct stat opened;
    struct stat named;
    if (fstat(claim->fd, &opened) != 0)
        return errno;
    if (stat(claim->path, &named) != 0)
        return errno == ENOENT ? ESTALE : errno;
    return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino ? 0 : ESTALE;
}

static void claim_close(Claim *claim) {
    if (claim->fd >= 0)
        close(claim->fd);
    claim->fd = -1;
}

static int claim_lock(const Claim *claim) {
    int result;
    do {
        result = flock(claim->fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

/* 0: claimed; EWOULDBLOCK: another process has the claim; else another errno. */
static int claim_try(Claim *claim, const cleave_logger *log) {
    for (;;) {
        int number = claim_open(claim);
        if (number != 0)
            return number;
        number = claim_lock(claim);
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
        number = claim_check_name(claim);
        if (number == 0)
            return 0;
        if (number != ESTALE && !claim->inherited)
            unlink(claim->path); /* this call made it */
        claim_close(claim);
        if (number != ESTALE)
            return number;
    }
}

cleave_status claim_take(Claim *claim, const char *output, const cleave_logger *log,
                         cleave_error *error) {
    *claim = (Claim){.fd = -1, .path = working_path(output, WORKING_LOCK)};
    if (!claim->path)
        return error_memory(error, "a path", strlen(output));
    int number = claim_try(claim, log);
    if (number == 0)
        return CLEAVE_OK;
    cleave_status status =
        number == EWOULDBLOCK ? claim_busy(output, error) : claim_fail(claim, number, error);
    claim_close(claim);
    claim_release(claim);
    return status;
}

/* The name goes before the lock: a process that gets the lock afterwards sees that the file has
 * lost its name. */
void claim_release(Claim *claim) {
    if (claim->fd >= 0 && !claim->shared)
        unlink(claim->path);
    claim_close(claim);
    if (claim->path)
        folder_remove_made(claim->path, claim->made_from);
    free(claim->path);
    claim->path = NULL;
}
