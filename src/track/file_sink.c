/* file_sink.c: one writer for each output, all used at once by a pool of threads. */
#include "track/file_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/processors.h"
#include "base/utf8.h"

/* ---- Opening ---- */

static cleave_status file_sink_open_parts(FileSink *sink, const OutputList *outputs, int channels,
                                          cleave_error *error) {
    size_t count = (size_t)outputs->count;
    int processors = thread_available_processors();
    *sink = (FileSink){.outputs = outputs, .channels = channels};
    sink->writers = calloc(count, sizeof(*sink->writers));
    sink->errors = calloc(count, sizeof(*sink->errors));
    if (!sink->writers || !sink->errors)
        return error_memory(error, "the output files", count * sizeof(*sink->errors));
    return thread_pool_create(&sink->pool,
                              outputs->count < processors ? outputs->count : processors, error);
}

static cleave_status file_sink_open_writers(FileSink *sink, const AudioWriterSettings *format,
                                            cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < sink->outputs->count && status == CLEAVE_OK; i++)
        status = audio_writer_open(&sink->writers[i], sink->outputs->paths[i], format, error);
    return status;
}

cleave_status file_sink_open(FileSink *sink, const OutputList *outputs,
                             const AudioWriterSettings *format, cleave_error *error) {
    cleave_status status = file_sink_open_parts(sink, outputs, format->channels, error);
    return status == CLEAVE_OK ? file_sink_open_writers(sink, format, error) : status;
}

cleave_status file_sink_open_stream(FileSink *sink, const OutputList *outputs, int fd,
                                    const atomic_bool *cancel, const AudioWriterSettings *format,
                                    cleave_error *error) {
    cleave_status status = file_sink_open_parts(sink, outputs, format->channels, error);
    if (status != CLEAVE_OK)
        return status;
    return audio_writer_open_stream(&sink->writers[0], fd, cancel, format, error);
}

cleave_status file_sink_convert(FileSink *sink, int from_rate, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < sink->outputs->count && status == CLEAVE_OK; i++)
        status = audio_writer_convert(sink->writers[i], from_rate, error);
    return status;
}

/* ---- Profiling ---- */

/* The work of the pool's caller is an event of another row already. */
static void file_sink_observe(void *context, int thread, double begin, double end) {
    const FileSink *sink = context;
    profile_thread_worked(sink->profile, (int)sink->stage, sink->rows[thread], begin, end,
                          thread > 0);
}

cleave_status file_sink_profile(FileSink *sink, Profile *profile, cleave_error *error) {
    int threads = thread_pool_size(sink->pool);
    cleave_status status = CLEAVE_OK;
    if (!profile)
        return CLEAVE_OK;
    sink->rows = calloc((size_t)threads, sizeof(*sink->rows));
    if (!sink->rows)
        return error_memory(error, "the profile", (size_t)threads * sizeof(*sink->rows));
    for (int i = 1; i < threads && status == CLEAVE_OK; i++)
        status = profile_add_row(profile, "encoder", i, &sink->rows[i], error);
    if (status != CLEAVE_OK)
        return status;
    sink->profile = profile;
    sink->stage = STAGE_ENCODE;
    thread_pool_observe(sink->pool, file_sink_observe, sink);
    return CLEAVE_OK;
}

/* ---- All writers at once ---- */

/* Does a task for every output, side by side. The error is that of the first output that failed. */
static cleave_status file_sink_all(FileSink *sink, ThreadTask task, void *context,
                                   cleave_error *error) {
    for (int i = 0; i < sink->outputs->count; i++)
        error_clear(&sink->errors[i]);
    thread_pool_run(sink->pool, (size_t)sink->outputs->count, task, context);
    for (int i = 0; i < sink->outputs->count; i++)
        if (sink->errors[i].status != CLEAVE_OK) {
            if (error)
                *error = sink->errors[i];
            return sink->errors[i].status;
        }
    return CLEAVE_OK;
}

/* ---- Writing ---- */

typedef struct Block {
    FileSink *sink;
    const float *const *planes;
    const float *const *mix;
    int64_t frames;
} Block;

static cleave_status file_sink_reserve(FileSink *sink, int64_t frames, cleave_error *error) {
    if (frames <= sink->residual_frames)
        return CLEAVE_OK;
    size_t bytes = (size_t)sink->channels * (size_t)frames * sizeof(float);
    free(sink->residual);
    sink->residual_frames = 0;
    sink->residual = malloc(bytes);
    if (!sink->residual)
        return error_memory(error, "the residual", bytes);
    sink->residual_frames = frames;
    return CLEAVE_OK;
}

/* The mix less all stems that are written. */
static cleave_status file_sink_write_residual(const Block *block, AudioWriter *writer,
                                              cleave_error *error) {
    FileSink *sink = block->sink;
    const int64_t frames = block->frames;
    const float *residual[2];
    cleave_status status = file_sink_reserve(sink, frames, error);
    if (status != CLEAVE_OK)
        return status;
    for (int channel = 0; channel < sink->channels; channel++) {
        float *to = sink->residual + channel * frames;
        residual[channel] = to;
        memcpy(to, block->mix[channel], (size_t)frames * sizeof(float));
        for (int stem = 0; stem < sink->outputs->stem_count; stem++) {
            const float *from = block->planes[stem * sink->channels + channel];
            for (int64_t i = 0; i < frames; i++)
                to[i] -= from[i];
        }
    }
    return audio_writer_write(writer, residual, frames, error);
}

static void file_sink_write_one(void *context, size_t output, int thread) {
    (void)thread;
    const Block *block = context;
    FileSink *sink = block->sink;
    AudioWriter *writer = sink->writers[output];
    cleave_error *error = &sink->errors[output];
    if ((int)output < sink->outputs->stem_count)
        audio_writer_write(writer, block->planes + (int)output * sink->channels, block->frames,
                           error);
    else
        file_sink_write_residual(block, writer, error);
}

cleave_status file_sink_write(void *user, const float *const *planes, const float *const *mix,
                              int64_t frames, cleave_error *error) {
    FileSink *sink = user;
    Block block = {sink, planes, mix, frames};
    return file_sink_all(sink, file_sink_write_one, &block, error);
}

/* ---- The end ---- */

static void file_sink_finish_one(void *context, size_t output, int thread) {
    (void)thread;
    FileSink *sink = context;
    audio_writer_finish(sink->writers[output], &sink->errors[output]);
}

/* Adds to the error of a rename which files were renamed before. They are whole, and the files that
 * they replaced are gone, so they stay. */
static void file_sink_name_committed(const FileSink *sink, int committed, cleave_error *error) {
    char names[256] = "";
    for (int i = 0; i < committed; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
                 sink->outputs->names[i]);
    }
    utf8_trim(names);
    error_prefix(error, "only %s written", names);
}

cleave_status file_sink_finish(FileSink *sink, int64_t frames, cleave_error *error) {
    sink->finishing = profile_clock(sink->profile);
    sink->stage = STAGE_FINISH;
    for (int i = 0; i < sink->outputs->count; i++)
        audio_writer_end_at(sink->writers[i], frames);
    return file_sink_all(sink, file_sink_finish_one, sink, error);
}

cleave_status file_sink_commit(FileSink *sink, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < sink->outputs->count && status == CLEAVE_OK; i++)
        status = audio_writer_prepare(sink->writers[i], error);
    for (int i = 0; i < sink->outputs->count && status == CLEAVE_OK; i++) {
        status = audio_writer_commit(sink->writers[i], error);
        if (status != CLEAVE_OK && i > 0)
            file_sink_name_committed(sink, i, error);
    }
    profile_stage_ran(sink->profile, STAGE_FINISH, ROW_CALLER, sink->finishing);
    return status;
}

/* The last writer first, since the first one made the folders and removes them if they are empty.
 */
void file_sink_close(FileSink *sink) {
    for (int i = sink->writers ? sink->outputs->count - 1 : -1; i >= 0; i--)
        audio_writer_close(sink->writers[i]);
    thread_pool_destroy(sink->pool);
    free(sink->writers);
    free(sink->errors);
    free(sink->residual);
    free(sink->rows);
    *sink = (FileSink){0};
}
