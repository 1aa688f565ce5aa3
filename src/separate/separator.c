/* separator.c: the public separator: its settings, opening and closing, what it would take. */
#include "separate/separator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "base/processors.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "model/builder.h"
#include "separate/batch_table.h"
#include "separate/layer_list.h"
#include "separate/ready.h"

#define BATCH_MAX   64
#define THREADS_MAX 256

static const cleave_separator_settings defaults = {.device = "auto", .compile = 1};
static const SettingsType settings_type = {"cleave_separator_settings",
                                           sizeof(cleave_separator_settings),
                                           STRUCT_UP_TO(cleave_separator_settings, log)};

void cleave_separator_settings_default_sized(cleave_separator_settings *settings, size_t size) {
    cleave_separator_settings own = defaults;
    settings_give(&settings_type, settings, size, &own);
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
    if (status == CLEAVE_OK && settings->max_memory < 0)
        status = error_set(error, CLEAVE_ERROR_ARGUMENT,
                           "max_memory is negative; try 0 for what the system allows");
    if (status == CLEAVE_OK && settings->blend != CLEAVE_BLEND_FADE &&
        settings->blend != CLEAVE_BLEND_MEAN)
        status = error_set(error, CLEAVE_ERROR_ARGUMENT, "unknown blend %d", (int)settings->blend);
    return status;
}

/* Puts a choice in the place of every zero that stands for one on any device. */
static void resolve_settings(cleave_separator *separator) {
    cleave_separator_settings *settings = &separator->asked;
    if (settings->overlap == 0)
        settings->overlap = separator->model->config.overlap;
    if (settings->threads == 0)
        settings->threads = thread_available_processors();
    if (settings->threads > THREADS_MAX)
        settings->threads = THREADS_MAX;
    settings->device = NULL; /* the caller's string; what was chosen is in `device` */
}

/* Blend mean has a chunk length of its own: what the frames of inference.dim_t cover. */
static cleave_status plan_chunks(cleave_separator *separator, cleave_error *error) {
    const Config *config = &separator->model->config;
    const cleave_separator_settings *settings = &separator->asked;
    ChunkPlan *plan = &separator->plan;
    *plan = (ChunkPlan){settings->blend, config->channels, config->chunk_size, 0};
    if (settings->blend == CLEAVE_BLEND_MEAN) {
        plan->chunk = (int64_t)config->hop_length * (config->mean_dim_t - 1) + config->n_fft % 2;
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

/* All but what takes memory. `settings` may be NULL. */
static cleave_status begin(cleave_separator *separator, const cleave_model *model,
                           const cleave_separator_settings *settings, cleave_error *error) {
    DeviceChoice choice;
    *separator = (cleave_separator){.model = model, .asked = defaults};
    atomic_init(&separator->cancel, false);
    cleave_status status = settings_take(&settings_type, &separator->asked, settings, error);
    if (status == CLEAVE_OK)
        status = check_settings(&separator->asked, error);
    if (status == CLEAVE_OK)
        status = registry_choose(&choice, separator->asked.device,
                                 separator->asked.strict_device != 0, error);
    if (status != CLEAVE_OK)
        return status;
    resolve_settings(separator);
    if (choice.fallback || choice.passed_over)
        log_write(&separator->asked.log, CLEAVE_LOG_WARNING, "using %s, %s", choice.device->info.id,
                  choice.reason);
    status = plan_chunks(separator, error);
    return status == CLEAVE_OK ? ready_choose(separator, choice.device, error) : status;
}

static cleave_status plan_memory(const cleave_separator *separator, cleave_memory_need *need,
                                 cleave_error *error) {
    const cleave_separator_settings *settings = &separator->settings;
    const cleave_model *model = separator->model;
    Graph graph;
    cleave_status status =
        builder_build(&graph, &model->config, model->checkpoint, (int)separator->plan.chunk, error);
    if (status != CLEAVE_OK)
        return status;
    MemoryQuestion question = ready_question(separator, &graph);
    MemoryLimit limit = memory_need_limit(&question, settings->max_memory);
    MemoryLimit fit = limit;
    if (settings->batch > 0)
        fit.bytes = INT64_MAX; /* the figures of that batch, whether it fits or not */
    status = memory_need_fit(&question, ready_wanted_batch(separator), &fit, need, error);
    need->limit = limit.bytes;
    need->device_batch = batch_for_device(separator->device->info.kind, settings->overlap);
    snprintf(need->device, sizeof(need->device), "%s", separator->device->info.id);
    graph_free(&graph);
    return status;
}

cleave_status cleave_model_memory_sized(const cleave_model *model,
                                        const cleave_separator_settings *settings,
                                        cleave_memory_need *need, size_t need_size,
                                        cleave_error *error) {
    cleave_separator separator;
    cleave_memory_need own = {0};
    error_clear(error);
    if (!model || !need)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "planning memory needs a model");
    cleave_status status = begin(&separator, model, settings, error);
    if (status == CLEAVE_OK)
        status = plan_memory(&separator, &own, error);
    struct_give(need, need_size, &own, sizeof(own));
    return status;
}

static cleave_status list_layers(cleave_separator *separator, cleave_layer_list *list,
                                 cleave_error *error) {
    const cleave_model *model = separator->model;
    NetworkPlan layers = {0};
    Graph graph;
    cleave_status status =
        builder_build(&graph, &model->config, model->checkpoint, (int)separator->plan.chunk, error);
    if (status != CLEAVE_OK)
        return status;
    MemoryQuestion question = ready_question(separator, &graph);
    status = backend_layers(separator->device->backend, &layers, &graph, &question.options, error);
    if (status == CLEAVE_OK)
        status = layer_list_fill(list, &layers, error);
    network_plan_free(&layers);
    graph_free(&graph);
    return status;
}

cleave_status cleave_model_plan_sized(const cleave_model *model,
                                      const cleave_separator_settings *settings,
                                      cleave_layer_list *list, size_t list_size,
                                      cleave_error *error) {
    cleave_separator separator;
    cleave_layer_list own = {0};
    error_clear(error);
    if (!model || !list)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "planning layers needs a model and a list");
    cleave_status status = begin(&separator, model, settings, error);
    if (status == CLEAVE_OK)
        status = list_layers(&separator, &own, error);
    struct_give(list, list_size, &own, sizeof(own));
    return status;
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
    cleave_status status = begin(opened, model, settings, error);
    if (status == CLEAVE_OK && opened->asked.profile)
        status = profile_create(&opened->profile, error);
    if (status == CLEAVE_OK)
        status = ready_compile(opened, error);
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
    ready_release(separator);
    fallback_free(&separator->fallback);
    profile_destroy(separator->profile);
    free(separator);
}

void cleave_separator_get_info_sized(const cleave_separator *separator, cleave_separator_info *info,
                                     size_t info_size) {
    const cleave_separator_settings *settings = &separator->settings;
    const cleave_separator_info own = {
        .device = separator->device->info.id,
        .kernels = separator->kernels,
        .precision = precision_name(settings->precision),
        .blend = settings->blend == CLEAVE_BLEND_MEAN ? "mean" : "fade",
        .threads = settings->threads,
        .overlap = settings->overlap,
        .batch = settings->batch,
        .tta = settings->tta != 0,
        .chunk_size = (int)separator->plan.chunk,
        .compiled = settings->compile != 0,
        .device_memory =
            separator->executable ? executable_memory_total(&separator->executable->memory) : 0,
        .peak_device_memory = ready_peak_memory(separator),
        .fallback_ops = cleave_separator_fallbacks(separator, NULL, 0),
        .memory_needed = separator->need.total,
    };
    struct_give(info, info_size, &own, sizeof(own));
}

void cleave_separator_cancel(cleave_separator *separator) {
    atomic_store(&separator->cancel, true);
}

/* Says what becomes of more channels than two. */
static void tell_downmix(const AudioReader *reader, const cleave_logger *log) {
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

cleave_status separator_job(cleave_separator *separator, AudioReader *reader,
                            const cleave_logger *log, DemixJob *job, cleave_error *error) {
    const Config *config = &separator->model->config;
    const cleave_separator_settings *settings = &separator->settings;
    cleave_status status = ready_ensure(separator, error);
    if (status == CLEAVE_OK)
        status = audio_reader_convert(reader, config->channels, config->sample_rate, error);
    if (status != CLEAVE_OK)
        return status;
    tell_downmix(reader, log);
    *job = (DemixJob){.executable = separator->executable,
                      .plan = separator->plan,
                      .overlap = settings->overlap,
                      .batch = settings->batch,
                      .tta = settings->tta != 0,
                      .normalize = config->normalize,
                      .network_stems = config->stem_count,
                      .stem_names = (const char *const *)config->stems,
                      .sample_rate = config->sample_rate,
                      .reader = reader,
                      .profile = profile_active(separator->profile),
                      .cancel = &separator->cancel,
                      .move_on = ready_move_on_job,
                      .move_on_user = separator};
    return CLEAVE_OK;
}

void separator_learn(cleave_separator *separator, const DemixJob *job, const DemixResult *result) {
    int tried = separator->settings.batch; /* of the device on which the job ended */
    if (job->batch < tried)
        tried = job->batch;
    if (result->batch > 0 && result->batch < tried)
        separator->settings.batch = result->batch;
}
