/* interpose.c: preloaded into the program (LD_PRELOAD), it makes calls fail, or kills the process
 * before one: calls of the program and of the libraries that it uses. CLEAVE_FAULT says which:
 *
 *   CLASS:MODE:NUMBER    memory:once:17, write:from:3, name:kill:5, memory:count:0
 *
 * Classes: memory; read (read, pread); write (write to files, pwrite, fsync, ftruncate); name (open
 * to write, rename, linkat, unlink, rmdir, mkdir, flock); thread. Modes: count; once (the call of
 * that number fails); from (it and all later ones fail); kill (SIGKILL before it). Calls are
 * counted from the beginning of main(). At a normal exit, the file CLEAVE_FAULT_REPORT gets "CALLS
 * FAILED". Needs glibc: its __libc_malloc() and so on are the real functions. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* ---- Which calls fail ---- */

static const char *class_wanted = "";
static size_t class_length;
static enum { MODE_COUNT, MODE_ONCE, MODE_FROM, MODE_KILL } mode;
static long long fail_at;
static atomic_bool armed;
static atomic_llong calls;
static atomic_llong failed;

static void read_plan(void) {
    const char *plan = getenv("CLEAVE_FAULT");
    const char *colon = plan ? strchr(plan, ':') : NULL;
    if (!colon)
        return;
    class_wanted = plan;
    class_length = (size_t)(colon - plan);
    mode = strncmp(colon, ":once:", 6) == 0   ? MODE_ONCE
           : strncmp(colon, ":from:", 6) == 0 ? MODE_FROM
           : strncmp(colon, ":kill:", 6) == 0 ? MODE_KILL
                                              : MODE_COUNT;
    fail_at = strtoll(strrchr(plan, ':') + 1, NULL, 10);
}

/* Not by stdio, which allocates. */
static void report(void) {
    char text[64];
    const char *path = getenv("CLEAVE_FAULT_REPORT");
    atomic_store(&armed, false);
    int fd =
        path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    int length =
        snprintf(text, sizeof(text), "%lld %lld\n", atomic_load(&calls), atomic_load(&failed));
    if (fd >= 0 && syscall(SYS_write, fd, text, (size_t)length) == length)
        syscall(SYS_close, fd);
}

static bool fails(const char *class, int number) {
    if (!atomic_load(&armed) || strncmp(class, class_wanted, class_length) != 0 ||
        class[class_length] != '\0')
        return false;
    long long call = atomic_fetch_add(&calls, 1) + 1;
    if (mode == MODE_KILL && call == fail_at)
        syscall(SYS_kill, (int)getpid(), SIGKILL);
    if (!(mode == MODE_ONCE && call == fail_at) && !(mode == MODE_FROM && call >= fail_at))
        return false;
    atomic_fetch_add(&failed, 1);
    errno = number;
    return true;
}

/* ---- The process ---- */

/* Libraries that do not check what malloc() returns: the process may end in these. It may not end
 * in our own code, nor in any other library. */
static const char *const careless[] = {"libsndfile", "libvorbis", "libogg", "libmp3lame"};

#define EXIT_IN_CARELESS_LIBRARY 90

static void *place_of(const ucontext_t *context) {
#if defined(__x86_64__)
    return (void *)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (void *)context->uc_mcontext.pc;
#else
    (void)context;
    return NULL;
#endif
}

/* What called the C library's memcpy(), memset() or their kin: the innermost code outside of it
 * whose address is found near the top of the stack. Some of them keep nothing there, some a few
 * words. */
#define STACK_WORDS 32

static bool find_caller(const ucontext_t *context, Dl_info *found) {
#if defined(__x86_64__)
    void **stack = (void **)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    void **stack = (void **)context->uc_mcontext.sp;
    if (dladdr((void *)context->uc_mcontext.regs[30], found) != 0 && found->dli_fname)
        return true;
#else
    void **stack = NULL;
    (void)context;
#endif
    for (int i = 0; stack && i < STACK_WORDS; i++)
        if (dladdr(stack[i], found) != 0 && found->dli_fname &&
            !strstr(found->dli_fname, "/libc.so"))
            return true;
    return false;
}

static void judge_crash(int number, siginfo_t *info, void *context) {
    Dl_info found = {0};
    (void)info;
    bool known = dladdr(place_of(context), &found) != 0 && found.dli_fname;
    if (!known ||
        strstr(found.dli_fname, "/libc.so")) /* not known: a call of a pointer to nowhere */
        known = find_caller(context, &found);
    if (known)
        for (size_t i = 0; i < sizeof(careless) / sizeof(careless[0]); i++)
            if (strstr(found.dli_fname, careless[i]))
                _exit(EXIT_IN_CARELESS_LIBRARY);
    dprintf(STDERR_FILENO, "crash in %s, %s\n", found.dli_fname ? found.dli_fname : "?",
            found.dli_sname ? found.dli_sname : "?");
    signal(number, SIG_DFL); /* the instruction is met again */
}

static int (*program_main)(int, char **, char **);

static int counted_main(int count, char **words, char **environment) {
    struct sigaction action = {.sa_sigaction = judge_crash, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    read_plan();
    atomic_store(&armed, true);
    int code = program_main(count, words, environment);
    report();
    return code;
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int __libc_start_main(int (*start)(int, char **, char **), int count, char **words,
                      void (*init)(void), void (*fini)(void), void (*loader_fini)(void),
                      void *stack);

int __libc_start_main(int (*start)(int, char **, char **), int count, char **words,
                      void (*init)(void), void (*fini)(void), void (*loader_fini)(void),
                      void *stack) {
    program_main = start;
    return REAL(__libc_start_main)(counted_main, count, words, init, fini, loader_fini, stack);
}

/* ---- Memory ---- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    return fails("memory", ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return fails("memory", ENOMEM) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    return fails("memory", ENOMEM) ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return fails("memory", ENOMEM) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *memory = fails("memory", ENOMEM) ? NULL : __libc_memalign(alignment, size);
    if (memory)
        *block = memory;
    return memory ? 0 : ENOMEM;
}

/* ---- Bytes ---- */

ssize_t read(int fd, void *data, size_t bytes) {
    return fails("read", EIO) ? -1 : REAL(read)(fd, data, bytes);
}

ssize_t pread64(int fd, void *data, size_t bytes, off_t offset) {
    return fails("read", EIO) ? -1 : REAL(pread64)(fd, data, bytes, offset);
}

/* Standard output and error stay whole, to show what the program says. */
ssize_t write(int fd, const void *data, size_t bytes) {
    return fd > 2 && fails("write", ENOSPC) ? -1 : REAL(write)(fd, data, bytes);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t offset) {
    return fails("write", ENOSPC) ? -1 : REAL(pwrite64)(fd, data, bytes, offset);
}

int fsync(int fd) {
    return fails("write", EIO) ? -1 : REAL(fsync)(fd);
}

int ftruncate64(int fd, off_t size) {
    return fails("write", EIO) ? -1 : REAL(ftruncate64)(fd, size);
}

/* ---- Names ---- */

int open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t permissions = flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;
    va_end(args);
    if ((flags & O_ACCMODE) != O_RDONLY && fails("name", ENOSPC))
        return -1;
    return REAL(open64)(path, flags, permissions);
}

int rename(const char *from, const char *to) {
    return fails("name", EIO) ? -1 : REAL(rename)(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    return fails("name", ENOSPC) ? -1 : REAL(linkat)(from_folder, from, to_folder, to, flags);
}

int unlink(const char *path) {
    return fails("name", EIO) ? -1 : REAL(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags) {
    return fails("name", EIO) ? -1 : REAL(unlinkat)(folder, path, flags);
}

int rmdir(const char *path) {
    return fails("name", EIO) ? -1 : REAL(rmdir)(path);
}

int mkdir(const char *path, mode_t permissions) {
    return fails("name", ENOSPC) ? -1 : REAL(mkdir)(path, permissions);
}

int flock(int fd, int operation) {
    return fails("name", ENOLCK) ? -1 : REAL(flock)(fd, operation);
}

/* ---- Threads ---- */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
    if (fails("thread", EAGAIN))
        return EAGAIN;
    return REAL(pthread_create)(thread, attributes, run, argument);
}
