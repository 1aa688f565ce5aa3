/* file_sink.h: where demix puts the stems of a track: one file each, encoded side by side. */
#ifndef CLEAVE_TRACK_FILE_SINK_H
#define CLEAVE_TRACK_FILE_SINK_H

#include "audio/audio.h"
#include "backend/profile.h"
#include "base/thread_pool.h"
#include "track/output_list.h"

typedef struct FileSink {
    const OutputList *outputs;
    AudioWriter **writers; /* (outputs->count) */
    cleave_error *errors;  /* (outputs->count): of the step that all take at once */
    ThreadPool *pool;
    int channels;
    float *residual; /* (channels, residual_frames): scratch */
    int64_t residual_frames;
    Profile *profile; /* NULL: nobody wants to know how long the threads work */
    int *rows;        /* per thread of the pool: the profile's index of it */
    ProfileStage stage;
    double finishing; /* when that began, on the profile's clock */
} FileSink;

/* Opens a writer for each output. What is borrowed must outlive the sink. After a failure the sink
 * can only be closed. */
cleave_status file_sink_open(FileSink *sink, const OutputList *outputs,
                             const AudioWriterSettings *format, cleave_error *error);

/* The same for the one output of a list, into a descriptor; *cancel ends the waiting for whoever
 * reads there. */
cleave_status file_sink_open_stream(FileSink *sink, const OutputList *outputs, int fd,
                                    const atomic_bool *cancel, const AudioWriterSettings *format,
                                    cleave_error *error);

/* Once open: what is written comes at this rate, where the files have another. */
cleave_status file_sink_convert(FileSink *sink, int from_rate, cleave_error *error);

/* Once open: the profile, which must outlive the sink, is told of what its threads do. NULL is
 * allowed. */
cleave_status file_sink_profile(FileSink *sink, Profile *profile, cleave_error *error);

/* A DemixSink; user: the FileSink. */
cleave_status file_sink_write(void *user, const float *const *planes, const float *const *mix,
                              int64_t frames, cleave_error *error);

/* Completes all files, of which those that convert get `frames` frames. Then peaks and lengths are
 * known. */
cleave_status file_sink_finish(FileSink *sink, int64_t frames, cleave_error *error);

/* Gives each finished file its final name: only once nothing is known that would prevent it. Should
 * a rename fail after others succeeded, the error says which. */
cleave_status file_sink_commit(FileSink *sink, cleave_error *error);

/* What was not committed is removed. A zeroed sink is allowed. */
void file_sink_close(FileSink *sink);

#endif
