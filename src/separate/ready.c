/* ready.c: see ready.h. */
#include "separate/ready.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "cleave/extra.h"
#include "model/builder.h"
#include "separate/batch_table.h"

/* ---- The device ---- */

static void log_device(const cleave_separator *separator) {
    const cleave_device_info *info = &separator->device->info;
    const cleave_logger *log = &separator->settings.log;
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

/* A device that was not asked for need not have the precision that was. */
static cleave_status choose_precision(cleave_separator *separator, cleave_error *error) {
    const Device *device = separator->device;
    cleave_separator_settings *settings = &separator->settings;
    cleave_precision asked = settings->precision;
    cleave_status status =
        backend_precision(device->backend, device->index, asked, &settings->precision, error);
    if (status != CLEAVE_ERROR_DEVICE || !separator->moved)
        return status;
    log_write(&settings->log, CLEAVE_LOG_WARNING, "%s has no precision %s: f32 is used",
              device->info.id, precision_name(asked));
    return backend_precision(device->backend, device->index, CLEAVE_PRECISION_AUTO,
                             &settings->precision, error);
}

static void choose_mode(cleave_separator *separator) {
    const Device *device = separator->device;
    const cleave_capability *capability = &device->capabilities[CLEAVE_CAPABILITY_COMPILE];
    if (capability->able || !separator->settings.compile)
        return;
    log_write(&separator->settings.log, CLEAVE_LOG_WARNING,
              "%s cannot compile networks (%s): it runs this one op by op", device->info.id,
              capability->reason);
    separator->settings.compile = 0;
}

cleave_status ready_choose(cleave_separator *separator, const Device *device, cleave_error *error) {
    separator->device = device;
    separator->tried |= registry_bit(device);
    separator->settings = separator->asked;
    separator->settled = false;
    log_device(separator);
    choose_mode(separator);
    return choose_precision(separator, error);
}

/* ---- Memory ---- */

static void release_pages(void *checkpoint) {
    checkpoint_release_pages(checkpoint);
}

MemoryQuestion ready_question(const cleave_separator *separator, const Graph *graph) {
    const cleave_model *model = separator->model;
    const cleave_separator_settings *settings = &separator->settings;
    return (MemoryQuestion){.device = separator->device,
                            .graph = graph,
                            .options = {.device = separator->device->index,
                                        .threads = settings->threads,
                                        .precision = settings->precision,
                                        .fuse = settings->compile != 0,
                                        .log = &settings->log,
                                        .profile = separator->profile,
                                        .weights_read = release_pages,
                                        .weights_context = model->checkpoint,
                                        .weights_file = checkpoint_file(model->checkpoint)},
                            .plan = separator->plan,
                            .stems = model->config.stem_count,
                            .held = checkpoint_held_bytes(model->checkpoint)};
}

int ready_wanted_batch(const cleave_separator *separator) {
    const cleave_separator_settings *settings = &separator->settings;
    const Device *device = separator->device;
    if (settings->batch > 0)
        return settings->batch;
    int batch = batch_for_device(device->info.kind, settings->overlap);
    double most = device->backend->run_flops ? device->backend->run_flops(device->index) : 0;
    while (most > 0 && batch > 1 && batch * separator->model->flops_per_chunk > most)
        batch /= 2;
    return batch;
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
    int wanted = ready_wanted_batch(separator);
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
    int64_t bytes = demix_memory(&question->plan, batch, backend_depth(question->device->backend),
                                 question->stems);
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
    cleave_status status = backend_compile(separator->device->backend, &separator->executable,
                                           question->graph, &options, error);
    if (status == CLEAVE_OK)
        status = try_buffers(question, batch, error);
    if (status != CLEAVE_OK) {
        executable_destroy(separator->executable);
        separator->executable = NULL;
    }
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

/* A compiler that fails does not lose the run. */
static cleave_status compile_op_by_op(cleave_separator *separator, MemoryQuestion *question,
                                      cleave_error *error) {
    cleave_separator_settings *settings = &separator->settings;
    log_write(&settings->log, CLEAVE_LOG_WARNING, "%s; it runs op by op instead", error->text);
    error_clear(error);
    settings->compile = 0;
    settings->batch = separator->asked.batch;
    question->options.fuse = false;
    cleave_status status = choose_batch(separator, question, error);
    return status == CLEAVE_OK ? compile_to_fit(separator, question, error) : status;
}

static cleave_status compile_graph(cleave_separator *separator, MemoryQuestion *question,
                                   cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (!separator->settled) /* what was chosen holds when the network is compiled again */
        status = choose_batch(separator, question, error);
    if (status != CLEAVE_OK)
        return status;
    status = compile_to_fit(separator, question, error);
    bool compiler = status == CLEAVE_ERROR_DEVICE || status == CLEAVE_ERROR_INTERNAL;
    if (compiler && separator->settings.compile)
        status = compile_op_by_op(separator, question, error);
    return status;
}

/* What is known of an executable stays known while it is released. */
static void remember(cleave_separator *separator) {
    separator->kernels = separator->executable->kernels;
    separator->plan_digest = separator->executable->plan_digest;
    separator->settled = true;
    log_need(separator);
}

static cleave_status compile_on_device(cleave_separator *separator, cleave_error *error) {
    const cleave_model *model = separator->model;
    Profile *profile = profile_active(separator->profile);
    double begin = profile_clock(profile);
    Graph graph;
    cleave_status status =
        builder_build(&graph, &model->config, model->checkpoint, (int)separator->plan.chunk, error);
    if (status != CLEAVE_OK)
        return status;
    MemoryQuestion question = ready_question(separator, &graph);
    status = compile_graph(separator, &question, error);
    if (status == CLEAVE_OK)
        remember(separator);
    graph_free(&graph);
    checkpoint_release_pages(model->checkpoint);
    if (status == CLEAVE_ERROR_MODEL)
        error_prefix(error, PATH_FORMAT, model->path);
    profile_stage_ran(profile, STAGE_COMPILE, ROW_CALLER, begin);
    return status;
}

/* ---- Moving on to another device ---- */

static const Device *next_device(const cleave_separator *separator, cleave_status status) {
    bool device_failed = status == CLEAVE_ERROR_MEMORY || status == CLEAVE_ERROR_DEVICE;
    return device_failed && !separator->asked.strict_device ? registry_next(separator->tried)
                                                            : NULL;
}

static cleave_status leave_for(cleave_separator *separator, const Device *next,
                               cleave_error *error) {
    ready_release(separator);
    separator->fallback_told = fallback_drop_unused(&separator->fallback, separator->fallback_told);
    profile_change_device(separator->profile);
    separator->moved = true;
    cleave_status status = ready_choose(separator, next, error);
    return status == CLEAVE_OK ? compile_on_device(separator, error) : status;
}

static cleave_status move_on(cleave_separator *separator, const Device *next, cleave_error *error) {
    log_write(&separator->settings.log, CLEAVE_LOG_WARNING, "%s; going on with %s", error->text,
              next->info.id);
    error_clear(error);
    return leave_for(separator, next, error);
}

/* From one device to the next until one manages. */
static cleave_status move_until_ready(cleave_separator *separator, cleave_status status,
                                      cleave_error *error) {
    const Device *next = next_device(separator, status);
    while (next) {
        status = move_on(separator, next, error);
        next = next_device(separator, status);
    }
    return status;
}

cleave_status ready_compile(cleave_separator *separator, cleave_error *error) {
    cleave_error own = {.status =
                            CLEAVE_OK}; /* warnings quote it, also where the caller wants none */
    cleave_error *told = error ? error : &own;
    return move_until_ready(separator, compile_on_device(separator, told), told);
}

cleave_status ready_go_to(cleave_separator *separator, const Device *device, cleave_error *error) {
    cleave_error own = {.status = CLEAVE_OK};
    cleave_error *told = error ? error : &own;
    separator->tried = 0; /* none has failed in this call */
    return move_until_ready(separator, leave_for(separator, device, told), told);
}

cleave_status ready_ensure(cleave_separator *separator, cleave_error *error) {
    return separator->executable ? CLEAVE_OK : ready_compile(separator, error);
}

cleave_status ready_move_on_job(void *user, Executable **executable, int *batch,
                                cleave_error *error) {
    cleave_separator *separator = user;
    cleave_status status = move_until_ready(separator, error->status, error);
    *executable = separator->executable;
    *batch = separator->settings.batch;
    return status;
}
