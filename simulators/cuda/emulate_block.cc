/* emulate_block.cc: the threads of a block are fibers. One runs until it waits: for the other lanes
 * of its warp at a collective, or for all threads at the barrier. Who comes next is drawn from the
 * launch's seed. Whoever waits for somebody who cannot come is found when the second of the two
 * arrives, so there is always somebody to run. */
#include "emulate_block.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

#include "backend/cuda/kernels/kernel.h"
#include "emulate_room.h"

#define WARP       32
#define COPIES_MAX 128 /* of a thread, under way */

typedef struct Thread {
    Fiber fiber;
    int index;
    bool ended;
    bool at_barrier;
    const char *file; /* of the barrier */
    int line;
    const EmuLane *lane; /* what it brought to the latest collective */
    unsigned groups;     /* of copies, closed */
    unsigned copies_begun;
    unsigned copies_arrived;
    EmuCopy *copies; /* a ring */
} Thread;

typedef struct Warp {
    Thread *threads;
    uint32_t present;     /* places of lanes that there are */
    uint32_t ready;       /* places of lanes that can run and do not */
    int arrived;          /* lanes at the collective */
    const Thread *latest; /* of them */
    EmuLane meeting;      /* what the first of them brought */
    int at_barrier;
    int ended;
    const EmuLane *lanes[WARP];
} Warp;

struct Block {
    const Launch *launch;
    Fiber home;
    Thread *running;
    Thread *before; /* who ran before it; NULL: home */
    int threads_count;
    int warps_count;
    int ended;
    int at_barrier;
    const Thread *latest; /* of them */
    int barriers;         /* passed */
    uint64_t random;
    bool wanders; /* warps take turns at collectives, too */
    bool faulted;
    char *fault;
    unsigned char lane_at[WARP]; /* place → lane: the order of lanes */
    Warp warps[BLOCK_THREADS_MAX / WARP];
    Thread threads[BLOCK_THREADS_MAX];
    EmuCopy copies[BLOCK_THREADS_MAX][COPIES_MAX];
    Room room;
    /* Where ThreadSanitizer is told of orders: */
    uint64_t begun;       /* by the launch, acquired by each thread at its beginning */
    uint64_t finished[2]; /* by each thread at its end, of even and of odd runs */
    uint64_t barrier[2]; /* at even and at odd barriers: a thread that is ahead may release the next
                            one before others have acquired this one */
    int runs;
};

__thread EmuHere emu_here;
static __thread Block *current __attribute__((tls_model("initial-exec")));

/* ---- Faults ---- */

EMU_UNWATCHED static const char *base_name(const char *file) {
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

/* Ends the block, from one of its threads. */
__attribute__((format(printf, 3, 4), noreturn)) EMU_UNWATCHED static void
fail(const char *file, int line, const char *format, ...) {
    Block *block = current;
    char what[BLOCK_FAULT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    char place[BLOCK_FAULT_MAX] = "";
    if (file)
        snprintf(place, sizeof(place), ", %s:%d", base_name(file), line);
    snprintf(block->fault, BLOCK_FAULT_MAX, "%s: %.300s (thread %d of block %d, %d, %d%.100s)",
             block->launch->kernel->name, what, emu_here.thread, emu_here.block[0],
             emu_here.block[1], emu_here.block[2], place);
    block->faulted = true;
    fiber_leave(&block->running->fiber, &block->home);
}

/* Where a thread is, for messages. */
typedef struct Where {
    char text[160];
} Where;

EMU_UNWATCHED static Where where(const Thread *thread) {
    Where where;
    if (thread->ended) {
        snprintf(where.text, sizeof(where.text), "thread %d has ended", thread->index);
        return where;
    }
    const char *file = thread->at_barrier ? thread->file : thread->lane->file;
    snprintf(where.text, sizeof(where.text), "thread %d waits at %s, %.80s:%d", thread->index,
             thread->at_barrier ? "a barrier" : collective_name(thread->lane), base_name(file),
             thread->at_barrier ? thread->line : thread->lane->line);
    return where;
}

typedef bool Condition(const Thread *thread);

EMU_UNWATCHED static bool has_ended(const Thread *thread) {
    return thread->ended;
}

EMU_UNWATCHED static bool is_at_barrier(const Thread *thread) {
    return thread->at_barrier;
}

/* One of these threads of which it holds; there is one. */
EMU_UNWATCHED static const Thread *find(const Thread *threads, int count, Condition *condition) {
    int i = 0;
    while (i + 1 < count && (!condition(&threads[i]) || &threads[i] == current->running))
        i++;
    return &threads[i];
}

EMU_UNWATCHED static int warp_size(const Warp *warp) {
    return __builtin_popcount(warp->present);
}

EMU_UNWATCHED static bool same_place(const char *file, int line, const char *other, int at) {
    return line == at && (file == other || !strcmp(file, other));
}

/* ---- Who runs ---- */

EMU_UNWATCHED static uint64_t mix(uint64_t value) { /* splitmix64 */
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

EMU_UNWATCHED static unsigned draw(Block *block, unsigned below) {
    block->random = mix(block->random);
    return (unsigned)(block->random >> 32) % below;
}

EMU_UNWATCHED static Warp *warp_of(Block *block, const Thread *thread) {
    return &block->warps[thread->index / WARP];
}

/* The warp's next thread, which is no longer ready but runs. */
EMU_UNWATCHED static Thread *take(Block *block, Warp *warp) {
    int place = __builtin_ctz(warp->ready);
    warp->ready &= warp->ready - 1;
    return &warp->threads[block->lane_at[place]];
}

/* A warp with somebody to run: this one, or the next of them. */
EMU_UNWATCHED static Warp *next_warp(Block *block, Warp *warp) {
    int from = (int)(warp - block->warps);
    for (int i = 0; i < block->warps_count; i++) {
        warp = &block->warps[(from + i) % block->warps_count];
        if (warp->ready)
            return warp;
    }
    fail(nullptr, 0, "the emulator itself has lost a thread");
}

EMU_UNWATCHED static void run_next(Block *block, Thread *thread) {
    Thread *from = block->running;
    block->before = from;
    block->running = thread;
    emu_here.thread = thread->index;
    if (from->ended)
        fiber_leave(&from->fiber, &thread->fiber);
    if (from != thread)
        fiber_switch(&from->fiber, &thread->fiber);
}

/* ---- Collectives ---- */

/* Of a collective at which somebody will be missing. */
__attribute__((noreturn)) EMU_UNWATCHED static void fail_meeting(const EmuLane *lane,
                                                                 const Thread *missing) {
    fail(lane->file, lane->line, "%s is not reached by all lanes: %s", collective_name(lane),
         where(missing).text);
}

EMU_UNWATCHED static void check_meeting(Warp *warp, const EmuLane *lane) {
    if (warp->present != ~0u)
        fail(lane->file, lane->line, "%s in a warp of %d threads", collective_name(lane),
             warp_size(warp));
    if (warp->ended)
        fail_meeting(lane, find(warp->threads, WARP, has_ended));
    if (warp->at_barrier)
        fail_meeting(lane, find(warp->threads, WARP, is_at_barrier));
    if (!warp->arrived)
        warp->meeting = *lane;
    const EmuLane *first = &warp->meeting;
    if (first->collective != lane->collective || first->m != lane->m || first->n != lane->n ||
        !same_place(first->file, first->line, lane->file, lane->line))
        fail_meeting(lane, warp->latest);
}

EMU_UNWATCHED void emu_meet(const EmuLane *lane) {
    Block *block = current;
    Thread *self = block->running;
    Warp *warp = warp_of(block, self);
    check_meeting(warp, lane);
    self->lane = lane;
    warp->latest = self;
    warp->lanes[self->index % WARP] = lane;
    if (++warp->arrived < WARP) {
        run_next(block, take(block, warp));
        return;
    }
    collective_run(warp->lanes);
    warp->arrived = 0;
    warp->ready = warp->present;
    if (block->wanders && draw(block, 2))
        warp = next_warp(block, &block->warps[draw(block, (unsigned)block->warps_count)]);
    run_next(block, take(block, warp));
}

/* ---- Barriers ---- */

EMU_UNWATCHED static void check_barrier(Block *block, const char *file, int line) {
    Warp *warp = warp_of(block, block->running);
    if (block->ended)
        fail(file, line, "a barrier is not reached by all threads: %s",
             where(find(block->threads, block->threads_count, has_ended)).text);
    if (warp->arrived)
        fail(file, line, "a barrier is not reached by all threads: %s", where(warp->latest).text);
    if (!block->at_barrier)
        return;
    const Thread *other = block->latest;
    if (!same_place(other->file, other->line, file, line))
        fail(file, line, "threads are at different barriers: %s", where(other).text);
}

EMU_UNWATCHED static void open_barrier(Block *block) {
    block->at_barrier = 0;
    block->barriers++;
    for (int i = 0; i < block->threads_count; i++)
        block->threads[i].at_barrier = false;
    for (int i = 0; i < block->warps_count; i++) {
        block->warps[i].at_barrier = 0;
        block->warps[i].ready = block->warps[i].present;
    }
    unsigned first = block->launch->seed ? draw(block, (unsigned)block->warps_count) : 0;
    run_next(block, take(block, &block->warps[first]));
}

EMU_UNWATCHED void emu_sync(const char *file, int line) {
    Block *block = current;
    Thread *self = block->running;
    check_barrier(block, file, line);
    uint64_t *place = &block->barrier[block->barriers % 2];
    fiber_release(place);
    Warp *warp = warp_of(block, self);
    self->at_barrier = true;
    self->file = file;
    self->line = line;
    block->latest = self;
    warp->at_barrier++;
    if (++block->at_barrier == block->threads_count)
        open_barrier(block);
    else
        run_next(block, take(block, next_warp(block, warp)));
    fiber_acquire(place);
}

/* ---- Shared memory and copies ---- */

EMU_UNWATCHED char *emu_shared(void) {
    return current->room.shared;
}

EMU_UNWATCHED void emu_check_shared(const char *what, const void *address, const char *file,
                                    int line) {
    const Block *block = current;
    uintptr_t offset = (uintptr_t)address - (uintptr_t)block->room.shared;
    size_t bytes = block->launch->shared_bytes;
    if (offset >= bytes || bytes - offset < sizeof(Quad))
        fail(file, line, "%s is not in shared memory, of %zu bytes, but at its byte %td", what,
             bytes, (ptrdiff_t)offset);
    if (offset % sizeof(Quad))
        fail(file, line, "%s is not aligned to 16 bytes, but at byte %td of shared memory", what,
             (ptrdiff_t)offset);
}

EMU_UNWATCHED void emu_check_global(const char *what, const void *address, const char *file,
                                    int line) {
    const Block *block = current;
    uintptr_t offset = (uintptr_t)address - (uintptr_t)block->room.shared;
    if (offset < block->launch->shared_bytes)
        fail(file, line, "%s is in shared memory, at its byte %td", what, (ptrdiff_t)offset);
    if ((uintptr_t)address % sizeof(Quad))
        fail(file, line, "%s is not aligned to 16 bytes: %p", what, address);
}

EMU_UNWATCHED void emu_copy_begin(Quad *to, const Quad *value, const char *file, int line) {
    Thread *self = current->running;
    if (self->copies_begun - self->copies_arrived == COPIES_MAX)
        fail(file, line, "the emulator has room for %d copies under way", COPIES_MAX);
    self->copies[self->copies_begun++ % COPIES_MAX] = EmuCopy{*value, to, self->groups};
}

EMU_UNWATCHED void emu_copy_commit(void) {
    current->running->groups++;
}

EMU_UNWATCHED const EmuCopy *emu_copy_arrived(unsigned left) {
    Thread *self = current->running;
    if (self->copies_arrived == self->copies_begun)
        return nullptr;
    const EmuCopy *copy = &self->copies[self->copies_arrived % COPIES_MAX];
    if (self->groups - copy->group <= left)
        return nullptr;
    self->copies_arrived++;
    return copy;
}

/* ---- A thread's life ---- */

EMU_UNWATCHED static void check_end(Block *block, Thread *self) {
    Warp *warp = warp_of(block, self);
    if (block->at_barrier)
        fail(nullptr, 0, "a thread ends, and a barrier is not reached by all: %s",
             where(block->latest).text);
    if (warp->arrived)
        fail(nullptr, 0, "a thread ends, and a collective is not reached by all: %s",
             where(warp->latest).text);
    if (self->copies_arrived != self->copies_begun)
        fail(nullptr, 0, "a thread ends, and has not waited for %u copies",
             self->copies_begun - self->copies_arrived);
}

EMU_UNWATCHED static void thread_body(void) {
    Block *block = current;
    fiber_begin(block->before ? &block->before->fiber : &block->home);
    fiber_acquire(&block->begun);
    fiber_acquire(&block->finished[(block->runs + 1) % 2]); /* by the block before */
    block->launch->kernel->run(block->launch->arguments);
    Thread *self = block->running;
    check_end(block, self);
    fiber_release(&block->finished[block->runs % 2]);
    self->ended = true;
    warp_of(block, self)->ended++;
    if (++block->ended == block->threads_count)
        fiber_leave(&self->fiber, &block->home);
    run_next(block, take(block, next_warp(block, warp_of(block, self))));
}

/* ---- A block's life ---- */

EMU_UNWATCHED Block *block_create(void) {
    void *memory = mmap(nullptr, sizeof(Block), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? nullptr : (Block *)memory;
}

EMU_UNWATCHED void block_destroy(Block *block) {
    for (Thread &thread : block->threads)
        fiber_destroy(&thread.fiber);
    room_free(&block->room);
    munmap((void *)block, sizeof(*block));
}

EMU_UNWATCHED void block_finish(Block *block) {
    fiber_acquire(&block->finished[0]);
    fiber_acquire(&block->finished[1]);
}

/* Under ASan an overrun has been reported where it happened. */
EMU_UNWATCHED static void check_guards(Block *block) {
    ptrdiff_t at = 0;
    if (room_is_intact(&block->room, &at))
        return;
    snprintf(block->fault, BLOCK_FAULT_MAX,
             "%s: byte %td of shared memory was written, which has %zu (block %d, %d, %d)",
             block->launch->kernel->name, at, block->room.shared_bytes, emu_here.block[0],
             emu_here.block[1], emu_here.block[2]);
    block->faulted = true;
}

EMU_UNWATCHED static void prepare_order(Block *block, uint64_t number) {
    unsigned seed = block->launch->seed;
    block->random = mix((uint64_t)seed << 32 ^ number);
    block->wanders = seed && draw(block, 2);
    unsigned step = seed ? draw(block, WARP) | 1 : 1;
    unsigned first = seed ? draw(block, WARP) : 0;
    for (unsigned i = 0; i < WARP; i++)
        block->lane_at[i] = (unsigned char)((i * step + first) % WARP);
}

EMU_UNWATCHED static void prepare_warp(Block *block, int number) {
    Warp *warp = &block->warps[number];
    memset(warp, 0, sizeof(*warp));
    warp->threads = &block->threads[number * WARP];
    int size = block->threads_count - number * WARP;
    for (int i = 0; i < WARP; i++)
        warp->present |= block->lane_at[i] < size ? 1u << i : 0;
    warp->ready = warp->present;
}

EMU_UNWATCHED static void prepare_thread(Block *block, int index) {
    Thread *thread = &block->threads[index];
    Fiber fiber = thread->fiber;
    *thread = Thread{};
    thread->fiber = fiber;
    thread->index = index;
    thread->copies = block->copies[index];
    if (block->faulted)
        room_clean_stack(&block->room, index);
    fiber_prepare(&thread->fiber, room_stack(&block->room, index), room_stack_bytes(),
                  (size_t)(index % WARP) * 448, thread_body);
}

EMU_UNWATCHED static void prepare(Block *block, uint64_t number) {
    prepare_order(block, number);
    block->threads_count = block->launch->threads;
    block->warps_count = (block->threads_count + WARP - 1) / WARP;
    for (int i = 0; i < block->warps_count; i++)
        prepare_warp(block, i);
    for (int i = 0; i < block->threads_count; i++)
        prepare_thread(block, i);
    block->ended = block->at_barrier = 0;
    block->runs++;
    block->faulted = false;
    const int *grid = block->launch->grid;
    uint64_t row = number / (uint64_t)grid[0];
    emu_here.block[0] = (int)(number % (uint64_t)grid[0]);
    emu_here.block[1] = (int)(row % (uint64_t)grid[1]);
    emu_here.block[2] = (int)(row / (uint64_t)grid[1]);
    emu_here.grid_x = grid[0];
    emu_here.capability = block->launch->capability;
}

/* After a fault threads are left where they are. What they did is before what follows. */
EMU_UNWATCHED static void abandon(Block *block) {
    for (int i = 0; i < block->threads_count; i++) {
        Thread *thread = &block->threads[i];
        if (thread->ended)
            continue;
        fiber_release_for(&thread->fiber, &block->finished[block->runs % 2]);
        fiber_destroy(&thread->fiber);
    }
    block_finish(block);
}

EMU_UNWATCHED bool block_run(Block *block, const Launch *launch, uint64_t number,
                             char fault[BLOCK_FAULT_MAX]) {
    block->launch = launch;
    block->fault = fault;
    if (!room_prepare(&block->room, launch->shared_bytes, launch->threads)) {
        snprintf(fault, BLOCK_FAULT_MAX, "%s: the emulator has no memory for %d threads",
                 launch->kernel->name, launch->threads);
        return false;
    }
    prepare(block, number);
    fiber_release(&block->begun);
    fiber_adopt(&block->home);
    current = block;
    unsigned first = launch->seed ? draw(block, (unsigned)block->warps_count) : 0;
    block->before = nullptr;
    block->running = take(block, &block->warps[first]);
    emu_here.thread = block->running->index;
    fiber_switch(&block->home, &block->running->fiber);
    current = nullptr;
    if (block->faulted)
        abandon(block);
    else
        check_guards(block);
    return !block->faulted;
}
