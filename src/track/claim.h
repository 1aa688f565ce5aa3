/* claim.h: a process claims a track by a locked file beside its outputs, so that several processes
 * can share a list of tracks. The system drops the lock when the process ends, however it ends. */
#ifndef CLEAVE_TRACK_CLAIM_H
#define CLEAVE_TRACK_CLAIM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

typedef struct Claim {
    int fd; /* -1: nothing is claimed */
    char *path;
    size_t made_from; /* folders of `path` from this length on were made for it; 0: none */
    bool inherited;   /* from a process that was killed */
    bool shared;      /* the file system has no locks, and another process made the file */
} Claim;

/* Claims the track whose first output is `output`, and makes that output's folder.
 * CLEAVE_ERROR_BUSY: another process has the claim. A file system without locks is no error: the
 * track is then not claimed, and the log says so. */
cleave_status claim_take(Claim *claim, const char *output, const cleave_logger *log,
                         cleave_error *error);

/* Gives the claim up and removes its file, and folders that were made for it if they are empty. */
void claim_release(Claim *claim);

#endif
