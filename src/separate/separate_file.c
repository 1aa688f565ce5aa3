/* separate_file.c: from an audio file to one file per stem. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "separate/clock.h"
#include "separate/output_paths.h"
#include "separate/separator.h"

/* ---- Writing ---- */

typedef struct FileSink {
    const OutputList *outputs;
    AudioWriter **writers; /* (outputs->count) */
    int channels;
    const atomic_bool *cancel; /* of a stream that nobody reads */
    float *residual;           /* (channels, residual_frames): scratch */
    int64_t residual_frames;
} FileSink;

static cleave_status open_writers(FileSink *sink, const cleave_output_settings *settings,
                                  int sample_rate, int64_t expected_frames, cleave_error *error) {
    AudioWriterSettings format = {sink->channels, sample_rate, settings->format, settings->bits,
                                  expected_frames};
    sink->writers = calloc((size_t)sink->outputs->count, sizeof(*sink->writers));
    if (!sink->writers)
        return error_memory(error, "the output files", sizeof(*sink->writers));
    if (settings->stream_fd >= 0)
        return audio_writer_open_stream(&sink->writers[0], settings->stream_fd, sink->cancel,
                                        &format, error);
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < sink->outputs->count && status == CLEAVE_OK; i++)
        status = audio_writer_open(&sink->writers[i], sink->outputs->paths[i], &format, error);
    return status;
}

static cleave_status reserve_residual(FileSink *sink, int64_t frames, cleave_error *error) {
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
static cleave_status write_residual(FileSink *sink, const float *const *planes,
                                    const float *const *mix, int64_t frames, cleave_error *error) {
    const float *residual[2];
    cleave_status status = reserve_residual(sink, frames, error);
    if (status != CLEAVE_OK)
        return status;
    for (int channel = 0; channel < sink->channels; channel++) {
        float *to = sink->residual + channel * frames;
        residual[channel] = to;
        memcpy(to, mix[channel], (size_t)frames * sizeof(float));
        for (int stem = 0; stem < sink->outputs->stem_count; stem++)
            for (int64_t i = 0; i < frames; i++)
                to[i] -= planes[stem * sink->channels + channel][i];
    }
    return audio_writer_write(sink->writers[sink->outputs->stem_count], residual, frames, error);
}

static cleave_status write_stems(void *user, const float *const *planes, const float *const *mix,
                                 int64_t frames, cleave_error *error) {
    FileSink *sink = user;
    cleave_status status = CLEAVE_OK;
    for (int stem = 0; stem < sink->outputs->stem_count && status == CLEAVE_OK; stem++)
        status =
            audio_writer_write(sink->writers[stem], planes + stem * sink->channels, frames, error);
    if (status == CLEAVE_OK && sink->outputs->count > sink->outputs->stem_count)
        status = write_residual(sink, planes, mix, frames, error);
    return status;
}

/* Adds to the error of a rename which files already had theirs: they are whole, and what they
 * replaced is gone, so they stay. */
static void name_committed(const FileSink *sink, int committed, cleave_error *error) {
    char names[256] = "";
    for (int i = 0; i < committed; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
                 sink->outputs->names[i]);
    }
    error_prefix(error, "only %s written", names);
}

/* Gives every file its final name once all are complete and nothing is known that would prevent it.
 */
static cleave_status commit_writers(const FileSink *sink, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    for (int i = 0; i < sink->outputs->count && status == CLEAVE_OK; i++)
        status = audio_writer_finish(sink->writers[i], error);
    for (int i = 0; i < sink->outputs->count && status == CLEAVE_OK; i++)
        status = audio_writer_prepare(sink->writers[i], error);
    for (int i = 0; i < sink->outputs->count && status == CLEAVE_OK; i++) {
        status = audio_writer_commit(sink->writers[i], error);
        if (status != CLEAVE_OK && i > 0)
            name_committed(sink, i, error);
    }
    return status;
}

/* The last writer first: the first one made the folders, and removes them if they are empty. */
static void destroy_sink(FileSink *sink) {
    for (int i = sink->outputs->count - 1; sink->writers && i >= 0; i--)
        audio_writer_close(sink->writers[i]);
    free(sink->writers);
    free(sink->residual);
}

/* ---- Results ---- */

void cleave_result_free(cleave_result *result) {
    if (!result)
        return;
    for (int i = 0; i < result->stem_count; i++) {
        free(result->stems[i].name);
        free(result->stems[i].path);
    }
    free(result->stems);
    *result = (cleave_result){0};
}

static cleave_status fill_stems(const FileSink *sink, cleave_result *result, cleave_error *error) {
    const OutputList *outputs = sink->outputs;
    result->stems = calloc((size_t)outputs->count, sizeof(*result->stems));
    if (!result->stems)
        return error_memory(error, "the result", sizeof(*result->stems));
    for (int i = 0; i < outputs->count; i++) {
        cleave_stem_result *stem = &result->stems[i];
        result->stem_count++;
        stem->name = string_copy(outputs->names[i]);
        stem->path = string_copy(outputs->paths[i]);
        stem->peak = audio_writer_peak(sink->writers[i]);
        stem->clipped = audio_writer_clipped(sink->writers[i]);
        if (!stem->name || !stem->path)
            return error_memory(error, "the result", strlen(outputs->paths[i]));
    }
    return CLEAVE_OK;
}

/* ---- The call ---- */

/* An output that is the input, under whatever name, would replace it. */
static cleave_status keep_input(const OutputList *outputs, const char *input, cleave_error *error) {
    struct stat in;
    struct stat out;
    if ((path_is_standard(input) ? fstat(STDIN_FILENO, &in) : stat(input, &in)) != 0)
        return CLEAVE_OK;
    for (int i = 0; i < outputs->count; i++)
        if (stat(outputs->paths[i], &out) == 0 && in.st_dev == out.st_dev &&
            in.st_ino == out.st_ino)
            return error_set(error, CLEAVE_ERROR_ARGUMENT,
                             "stem \"%s\" would overwrite its input %s; try another output folder "
                             "or name",
                             outputs->names[i], path_shown(input));
    return CLEAVE_OK;
}

/* Runs the job into open writers and completes the files. */
static cleave_status run(const DemixJob *job, const char *input, FileSink *sink,
                         cleave_result *result, cleave_error *error) {
    DemixResult demixed;
    cleave_status status = demix_run(job, &demixed, error);
    if (status == CLEAVE_OK && demixed.samples == 0)
        status = error_set(error, CLEAVE_ERROR_INPUT,
                           "%s holds no audio: 0 samples; nothing to separate", path_shown(input));
    if (status == CLEAVE_OK)
        status = fill_stems(sink, result, error);
    if (status == CLEAVE_OK)
        status = commit_writers(sink, error);
    result->samples = demixed.samples;
    result->network_seconds = demixed.network_seconds;
    return status;
}

static cleave_status separate(cleave_separator *separator, AudioReader *reader, const char *input,
                              const cleave_output_settings *settings, cleave_result *result,
                              cleave_error *error) {
    const Config *config = &separator->model->config;
    OutputList outputs = {0};
    FileSink sink = {
        .outputs = &outputs, .channels = config->channels, .cancel = &separator->cancel};
    DemixJob job;
    cleave_status status = separator_job(separator, reader, &job, error);
    if (status == CLEAVE_OK)
        status =
            output_list_create(&outputs, config, separator->model->name, input, settings, error);
    if (status == CLEAVE_OK && settings->stream_fd < 0)
        status = keep_input(&outputs, input, error);
    if (status == CLEAVE_OK)
        status = open_writers(&sink, settings, config->sample_rate,
                              audio_reader_expected_frames(reader), error);
    if (status == CLEAVE_OK) {
        job.stems = outputs.stems;
        job.stem_count = outputs.stem_count;
        job.sink = write_stems;
        job.sink_user = &sink;
        job.progress = settings->progress;
        job.progress_user = settings->progress_user;
        status = run(&job, input, &sink, result, error);
    }
    destroy_sink(&sink);
    output_list_destroy(&outputs);
    return status;
}

/* A second pass is made by networks that normalize only. */
static cleave_status open_reader(cleave_separator *separator, const char *input,
                                 AudioReader **reader, cleave_error *error) {
    AudioReaderSettings settings = {.log = &separator->settings.log,
                                    .cancel = &separator->cancel,
                                    .once = !separator->model->config.normalize};
    return audio_reader_open_with(reader, input, &settings, error);
}

cleave_status cleave_separate_file(cleave_separator *separator, const char *input,
                                   const cleave_output_settings *settings, cleave_result *result,
                                   cleave_error *error) {
    cleave_result filled = {0};
    cleave_output_settings resolved = output_settings_resolve(settings);
    AudioReader *reader = NULL;
    cleave_bits bits;
    double begin = clock_seconds();
    error_clear(error);
    if (result)
        *result = filled;
    if (!separator || !input)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "separating a file needs a separator and the file's path");
    cleave_status status = audio_writer_bits(resolved.format, resolved.bits, &bits, error);
    if (status == CLEAVE_OK)
        status = open_reader(separator, input, &reader, error);
    if (status == CLEAVE_OK)
        status = separate(separator, reader, input, &resolved, &filled, error);
    audio_reader_close(reader);
    atomic_store(&separator->cancel, false);
    if (status != CLEAVE_OK || !result) {
        cleave_result_free(&filled);
        return status;
    }
    filled.sample_rate = separator->model->config.sample_rate;
    filled.channels = separator->model->config.channels;
    filled.audio_seconds = (double)filled.samples / filled.sample_rate;
    filled.seconds = clock_seconds() - begin;
    filled.peak_host_memory = memory_peak_resident();
    *result = filled;
    return CLEAVE_OK;
}
