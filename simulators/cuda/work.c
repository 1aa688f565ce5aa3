/* work.c: what streams hold, and doing it. */
#include "work.h"

#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "emulator.h"
#include "graphs.h"
#include "memory.h"
#include "modules.h"
#include "strict.h"

/* How long pieces of work take on the device's clock. */
#define LAUNCH_NANOSECONDS 5000
#define COPY_NANOSECONDS   2000
#define BYTES_A_NANOSECOND 16

static SimStream *streams;
static uint64_t random_state;
static int64_t done_of[SIM_STICKY_KINDS];

/* ---- Records ---- */

SimRecord *sim_record_create(void) {
    SimRecord *record = sim_allocate(sizeof(*record));
    record->users = 1;
    return record;
}

void sim_record_release(SimRecord *record) {
    if (record && --record->users == 0)
        free(record);
}

/* ---- Streams ---- */

SimStream *sim_stream_create(void) {
    SimStream *stream = sim_allocate(sizeof(*stream));
    stream->place = sim_order_open(&stream->clock);
    stream->next = streams;
    streams = stream;
    return stream;
}

static void free_stream(SimStream *stream) {
    SimStream **link = &streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    sim_order_close(stream->place);
    free(stream);
}

static void free_done_streams(void) {
    for (SimStream *stream = streams, *next = NULL; stream; stream = next) {
        next = stream->next;
        if (stream->destroyed && !stream->first)
            free_stream(stream);
    }
}

void sim_stream_release(SimStream *stream) {
    stream->destroyed = true;
    free_done_streams();
}

/* ---- Giving work ---- */

void sim_work_free(SimWork *work) {
    if (work->staged)
        free(work->host);
    free(work->arguments);
    sim_record_release(work->record);
}

static SimOrderKind order_kind(SimWorkKind kind) {
    if (kind == SIM_UPLOAD || kind == SIM_DOWNLOAD)
        return SIM_ORDER_COPY;
    return kind == SIM_LAUNCH || kind == SIM_GRAPH_RUN ? SIM_ORDER_LAUNCH : SIM_ORDER_OTHER;
}

static void order_work(SimStream *stream, SimWork *work) {
    if (work->kind == SIM_WAIT)
        sim_order_join(&stream->clock, &work->record->clock);
    if (work->kind == SIM_GRAPH_RUN)
        sim_order_join(&stream->clock, &work->exec->clock);
    sim_order_submit(stream->place, &stream->clock, order_kind(work->kind));
    if (work->kind == SIM_RECORD)
        work->record->clock = stream->clock;
    if (work->kind == SIM_GRAPH_RUN) {
        work->exec->clock = stream->clock;
        work->ordinal = work->exec->runs_given++;
    }
}

void sim_work_submit(SimStream *stream, const SimWork *work) {
    SimItem *item = sim_allocate(sizeof(*item));
    item->work = *work;
    if (stream->last)
        stream->last->next = item;
    else
        stream->first = item;
    stream->last = item;
    stream->given++;
    order_work(stream, &item->work);
}

static bool any_of_graph(const SimGraphExec *exec, SimWorkTest *test, const void *what) {
    for (size_t i = 0; i < exec->graph.count; i++)
        if (test(&exec->graph.work[i], what))
            return true;
    return false;
}

bool sim_work_any(SimWorkTest *test, const void *what) {
    for (const SimStream *stream = streams; stream; stream = stream->next)
        for (const SimItem *item = stream->first; item; item = item->next)
            if (test(&item->work, what) ||
                (item->work.kind == SIM_GRAPH_RUN && any_of_graph(item->work.exec, test, what)))
                return true;
    return false;
}

typedef struct Region {
    uintptr_t begin;
    size_t bytes;
} Region;

static bool has_address(const SimWork *work, const Region *region) {
    for (size_t at = 0; at + 8 <= sim_argument_bytes(work->function); at += 8) {
        uint64_t word = 0;
        memcpy(&word, work->arguments + at, sizeof(word));
        if (word >= region->begin && word - region->begin < region->bytes)
            return true;
    }
    return false;
}

static bool overlaps_region(uintptr_t begin, size_t bytes, const Region *region) {
    return begin < region->begin + region->bytes && region->begin < begin + bytes;
}

static bool uses_region(const SimWork *work, const void *what) {
    const Region *region = what;
    if (work->kind == SIM_LAUNCH)
        return has_address(work, region);
    if (work->kind != SIM_UPLOAD && work->kind != SIM_DOWNLOAD)
        return false;
    return overlaps_region(work->device, work->bytes, region) ||
           overlaps_region((uintptr_t)work->host, work->bytes, region);
}

bool sim_work_uses(uintptr_t begin, size_t bytes) {
    const Region region = {begin, bytes};
    return sim_work_any(uses_region, &region);
}

/* ---- Doing work ---- */

/* splitmix64 */
static uint64_t draw(void) {
    if (random_state == 0)
        random_state = sim_settings()->seed * 0x9e3779b97f4a7c15u + 1;
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Counts work of a kind. Returns whether it is the piece that the settings want to fail: the
 * context is broken then. */
static bool breaks(SimContext *context, SimSticky kind) {
    const SimSettings *settings = sim_settings();
    if (++done_of[kind] != settings->sticky_at[kind])
        return false;
    sim_context_break(context, (CUresult)settings->sticky_code[kind]);
    return true;
}

static void do_copy(SimContext *context, const SimWork *work) {
    SimCounts *counts = sim_counts();
    if (breaks(context, SIM_STICKY_COPY))
        return;
    sim_memory_user("a copy");
    context->nanoseconds += COPY_NANOSECONDS + work->bytes / BYTES_A_NANOSECOND;
    if (work->kind == SIM_UPLOAD) {
        memcpy((void *)work->device, work->host, work->bytes);
        counts->uploads++;
        counts->upload_bytes += (int64_t)work->bytes;
    } else {
        memcpy(work->host, (const void *)work->device, work->bytes);
        counts->downloads++;
        counts->download_bytes += (int64_t)work->bytes;
    }
}

static void do_launch(SimContext *context, const SimWork *work) {
    const EmuKernel *kernel = sim_kernel_of(work->function);
    char fault[512] = "";
    if (breaks(context, SIM_STICKY_LAUNCH))
        return;
    sim_memory_user(kernel->name);
    sim_counts()->launches++;
    context->nanoseconds +=
        LAUNCH_NANOSECONDS + (uint64_t)work->grid[0] * work->grid[1] * work->grid[2];
    if (!emu_launch(kernel, work->arguments, work->grid, (unsigned)kernel->threads,
                    work->shared_bytes, sim_device_of(context)->capability, (unsigned)draw(), fault,
                    sizeof(fault)))
        sim_abort("kernel %s: %s", kernel->name, fault);
}

static void do_graph(SimContext *context, const SimGraph *graph) {
    sim_counts()->graph_launches++;
    for (size_t i = 0; i < graph->count && context->error == CUDA_SUCCESS; i++) {
        if (graph->work[i].kind == SIM_LAUNCH)
            do_launch(context, &graph->work[i]);
        else
            do_copy(context, &graph->work[i]);
    }
}

/* A device that broke does nothing any more, but nobody waits for it forever. */
static void do_work(SimContext *context, SimWork *work) {
    bool works = context->error == CUDA_SUCCESS;
    switch (work->kind) {
    case SIM_UPLOAD:
    case SIM_DOWNLOAD:
        if (works)
            do_copy(context, work);
        break;
    case SIM_LAUNCH:
        if (works)
            do_launch(context, work);
        break;
    case SIM_GRAPH_RUN:
        if (works)
            do_graph(context, &work->exec->graph);
        work->exec->runs_done++;
        break;
    case SIM_RECORD:
        work->record->done = true;
        work->record->nanoseconds = context->nanoseconds;
        break;
    case SIM_WAIT:
        break;
    }
}

static bool is_ready(const SimStream *stream) {
    const SimItem *item = stream->first;
    if (!item)
        return false;
    if (item->work.kind == SIM_WAIT)
        return item->work.record->done;
    return item->work.kind != SIM_GRAPH_RUN || item->work.ordinal == item->work.exec->runs_done;
}

static void draw_ranks(void) {
    for (SimStream *stream = streams; stream; stream = stream->next)
        stream->rank = draw();
}

static SimStream *choose(void) {
    SimStream *chosen = NULL;
    for (SimStream *stream = streams; stream; stream = stream->next)
        if (is_ready(stream) && (!chosen || stream->rank > chosen->rank))
            chosen = stream;
    if (!chosen)
        sim_abort("work waits for work that cannot run");
    return chosen;
}

static void do_first(SimStream *stream) {
    SimItem *item = stream->first;
    do_work(stream->object.context, &item->work);
    stream->first = item->next;
    if (!stream->first)
        stream->last = NULL;
    stream->done++;
    sim_work_free(&item->work);
    free(item);
}

/* ---- Waiting ---- */

SimGoal sim_goal_stream(const SimStream *stream) {
    return (SimGoal){.stream = stream};
}

SimGoal sim_goal_record(const SimRecord *record) {
    return (SimGoal){.record = record};
}

SimGoal sim_goal_context(const SimContext *context) {
    return (SimGoal){.context = context};
}

static bool is_reached(const SimGoal *goal) {
    if (goal->stream)
        return !goal->stream->first;
    if (goal->record)
        return goal->record->done;
    for (const SimStream *stream = streams; stream; stream = stream->next)
        if (stream->object.context == goal->context && stream->first)
            return false;
    return true;
}

/* What the host knows to be done afterwards. */
static void note_waited(const SimGoal *goal) {
    if (goal->stream)
        sim_order_waited(&goal->stream->clock);
    if (goal->record)
        sim_order_waited(&goal->record->clock);
    for (const SimStream *stream = streams; stream && goal->context; stream = stream->next)
        if (stream->object.context == goal->context)
            sim_order_waited(&stream->clock);
}

/* How often the streams' ranks are drawn anew while work is done: never, so that a stream runs as
 * far as it can; now and then; before each piece. */
static uint64_t draw_pace(void) {
    static const uint64_t paces[] = {0, 8, 1};
    return paces[draw() % 3];
}

void sim_work_finish(SimGoal goal) {
    bool idle = is_reached(&goal);
    uint64_t pace = idle ? 0 : draw_pace();
    if (!idle) {
        sim_memory_open();
        draw_ranks();
    }
    while (!is_reached(&goal)) {
        if (pace && draw() % pace == 0)
            draw_ranks();
        do_first(choose());
    }
    if (!idle)
        sim_memory_close();
    note_waited(&goal);
    free_done_streams();
}
