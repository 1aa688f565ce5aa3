/* separate_file.c: from an audio file to one file per stem. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/output_file.h"
#include "audio/resample.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/platform.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "separate/claim.h"
#include "separate/file_sink.h"
#include "separate/ready.h"
#include "separate/resume.h"

/* What a call needs from its start to its end. */
typedef struct FileJob {
    cleave_separator *separator;
    const char *input;
    const cleave_file_settings *settings; /* resolved */
    LogRelay log;
    FileStamp stamp; /* of the input, before it was opened */
    AudioReader *reader;
    OutputList outputs;
    Claim claim;
    Resume resume;
    int source_rate; /* Hz */
    int output_rate;
    FileSink sink;
    DemixJob demix;
} FileJob;

/* ---- Results ---- */

void cleave_result_free(cleave_result *result) {
    if (!result)
        return;
    for (int i = 0; i < result->stem_count; i++) {
        free(result->stems[i]->name);
        free(result->stems[i]->path);
    }
    free(result->stems);
    result->stems = NULL;
    result->stem_count = 0;
}

static cleave_status fill_stems(const FileSink *sink, cleave_result *result, cleave_error *error) {
    const OutputList *outputs = sink->outputs;
    result->stems = pointers_new((size_t)outputs->count, sizeof(**result->stems));
    if (!result->stems)
        return error_memory(error, "the result", sizeof(**result->stems));
    for (int i = 0; i < outputs->count; i++) {
        cleave_stem_result *stem = result->stems[i];
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

/* ---- Before the run ---- */

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

/* Before any file is touched: the outputs' names, and the claim on them. */
static cleave_status claim_outputs(FileJob *job, cleave_error *error) {
    cleave_status status = keep_input(&job->outputs, job->input, error);
    if (status == CLEAVE_OK)
        status = claim_take(&job->claim, output_list_first(job->outputs.paths, job->outputs.count),
                            &job->log.logger, error);
    for (int i = 0; i < job->outputs.count && status == CLEAVE_OK && job->claim.inherited; i++)
        output_file_remove_stale(job->outputs.paths[i]);
    return status;
}

static cleave_status open_outputs(FileJob *job, cleave_error *error) {
    const cleave_model *model = job->separator->model;
    const int stream_fd = job->settings->stream_fd;
    const int64_t frames = audio_reader_format(job->reader)->frames;
    AudioWriterSettings format = {model->config.channels, job->output_rate, job->settings->format,
                                  job->settings->bits,
                                  resampled_frames(frames, job->source_rate, job->output_rate)};
    cleave_status status = output_list_create(&job->outputs, &model->config, model->name,
                                              job->input, job->settings, error);
    if (status == CLEAVE_OK && stream_fd >= 0)
        status = file_sink_open_stream(&job->sink, &job->outputs, stream_fd,
                                       &job->separator->cancel, &format, error);
    else if (status == CLEAVE_OK)
        status = claim_outputs(job, error);
    if (status == CLEAVE_OK && stream_fd < 0)
        status = file_sink_open(&job->sink, &job->outputs, &format, error);
    if (status == CLEAVE_OK)
        status = file_sink_convert(&job->sink, model->config.sample_rate, error);
    return status;
}

static void fill_demix(FileJob *job) {
    DemixJob *demix = &job->demix;
    demix->stems = job->outputs.stems;
    demix->stem_count = job->outputs.stem_count;
    demix->keep_mix = job->outputs.count > job->outputs.stem_count;
    demix->sink = file_sink_write;
    demix->sink_user = &job->sink;
    demix->progress = job->settings->progress;
    demix->progress_user = job->settings->progress_user;
    demix->log = &job->log;
}

static cleave_status open_journal(FileJob *job, cleave_error *error) {
    if (job->settings->stream_fd >= 0)
        return CLEAVE_OK;
    job->resume = (Resume){.separator = job->separator,
                           .input = job->input,
                           .stamp = &job->stamp,
                           .reading = job->settings,
                           .log = &job->log.logger,
                           .job = &job->demix};
    const char *output = output_list_first(job->outputs.paths, job->outputs.count);
    return resume_open(&job->resume, output, job->settings->resume != 0, error);
}

/* ---- The call ---- */

/* Runs the job into open writers and completes the files. */
static cleave_status run(FileJob *job, cleave_result *result, cleave_error *error) {
    DemixResult demixed;
    cleave_status status = demix_run(&job->demix, &demixed, error);
    separator_learn(job->separator, &job->demix, &demixed);
    if (status == CLEAVE_OK && demixed.samples == 0)
        status =
            error_set(error, CLEAVE_ERROR_INPUT,
                      "%s holds no audio: 0 samples; nothing to separate", path_shown(job->input));
    int64_t read = audio_reader_position(job->reader);
    if (status == CLEAVE_OK)
        status = file_sink_finish(
            &job->sink, resampled_frames(read, job->source_rate, job->output_rate), error);
    if (status == CLEAVE_OK)
        status = fill_stems(&job->sink, result, error);
    if (status == CLEAVE_OK)
        status = file_sink_commit(&job->sink, error);
    result->samples = status == CLEAVE_OK ? audio_writer_frames(job->sink.writers[0]) : 0;
    result->network_seconds = demixed.network_seconds;
    return status;
}

/* A second pass is made by networks that normalize only. */
static cleave_status open_reader(FileJob *job, cleave_error *error) {
    const cleave_file_settings *asked = job->settings;
    AudioReaderSettings settings = {.log = &job->log.logger,
                                    .cancel = &job->separator->cancel,
                                    .once = !job->separator->model->config.normalize,
                                    .stream = asked->input_stream,
                                    .front = asked->input_channels == CLEAVE_CHANNELS_FRONT,
                                    .keep_going = asked->keep_going != 0};
    return audio_reader_open_with(&job->reader, job->input, &settings, error);
}

static void choose_rate(FileJob *job) {
    int asked = job->settings->sample_rate;
    job->source_rate = audio_reader_format(job->reader)->sample_rate;
    int wanted = asked == 0                    ? job->separator->model->config.sample_rate
                 : asked == CLEAVE_RATE_SOURCE ? job->source_rate
                                               : asked;
    job->output_rate = audio_format_rate(job->settings->format, wanted);
}

static cleave_status separate(FileJob *job, cleave_result *result, cleave_error *error) {
    Profile *profile = profile_active(job->separator->profile);
    double begin = profile_clock(profile);
    job->stamp = file_stamp(job->input);
    cleave_status status = open_reader(job, error);
    profile_stage_ran(profile, STAGE_OPEN, ROW_CALLER, begin);
    if (status == CLEAVE_OK)
        choose_rate(job);
    if (status == CLEAVE_OK)
        status = separator_job(job->separator, job->reader, &job->log.logger, &job->demix, error);
    begin = profile_clock(profile);
    if (status == CLEAVE_OK)
        status = open_outputs(job, error);
    if (status == CLEAVE_OK)
        fill_demix(job);
    if (status == CLEAVE_OK)
        status = open_journal(job, error);
    if (status == CLEAVE_OK)
        status = file_sink_profile(&job->sink, profile, error);
    profile_stage_ran(profile, STAGE_OPEN, ROW_CALLER, begin);
    if (status == CLEAVE_OK)
        status = run(job, result, error);
    return status;
}

static void close_job(FileJob *job, bool done) {
    file_sink_close(&job->sink);
    resume_close(&job->resume, done);
    claim_release(&job->claim);
    output_list_destroy(&job->outputs);
    audio_reader_close(job->reader);
    log_relay_destroy(&job->log);
}

static cleave_status check_rate(int rate, cleave_error *error) {
    bool is_word = rate == 0 || rate == CLEAVE_RATE_SOURCE;
    if (is_word || (rate >= CLEAVE_RATE_MIN && rate <= CLEAVE_RATE_MAX))
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_ARGUMENT,
                     "stems cannot be written at %d Hz; choose a rate from %d to %d Hz", rate,
                     CLEAVE_RATE_MIN, CLEAVE_RATE_MAX);
}

cleave_status cleave_separator_separate_file_sized(cleave_separator *separator, const char *input,
                                                   const cleave_file_settings *settings,
                                                   cleave_result *result, size_t result_size,
                                                   cleave_error *error) {
    cleave_result filled = {0};
    cleave_file_settings resolved;
    cleave_bits bits;
    double begin = clock_seconds();
    error_clear(error);
    struct_give(result, result_size, &filled, sizeof(filled));
    if (!separator || !input)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "separating a file needs a separator and the file's path");
    FileJob job = {
        .separator = separator, .input = input, .settings = &resolved, .claim = {.fd = -1}};
    log_relay_init(&job.log, &separator->settings.log);
    profile_start(separator->profile);
    cleave_status status = file_settings_resolve(settings, &resolved, error);
    if (status == CLEAVE_OK)
        status = audio_writer_bits(resolved.format, resolved.bits, &bits, error);
    if (status == CLEAVE_OK)
        status = check_rate(resolved.sample_rate, error);
    if (status == CLEAVE_OK)
        status = separate(&job, &filled, error);
    close_job(&job, status == CLEAVE_OK);
    profile_stop(separator->profile);
    atomic_store(&separator->cancel, false);
    ready_tell_fallback(separator);
    if (status != CLEAVE_OK || !result) {
        cleave_result_free(&filled);
        return status;
    }
    filled.sample_rate = job.output_rate;
    filled.source_rate = job.source_rate;
    filled.channels = separator->model->config.channels;
    filled.audio_seconds = (double)filled.samples / filled.sample_rate;
    filled.seconds = clock_seconds() - begin;
    filled.peak_host_memory = platform_peak_resident();
    filled.peak_device_memory = ready_peak_memory(separator);
    filled.fallback_ops = cleave_separator_fallbacks(separator, NULL, 0);
    struct_give(result, result_size, &filled, sizeof(filled));
    return CLEAVE_OK;
}
