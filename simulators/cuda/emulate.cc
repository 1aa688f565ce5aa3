/* emulate.cc: launches: their blocks in a seeded order, on several threads of the operating
 * system. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emulate_block.h"

#define WORKERS_MAX 64
/* To ThreadSanitizer, threads of one block are before those of the next one in the same room. By
 * turns in two rooms, neighbours in the order of blocks are not; and one worker is enough, since
 * each thread takes a megabyte there. */
#ifdef EMU_TSAN
#define TURNS           2
#define WORKERS_DEFAULT 1
#else
#define TURNS           1
#define WORKERS_DEFAULT 8
#endif
#define ARGUMENTS_MAX 4096 /* bytes, as of the device */
#define BLOCKS_MAX    ((uint64_t)1 << 31)

/* Blocks are taken by their position in the order. The fault of the first of them is the launch's,
 * whatever the others meet: those before it all run. */
typedef struct Work {
    const Launch *launch;
    uint64_t blocks;
    uint64_t first;
    uint64_t step;
    uint64_t next;  /* position; atomic */
    uint64_t limit; /* positions from here on need not run; atomic, written under the lock */
    char fault[BLOCK_FAULT_MAX];
} Work;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int workers_wanted; /* under the lock; 0: the default */
static Block *idle[WORKERS_MAX];
static int idle_count;

/* ---- Room for blocks, kept from launch to launch ---- */

EMU_UNWATCHED static Block *borrow_block(void) {
    Block *block = nullptr;
    pthread_mutex_lock(&lock);
    if (idle_count)
        block = idle[--idle_count];
    pthread_mutex_unlock(&lock);
    return block ? block : block_create();
}

EMU_UNWATCHED static void return_block(Block *block) {
    block_finish(block);
    pthread_mutex_lock(&lock);
    bool kept = idle_count < WORKERS_MAX;
    if (kept)
        idle[idle_count++] = block;
    pthread_mutex_unlock(&lock);
    if (!kept)
        block_destroy(block);
}

/* ---- Workers ---- */

EMU_UNWATCHED static void note_fault(Work *work, uint64_t position, const char *fault) {
    pthread_mutex_lock(&lock);
    if (position < __atomic_load_n(&work->limit, __ATOMIC_RELAXED)) {
        __atomic_store_n(&work->limit, position, __ATOMIC_RELAXED);
        snprintf(work->fault, sizeof(work->fault), "%s", fault);
    }
    pthread_mutex_unlock(&lock);
}

/* Takes blocks until there are none. Relaxed: ThreadSanitizer shall not take the order in which
 * workers come by for one that the kernel can rely on. */
EMU_UNWATCHED static void take_blocks(Work *work, Block *const blocks[TURNS]) {
    for (int turn = 0;; turn = (turn + 1) % TURNS) {
        uint64_t position = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED);
        if (position >= __atomic_load_n(&work->limit, __ATOMIC_RELAXED))
            break;
        char fault[BLOCK_FAULT_MAX];
        uint64_t number = (work->first + position * work->step) % work->blocks;
        if (!block_run(blocks[turn], work->launch, number, fault))
            note_fault(work, position, fault);
    }
}

EMU_UNWATCHED static void *work_on(void *data) {
    Work *work = (Work *)data;
    Block *blocks[TURNS];
    bool complete = true;
    for (Block *&block : blocks) {
        block = borrow_block();
        complete = complete && block;
    }
    if (complete)
        take_blocks(work, blocks);
    else
        note_fault(work, 0, "the emulator has no memory for a block");
    for (Block *block : blocks) {
        if (block)
            return_block(block);
    }
    return nullptr;
}

EMU_UNWATCHED static int workers_count(uint64_t blocks) {
    pthread_mutex_lock(&lock);
    int count = workers_wanted;
    pthread_mutex_unlock(&lock);
    if (!count) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        count = processors < WORKERS_DEFAULT ? (int)processors : WORKERS_DEFAULT;
    }
    if ((uint64_t)count > blocks)
        count = (int)blocks;
    return count < 1 ? 1 : count;
}

/* The calling thread is a worker, too. */
EMU_UNWATCHED static void run_workers(Work *work) {
    pthread_t threads[WORKERS_MAX];
    int count = workers_count(work->blocks) - 1;
    int started = 0;
    while (started < count && !pthread_create(&threads[started], nullptr, work_on, work))
        started++;
    work_on(work);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], nullptr);
}

/* ---- Launches ---- */

EMU_UNWATCHED static uint64_t common_divisor(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Each block once: a step that has no divisor in common with their number. */
EMU_UNWATCHED static void choose_order(Work *work, unsigned seed) {
    uint64_t random = (seed * (uint64_t)0x9e3779b97f4a7c15u) >> 16;
    work->first = seed ? random % work->blocks : 0;
    work->step = seed ? random / work->blocks % work->blocks + 1 : 1;
    while (common_divisor(work->step, work->blocks) != 1)
        work->step++;
}

EMU_UNWATCHED static bool check_launch(const Launch *launch, uint64_t blocks, char *fault,
                                       size_t fault_size) {
    const EmuKernel *kernel = launch->kernel;
    if (launch->threads < 1 || launch->threads > kernel->threads ||
        launch->threads > BLOCK_THREADS_MAX)
        snprintf(fault, fault_size, "%s: launched with %d threads, takes up to %d", kernel->name,
                 launch->threads, kernel->threads);
    else if (!blocks || blocks > BLOCKS_MAX)
        snprintf(fault, fault_size, "%s: launched with a grid of %d × %d × %d", kernel->name,
                 launch->grid[0], launch->grid[1], launch->grid[2]);
    else if (launch->capability < kernel->capability)
        snprintf(fault, fault_size, "%s: needs compute capability %d.%d, the device has %d.%d",
                 kernel->name, kernel->capability / 10, kernel->capability % 10,
                 launch->capability / 10, launch->capability % 10);
    else if (kernel->argument_bytes > ARGUMENTS_MAX)
        snprintf(fault, fault_size, "%s: %zu bytes of arguments, at most %d", kernel->name,
                 kernel->argument_bytes, ARGUMENTS_MAX);
    else
        return true;
    return false;
}

EMU_UNWATCHED bool emu_launch(const EmuKernel *kernel, const void *arguments,
                              const unsigned grid[3], unsigned threads, size_t shared_bytes,
                              int capability, unsigned seed, char *fault, size_t fault_size) {
    uint64_t blocks = grid[0] > BLOCKS_MAX || grid[1] > 65535 || grid[2] > 65535
                          ? 0
                          : (uint64_t)grid[0] * grid[1] * grid[2];
    Launch launch = {kernel,       arguments,    {(int)grid[0], (int)grid[1], (int)grid[2]},
                     (int)threads, shared_bytes, capability,
                     seed};
    if (!check_launch(&launch, blocks, fault, fault_size))
        return false;
    Work work = {};
    work.launch = &launch;
    work.blocks = work.limit = blocks;
    choose_order(&work, seed);
    run_workers(&work);
    if (work.limit == blocks)
        return true;
    snprintf(fault, fault_size, "%s", work.fault);
    return false;
}

EMU_UNWATCHED void emu_set_threads(int count) {
    pthread_mutex_lock(&lock);
    workers_wanted = count < 0 ? 0 : count > WORKERS_MAX ? WORKERS_MAX : count;
    pthread_mutex_unlock(&lock);
}
