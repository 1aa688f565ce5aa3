/* launch.c: cuLaunchKernel, and what a device refuses. */
#include <stdlib.h>
#include <string.h>

#include "emulator.h"
#include "graphs.h"
#include "modules.h"
#include "strict.h"
#include "work.h"

#define GRID_X_MAX        0x7fffffffu
#define GRID_YZ_MAX       65535u
#define THREADS_MAX       1024u
#define REGISTERS         65536
#define REGISTERS_AT_ONCE 8 /* of a thread; a warp's are given out in units of 256 */

static bool grid_fits(const unsigned grid[3]) {
    return grid[0] > 0 && grid[0] <= GRID_X_MAX && grid[1] > 0 && grid[1] <= GRID_YZ_MAX &&
           grid[2] > 0 && grid[2] <= GRID_YZ_MAX;
}

static bool block_fits(const unsigned block[3]) {
    return block[0] > 0 && block[1] > 0 && block[2] > 0 && block[2] <= 64 &&
           block[0] <= THREADS_MAX && block[1] <= THREADS_MAX &&
           block[0] * block[1] * block[2] <= THREADS_MAX;
}

static bool registers_fit(const SimFunction *function, unsigned threads) {
    int registers =
        (function->registers + REGISTERS_AT_ONCE - 1) / REGISTERS_AT_ONCE * REGISTERS_AT_ONCE;
    int warps = (int)(threads + 31) / 32;
    return registers * warps * 32 <= REGISTERS;
}

/* A kernel of cleave takes one struct, and one number of threads. */
static void check_contract(const SimFunction *function, const unsigned block[3], void **arguments,
                           void **extra) {
    const EmuKernel *kernel = function->kernel;
    if (extra || !arguments || !arguments[0])
        sim_abort("kernel %s is launched without its arguments", kernel->name);
    if (block[0] != (unsigned)kernel->threads || block[1] != 1 || block[2] != 1)
        sim_abort("kernel %s takes %d threads a block, not %u x %u x %u", kernel->name,
                  kernel->threads, block[0], block[1], block[2]);
}

static CUresult launch(SimContext *context, CUfunction function_handle, const unsigned grid[3],
                       const unsigned block[3], size_t shared_bytes, CUstream handle,
                       void **arguments, void **extra) {
    SimFunction *function = sim_object_find(function_handle, SIM_FUNCTION, context);
    SimStream *stream = sim_object_find(handle, SIM_STREAM, context);
    if (!grid_fits(grid) || !block_fits(block))
        return CUDA_ERROR_INVALID_VALUE;
    check_contract(function, block, arguments, extra);
    if (shared_bytes > (size_t)function->shared_max)
        return CUDA_ERROR_INVALID_VALUE;
    if (!registers_fit(function, block[0]))
        return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    SimWork work = {.kind = SIM_LAUNCH, .function = function, .shared_bytes = shared_bytes};
    memcpy(work.grid, grid, sizeof(work.grid));
    work.arguments = sim_allocate(sim_argument_bytes(function));
    memcpy(work.arguments, arguments[0], sim_argument_bytes(function));
    return sim_give(stream, &work);
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        CUstream stream, void **arguments, void **extra) {
    const unsigned grid[] = {grid_x, grid_y, grid_z};
    const unsigned block[] = {block_x, block_y, block_z};
    CUresult status;
    SimContext *context = sim_enter(CALL_cuLaunchKernel, &status);
    if (!context)
        return status;
    return sim_end(launch(context, function, grid, block, shared_bytes, stream, arguments, extra));
}
