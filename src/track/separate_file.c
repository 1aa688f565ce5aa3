/* separate_file.c: an audio file to one file for each stem, by the separator's network. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/resample.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "base/path.h"
#include "base/platform.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "session/job.h"
#include "track/claim.h"
#include "track/file_sink.h"
#include "track/resume.h"

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

static cleave_status file_job_fill_stems(const FileSink *sink, cleave_result *result,
                                         cleave_error *error) {
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

/* ---- Outputs ---- */

/* An output may be the input under another name, and would then replace it. */
static cleave_status file_job_check_input(const OutputList *outputs, const char *input,
                                          cleave_error *error) {
    struct stat in;
    struct stat out;
    if ((path_is_standard(input) ? fstat(STDIN_FILENO, &in) : stat(input, &in)) != 0)
        return CLEAVE_OK;
    for (int i = 0; i < outputs->count; i++)
        if (stat(outputs->paths[i], &out) == 0 && in.st_dev == out.st_dev &&
            in.st_ino == out.st_ino)
            return error_advise(error,
                                error_set(error, CLEAVE_ERROR_ARGUMENT,
                                          "stem \"%s\" would overwrite its input %s",
                                          outputs->names[i], path_shown(input)),
                                "try another output folder or name");
    return CLEAVE_OK;
}

/* Before any file is touched. */
static cleave_status file_job_claim(FileJob *job, cleave_error *error) {
    cleave_status status = file_job_check_input(&job->outputs, job->input, error);
    if (status == CLEAVE_OK)
        status = claim_take(&job->claim, output_list_first(job->outputs.paths, job->outputs.count),
                            &job->log.logger, error);
    for (int i = 0; i < job->outputs.count && status == CLEAVE_OK && job->claim.inherited; i++)
        output_file_remove_stale(job->outputs.paths[i]);
    return status;
}

static cleave_status file_job_open_outputs(FileJob *job, cleave_error *error) {
    const cleave_model *model = job->separator->model;
    const int stream_fd = job->settings->stream_fd;
    const int64_t frames = audio_reader_format(job->reader)->frames;
    AudioWriterSettings format = {model->config.channels, job->output_rate, job->settings->format,
                                  job->settings->bits,
                                  resampled_frames(frames, job->source_rate, job->output_rate)};
    cleave_status status = stream_fd >= 0
                               ? file_sink_open_stream(&job->sink, &job->outputs, stream_fd,
                                                       &job->separator->cancel, &format, error)
                               : file_job_claim(job, error);
    if (status == CLEAVE_OK && stream_fd < 0)
        status = file_sink_open(&job->sink, &job->outputs, &format, error);
    if (status == CLEAVE_OK)
        status = file_sink_convert(&job->sink, model->config.sample_rate, error);
    return status;
}

static cleave_status file_job_prepare(FileJob *job, cleave_error *error) {
    const cleave_model *model = job->separator->model;
    cleave_status status = output_list_create(&job->outputs, &model->config, model->name,
                                              job->input, job->settings, error);
    const JobStems stems = {job->outputs.stems, job->outputs.names, job->outputs.stem_count};
    return status == CLEAVE_OK
               ? job_fill(&job->demix, job->separator, stems, job->reader, &job->log.logger, error)
               : status;
}

static void file_job_fill_demix(FileJob *job) {
    DemixJob *demix = &job->demix;
    demix->keep_mix = job->outputs.count > job->outputs.stem_count;
    demix->sink = file_sink_write;
    demix->sink_user = &job->sink;
    demix->progress = job->settings->progress;
    demix->progress_user = job->settings->progress_user;
    demix->log = &job->log;
}

static cleave_status file_job_open_journal(FileJob *job, cleave_error *error) {
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
static cleave_status file_job_run(FileJob *job, cleave_result *result, cleave_error *error) {
    DemixResult demixed;
    cleave_status status = job_run(&job->demix, job->separator, &demixed, error);
    if (status == CLEAVE_OK && demixed.samples == 0)
        status =
            error_set(error, CLEAVE_ERROR_INPUT,
                      "%s holds no audio: 0 samples; nothing to separate", path_shown(job->input));
    int64_t read = audio_reader_position(job->reader);
    if (status == CLEAVE_OK)
        status = file_sink_finish(
            &job->sink, resampled_frames(read, job->source_rate, job->output_rate), error);
    if (status == CLEAVE_OK)
        status = file_job_fill_stems(&job->sink, result, error);
    if (status == CLEAVE_OK)
        status = file_sink_commit(&job->sink, error);
    result->samples = status == CLEAVE_OK ? audio_writer_frames(job->sink.writers[0]) : 0;
    result->network_seconds = demixed.network_seconds;
    return status;
}

/* Only networks that normalize read the input twice. */
static cleave_status file_job_open_reader(FileJob *job, cleave_error *error) {
    const cleave_file_settings *asked = job->settings;
    AudioReaderSettings settings = {.log = &job->log.logger,
                                    .cancel = &job->separator->cancel,
                                    .once = !job->separator->model->config.normalize,
                                    .stream = asked->input_stream,
                                    .front = asked->input_channels == CLEAVE_CHANNELS_FRONT,
                                    .keep_going = asked->keep_going != 0};
    return audio_reader_open_with(&job->reader, job->input, &settings, error);
}

static void file_job_choose_rate(FileJob *job) {
    int asked = job->settings->sample_rate;
    job->source_rate = audio_reader_format(job->reader)->sample_rate;
    int wanted = asked == 0                    ? job->separator->model->config.sample_rate
                 : asked == CLEAVE_RATE_SOURCE ? job->source_rate
                                               : asked;
    job->output_rate = audio_format_rate(job->settings->format, wanted);
}

static cleave_status file_job_separate(FileJob *job, cleave_result *result, cleave_error *error) {
    Profile *profile = profile_active(job->separator->profile);
    double begin = profile_clock(profile);
    job->stamp = file_stamp(job->input);
    cleave_status status = file_job_open_reader(job, error);
    profile_stage_ran(profile, STAGE_OPEN, ROW_CALLER, begin);
    if (status == CLEAVE_OK)
        file_job_choose_rate(job);
    if (status == CLEAVE_OK)
        status = file_job_prepare(job, error);
    begin = profile_clock(profile);
    if (status == CLEAVE_OK)
        status = file_job_open_outputs(job, error);
    if (status == CLEAVE_OK)
        file_job_fill_demix(job);
    if (status == CLEAVE_OK)
        status = file_job_open_journal(job, error);
    if (status == CLEAVE_OK)
        status = file_sink_profile(&job->sink, profile, error);
    profile_stage_ran(profile, STAGE_OPEN, ROW_CALLER, begin);
    if (status == CLEAVE_OK)
        status = file_job_run(job, result, error);
    return status;
}

static void file_job_close(FileJob *job, bool done) {
    file_sink_close(&job->sink);
    resume_close(&job->resume, done);
    claim_release(&job->claim);
    job_clear(&job->demix);
    output_list_destroy(&job->outputs);
    audio_reader_close(job->reader);
    log_relay_destroy(&job->log);
}

static cleave_status file_job_check_rate(int rate, cleave_error *error) {
    bool is_word = rate == 0 || rate == CLEAVE_RATE_SOURCE;
    if (is_word || (rate >= CLEAVE_RATE_MIN && rate <= CLEAVE_RATE_MAX))
        return CLEAVE_OK;
    error_set(error, CLEAVE_ERROR_ARGUMENT, "stems cannot be written at %d Hz", rate);
    return error_advise(error, CLEAVE_ERROR_ARGUMENT, "choose a rate from %d to %d Hz",
                        CLEAVE_RATE_MIN, CLEAVE_RATE_MAX);
}

/* What is known once the job is closed. */
static void file_job_fill_result(const FileJob *job, cleave_result *result, double begin) {
    const cleave_separator *separator = job->separator;
    result->sample_rate = job->output_rate;
    result->source_rate = job->source_rate;
    result->channels = separator->model->config.channels;
    result->audio_seconds = (double)result->samples / result->sample_rate;
    result->seconds = clock_seconds() - begin;
    result->peak_host_memory = platform_peak_resident();
    result->peak_device_memory = compiled_peak_memory(&separator->compiled);
    result->fallback_ops = cleave_separator_fallbacks(separator, NULL, 0);
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
    log_relay_init(&job.log, &separator->choice.asked.log);
    job_begin(separator);
    cleave_status status = file_settings_resolve(settings, &resolved, error);
    if (status == CLEAVE_OK)
        status = audio_writer_bits(resolved.format, resolved.bits, &bits, error);
    if (status == CLEAVE_OK)
        status = file_job_check_rate(resolved.sample_rate, error);
    if (status == CLEAVE_OK)
        status = file_job_separate(&job, &filled, error);
    file_job_close(&job, status == CLEAVE_OK);
    job_end(separator);
    if (status == CLEAVE_OK && result) {
        file_job_fill_result(&job, &filled, begin);
        struct_give(result, result_size, &filled, sizeof(filled));
    } else {
        cleave_result_free(&filled);
    }
    return status;
}
