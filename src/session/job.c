/* job.c: filling in the stream's job for a separator. */
#include "session/job.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "model/network.h"
#include "session/prepare.h"

void job_begin(cleave_separator *separator) {
    profile_start(separator->profile);
}

void job_end(cleave_separator *separator) {
    profile_stop(separator->profile);
    separator_end_call(separator);
}

/* Says what becomes of more channels than two. */
static void job_log_downmix(const AudioReader *reader, const cleave_logger *log) {
    const char *name = audio_reader_name(reader);
    int channels = audio_reader_format(reader)->channels;
    switch (audio_reader_downmix(reader)) {
    case AUDIO_MIXED:
        log_write(log, CLEAVE_LOG_INFO,
                  PATH_FORMAT ": its %d channels are mixed down to left and right (ITU-R BS.775); "
                              "--channels front takes left and right alone",
                  name, channels);
        break;
    case AUDIO_FRONT:
        log_write(log, CLEAVE_LOG_INFO, PATH_FORMAT ": of its %d channels left and right are taken",
                  name, channels);
        break;
    case AUDIO_FIRST_TWO:
        log_write(log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": it has %d channels and does not say which loudspeakers they are "
                              "for: the first two are taken as left and right",
                  name, channels);
        break;
    case AUDIO_AS_IT_IS:
        break;
    }
}

/* Where the network that is ready has each stem. */
static int *job_find_stems(const cleave_separator *separator, JobStems stems) {
    int *found = calloc((size_t)stems.count + 1, sizeof(*found));
    for (int i = 0; i < stems.count && found; i++)
        found[i] = choice_network_stem(&separator->choice, stems.indices[i]);
    return found;
}

cleave_status job_fill(DemixJob *job, cleave_separator *separator, JobStems stems,
                       AudioReader *reader, const cleave_logger *log, cleave_error *error) {
    const Config *config = &separator->model->config;
    const cleave_separator_settings *settings = &separator->setup.settings;
    cleave_status status = prepare_stems(separator, stems.indices, stems.count, error);
    if (status == CLEAVE_OK)
        status = audio_reader_convert(reader, config->channels, config->sample_rate, error);
    if (status != CLEAVE_OK)
        return status;
    int *found = job_find_stems(separator, stems);
    if (!found)
        return error_memory(error, "the list of stems", (size_t)stems.count * sizeof(*found));
    job_log_downmix(reader, log);
    *job = (DemixJob){.network = prepare_result(separator),
                      .geometry = separator->choice.geometry,
                      .overlap = settings->overlap,
                      .tta = settings->tta != 0,
                      .normalize = config->normalize,
                      .network_stems = network_stems(config, separator->choice.wanted),
                      .stems = found,
                      .stem_names = stems.names,
                      .stem_count = stems.count,
                      .sample_rate = config->sample_rate,
                      .reader = reader,
                      .profile = profile_active(separator->profile),
                      .cancel = &separator->cancel,
                      .move_on = prepare_move_on,
                      .move_on_user = separator};
    return CLEAVE_OK;
}

void job_clear(DemixJob *job) {
    free((void *)job->stems);
    job->stems = NULL;
}

cleave_status job_run(const DemixJob *job, cleave_separator *separator, DemixResult *result,
                      cleave_error *error) {
    cleave_status status = demix_run(job, result, error);
    int *batch = &separator->setup.settings.batch; /* of the device on which the job ended */
    int tried = job->network.batch < *batch ? job->network.batch : *batch;
    if (result->batch > 0 && result->batch < tried)
        *batch = result->batch;
    return status;
}
