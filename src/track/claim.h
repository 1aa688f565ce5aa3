/* claim.h: a track that is being worked on is claimed by a locked file beside its outputs, so that
 * several processes may share a list of tracks. The system lets go of the lock when the process
 * ends, however it ends. */
#ifndef CLEAVE_TRACK_CLAIM_H
#define CLEAVE_TRACK_CLAIM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

typedef struct Claim {
    int fd; /* -1: nothing is claimed */
    char *path;
    size_t made_from; /* folders of `path` from this length on were made here; 0: none */
    bool inherited;   /* a process that was killed had claimed it before */
    bool shared;      /* there are no locks here, and somebody else made the file */
} Claim;

/* Claims the track whose first output is `output`, and makes the output's folder for it. Where
 * another process has the claim: CLEAVE_ERROR_BUSY. A file system without locks is no error: the
 * track is then worked on without a claim, and the log told. */
cleave_status claim_take(Claim *claim, const char *output, const cleave_logger *log,
                         cleave_error *error);

/* Gives the claim up: its file goes, and folders made for it, where they are empty. */
void claim_release(Claim *claim);

#endif
