/* emulate_kernels.cc: the product's kernels by name, as arguments.h lists them. */
#include <string.h>

#include "backend/cuda/kernels/arguments.h"
#include "emulator.h"

#define DECLARE(name, Arguments, threads, capability) extern "C" void name(const void *arguments);
CUDA_KERNELS(DECLARE)

#define ROW(name, Arguments, threads, capability) \
    {#name, name, sizeof(Arguments), threads, capability},
static const EmuKernel kernels[] = {CUDA_KERNELS(ROW)};

const EmuKernel *emu_find(const char *name) {
    for (const EmuKernel &kernel : kernels) {
        if (!strcmp(kernel.name, name))
            return &kernel;
    }
    return nullptr;
}
