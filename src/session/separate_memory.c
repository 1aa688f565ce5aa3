/* separate_memory.c: planar audio in memory to stems in memory. */
#include <string.h>

#include "session/job.h"

typedef struct MemorySink {
    float *stems; /* (planes, samples) */
    int planes;
    int64_t samples;
    int64_t written; /* frames */
} MemorySink;

static cleave_status memory_sink_write(void *user, const float *const *planes,
                                       const float *const *mix, int64_t frames,
                                       cleave_error *error) {
    (void)mix;
    (void)error;
    MemorySink *sink = user;
    for (int plane = 0; plane < sink->planes; plane++)
        memcpy(sink->stems + plane * sink->samples + sink->written, planes[plane],
               (size_t)frames * sizeof(float));
    sink->written += frames;
    return CLEAVE_OK;
}

static cleave_status separate_memory(cleave_separator *separator, AudioReader *reader,
                                     MemorySink *sink, cleave_progress_callback progress,
                                     void *progress_user, cleave_error *error) {
    const Config *config = &separator->model->config;
    DemixJob job = {.stems = NULL};
    DemixResult result;
    LogRelay log;
    const cleave_logger *log_to = &separator->choice.asked.log;
    int all[CONFIG_STEMS_MAX];
    for (int i = 0; i < config->stem_count; i++)
        all[i] = i;
    JobStems stems = {all, (const char *const *)config->stems, config->stem_count};
    cleave_status status = job_fill(&job, separator, stems, reader, log_to, error);
    if (status != CLEAVE_OK)
        return status;
    job.sink = memory_sink_write;
    job.sink_user = sink;
    job.progress = progress;
    job.progress_user = progress_user;
    log_relay_init(&log, log_to);
    job.log = &log;
    status = job_run(&job, separator, &result, error);
    log_relay_destroy(&log);
    job_clear(&job);
    return status;
}

cleave_status cleave_separator_separate_memory(cleave_separator *separator, const float *const *mix,
                                               int channels, int64_t samples, float *stems,
                                               cleave_progress_callback progress,
                                               void *progress_user, cleave_error *error) {
    error_clear(error);
    if (!separator || !mix || !stems || samples < 1 || channels < 1)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "separating from memory needs a separator, a mix of at least one channel "
                         "and one sample, and room for the stems");
    const Config *config = &separator->model->config;
    if (channels != 1 && channels < config->channels)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "the network takes %d channels, not %d",
                         config->channels, channels);
    MemorySink sink = {
        .stems = stems, .planes = config->stem_count * config->channels, .samples = samples};
    AudioReader *reader = NULL;
    job_begin(separator);
    cleave_status status =
        audio_reader_open_memory(&reader, mix, channels, samples, config->sample_rate, error);
    if (status == CLEAVE_OK)
        status = separate_memory(separator, reader, &sink, progress, progress_user, error);
    audio_reader_close(reader);
    job_end(separator);
    return status;
}
