/* file_sink.h: takes the stems of a track from the stream: one file each, encoded side by side. */
#ifndef CLEAVE_TRACK_FILE_SINK_H
#define CLEAVE_TRACK_FILE_SINK_H

#include "audio/audio.h"
#include "backend/profile.h"
#include "base/thread_pool.h"
#include "track/output_list.h"

typedef struct FileSink {
    const OutputList *outputs;
    AudioWriter **writers; /* (outputs->count) */
    cleave_error *errors;  /* (outputs->count): of the latest call on all writers */
    ThreadPool *pool;
    int channels;
    float *residual; /* (channels, residual_frames): scratch */
    int64_t residual_frames;
    Profile *profile; /* may be NULL */
    int *rows;        /* for each thread of the pool: its row in the profile */
    ProfileStage stage;
    double finishing; /* when finishing began, on the profile's clock */
} FileSink;

/* Opens a writer for each output. The list must outlive the sink. After a failure the sink can only
 * be closed. */
cleave_status file_sink_open(FileSink *sink, const OutputList *outputs,
                             const AudioWriterSettings *format, cleave_error *error);

/* The same for the only output of a list, into a descriptor. *cancel ends the waiting for the
 * process that reads there. */
cleave_status file_sink_open_stream(FileSink *sink, const OutputList *outputs, int fd,
                                    const atomic_bool *cancel, const AudioWriterSettings *format,
                                    cleave_error *error);

/* Once open: converts from this rate to that of the files. */
cleave_status file_sink_convert(FileSink *sink, int from_rate, cleave_error *error);

/* Once open: what the sink's threads do is recorded in the profile, which must outlive the sink.
 * NULL is allowed. */
cleave_status file_sink_profile(FileSink *sink, Profile *profile, cleave_error *error);

/* A DemixSink; user: the FileSink. */
cleave_status file_sink_write(void *user, const float *const *planes, const float *const *mix,
                              int64_t frames, cleave_error *error);

/* Completes all files; a file whose rate is converted gets `frames` frames. Then peaks and lengths
 * are known. */
cleave_status file_sink_finish(FileSink *sink, int64_t frames, cleave_error *error);

/* Gives all finished files their final names, after checking that nothing known prevents it. If a
 * rename fails all the same, the error says which files have been renamed. */
cleave_status file_sink_commit(FileSink *sink, cleave_error *error);

/* Removes files that were not committed. A zeroed sink is allowed. */
void file_sink_close(FileSink *sink);

#endif
