/* compiler.c: NVRTC is loaded from where it lies; programs run as children. */
#include "compiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define PATH_BYTES 4096

static bool fail(Compiled *compiled, const char *what, const char *why) {
    free(compiled->log);
    if (asprintf(&compiled->log, "%s: %s\n", what, why) < 0)
        compiled->log = NULL;
    return false;
}

/* The whole of a file and a zero behind it, to be freed; NULL if it cannot be read. */
static char *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size >= 0)
        data = calloc(1, (size_t)size + 1);
    if (data) {
        rewind(file);
        *bytes = fread(data, 1, (size_t)size, file);
        if (*bytes != (size_t)size) {
            free(data);
            data = NULL;
        }
    }
    if (file)
        fclose(file);
    return data;
}

/* ---- NVRTC ---- */

typedef void *NvrtcProgram;

/* The calls: X(member, name in the library, arguments). All return 0, or an error's number. */
#define NVRTC_CALLS(X)                                                                             \
    X(version, "nvrtcVersion", (int *major, int *minor))                                           \
    X(create, "nvrtcCreateProgram",                                                                \
      (NvrtcProgram * program, const char *source, const char *name, int headers,                  \
       const char *const *header_texts, const char *const *header_names))                          \
    X(destroy, "nvrtcDestroyProgram", (NvrtcProgram * program))                                    \
    X(compile, "nvrtcCompileProgram", (NvrtcProgram program, int count, const char *const *words)) \
    X(log_size, "nvrtcGetProgramLogSize", (NvrtcProgram program, size_t * bytes))                  \
    X(log, "nvrtcGetProgramLog", (NvrtcProgram program, char *text))                               \
    X(cubin_size, "nvrtcGetCUBINSize", (NvrtcProgram program, size_t * bytes))                     \
    X(cubin, "nvrtcGetCUBIN", (NvrtcProgram program, char *image))                                 \
    X(ptx_size, "nvrtcGetPTXSize", (NvrtcProgram program, size_t * bytes))                         \
    X(ptx, "nvrtcGetPTX", (NvrtcProgram program, char *image))

typedef struct Nvrtc {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): `arguments` has some */
#define NVRTC_MEMBER(member, name, arguments) int(*member) arguments;
    NVRTC_CALLS(NVRTC_MEMBER)
#undef NVRTC_MEMBER
} Nvrtc;

static bool nvrtc_load(Nvrtc *nvrtc, const char *path, Compiled *compiled) {
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* for its second library, too */
    if (!library)
        return fail(compiled, "NVRTC cannot be loaded", dlerror());
#define NVRTC_FIND(member, name, arguments)                     \
    {                                                           \
        void *symbol = dlsym(library, name);                    \
        if (!symbol)                                            \
            return fail(compiled, path, "has no " name);        \
        memcpy(&nvrtc->member, &symbol, sizeof(nvrtc->member)); \
    }
    NVRTC_CALLS(NVRTC_FIND)
#undef NVRTC_FIND
    return true;
}

/* Takes a text or an image out of the program: its size, then its bytes. */
static char *nvrtc_take(NvrtcProgram program, int (*get_size)(NvrtcProgram, size_t *),
                        int (*get)(NvrtcProgram, char *), size_t *bytes) {
    *bytes = 0;
    if (get_size(program, bytes) != 0)
        return NULL;
    char *data = calloc(1, *bytes + 1);
    if (data && get(program, data) == 0)
        return data;
    free(data);
    return NULL;
}

static bool nvrtc_run(const Nvrtc *nvrtc, const Job *job, NvrtcProgram program,
                      Compiled *compiled) {
    char architecture[32], include[PATH_BYTES];
    size_t log_bytes;
    snprintf(architecture, sizeof(architecture), "-arch=%s_%d", job->ptx ? "compute" : "sm",
             job->capability);
    snprintf(include, sizeof(include), "-I%s", job->folder);
    const char *words[] = {architecture,
                           include,
                           "-std=c++17",
                           "-default-device",
                           "-fmad=false",
                           "--ptxas-options=-v",
                           "--ptxas-options=-warn-spills"};
    int count = (int)(sizeof(words) / sizeof(words[0])) - (job->ptx ? 2 : 0);
    bool done = nvrtc->compile(program, count, words) == 0;
    compiled->log = nvrtc_take(program, nvrtc->log_size, nvrtc->log, &log_bytes);
    if (done && job->ptx)
        compiled->image = nvrtc_take(program, nvrtc->ptx_size, nvrtc->ptx, &compiled->bytes);
    else if (done)
        compiled->image = nvrtc_take(program, nvrtc->cubin_size, nvrtc->cubin, &compiled->bytes);
    if (compiled->image && job->ptx)
        compiled->bytes = strlen(compiled->image); /* the size counts the zero */
    return compiled->image != NULL;
}

static bool compile_by_nvrtc(const char *path, const Job *job, Compiled *compiled) {
    Nvrtc nvrtc;
    NvrtcProgram program = NULL;
    int major = 0, minor = 0;
    size_t bytes;
    if (!nvrtc_load(&nvrtc, path, compiled))
        return false;
    nvrtc.version(&major, &minor);
    snprintf(compiled->version, sizeof(compiled->version), "NVRTC %d.%d", major, minor);
    char *source = read_file(job->source, &bytes);
    if (!source)
        return fail(compiled, job->source, "cannot be read");
    bool done = nvrtc.create(&program, source, job->source, 0, NULL, NULL) == 0 &&
                nvrtc_run(&nvrtc, job, program, compiled);
    if (program)
        nvrtc.destroy(&program);
    free(source);
    return done;
}

/* ---- Programs ---- */

/* Runs a program whose standard error becomes a file; false unless it ends well. */
static bool run(const char *const *words, const char *log) {
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = -1;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    bool begun = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log,
                                                  O_WRONLY | O_CREAT | O_TRUNC, 0666) == 0 &&
                 posix_spawnp(&child, words[0], &actions, NULL, (char *const *)words, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return begun && waitpid(child, &status, 0) == child && status == 0;
}

static bool compile_by_program(const Compiler *compiler, const Job *job, Compiled *compiled) {
    char architecture[32], log[PATH_BYTES], output[PATH_BYTES];
    size_t log_bytes;
    bool nvcc = compiler->kind == COMPILER_NVCC;
    snprintf(compiled->version, sizeof(compiled->version), "%s", nvcc ? "nvcc" : "clang");
    snprintf(architecture, sizeof(architecture), "%s=%s_%d", nvcc ? "-arch" : "--cuda-gpu-arch",
             nvcc && job->ptx ? "compute" : "sm", job->capability);
    snprintf(log, sizeof(log), "%s.log", job->output);
    snprintf(output, sizeof(output), "%s.partial", job->output);
    const char *nvcc_words[] = {compiler->path,
                                "-std=c++17",
                                architecture,
                                "-Xptxas=-v",
                                "--expt-relaxed-constexpr",
                                "-fmad=false",
                                job->ptx ? "-ptx" : "-cubin",
                                "-I",
                                job->folder,
                                "-o",
                                output,
                                job->source,
                                NULL};
    const char *clang_words[] = {
        compiler->path, "-std=c++17", architecture,         "-O3",        "-ffp-contract=off",
        "-x",           "cuda",       "--cuda-device-only", "-nocudainc", "-nocudalib",
        "-S",           "-I",         job->folder,          "-o",         output,
        job->source,    NULL};
    bool done = run(nvcc ? nvcc_words : clang_words, log);
    compiled->log = read_file(log, &log_bytes);
    if (done)
        compiled->image = read_file(output, &compiled->bytes);
    unlink(output);
    unlink(log);
    return compiled->image != NULL;
}

bool compile(const Compiler *compiler, const Job *job, Compiled *compiled) {
    *compiled = (Compiled){.image = NULL};
    bool done = compiler->kind == COMPILER_NVRTC ? compile_by_nvrtc(compiler->path, job, compiled)
                                                 : compile_by_program(compiler, job, compiled);
    if (!compiled->log)
        compiled->log = calloc(1, 1);
    return done && compiled->log;
}

void compiled_free(Compiled *compiled) {
    free(compiled->image);
    free(compiled->log);
    *compiled = (Compiled){.image = NULL};
}
