/* modules.h: loaded modules and their functions. */
#ifndef CUDASIM_MODULES_H
#define CUDASIM_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "contexts.h"
#include "emulator.h"
#include "image.h"

typedef struct SimModule {
    SimObject object;
    SimImage image;
    struct SimFunction *functions; /* that were asked for */
} SimModule;

typedef struct SimFunction {
    SimObject object;
    struct SimFunction *next;
    const EmuKernel *kernel; /* its twin */
    int registers;           /* of a thread; 0: unknown */
    int shared_max;          /* bytes of dynamic shared memory that a launch may ask for */
    bool unloaded;
} SimFunction;

const EmuKernel *sim_kernel_of(const SimFunction *function);
size_t sim_argument_bytes(const SimFunction *function);

/* Aborts if its module is unloaded. `function` may be NULL. */
void sim_check_loaded(const SimFunction *function);

#endif
