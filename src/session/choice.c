/* choice.c: checking and resolving settings, cutting signals for a model, taking devices. */
#include "session/choice.h"

#include "base/log.h"
#include "base/processors.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "dsp/stft.h"
#include "model/config_check.h"
#include "model/family.h"
#include "model/stem_names.h"

#define BATCH_MAX   64
#define THREADS_MAX 256

/* Of blend hamming where inference.num_overlap is missing, as in audio-separator. */
#define HAMMING_OVERLAP 8

/* ---- Settings ---- */

static const cleave_separator_settings defaults = {.device = "auto", .compile = 1};
static const SettingsType settings_type = {"cleave_separator_settings",
                                           sizeof(cleave_separator_settings),
                                           STRUCT_UP_TO(cleave_separator_settings, log)};

void cleave_separator_settings_default_sized(cleave_separator_settings *settings, size_t size) {
    cleave_separator_settings own = defaults;
    settings_give(&settings_type, settings, size, &own);
}

static cleave_status choice_check_range(const char *name, int value, int maximum,
                                        cleave_error *error) {
    if (value >= 0 && value <= maximum)
        return CLEAVE_OK;
    error_set(error, CLEAVE_ERROR_ARGUMENT, "%s %d is out of range", name, value);
    return error_advise(error, CLEAVE_ERROR_ARGUMENT, "try 1 to %d, or 0 for the default", maximum);
}

static cleave_status choice_check(const cleave_separator_settings *settings, cleave_error *error) {
    cleave_status status =
        choice_check_range("overlap", settings->overlap, CLEAVE_OVERLAP_MAX, error);
    if (status == CLEAVE_OK)
        status = choice_check_range("batch", settings->batch, BATCH_MAX, error);
    if (status == CLEAVE_OK)
        status = choice_check_range("threads", settings->threads, THREADS_MAX, error);
    if (status == CLEAVE_OK && settings->max_memory < 0)
        status =
            error_advise(error, error_set(error, CLEAVE_ERROR_ARGUMENT, "max_memory is negative"),
                         "try 0 for what the system allows");
    if (status == CLEAVE_OK && (unsigned)settings->blend > CLEAVE_BLEND_HAMMING)
        status = error_set(error, CLEAVE_ERROR_ARGUMENT, "unknown blend %d", (int)settings->blend);
    return status;
}

/* Puts a value in the place of every zero about which no device decides. */
static void choice_resolve(Choice *choice, const Config *config) {
    cleave_separator_settings *settings = &choice->asked;
    if (settings->overlap == 0)
        settings->overlap = settings->blend == CLEAVE_BLEND_HAMMING && !config->overlap_given
                                ? HAMMING_OVERLAP
                                : config->overlap;
    if (settings->threads == 0)
        settings->threads = thread_available_processors();
    if (settings->threads > THREADS_MAX)
        settings->threads = THREADS_MAX;
    settings->device = NULL; /* the caller's string; the device is in `choice` */
}

/* ---- Stems ---- */

bool choice_want(Choice *choice, const int *stems, int count) {
    bool changes = false;
    for (int i = 0; i < count; i++) {
        changes = changes || !choice->wanted[stems[i]];
        choice->wanted[stems[i]] = true;
    }
    return changes;
}

int choice_network_stem(const Choice *choice, int stem) {
    int index = 0;
    for (int i = 0; i < stem; i++)
        index += choice->wanted[i];
    return index;
}

/* The settings' stems, or all. A network has at least one. */
static cleave_status choice_take_stems(Choice *choice, const Config *config, cleave_error *error) {
    cleave_separator_settings *settings = &choice->asked;
    bool all = !settings->stems || !config->family->stems_apart;
    int stem = 0;
    for (int i = 0; i < config->stem_count; i++)
        choice->wanted[i] = all;
    for (int i = 0; settings->stems && i < settings->stem_count; i++) {
        cleave_status status = stem_find(config, settings->stems[i], &stem, error);
        if (status != CLEAVE_OK)
            return status;
        choice->wanted[stem] = true;
    }
    if (settings->stem_count <= 0)
        choice->wanted[0] = true;
    settings->stems = NULL; /* the caller's strings */
    return CLEAVE_OK;
}

/* ---- Chunks ---- */

/* What the frames of inference.dim_t cover: the chunk of all blends but fade. */
static cleave_status choice_frames_chunk(const Config *config, int64_t *chunk,
                                         cleave_error *error) {
    if (config->mean_dim_t == 0)
        return CLEAVE_OK;
    *chunk = (int64_t)config->hop_length * (config->mean_dim_t - 1) + config->n_fft % 2;
    if (*chunk <= config->n_fft / 2 || *chunk > INT32_MAX / 4) {
        error_set(error, CLEAVE_ERROR_MODEL,
                  "inference.dim_t %d with %s %d gives chunks of %lld samples, which %s %d cannot "
                  "use",
                  config->mean_dim_t, config->family->hop_key, config->hop_length,
                  (long long)*chunk, config->family->n_fft_key, config->n_fft);
        return error_advise(error, CLEAVE_ERROR_MODEL, "try --blend fade");
    }
    int frames = stft_frames((int)*chunk, config->n_fft, config->hop_length);
    return config_check_frames(config, frames, "inference.dim_t", error);
}

static cleave_status choice_cut(Choice *choice, const Config *config, cleave_error *error) {
    const cleave_separator_settings *settings = &choice->asked;
    ChunkGeometry *geometry = &choice->geometry;
    *geometry = (ChunkGeometry){settings->blend, config->channels, config->chunk_size, 0};
    if (settings->blend != CLEAVE_BLEND_FADE) {
        cleave_status status = choice_frames_chunk(config, &geometry->chunk, error);
        if (status != CLEAVE_OK)
            return status;
    }
    geometry->hop = geometry->chunk / settings->overlap;
    if (geometry->hop >= 1)
        return CLEAVE_OK;
    error_set(error, CLEAVE_ERROR_ARGUMENT, "overlap %d is more than the chunk's %lld samples",
              settings->overlap, (long long)geometry->chunk);
    return error_advise(error, CLEAVE_ERROR_ARGUMENT, "try a smaller one");
}

/* ---- Devices ---- */

static void choice_log_device(const cleave_device_info *info, const cleave_logger *log) {
    log_write(log, CLEAVE_LOG_INFO, "%s: %s; %s%s%s%s%s", info->id, info->name, info->system,
              info->driver[0] ? ", driver " : "", info->driver,
              info->runtime[0] ? ", runtime " : "", info->runtime);
    if (info->warning[0])
        log_write(log, CLEAVE_LOG_WARNING, "%s: %s", info->id, info->warning);
    if (info->simulated)
        log_write(log, CLEAVE_LOG_WARNING,
                  "%s is simulated: there is no such device here, and its times mean nothing",
                  info->id);
}

void choice_take(Choice *choice, const Device *device) {
    choice->tried |= registry_bit(device);
    if (device == choice->device)
        return;
    choice->moved = choice->device != NULL;
    choice->device = device;
    choice_log_device(&device->info, &choice->asked.log);
}

cleave_status choice_make(Choice *choice, const cleave_model *model,
                          const cleave_separator_settings *settings, cleave_error *error) {
    DeviceChoice found;
    *choice = (Choice){.device = NULL, .asked = defaults};
    cleave_status status = settings_take(&settings_type, &choice->asked, settings, error);
    if (status == CLEAVE_OK)
        status = choice_check(&choice->asked, error);
    if (status == CLEAVE_OK)
        status =
            registry_choose(&found, choice->asked.device, choice->asked.strict_device != 0, error);
    if (status != CLEAVE_OK)
        return status;
    choice_resolve(choice, &model->config);
    status = choice_take_stems(choice, &model->config, error);
    if (status != CLEAVE_OK)
        return status;
    if (found.replaced || found.passed_over)
        log_write(&choice->asked.log, CLEAVE_LOG_WARNING, "using %s, %s", found.device->info.id,
                  found.reason);
    status = choice_cut(choice, &model->config, error);
    if (status == CLEAVE_OK)
        choice_take(choice, found.device);
    return status;
}

const Device *choice_next(const Choice *choice, cleave_status status) {
    bool device_failed = status == CLEAVE_ERROR_MEMORY || status == CLEAVE_ERROR_DEVICE;
    return device_failed && !choice->asked.strict_device ? registry_next(choice->tried) : NULL;
}
