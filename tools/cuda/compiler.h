/* compiler.h: the compilers of CUDA kernels: NVIDIA's library for compiling at run time (NVRTC),
 * its program nvcc, and clang, which needs nothing of NVIDIA but makes no machine code. */
#ifndef TOOLS_CUDA_COMPILER_H
#define TOOLS_CUDA_COMPILER_H

#include <stdbool.h>
#include <stddef.h>

typedef enum CompilerKind { COMPILER_NVRTC, COMPILER_NVCC, COMPILER_CLANG } CompilerKind;

typedef struct Compiler {
    CompilerKind kind;
    const char *path; /* of the library, or of the program */
} Compiler;

/* What is compiled, and for which GPUs. */
typedef struct Job {
    const char *source; /* a file's path */
    const char *folder; /* where its headers are */
    int capability;     /* 89: compute capability 8.9 */
    bool ptx;           /* text for the driver to compile, in place of machine code */
    const char *output; /* the image's path, beside which other files may be made */
} Job;

typedef struct Compiled {
    char *image; /* and a zero behind it */
    size_t bytes;
    char *log;        /* what the compiler said, a text; never NULL after compile() */
    char version[32]; /* of the compiler: "NVRTC 12.9" */
} Compiled;

/* False if there is no image: then the log says why. A product and a sum become one operation where
 * the source says so, and nowhere else: kernels that compute the same then get the same bits, and
 * so does the emulator. */
bool compile(const Compiler *compiler, const Job *job, Compiled *compiled);

void compiled_free(Compiled *compiled);

#endif
