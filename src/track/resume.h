/* resume.h: going on with a track's unfinished separation: its journal, and the device on which it
 * may go on.
 *
 * A track's bits depend on the device that computed them, and a separation may have moved from one
 * to another, or to a wider precision (prepare.h). It goes on where it had moved to; if that cannot
 * be, it starts over. Chunks from before the move that were not in the journal yet are computed
 * after it. */
#ifndef CLEAVE_TRACK_RESUME_H
#define CLEAVE_TRACK_RESUME_H

#include "session/separator.h"
#include "stream/demix.h"

/* The caller sets all but the last two, which must stay valid until resume_close(). */
typedef struct Resume {
    cleave_separator *separator;
    const char *input;
    const FileStamp *stamp; /* of the input, before it was opened */
    const cleave_file_settings *reading;
    const cleave_logger *log;
    DemixJob *job;    /* gets the network that the separation had moved to */
    char *path;       /* of the journal; NULL: there is none to remove */
    Journal *journal; /* NULL: nothing is kept */
} Resume;

/* For the track whose first output is `output`. `keep`: opens its journal, for the job to go on
 * with; else an earlier journal is only removed at the end. */
cleave_status resume_open(Resume *resume, const char *output, bool keep, cleave_error *error);

/* `done`: the track is complete: removes its journal. */
void resume_close(Resume *resume, bool done);

#endif
