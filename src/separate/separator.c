/* separator.c: opening a separator: settings, device, chunk plan, compiled network. */
#include "separate/separator.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/thread_pool.h"
#include "model/builder.h"

#define BATCH_MAX   64
#define THREADS_MAX 256

void cleave_separator_settings_default(cleave_separator_settings *settings) {
    *settings = (cleave_separator_settings){.device = "auto", .compile = 1};
}

static cleave_status check_range(const char *name, int value, int maximum, cleave_error *error) {
    if (value >= 0 && value <= maximum)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_ARGUMENT,
                     "%s %d is out of range; try 1 to %d, or 0 for the default", name, value,
                     maximum);
}

static cleave_status check_settings(const cleave_separator_settings *settings,
                                    cleave_error *error) {
    cleave_status status = check_range("overlap", settings->overlap, CLEAVE_OVERLAP_MAX, error);
    if (status == CLEAVE_OK)
        status = check_range("batch", settings->batch, BATCH_MAX, error);
    if (status == CLEAVE_OK)
        status = check_range("threads", settings->threads, THREADS_MAX, error);
    if (status == CLEAVE_OK && settings->blend != CLEAVE_BLEND_FADE &&
        settings->blend != CLEAVE_BLEND_MEAN)
        status = error_set(error, CLEAVE_ERROR_ARGUMENT, "unknown blend %d", (int)settings->blend);
    return status;
}

/* Puts a choice in the place of every zero that stands for one. */
static void resolve_settings(cleave_separator *separator) {
    cleave_separator_settings *settings = &separator->settings;
    if (settings->overlap == 0)
        settings->overlap = separator->model->config.overlap;
    if (settings->batch == 0)
        settings->batch = 1;
    if (settings->threads == 0)
        settings->threads = thread_available_processors();
    if (settings->threads > THREADS_MAX)
        settings->threads = THREADS_MAX;
    settings->device = NULL; /* the caller's string; what was chosen is in backend */
}

/* Blend mean has a chunk length of its own, from inference.dim_t. */
static cleave_status plan_chunks(cleave_separator *separator, cleave_error *error) {
    const Config *config = &separator->model->config;
    const cleave_separator_settings *settings = &separator->settings;
    ChunkPlan *plan = &separator->plan;
    *plan = (ChunkPlan){settings->blend, config->channels, config->chunk_size, 0};
    if (settings->blend == CLEAVE_BLEND_MEAN) {
        plan->chunk = (int64_t)config->hop_length * (config->mean_dim_t - 1);
        if (plan->chunk <= config->n_fft / 2 || plan->chunk > INT32_MAX / 4)
            return error_set(error, CLEAVE_ERROR_MODEL,
                             "inference.dim_t %d with audio.hop_length %d gives chunks of %lld "
                             "samples, which audio.n_fft %d cannot use; try --blend fade",
                             config->mean_dim_t, config->hop_length, (long long)plan->chunk,
                             config->n_fft);
        int frames = stft_frames((int)plan->chunk, config->n_fft, config->hop_length);
        cleave_status status = config_check_frames(config, frames, "inference.dim_t", error);
        if (status != CLEAVE_OK)
            return status;
    }
    plan->step = plan->chunk / settings->overlap;
    if (plan->step < 1)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "overlap %d is more than the chunk's %lld samples; try a smaller one",
                         settings->overlap, (long long)plan->chunk);
    return CLEAVE_OK;
}

static cleave_status compile(cleave_separator *separator, cleave_error *error) {
    const cleave_model *model = separator->model;
    const cleave_separator_settings *settings = &separator->settings;
    CompileOptions options = {.batch = settings->batch,
                              .threads = settings->threads,
                              .precision = settings->precision,
                              .fuse = settings->compile != 0,
                              .log = &settings->log};
    Graph graph;
    cleave_status status =
        builder_build(&graph, &model->config, model->checkpoint, (int)separator->plan.chunk, error);
    if (status != CLEAVE_OK)
        return status;
    status = backend_compile(separator->backend, &separator->executable, &graph, &options, error);
    graph_free(&graph);
    checkpoint_release_pages(model->checkpoint);
    return status;
}

static cleave_status open_separator(cleave_separator *separator, const char *device,
                                    cleave_error *error) {
    cleave_separator_settings *settings = &separator->settings;
    cleave_status status = check_settings(settings, error);
    if (status == CLEAVE_OK)
        status = backend_choose(&separator->backend, device, settings->strict_device != 0,
                                &settings->log, error);
    if (status == CLEAVE_OK)
        status =
            backend_precision(separator->backend, settings->precision, &settings->precision, error);
    if (status != CLEAVE_OK)
        return status;
    resolve_settings(separator);
    status = plan_chunks(separator, error);
    return status == CLEAVE_OK ? compile(separator, error) : status;
}

cleave_status cleave_separator_open(cleave_separator **separator, const cleave_model *model,
                                    const cleave_separator_settings *settings,
                                    cleave_error *error) {
    error_clear(error);
    if (!separator || !model)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "a separator needs a model");
    *separator = NULL;
    cleave_separator *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return error_memory(error, "the separator", sizeof(*opened));
    opened->model = model;
    atomic_init(&opened->cancel, false);
    if (settings)
        opened->settings = *settings;
    else
        cleave_separator_settings_default(&opened->settings);
    cleave_status status = open_separator(opened, opened->settings.device, error);
    if (status != CLEAVE_OK) {
        cleave_separator_close(opened);
        return status;
    }
    *separator = opened;
    return CLEAVE_OK;
}

void cleave_separator_close(cleave_separator *separator) {
    if (!separator)
        return;
    executable_destroy(separator->executable);
    free(separator);
}

void cleave_separator_get_info(const cleave_separator *separator, cleave_separator_info *info) {
    const cleave_separator_settings *settings = &separator->settings;
    *info = (cleave_separator_info){
        .device = separator->backend->kind,
        .kernels = separator->executable->kernels,
        .precision = precision_name(settings->precision),
        .blend = settings->blend == CLEAVE_BLEND_MEAN ? "mean" : "fade",
        .threads = settings->threads,
        .overlap = settings->overlap,
        .batch = settings->batch,
        .tta = settings->tta != 0,
        .chunk_size = (int)separator->plan.chunk,
        .device_memory = executable_memory_total(&separator->executable->memory),
    };
}

void cleave_separator_cancel(cleave_separator *separator) {
    atomic_store(&separator->cancel, true);
}

cleave_status separator_job(cleave_separator *separator, AudioReader *reader, DemixJob *job,
                            cleave_error *error) {
    const Config *config = &separator->model->config;
    const cleave_separator_settings *settings = &separator->settings;
    int channels = audio_reader_format(reader)->channels;
    if (channels > 2)
        log_write(&settings->log, CLEAVE_LOG_WARNING,
                  "the input has %d channels, the network takes %d: the %s taken", channels,
                  config->channels,
                  config->channels == 1 ? "mean of the first two is" : "first two are");
    *job = (DemixJob){.executable = separator->executable,
                      .plan = separator->plan,
                      .overlap = settings->overlap,
                      .batch = settings->batch,
                      .tta = settings->tta != 0,
                      .normalize = config->normalize,
                      .network_stems = config->stem_count,
                      .reader = reader,
                      .cancel = &separator->cancel};
    return audio_reader_convert(reader, config->channels, config->sample_rate, error);
}
