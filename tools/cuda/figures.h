/* figures.h: what of each compiled kernel can be counted without a GPU: found in the image, and in
 * what the compiler said. */
#ifndef TOOLS_CUDA_FIGURES_H
#define TOOLS_CUDA_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Figures {
    bool found;       /* whether the image has the kernel */
    int arguments;    /* their bytes; -1: the image does not say */
    int tensor;       /* instructions for tensor cores */
    bool counted;     /* whether the compiler told the rest */
    int registers;    /* of a thread */
    int spill_stores; /* bytes of a thread */
    int spill_loads;
    int stack;
} Figures;

/* Of a kernel in machine code, which is an ELF file. */
void figures_of_cubin(Figures *figures, const char *image, size_t bytes, const char *kernel);

/* Of a kernel in PTX. */
void figures_of_ptx(Figures *figures, const char *text, const char *kernel);

/* What `ptxas -v` says of a kernel. */
void figures_of_log(Figures *figures, const char *log, const char *kernel);

#endif
