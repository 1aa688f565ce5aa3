/* emulate_block.h: one block at a time: its threads, their order, barriers and collectives. */
#ifndef CUDASIM_EMULATE_BLOCK_H
#define CUDASIM_EMULATE_BLOCK_H

#include <stdint.h>

#include "emulate_fiber.h"
#include "emulator.h"

#define BLOCK_THREADS_MAX 1024
#define BLOCK_FAULT_MAX   512

/* What all blocks of a launch have in common. */
typedef struct Launch {
    const EmuKernel *kernel;
    const void *arguments;
    int grid[3];
    int threads;
    size_t shared_bytes;
    int capability;
    unsigned seed;
} Launch;

/* Room for the threads of a block and its shared memory, used for one block after the other. */
typedef struct Block Block;

/* NULL: no memory. */
Block *block_create(void);
void block_destroy(Block *block);

/* Runs the block with this number of the grid on the calling thread of the operating system.
 * Returns false with a message where it breaks a rule. */
bool block_run(Block *block, const Launch *launch, uint64_t number, char fault[BLOCK_FAULT_MAX]);

/* After the last block of a launch: what threads of blocks did is ordered before what follows. */
void block_finish(Block *block);

/* The work of a collective, done for all 32 lanes at once: emulate_collectives.cc. */
struct EmuLane;
void collective_run(const EmuLane *const lanes[32]);
const char *collective_name(const EmuLane *lane);

#endif
