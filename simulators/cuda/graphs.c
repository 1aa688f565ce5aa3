/* graphs.c: capturing, graphs and their runs. */
#include "graphs.h"

#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "modules.h"
#include "strict.h"

#define CAPTURES_MAX 16

static SimCapture *captures[CAPTURES_MAX]; /* those that go on */

static uint64_t this_thread(void) {
    static _Thread_local char place;
    return (uintptr_t)&place;
}

/* ---- Captures ---- */

bool sim_capture_spoil(void) {
    bool any = false;
    for (int i = 0; i < CAPTURES_MAX; i++) {
        if (captures[i] && captures[i]->thread == this_thread())
            captures[i]->spoiled = any = true;
    }
    return any;
}

bool sim_capture_spoil_context(const SimContext *context) {
    bool any = false;
    for (int i = 0; i < CAPTURES_MAX; i++) {
        if (captures[i] && captures[i]->stream->object.context == context)
            captures[i]->spoiled = any = true;
    }
    return any;
}

CUresult sim_give(SimStream *stream, const SimWork *work) {
    SimCapture *capture = stream->capture;
    if (!capture) {
        sim_work_submit(stream, work);
        return CUDA_SUCCESS;
    }
    if (capture->spoiled) {
        SimWork unwanted = *work;
        sim_work_free(&unwanted);
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    SimGraph *graph = capture->graph;
    graph->work = sim_grow(graph->work, graph->count, sizeof(*graph->work));
    graph->work[graph->count++] = *work;
    return CUDA_SUCCESS;
}

static void free_work(SimGraph *graph) {
    for (size_t i = 0; i < graph->count; i++)
        sim_work_free(&graph->work[i]);
    free(graph->work);
}

static void destroy_graph(SimObject *object) {
    SimGraph *graph = (SimGraph *)object;
    sim_object_remove(object);
    free_work(graph);
    free(graph);
}

static SimCapture **capture_slot(const SimCapture *wanted) {
    for (int i = 0; i < CAPTURES_MAX; i++)
        if (captures[i] == wanted)
            return &captures[i];
    sim_abort("the simulator has room for %d captures at a time", CAPTURES_MAX);
}

static CUresult begin_capture(SimContext *context, CUstream handle, int mode) {
    SimStream *stream = sim_object_find(handle, SIM_STREAM, context);
    if (mode != CU_CAPTURE_THREAD_LOCAL)
        sim_abort("capture mode %d; only the thread's own, %d, is simulated", mode,
                  CU_CAPTURE_THREAD_LOCAL);
    if (stream->capture)
        return CUDA_ERROR_ILLEGAL_STATE;
    SimCapture *capture = sim_allocate(sizeof(*capture));
    capture->stream = stream;
    capture->graph = sim_allocate(sizeof(*capture->graph));
    capture->thread = this_thread();
    *capture_slot(NULL) = capture;
    stream->capture = capture;
    sim_counts()->captures++;
    return CUDA_SUCCESS;
}

CUresult cuStreamBeginCapture_v2(CUstream stream, int mode) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuStreamBeginCapture_v2, &status);
    return context ? sim_end(begin_capture(context, stream, mode)) : status;
}

/* Gives what was captured; NULL if it was spoiled. */
static SimGraph *finish_capture(SimCapture *capture) {
    SimGraph *graph = capture->graph;
    if (capture->spoiled) {
        free_work(graph);
        free(graph);
        graph = NULL;
    }
    *capture_slot(capture) = NULL;
    capture->stream->capture = NULL;
    free(capture);
    return graph;
}

static CUresult end_capture(SimContext *context, CUstream handle, CUgraph *graph) {
    SimStream *stream = sim_object_find(handle, SIM_STREAM, context);
    *graph = NULL;
    if (!stream->capture)
        return CUDA_ERROR_ILLEGAL_STATE;
    if (stream->capture->thread != this_thread())
        return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    SimGraph *captured = finish_capture(stream->capture);
    if (!captured)
        return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    sim_object_add(&captured->object, SIM_GRAPH, context, destroy_graph);
    *graph = (CUgraph)captured->object.handle;
    return CUDA_SUCCESS;
}

/* Whatever makes this call fail, the thread's capture ends with it. */
static CUresult fail_capture(CUgraph *graph, CUresult status) {
    sim_lock();
    *graph = NULL;
    for (int i = 0; i < CAPTURES_MAX; i++) {
        if (captures[i] && captures[i]->thread == this_thread()) {
            captures[i]->spoiled = true;
            finish_capture(captures[i]);
        }
    }
    sim_unlock();
    return status;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuStreamEndCapture, &status);
    return context ? sim_end(end_capture(context, stream, graph)) : fail_capture(graph, status);
}

/* ---- Graphs ---- */

static void copy_graph(SimGraph *to, const SimGraph *from) {
    to->count = from->count;
    to->work = sim_allocate(from->count * sizeof(*to->work));
    for (size_t i = 0; i < from->count; i++) {
        SimWork *work = &to->work[i];
        *work = from->work[i];
        if (!work->arguments)
            continue;
        work->arguments = sim_allocate(sim_argument_bytes(work->function));
        memcpy(work->arguments, from->work[i].arguments, sim_argument_bytes(work->function));
    }
}

static void free_exec(SimObject *object) {
    SimGraphExec *exec = (SimGraphExec *)object;
    sim_object_remove(object);
    free_work(&exec->graph);
    free(exec);
}

static CUresult instantiate(SimContext *context, CUgraphExec *executable, CUgraph handle) {
    const SimGraph *graph = sim_object_find(handle, SIM_GRAPH, context);
    SimGraphExec *exec = sim_allocate(sizeof(*exec));
    copy_graph(&exec->graph, graph);
    sim_object_add(&exec->object, SIM_GRAPH_EXEC, context, free_exec);
    sim_counts()->instantiations++;
    *executable = (CUgraphExec)exec->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph,
                                     unsigned long long flags) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuGraphInstantiateWithFlags, &status);
    if (!context)
        return status;
    if (flags != 0)
        sim_abort("flags %llx of cuGraphInstantiateWithFlags are not simulated", flags);
    return sim_end(instantiate(context, executable, graph));
}

CUresult cuGraphDestroy(CUgraph graph) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuGraphDestroy, &status);
    if (!context)
        return status;
    destroy_graph(sim_object_find(graph, SIM_GRAPH, context));
    return sim_end(CUDA_SUCCESS);
}

static CUresult launch_graph(SimContext *context, CUgraphExec executable, CUstream handle) {
    SimGraphExec *exec = sim_object_find(executable, SIM_GRAPH_EXEC, context);
    SimStream *stream = sim_object_find(handle, SIM_STREAM, context);
    if (stream->capture)
        sim_abort("a graph is launched while its stream is captured, which is not simulated");
    for (size_t i = 0; i < exec->graph.count; i++)
        sim_check_loaded(exec->graph.work[i].function);
    sim_work_submit(stream, &(SimWork){.kind = SIM_GRAPH_RUN, .exec = exec});
    return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuGraphLaunch, &status);
    return context ? sim_end(launch_graph(context, executable, stream)) : status;
}

CUresult cuGraphExecDestroy(CUgraphExec executable) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuGraphExecDestroy, &status);
    if (!context)
        return status;
    SimGraphExec *exec = sim_object_find(executable, SIM_GRAPH_EXEC, context);
    if (exec->runs_done != exec->runs_given)
        sim_abort("an executable graph is destroyed while it is in flight");
    free_exec(&exec->object);
    return sim_end(CUDA_SUCCESS);
}
