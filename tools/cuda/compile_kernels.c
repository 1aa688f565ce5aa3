/* compile_kernels.c: compiles the CUDA kernels for one kind of GPU, and refuses what would be slow
 * or wrong there, as far as that shows without a GPU:
 *
 *   compile_kernels nvrtc|nvcc|clang PATH SOURCE.cu sm_89|compute_80 IMAGE TABLE.txt RULE.d
 *
 * PATH is the library's or the program's; headers are taken from the source's folder. IMAGE becomes
 * machine code, or PTX for compute_…; TABLE.txt a table of each kernel's registers and spills, for
 * people; RULE.d names the files that went in. The kernels that there must be, and the size of
 * their arguments, are those of arguments.h. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/cuda/kernels/arguments.h"
#include "compiler.h"
#include "figures.h"
#include "includes.h"

/* Two blocks are to fit into a multiprocessor, whose registers these are. */
#define REGISTERS_FOR_BLOCK (65536 / 2)

/* Bytes that a thread may write to memory, or read from it, for want of registers. The kernels take
 * at most 60, for attention with heads of 128 on compute capability 7.5, and 32 elsewhere; more
 * than this is one gone wrong. */
#define SPILL_BYTES_MAX 64

typedef struct Kernel {
    const char *name;
    int arguments; /* their bytes */
    int threads;
    int capability; /* the lowest that has it */
} Kernel;

static const Kernel kernels[] = {
#define KERNEL_ROW(name, Arguments, threads, capability) \
    {#name, (int)sizeof(Arguments), threads, capability},
    CUDA_KERNELS(KERNEL_ROW)
#undef KERNEL_ROW
};

#define KERNEL_COUNT (sizeof(kernels) / sizeof(kernels[0]))

typedef struct Request {
    Compiler compiler;
    Job job;
    const char *table;
    const char *rule;
} Request;

static int findings;

__attribute__((format(printf, 2, 3))) static void find(const Kernel *kernel, const char *format,
                                                       ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "compile_kernels: %s: ", kernel->name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    findings++;
}

/* ---- What must hold ---- */

/* Products of f16 and bf16 are for tensor cores. */
static bool wants_tensor_cores(const Kernel *kernel) {
    return strstr(kernel->name, "f16") != NULL;
}

/* Host and kernel must mean the same. */
static void check_contract(const Kernel *kernel, const Figures *figures) {
    if (!figures->found)
        find(kernel, "is not in the image");
    else if (figures->arguments != kernel->arguments)
        find(kernel, "takes %d bytes of arguments here, and %d on the host", figures->arguments,
             kernel->arguments);
    else if (wants_tensor_cores(kernel) && figures->tensor == 0)
        find(kernel, "has no instructions for tensor cores");
}

static void check_speed(const Kernel *kernel, const Figures *figures) {
    int spills =
        figures->spill_stores > figures->spill_loads ? figures->spill_stores : figures->spill_loads;
    int registers_max = REGISTERS_FOR_BLOCK / kernel->threads;
    if (!figures->counted)
        find(kernel, "the compiler does not tell its registers and spills");
    if (spills > SPILL_BYTES_MAX)
        find(kernel, "spills %d bytes of a thread's registers; at most %d are taken", spills,
             SPILL_BYTES_MAX);
    if (figures->registers > registers_max)
        find(kernel, "takes %d registers; with more than %d two blocks do not fit",
             figures->registers, registers_max);
}

/* Warpgroup products that the compiler makes wait for each other. */
static void check_log(const char *log) {
    static const char *const words[] = {"C7508", "C7515", "serialized"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!strstr(log, words[i]))
            continue;
        fprintf(stderr, "compile_kernels: the compiler says \"%s\":\n%s", words[i], log);
        findings++;
        return;
    }
}

/* ---- All of it ---- */

static void write_head(FILE *table, const Request *request, const Compiled *compiled) {
    fprintf(table, "%s for %s_%d: %zu bytes\n\n", compiled->version,
            request->job.ptx ? "compute" : "sm", request->job.capability, compiled->bytes);
    fprintf(table, "%-20s %9s %12s %11s %11s %6s %6s\n", "kernel", "arguments", "tensor instr.",
            "registers", "spill st.", "ld.", "stack");
}

static void write_row(FILE *table, const Kernel *kernel, const Figures *figures) {
    fprintf(table, "%-20s %9d %12d", kernel->name, figures->arguments, figures->tensor);
    if (figures->counted)
        fprintf(table, " %11d %11d %6d %6d", figures->registers, figures->spill_stores,
                figures->spill_loads, figures->stack);
    fputc('\n', table);
}

/* What a thread takes counts for the compiler by which releases are built; others may do worse. */
static bool is_release_compiler(const Compiled *compiled) {
    return strcmp(compiled->version, "NVRTC 12.9") == 0;
}

static void check(const Request *request, const Compiled *compiled, FILE *table) {
    write_head(table, request, compiled);
    for (size_t i = 0; i < KERNEL_COUNT; i++) {
        Figures figures = {.found = false};
        if (kernels[i].capability > request->job.capability)
            continue;
        if (request->job.ptx)
            figures_of_ptx(&figures, compiled->image, kernels[i].name);
        else
            figures_of_cubin(&figures, compiled->image, compiled->bytes, kernels[i].name);
        figures_of_log(&figures, compiled->log, kernels[i].name);
        write_row(table, &kernels[i], &figures);
        check_contract(&kernels[i], &figures);
        if (figures.found && !request->job.ptx && is_release_compiler(compiled))
            check_speed(&kernels[i], &figures);
    }
    check_log(compiled->log);
}

static bool complain(const char *path) {
    fprintf(stderr, "compile_kernels: %s cannot be written\n", path);
    return false;
}

static bool write_image(const char *path, const Compiled *compiled) {
    FILE *file = fopen(path, "wb");
    bool done = file && fwrite(compiled->image, 1, compiled->bytes, file) == compiled->bytes;
    if (file)
        done = fclose(file) == 0 && done;
    return done || complain(path);
}

/* The table is written whatever is found: it shows what is wrong. */
static bool write_results(const Request *request, const Compiled *compiled) {
    const Job *job = &request->job;
    FILE *table = fopen(request->table, "w");
    if (!table)
        return complain(request->table);
    check(request, compiled, table);
    if (fclose(table) != 0)
        return complain(request->table);
    if (findings > 0)
        return false;
    return (includes_write(request->rule, job->output, job->source, job->folder) ||
            complain(request->rule)) &&
           write_image(job->output, compiled);
}

static int fulfil(const Request *request) {
    Compiled compiled;
    bool done = compile(&request->compiler, &request->job, &compiled);
    if (done)
        done = write_results(request, &compiled);
    else
        fprintf(stderr, "compile_kernels: %s: no image\n%s", request->job.source,
                compiled.log ? compiled.log : "");
    compiled_free(&compiled);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool read_compiler(Compiler *compiler, const char *word, const char *path) {
    static const char *const words[] = {
        [COMPILER_NVRTC] = "nvrtc", [COMPILER_NVCC] = "nvcc", [COMPILER_CLANG] = "clang"};
    compiler->path = path;
    for (int i = 0; i < 3; i++) {
        compiler->kind = (CompilerKind)i;
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv) {
    static char folder[4096];
    Request request = {.table = NULL};
    if (argc != 8 || !read_compiler(&request.compiler, argv[1], argv[2]) ||
        (sscanf(argv[4], "sm_%d", &request.job.capability) != 1 &&
         sscanf(argv[4], "compute_%d", &request.job.capability) != 1)) {
        fputs("usage: compile_kernels nvrtc|nvcc|clang PATH SOURCE.cu sm_N|compute_N IMAGE "
              "TABLE.txt RULE.d\n",
              stderr);
        return EXIT_FAILURE;
    }
    const char *name = strrchr(argv[3], '/');
    snprintf(folder, sizeof(folder), "%.*s", name ? (int)(name - argv[3]) : 1,
             name ? argv[3] : ".");
    request.job.source = argv[3];
    request.job.folder = folder;
    request.job.ptx = argv[4][0] == 'c';
    request.job.output = argv[5];
    request.table = argv[6];
    request.rule = argv[7];
    if (request.compiler.kind == COMPILER_CLANG && !request.job.ptx) {
        fputs("compile_kernels: clang makes PTX only; machine code takes NVRTC or nvcc\n", stderr);
        return EXIT_FAILURE;
    }
    return fulfil(&request);
}
