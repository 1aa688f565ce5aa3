/* separator.c: opening a separator: settings, device, chunk plan, compiled network. */
#include "separate/separator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/path_format.h"
#include "base/thread_pool.h"
#include "model/builder.h"
#include "separate/batch_table.h"
#include "separate/memory_need.h"
#include "separate/planner.h"

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
    if (status == CLEAVE_OK && settings->max_memory < 0)
        status = error_set(error, CLEAVE_ERROR_ARGUMENT,
                           "max_memory is negative; try 0 for what the system allows");
    if (status == CLEAVE_OK && settings->blend != CLEAVE_BLEND_FADE &&
        settings->blend != CLEAVE_BLEND_MEAN)
        status = error_set(error, CLEAVE_ERROR_ARGUMENT, "unknown blend %d", (int)settings->blend);
    if (status == CLEAVE_OK && settings->plan != CLEAVE_PLAN_ESTIMATE &&
        settings->plan != CLEAVE_PLAN_MEASURE)
        status = error_set(error, CLEAVE_ERROR_ARGUMENT, "unknown plan %d", (int)settings->plan);
    return status;
}

/* Puts a choice in the place of every zero that stands for one, but the batch's. */
static void resolve_settings(cleave_separator *separator) {
    cleave_separator_settings *settings = &separator->settings;
    if (settings->overlap == 0)
        settings->overlap = separator->model->config.overlap;
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

/* ---- Memory ---- */

static void release_pages(void *checkpoint) {
    checkpoint_release_pages(checkpoint);
}

static MemoryQuestion memory_question(const cleave_separator *separator, const Graph *graph) {
    const cleave_model *model = separator->model;
    const cleave_separator_settings *settings = &separator->settings;
    return (MemoryQuestion){.backend = separator->backend,
                            .graph = graph,
                            .options = {.threads = settings->threads,
                                        .precision = settings->precision,
                                        .fuse = settings->compile != 0,
                                        .log = &settings->log,
                                        .weights_read = release_pages,
                                        .weights_context = model->checkpoint},
                            .plan = separator->plan,
                            .stems = model->config.stem_count,
                            .held = checkpoint_held_bytes(model->checkpoint)};
}

static int wanted_batch(const cleave_separator *separator) {
    const cleave_separator_settings *settings = &separator->settings;
    return settings->batch > 0 ? settings->batch
                               : batch_for_device(separator->backend->kind, settings->overlap);
}

static cleave_status refuse_need(const cleave_memory_need *need, bool own_limit,
                                 cleave_error *error) {
    SizeText bytes = size_text(need->total);
    SizeText limit = size_text(need->limit);
    return error_set(error, CLEAVE_ERROR_MEMORY,
                     "the network needs %s at batch 1, and only %s may be used (%s); try %s",
                     bytes.text, limit.text, need->limit_source,
                     own_limit ? "a larger --max-memory, or fewer threads"
                               : "fewer threads, closing other programs or raising that limit, or "
                                 "--max-memory to try anyway");
}

/* Lowers the batch to what fits, and says so: as a warning where the user had asked for it. */
static cleave_status choose_batch(cleave_separator *separator, const MemoryQuestion *question,
                                  cleave_error *error) {
    cleave_separator_settings *settings = &separator->settings;
    cleave_memory_need *need = &separator->need;
    cleave_memory_need first = {0};
    int wanted = wanted_batch(separator);
    MemoryLimit limit = memory_need_limit(question, settings->max_memory);
    cleave_status status = memory_need_fit(question, wanted, &limit, need, error);
    if (status != CLEAVE_OK)
        return status;
    if (need->total > need->limit)
        return refuse_need(need, settings->max_memory > 0, error);
    if (need->batch < wanted) {
        bool planned = memory_need(question, wanted, &first, NULL) == CLEAVE_OK;
        log_write(&settings->log, settings->batch > 0 ? CLEAVE_LOG_WARNING : CLEAVE_LOG_INFO,
                  "batch %d needs %s, and only %s may be used (%s): using batch %d", wanted,
                  planned ? size_text(first.total).text : "more than can be addressed",
                  size_text(need->limit).text, need->limit_source, need->batch);
    }
    settings->batch = need->batch;
    return CLEAVE_OK;
}

static void log_need(const cleave_separator *separator) {
    const cleave_memory_need *need = &separator->need;
    log_write(&separator->settings.log, CLEAVE_LOG_INFO,
              "memory: %s planned at batch %d (weights %s, activations %s, buffers %s); %s%s%s%s",
              size_text(need->total).text, need->batch, size_text(need->weights).text,
              size_text(need->activations).text, size_text(need->buffers).text,
              need->limit == INT64_MAX ? "no limit known" : size_text(need->limit).text,
              need->limit == INT64_MAX ? "" : " may be used (", need->limit_source,
              need->limit == INT64_MAX ? "" : ")");
}

/* ---- Compiling ---- */

/* Whether what the network leaves is enough for the chunks on their way: taken once for a trial. */
static cleave_status try_buffers(const MemoryQuestion *question, int batch, cleave_error *error) {
    int64_t bytes = demix_memory(&question->plan, batch, question->stems);
    void *buffers = memory_allocate_aligned((size_t)bytes);
    if (!buffers)
        return error_memory(error, "chunks on their way to the network", (size_t)bytes);
    memory_free_aligned(buffers);
    return CLEAVE_OK;
}

static cleave_status compile_at(cleave_separator *separator, const MemoryQuestion *question,
                                int batch, cleave_error *error) {
    CompileOptions options = question->options;
    options.batch = batch;
    cleave_status status = backend_compile(separator->backend, &separator->executable,
                                           question->graph, &options, error);
    if (status == CLEAVE_OK)
        status = try_buffers(question, batch, error);
    if (status != CLEAVE_OK) {
        executable_destroy(separator->executable);
        separator->executable = NULL;
    }
    return status;
}

/* Refuses a network that does not fit as estimated, before anything is measured for it. */
static cleave_status check_need(const cleave_separator *separator, const MemoryQuestion *question,
                                cleave_error *error) {
    cleave_memory_need need;
    MemoryLimit limit = memory_need_limit(question, separator->settings.max_memory);
    cleave_status status = memory_need_fit(question, 1, &limit, &need, error);
    if (status == CLEAVE_OK && need.total > need.limit)
        return refuse_need(&need, separator->settings.max_memory > 0, error);
    return status;
}

/* Comes before memory is planned, since of that plans take more or less. */
static cleave_status plan_layers(cleave_separator *separator, MemoryQuestion *question,
                                 NetworkPlan *layers, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (separator->settings.plan == CLEAVE_PLAN_MEASURE)
        status = check_need(separator, question, error);
    if (status == CLEAVE_OK)
        status = planner_plan(layers, &separator->plan_source, separator->backend, question->graph,
                              &question->options, &separator->settings, error);
    question->options.plan = layers;
    return status;
}

/* Compiles at the chosen batch, and at half of it again and again while memory runs out. */
static cleave_status compile_to_fit(cleave_separator *separator, const MemoryQuestion *question,
                                    cleave_error *error) {
    cleave_separator_settings *settings = &separator->settings;
    int wanted = settings->batch;
    int batch = wanted;
    cleave_status status = compile_at(separator, question, batch, error);
    while (status == CLEAVE_ERROR_MEMORY && batch > 1) {
        batch /= 2;
        status = compile_at(separator, question, batch, error);
    }
    if (status != CLEAVE_OK || batch == wanted)
        return status;
    cleave_memory_need need;
    error_clear(error);
    log_write(&settings->log, CLEAVE_LOG_WARNING,
              "memory ran out while the network was made ready for batch %d: using batch %d",
              wanted, batch);
    settings->batch = batch;
    if (memory_need(question, batch, &need, NULL) == CLEAVE_OK) {
        need.limit = separator->need.limit;
        memcpy(need.limit_source, separator->need.limit_source, sizeof(need.limit_source));
        separator->need = need;
    }
    return CLEAVE_OK;
}

static cleave_status compile_graph(cleave_separator *separator, MemoryQuestion *question,
                                   cleave_error *error) {
    bool again = separator->compiled_once;
    cleave_status status = CLEAVE_OK;
    if (separator->settings.plan == CLEAVE_PLAN_MEASURE && !again)
        status = plan_layers(separator, question, &separator->layers, error);
    if (separator->settings.plan == CLEAVE_PLAN_MEASURE)
        question->options.plan = &separator->layers;
    if (status == CLEAVE_OK && !again)
        status = choose_batch(separator, question, error);
    if (status == CLEAVE_OK)
        status = compile_to_fit(separator, question, error);
    return status;
}

static cleave_status compile(cleave_separator *separator, cleave_error *error) {
    const cleave_model *model = separator->model;
    Graph graph;
    cleave_status status =
        builder_build(&graph, &model->config, model->checkpoint, (int)separator->plan.chunk, error);
    if (status != CLEAVE_OK)
        return status;
    MemoryQuestion question = memory_question(separator, &graph);
    status = compile_graph(separator, &question, error);
    if (status == CLEAVE_OK) {
        const Executable *executable = separator->executable;
        separator->kernels = executable->kernels;
        separator->plan_digest = executable->plan_digest;
        separator->compiled = separator->settings.compile != 0;
        log_need(separator);
        separator->compiled_once = true;
    }
    graph_free(&graph);
    checkpoint_release_pages(model->checkpoint);
    if (status == CLEAVE_ERROR_MODEL)
        error_prefix(error, PATH_FORMAT, model->path);
    return status;
}

cleave_status separator_ensure(cleave_separator *separator, cleave_error *error) {
    return separator->executable ? CLEAVE_OK : compile(separator, error);
}

/* All but what takes memory. */
static cleave_status prepare(cleave_separator *separator, const char *device, cleave_error *error) {
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
    return plan_chunks(separator, error);
}

/* `settings` may be NULL. */
static void begin(cleave_separator *separator, const cleave_model *model,
                  const cleave_separator_settings *settings) {
    *separator = (cleave_separator){.model = model, .plan_source = "estimate"};
    atomic_init(&separator->cancel, false);
    if (settings)
        separator->settings = *settings;
    else
        cleave_separator_settings_default(&separator->settings);
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
    NetworkPlan layers = {0};
    MemoryQuestion question = memory_question(separator, &graph);
    if (settings->plan == CLEAVE_PLAN_MEASURE)
        status =
            planner_recall(&layers, separator->backend, &graph, &question.options, settings, error);
    question.options.plan = &layers;
    MemoryLimit limit = memory_need_limit(&question, settings->max_memory);
    MemoryLimit fit = limit;
    if (settings->batch > 0)
        fit.bytes = INT64_MAX; /* the figures of that batch, whether it fits or not */
    if (status == CLEAVE_OK)
        status = memory_need_fit(&question, wanted_batch(separator), &fit, need, error);
    need->limit = limit.bytes;
    need->device_batch = batch_for_device(separator->backend->kind, settings->overlap);
    snprintf(need->device, sizeof(need->device), "%s", separator->backend->kind);
    network_plan_free(&layers);
    graph_free(&graph);
    return status;
}

cleave_status cleave_model_memory(const cleave_model *model,
                                  const cleave_separator_settings *settings,
                                  cleave_memory_need *need, cleave_error *error) {
    cleave_separator separator;
    error_clear(error);
    if (!model || !need)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "planning memory needs a model");
    *need = (cleave_memory_need){0};
    begin(&separator, model, settings);
    cleave_status status = prepare(&separator, separator.settings.device, error);
    return status == CLEAVE_OK ? plan_memory(&separator, need, error) : status;
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
    MemoryQuestion question = memory_question(separator, &graph);
    status = plan_layers(separator, &question, &layers, error);
    if (status == CLEAVE_OK)
        status = planner_list(list, &layers, separator->plan_source, error);
    network_plan_free(&layers);
    graph_free(&graph);
    return status;
}

cleave_status cleave_model_plan(const cleave_model *model,
                                const cleave_separator_settings *settings, cleave_layer_list *list,
                                cleave_error *error) {
    cleave_separator separator;
    error_clear(error);
    if (!model || !list)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "planning layers needs a model and a list");
    *list = (cleave_layer_list){0};
    begin(&separator, model, settings);
    cleave_status status = prepare(&separator, separator.settings.device, error);
    return status == CLEAVE_OK ? list_layers(&separator, list, error) : status;
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
    begin(opened, model, settings);
    cleave_status status = prepare(opened, opened->settings.device, error);
    if (status == CLEAVE_OK)
        status = compile(opened, error);
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
    network_plan_free(&separator->layers);
    free(separator);
}

/* ---- What it holds on the device ---- */

int64_t separator_peak_memory(const cleave_separator *separator) {
    int64_t now = separator->executable ? executable_peak_memory(separator->executable) : 0;
    return now > separator->peak_device_memory ? now : separator->peak_device_memory;
}

cleave_status cleave_separator_release_cache(cleave_separator *separator, cleave_error *error) {
    error_clear(error);
    if (!separator)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "releasing a cache needs a separator");
    separator->peak_device_memory = separator_peak_memory(separator);
    executable_destroy(separator->executable);
    separator->executable = NULL;
    return CLEAVE_OK;
}

cleave_status cleave_separator_synchronize(cleave_separator *separator, cleave_error *error) {
    error_clear(error);
    if (!separator)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "synchronizing needs a separator");
    return separator->executable ? executable_synchronize(separator->executable, error) : CLEAVE_OK;
}

int cleave_separator_degraded(const cleave_separator *separator, cleave_degraded_op *ops,
                              int capacity) {
    if (!separator || !separator->executable)
        return 0;
    return executable_degraded(separator->executable, ops, capacity);
}

/* ---- Warming up ---- */

/* Noise, since silence would take other ways through arithmetic than music. */
static void fill_noise(float *samples, size_t count) {
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = ((float)(state >> 8) / 8388608.0f - 1.0f) * 0.1f;
    }
}

static cleave_status run_noise(cleave_separator *separator, cleave_error *error) {
    const ChunkPlan *plan = &separator->plan;
    size_t batch = (size_t)separator->settings.batch;
    size_t inputs = batch * (size_t)plan->channels * (size_t)plan->chunk;
    size_t outputs = inputs * (size_t)separator->model->config.stem_count;
    float *input = memory_allocate_aligned(inputs * sizeof(float));
    float *output = memory_allocate_aligned(outputs * sizeof(float));
    cleave_status status = CLEAVE_OK;
    if (input && output) {
        fill_noise(input, inputs);
        status = executable_run(separator->executable, input, output, (int)batch,
                                &separator->cancel, error);
    } else {
        status = error_memory(error, "a run of noise", (inputs + outputs) * sizeof(float));
    }
    memory_free_aligned(input);
    memory_free_aligned(output);
    return status;
}

cleave_status cleave_separator_warm_up(cleave_separator *separator, double *seconds,
                                       cleave_error *error) {
    double begin = clock_seconds();
    error_clear(error);
    if (!separator)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "warming up needs a separator");
    cleave_status status = separator_ensure(separator, error);
    if (status == CLEAVE_OK)
        status = run_noise(separator, error);
    if (status == CLEAVE_OK)
        status = executable_synchronize(separator->executable, error);
    atomic_store(&separator->cancel, false);
    if (seconds)
        *seconds = clock_seconds() - begin;
    return status;
}

void cleave_separator_get_info(const cleave_separator *separator, cleave_separator_info *info) {
    const cleave_separator_settings *settings = &separator->settings;
    *info = (cleave_separator_info){
        .device = separator->backend->kind,
        .kernels = separator->kernels,
        .precision = precision_name(settings->precision),
        .blend = settings->blend == CLEAVE_BLEND_MEAN ? "mean" : "fade",
        .plan = separator->plan_source,
        .threads = settings->threads,
        .overlap = settings->overlap,
        .batch = settings->batch,
        .tta = settings->tta != 0,
        .chunk_size = (int)separator->plan.chunk,
        .compiled = separator->compiled,
        .device_memory =
            separator->executable ? executable_memory_total(&separator->executable->memory) : 0,
        .peak_device_memory = separator_peak_memory(separator),
        .degraded_ops = cleave_separator_degraded(separator, NULL, 0),
        .memory_needed = separator->need.total,
    };
}

void cleave_separator_cancel(cleave_separator *separator) {
    atomic_store(&separator->cancel, true);
}

cleave_status separator_job(cleave_separator *separator, AudioReader *reader,
                            const cleave_logger *log, DemixJob *job, cleave_error *error) {
    const Config *config = &separator->model->config;
    const cleave_separator_settings *settings = &separator->settings;
    int channels = audio_reader_format(reader)->channels;
    cleave_status status = separator_ensure(separator, error);
    if (status != CLEAVE_OK)
        return status;
    if (channels > 2)
        log_write(log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": it has %d channels, the network takes %d: the %s taken",
                  audio_reader_name(reader), channels, config->channels,
                  config->channels == 1 ? "mean of the first two is" : "first two are");
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
                      .cancel = &separator->cancel};
    return audio_reader_convert(reader, config->channels, config->sample_rate, error);
}
