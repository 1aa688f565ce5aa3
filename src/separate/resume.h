/* resume.h: going on with a track's unfinished run: its journal, what that is for, and the device
 * on which it may go on. Inside separate/ only.
 *
 * The bits of a track are those of the device that computed them, and a run may have moved from one
 * to another (ready.h). It goes on where it had moved to; where it cannot, it starts over. Chunks
 * that the first device had computed and that were not written yet when it was killed are the
 * second's. */
#ifndef CLEAVE_SEPARATE_RESUME_H
#define CLEAVE_SEPARATE_RESUME_H

#include "separate/separator.h"

/* All but the last two are the caller's, and stay where they are until resume_close(). */
typedef struct Resume {
    cleave_separator *separator;
    const char *input;
    const FileStamp *stamp; /* of the input, before it was opened */
    const cleave_file_settings *reading;
    const cleave_logger *log;
    DemixJob *job;    /* its device and batch are replaced where the unfinished run had moved */
    char *path;       /* of the journal; NULL: there is none to remove */
    Journal *journal; /* NULL: nothing is kept */
} Resume;

/* For the track whose first output is at `output`. `keep`: opens its journal, for the job to write;
 * else an earlier run's is only removed at the end. */
cleave_status resume_open(Resume *resume, const char *output, bool keep, cleave_error *error);

/* `done`: the track is, and its journal is removed. */
void resume_close(Resume *resume, bool done);

#endif
