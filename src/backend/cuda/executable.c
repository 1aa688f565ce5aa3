/* executable.c: batches on their way through the GPU. One stream sends, one computes, one fetches;
 * events say who waits for whom. With fusion a batch is one launch of a captured graph; op by op,
 * or while it is profiled, its steps are launched one after the other. */
#include "backend/cuda/executable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/steps.h"
#include "backend/cuda/weights.h"
#include "base/memory.h"

static const CudaDriver *driver_of(const CudaExecutable *executable) {
    return executable->session.driver;
}

static int flight_index(const CudaExecutable *executable, const CudaFlight *flight) {
    return (int)(flight - executable->flights);
}

/* ---- Computing ---- */

/* `events`: recorded before each step and behind the last; NULL: none. */
static CudaStatus launch_steps(const CudaExecutable *executable, const CudaFlight *flight,
                               int batch, const CudaEvent *events, const atomic_bool *cancel) {
    const CudaDriver *driver = driver_of(executable);
    CudaStatus status = events ? driver->event_record(events[0], executable->compute) : CUDA_OK;
    for (int i = 0; i < executable->plan.program.count && status == CUDA_OK; i++) {
        if (cancel_is_set(cancel))
            return CUDA_OK;
        status = cuda_step_launch(executable, i, flight, batch);
        if (status == CUDA_OK && events)
            status = driver->event_record(events[i + 1], executable->compute);
    }
    return status;
}

static CudaStatus capture(CudaExecutable *executable, const CudaFlight *flight, int batch,
                          CudaGraphExec *graph_exec) {
    const CudaDriver *driver = driver_of(executable);
    CudaGraph graph = NULL;
    CudaStatus status = driver->capture_begin(executable->compute, CUDA_CAPTURE_THREAD_LOCAL);
    if (status != CUDA_OK)
        return status;
    status = launch_steps(executable, flight, batch, NULL, NULL);
    CudaStatus ended = driver->capture_end(executable->compute, &graph);
    if (status == CUDA_OK)
        status = ended;
    if (status == CUDA_OK)
        status = driver->graph_instantiate(graph_exec, graph, 0);
    if (graph)
        driver->graph_destroy(graph);
    return status;
}

static CudaGraphExec *graph_of(CudaExecutable *executable, const CudaFlight *flight, int batch) {
    return &executable->graphs[(batch - 1) * CUDA_FLIGHTS + flight_index(executable, flight)];
}

/* Without a graph, the same launches cost some microseconds more each. */
static void give_graphs_up(CudaExecutable *executable, CudaStatus status) {
    const char *name = NULL;
    driver_of(executable)->error_name(status, &name);
    executable->without_graphs = true;
    log_write(
        &executable->log, CLEAVE_LOG_WARNING,
        "the GPU's driver could not record the network as one graph (%s): its steps are given "
        "one by one, which is a little slower",
        name ? name : "an unknown error");
}

/* The events of a batch that is profiled, else NULL. */
static const CudaEvent *events_of(CudaExecutable *executable, const CudaFlight *flight) {
    CudaProfiling *profiling = &executable->profiling;
    int index = flight_index(executable, flight);
    if (!profiling->recorded)
        return NULL;
    profiling->recorded[index] = profile_active(profiling->profile) != NULL;
    return profiling->recorded[index] ? cuda_profiling_events(profiling, &executable->plan, index)
                                      : NULL;
}

static CudaStatus compute(CudaExecutable *executable, const CudaFlight *flight, int batch,
                          const atomic_bool *cancel) {
    const CudaEvent *events = events_of(executable, flight);
    if (events || !executable->graphs || executable->without_graphs)
        return launch_steps(executable, flight, batch, events, cancel);
    CudaGraphExec *graph = graph_of(executable, flight, batch);
    CudaStatus status = *graph ? CUDA_OK : capture(executable, flight, batch, graph);
    if (status == CUDA_OK)
        return driver_of(executable)->graph_launch(*graph, executable->compute);
    if (cuda_is_sticky(status))
        return status;
    give_graphs_up(executable, status);
    return launch_steps(executable, flight, batch, NULL, cancel);
}

/* ---- A batch on its way ---- */

static size_t input_bytes(const CudaExecutable *executable, int batch) {
    return executable->plan.input_bytes / (size_t)executable->plan.batch * (size_t)batch;
}

static size_t output_bytes(const CudaExecutable *executable, int batch) {
    return executable->plan.output_bytes / (size_t)executable->plan.batch * (size_t)batch;
}

static CudaStatus send_input(const CudaExecutable *executable, const CudaFlight *flight,
                             int batch) {
    const CudaDriver *driver = driver_of(executable);
    CudaStatus status = driver->copy_up(flight->input, flight->host_input,
                                        input_bytes(executable, batch), executable->up);
    if (status == CUDA_OK)
        status = driver->event_record(flight->uploaded, executable->up);
    if (status == CUDA_OK)
        status = driver->stream_wait(executable->compute, flight->uploaded, 0);
    return status;
}

static CudaStatus fetch_output(const CudaExecutable *executable, const CudaFlight *flight,
                               int batch) {
    const CudaDriver *driver = driver_of(executable);
    CudaStatus status = driver->event_record(flight->computed, executable->compute);
    if (status == CUDA_OK)
        status = driver->stream_wait(executable->down, flight->computed, 0);
    if (status == CUDA_OK)
        status = driver->copy_down(flight->host_output, flight->output,
                                   output_bytes(executable, batch), executable->down);
    if (status == CUDA_OK)
        status = driver->event_record(flight->downloaded, executable->down);
    return status;
}

static cleave_status run_flight(CudaExecutable *executable, CudaFlight *flight, int batch,
                                const atomic_bool *cancel, cleave_error *error) {
    DeviceFailure *failure = &executable->head.failure;
    cleave_status status = cuda_check(send_input(executable, flight, batch), STEP_UPLOAD,
                                      "sending a batch", failure, error);
    if (status == CLEAVE_OK)
        status = cuda_check(compute(executable, flight, batch, cancel), STEP_RUN,
                            "launching the network", failure, error);
    if (status == CLEAVE_OK)
        status = cuda_check(fetch_output(executable, flight, batch), STEP_DOWNLOAD,
                            "fetching a batch", failure, error);
    return status;
}

/* Waits for everything that was given, after which the flights' memory is free. Returns the first
 * error. */
static CudaStatus drain(const CudaExecutable *executable) {
    const CudaStream streams[] = {executable->up, executable->compute, executable->down};
    CudaStatus first = CUDA_OK;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        CudaStatus status =
            streams[i] ? driver_of(executable)->stream_synchronize(streams[i]) : CUDA_OK;
        first = first == CUDA_OK ? status : first;
    }
    return first;
}

static cleave_status cuda_submit(Executable *head, const float *input, float *output, int batch,
                                 const atomic_bool *cancel, cleave_error *error) {
    CudaExecutable *executable = (CudaExecutable *)head;
    CudaFlight *flight = &executable->flights[executable->next];
    if (cancel_is_set(cancel))
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    if (flight->batch)
        return error_set(error, CLEAVE_ERROR_INTERNAL, "more batches than the GPU was asked for");
    cleave_status status = cuda_enter(&executable->session, &head->failure, error);
    if (status != CLEAVE_OK)
        return status;
    memcpy(flight->host_input, input, input_bytes(executable, batch));
    status = run_flight(executable, flight, batch, cancel, error);
    if (status == CLEAVE_OK && cancel_is_set(cancel))
        status = error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    if (status != CLEAVE_OK)
        drain(executable);
    cuda_leave(&executable->session);
    if (status != CLEAVE_OK)
        return status;
    flight->result = output;
    flight->batch = batch;
    executable->next = (executable->next + 1) % head->depth;
    return CLEAVE_OK;
}

/* The batch that was given first. */
static CudaFlight *oldest_flight(CudaExecutable *executable) {
    for (int i = 0; i < executable->head.depth; i++) {
        CudaFlight *flight = &executable->flights[(executable->next + i) % executable->head.depth];
        if (flight->batch)
            return flight;
    }
    return NULL;
}

static cleave_status cuda_collect(Executable *head, cleave_error *error) {
    CudaExecutable *executable = (CudaExecutable *)head;
    CudaFlight *flight = oldest_flight(executable);
    if (!flight)
        return error_set(error, CLEAVE_ERROR_INTERNAL, "there is no batch to collect");
    int batch = flight->batch;
    flight->batch = 0;
    cleave_status status = cuda_enter(&executable->session, &head->failure, error);
    if (status != CLEAVE_OK)
        return status;
    status = cuda_check(driver_of(executable)->event_synchronize(flight->downloaded), STEP_RUN,
                        "computing a batch", &head->failure, error);
    if (status == CLEAVE_OK)
        cuda_profiling_ran(&executable->profiling, driver_of(executable), &executable->plan,
                           flight_index(executable, flight), batch);
    cuda_leave(&executable->session);
    if (status == CLEAVE_OK)
        memcpy(flight->result, flight->host_output, output_bytes(executable, batch));
    return status;
}

static cleave_status cuda_synchronize(Executable *head, cleave_error *error) {
    CudaExecutable *executable = (CudaExecutable *)head;
    cleave_status status = cuda_enter(&executable->session, &head->failure, error);
    if (status != CLEAVE_OK)
        return status;
    status = cuda_check(drain(executable), STEP_SYNCHRONIZE, "waiting for the GPU", &head->failure,
                        error);
    cuda_leave(&executable->session);
    return status;
}

/* ---- Destroying ---- */

static void destroy_flight(const CudaDriver *driver, CudaFlight *flight) {
    CudaEvent events[] = {flight->uploaded, flight->computed, flight->downloaded};
    CudaAddress memory[] = {flight->input, flight->output};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (events[i])
            driver->event_destroy(events[i]);
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
        if (memory[i])
            driver->memory_free(memory[i]);
    if (flight->host_input)
        driver->host_free(flight->host_input);
    if (flight->host_output)
        driver->host_free(flight->host_output);
}

static void destroy_graphs(CudaExecutable *executable) {
    int count = executable->plan.batch * CUDA_FLIGHTS;
    for (int i = 0; executable->graphs && i < count; i++)
        if (executable->graphs[i])
            driver_of(executable)->graph_exec_destroy(executable->graphs[i]);
}

/* What belongs to the context, while it is current. */
static void destroy_on_device(CudaExecutable *executable) {
    const CudaDriver *driver = driver_of(executable);
    CudaStream streams[] = {executable->up, executable->compute, executable->down};
    CudaAddress memory[] = {executable->weights, executable->arena, executable->norms};
    drain(executable);
    destroy_graphs(executable);
    for (int i = 0; i < CUDA_FLIGHTS; i++)
        destroy_flight(driver, &executable->flights[i]);
    cuda_profiling_release(&executable->profiling, driver, &executable->plan);
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
        if (memory[i])
            driver->memory_free(memory[i]);
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
        if (streams[i])
            driver->stream_destroy(streams[i]);
}

static void cuda_destroy(Executable *head) {
    CudaExecutable *executable = (CudaExecutable *)head;
    if (executable->session.context && cuda_enter(&executable->session, NULL, NULL) == CLEAVE_OK) {
        destroy_on_device(executable);
        cuda_leave(&executable->session);
    }
    cuda_session_close(&executable->session);
    free(executable->graphs);
    cuda_profiling_end(&executable->profiling);
    cuda_plan_free(&executable->plan);
    free(executable);
}

const ExecutableMethods cuda_methods = {.submit = cuda_submit,
                                        .collect = cuda_collect,
                                        .synchronize = cuda_synchronize,
                                        .destroy = cuda_destroy,
                                        .peak_flops = cuda_peak_flops};

/* ---- Creating ---- */

typedef struct Creation {
    CudaExecutable *executable;
    const CompileOptions *options;
    cleave_error *error;
} Creation;

static cleave_status check(const Creation *c, CudaStatus status, const char *what) {
    return cuda_check(status, STEP_COMPILE, what, c->options->failure, c->error);
}

static cleave_status allocate(const Creation *c, CudaAddress *address, size_t bytes,
                              const char *what) {
    return check(c, driver_of(c->executable)->memory_allocate(address, bytes ? bytes : 1), what);
}

static cleave_status create_streams(const Creation *c) {
    CudaStream *streams[] = {&c->executable->up, &c->executable->compute, &c->executable->down};
    cleave_status status = CLEAVE_OK;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]) && status == CLEAVE_OK; i++)
        status =
            check(c, driver_of(c->executable)->stream_create(streams[i], CUDA_STREAM_NON_BLOCKING),
                  "creating a stream");
    return status;
}

static cleave_status create_memory(const Creation *c) {
    CudaExecutable *executable = c->executable;
    const CudaPlan *plan = &executable->plan;
    cleave_status status =
        allocate(c, &executable->weights, plan->weight_bytes, "taking memory for weights");
    if (status == CLEAVE_OK)
        status = allocate(c, &executable->arena, plan->arena_bytes, "taking memory for values");
    if (status == CLEAVE_OK)
        status = allocate(c, &executable->norms, plan->norm_bytes, "taking memory for norms");
    return status;
}

static cleave_status create_event(const Creation *c, CudaEvent *event, unsigned flags) {
    return check(c, driver_of(c->executable)->event_create(event, CUDA_EVENT_NO_TIMING | flags),
                 "creating an event");
}

static cleave_status create_flight(const Creation *c, CudaFlight *flight) {
    const CudaDriver *driver = driver_of(c->executable);
    const CudaPlan *plan = &c->executable->plan;
    static const char what[] = "taking memory for batches";
    cleave_status status = allocate(c, &flight->input, plan->input_bytes, what);
    if (status == CLEAVE_OK)
        status = allocate(c, &flight->output, plan->output_bytes, what);
    if (status == CLEAVE_OK)
        status = check(c, driver->host_allocate((void **)&flight->host_input, plan->input_bytes, 0),
                       what);
    if (status == CLEAVE_OK)
        status = check(
            c, driver->host_allocate((void **)&flight->host_output, plan->output_bytes, 0), what);
    if (status == CLEAVE_OK)
        status = create_event(c, &flight->uploaded, 0);
    if (status == CLEAVE_OK)
        status = create_event(c, &flight->computed, 0);
    if (status == CLEAVE_OK)
        status = create_event(c, &flight->downloaded, CUDA_EVENT_BLOCKING_SYNC);
    return status;
}

static cleave_status load_kernels(const Creation *c) {
    const char *kernel = "";
    char what[64];
    CudaStatus said = cuda_steps_load(c->executable, &kernel);
    snprintf(what, sizeof(what), "loading the kernel %s", kernel);
    return check(c, said, what);
}

/* The largest batch is captured now, for each flight; smaller ones when they come. */
static cleave_status create_graphs(const Creation *c) {
    CudaExecutable *executable = c->executable;
    int batch = executable->plan.batch;
    size_t count = (size_t)batch * CUDA_FLIGHTS;
    CudaStatus status = CUDA_OK;
    if (!c->options->fuse)
        return CLEAVE_OK;
    executable->graphs = calloc(count, sizeof(*executable->graphs));
    if (!executable->graphs)
        return error_memory(c->error, "the GPU's graphs", count * sizeof(*executable->graphs));
    for (int i = 0; i < CUDA_FLIGHTS && status == CUDA_OK; i++) {
        CudaFlight *flight = &executable->flights[i];
        status = capture(executable, flight, batch, graph_of(executable, flight, batch));
    }
    if (status == CUDA_OK || cuda_is_sticky(status))
        return check(c, status, "recording the network");
    give_graphs_up(executable, status);
    return CLEAVE_OK;
}

static cleave_status create_on_device(const Creation *c, const Graph *graph) {
    CudaExecutable *executable = c->executable;
    cleave_status status = create_streams(c);
    if (status == CLEAVE_OK)
        status = create_memory(c);
    for (int i = 0; i < executable->head.depth && status == CLEAVE_OK; i++)
        status = create_flight(c, &executable->flights[i]);
    if (status == CLEAVE_OK)
        status = load_kernels(c);
    if (status == CLEAVE_OK)
        status =
            cuda_profiling_begin(&executable->profiling, c->options->profile, driver_of(executable),
                                 &executable->plan, c->options->failure, c->error);
    if (status == CLEAVE_OK)
        status = cuda_weights_upload(executable, graph, c->options, c->error);
    if (status == CLEAVE_OK)
        status = create_graphs(c);
    return status;
}

ExecutableMemory cuda_plan_memory(const CudaPlan *plan, bool fuse) {
    int flights = fuse ? CUDA_FLIGHTS : 1;
    return (ExecutableMemory){.weights = (int64_t)plan->weight_bytes,
                              .activations = (int64_t)(plan->arena_bytes + plan->norm_bytes),
                              .scratch =
                                  (int64_t)(plan->input_bytes + plan->output_bytes) * flights};
}

static cleave_status create(CudaExecutable *executable, const Graph *graph,
                            const CompileOptions *options, cleave_error *error) {
    Creation creation = {executable, options, error};
    cleave_status status =
        cuda_session_open(&executable->session, options->device, options->failure, error);
    if (status == CLEAVE_OK)
        status = cuda_enter(&executable->session, options->failure, error);
    if (status != CLEAVE_OK)
        return status;
    status = create_on_device(&creation, graph);
    cuda_leave(&executable->session);
    return status;
}

cleave_status cuda_executable_create(CudaExecutable **created, CudaPlan *plan, const Graph *graph,
                                     const CompileOptions *options, cleave_error *error) {
    CudaExecutable *executable = calloc(1, sizeof(*executable));
    *created = NULL;
    if (!executable) {
        cuda_plan_free(plan);
        return error_memory(error, "the compiled network", sizeof(*executable));
    }
    executable->plan = *plan;
    executable->head = (Executable){.methods = &cuda_methods,
                                    .depth = options->fuse ? CUDA_FLIGHTS : 1,
                                    .kernels = "",
                                    .plan_digest = plan->digest,
                                    .memory = cuda_plan_memory(plan, options->fuse)};
    if (options->log)
        executable->log = *options->log;
    cleave_status status = create(executable, graph, options, error);
    if (status != CLEAVE_OK) {
        cuda_destroy(&executable->head);
        return status;
    }
    *created = executable;
    return CLEAVE_OK;
}
