/* kernels.c: the emulator's interface over a few kernels in C. */
#include "kernels.h"

#include <stdio.h>
#include <string.h>

#include "emulator.h"

LastLaunch last_launch;

const char kernels_ptx[] =
    "//\n// .entry nothing()\n//\n.version 7.0\n.target sm_75\n.address_size 64\n"
    ".visible .entry add(\n\t.param .align 8 .b8 add_param_0[16]\n)\n.maxntid 64, 1, 1\n{\n "
    "ret;\n}\n"
    ".visible .entry scale(.param .align 8 .b8 scale_param_0[16])\n{ ret; }\n"
    "/* .entry commented() */\n"
    ".visible .entry move(\n\t.param .align 8 .b8 move_param_0[24]\n)\n{\n ret;\n}\n"
    ".visible .entry wide(.param .align 8 .b8 wide_param_0[16]) { ret; }\n"
    ".visible .entry faulty(.param .align 8 .b8 faulty_param_0[16]) { ret; }\n"
    ".visible .entry other(.param .align 8 .b8 other_param_0[16]) { ret; }\n"
    ".visible .entry thin(.param .align 8 .b8 thin_param_0[8]) { ret; }\n"
    ".visible .entry narrow(.param .align 8 .b8 narrow_param_0[16]) .maxntid 32, 1, 1 { ret; }\n";

static void add(const void *arguments) {
    const AddArguments *a = arguments;
    float *to = (float *)(uintptr_t)a->to;
    for (int i = 0; i < a->count; i++)
        to[i] += a->value;
}

static void scale(const void *arguments) {
    const AddArguments *a = arguments;
    float *to = (float *)(uintptr_t)a->to;
    for (int i = 0; i < a->count; i++)
        to[i] *= a->value;
}

static void move(const void *arguments) {
    const MoveArguments *a = arguments;
    memcpy((void *)(uintptr_t)a->to, (const void *)(uintptr_t)a->from, (size_t)a->count * 4);
}

static const EmuKernel kernels[] = {
    {"add", add, sizeof(AddArguments), KERNEL_THREADS, 75},
    {"scale", scale, sizeof(AddArguments), KERNEL_THREADS, 75},
    {"move", move, sizeof(MoveArguments), KERNEL_THREADS, 75},
    {"wide", add, sizeof(AddArguments), KERNEL_THREADS, 80},
    {"faulty", NULL, sizeof(AddArguments), KERNEL_THREADS, 75},
    {"thin", add, sizeof(AddArguments), KERNEL_THREADS, 75},
    {"narrow", add, sizeof(AddArguments), KERNEL_THREADS, 75},
};

const EmuKernel *emu_find(const char *name) {
    for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
        if (strcmp(kernels[i].name, name) == 0)
            return &kernels[i];
    return NULL;
}

bool emu_launch(const EmuKernel *kernel, const void *arguments, const unsigned grid[3],
                unsigned threads, size_t shared_bytes, int capability, unsigned seed, char *fault,
                size_t fault_size) {
    (void)seed;
    memcpy(last_launch.grid, grid, sizeof(last_launch.grid));
    last_launch.threads = threads;
    last_launch.shared_bytes = shared_bytes;
    last_launch.capability = capability;
    if (kernel->run)
        kernel->run(arguments);
    else
        snprintf(fault, fault_size, "thread 3 never comes to the barrier");
    return kernel->run != NULL;
}
