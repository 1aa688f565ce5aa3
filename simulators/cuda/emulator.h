/* emulator.h: runs kernels on the CPU. They are the product's own sources, compiled by a C++
 * compiler; what they are written in is emulate.h.
 *
 * It is strict. A launch ends with a message that names kernel, thread, block and line where
 *   - a lane of a warp does not come to a collective to which the others came,
 *   - a thread does not come to the barrier to which the others came, or has ended before,
 *   - a thread ends while asynchronous copies are under way,
 *   - matrices or copies are not aligned, or lie outside of shared memory,
 *   - memory around shared memory was written.
 * Fresh shared memory is NaN, and so is the target of an asynchronous copy until it was waited for.
 * Built with AddressSanitizer, an overrun of shared memory is reported where it happens. Built with
 * ThreadSanitizer, a missing barrier is a data race, between blocks as well. */
#ifndef CUDASIM_EMULATOR_H
#define CUDASIM_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EmuKernel {
    const char *name;
    void (*run)(const void *arguments); /* what a thread does */
    size_t argument_bytes;
    int threads;    /* of a block, at most */
    int capability; /* 75: from compute capability 7.5 on */
} EmuKernel;

/* A kernel of the product. NULL: there is none of that name. */
const EmuKernel *emu_find(const char *name);

/* Runs all blocks, on several threads of the operating system. `seed` chooses an order of the
 * threads and of the blocks; with 0 they come as they are numbered. Returns false with a line in
 * `fault` where the kernel breaks a rule. Thread-safe. */
bool emu_launch(const EmuKernel *kernel, const void *arguments, const unsigned grid[3],
                unsigned threads, size_t shared_bytes, int capability, unsigned seed, char *fault,
                size_t fault_size);

/* On how many threads of the operating system, of later launches. 0: as many as there are
 * processors, and 8 at most, as from the beginning. Results do not depend on it. */
void emu_set_threads(int count);

#ifdef __cplusplus
}
#endif

#endif
