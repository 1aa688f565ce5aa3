/* faults.c: counts calls, and lets the chosen ones fail. The linker's --wrap gives the names: a
 * call of malloc() arrives at __wrap_malloc(); __real_malloc() is that of the C library, or of a
 * sanitizer. */
#include "tests/faults/faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <kiss_fftr.h>
#include <pthread.h>
#include <soxr.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

/* ---- Which calls fail ---- */

static FaultMode mode = FAULT_NONE;
static int64_t fail_at;
static atomic_bool armed;
static atomic_llong calls;
static atomic_llong failed;
static atomic_int failed_class; /* of the first call that failed; -1: no call failed yet */
static _Atomic(const char *) failed_function;
static atomic_llong live_blocks;

void faults_arm(FaultMode new_mode, int64_t at) {
    mode = new_mode;
    fail_at = at;
    atomic_store(&calls, 0);
    atomic_store(&failed, 0);
    atomic_store(&failed_class, -1);
    atomic_store(&failed_function, NULL);
    atomic_store(&armed, true);
}

FaultReport faults_disarm(void) {
    atomic_store(&armed, false);
    int class = atomic_load(&failed_class);
    return (FaultReport){atomic_load(&calls), atomic_load(&failed), atomic_load(&failed_function),
                         class < 0 ? FAULT_MEMORY : (FaultClass) class};
}

int64_t faults_live_blocks(void) {
    return atomic_load(&live_blocks);
}

static bool note_failure(FaultClass class, const char *function) {
    if (atomic_fetch_add(&failed, 1) == 0) {
        atomic_store(&failed_function, function);
        atomic_store(&failed_class, class);
    }
    return true;
}

/* Whether the call at hand is to fail; errno is then `number`. */
static bool fails(FaultClass class, const char *function, int number) {
    if (!atomic_load(&armed))
        return false;
    int64_t call = atomic_fetch_add(&calls, 1) + 1;
    bool hit = (mode == FAULT_ONCE || mode == FAULT_FROM) && call == fail_at;
    bool follows = mode == FAULT_FROM && call > fail_at && atomic_load(&failed_class) == (int)class;
    if (!hit && !follows)
        return false;
    errno = number;
    return note_failure(class, function);
}

/* Whether a signal interrupts the call: never twice in a row. */
static bool is_interrupted(FaultClass class, const char *function) {
    static atomic_uint turn;
    if (!atomic_load(&armed) || mode != FAULT_SIGNAL || atomic_fetch_add(&turn, 1) % 2 == 1)
        return false;
    errno = EINTR;
    return note_failure(class, function);
}

/* How many of the bytes are moved: at least one. */
static size_t part_of(size_t bytes, FaultClass class, const char *function) {
    static atomic_uint turn;
    if (!atomic_load(&armed) || mode != FAULT_PARTIAL || bytes < 2)
        return bytes;
    unsigned number = atomic_fetch_add(&turn, 1) * 2654435761u;
    note_failure(class, function);
    return 1 + (number >> 8) % (number & 1 ? bytes : (bytes < 16 ? bytes : 16));
}

/* What a failed write says: a full disk, or a broken one. */
static int write_number(void) {
    return fail_at % 2 == 0 ? ENOSPC : EIO;
}

/* ---- Memory ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *block);

static void *counted(void *block) {
    if (block)
        atomic_fetch_add(&live_blocks, 1);
    return block;
}

void *__wrap_malloc(size_t size) {
    return fails(FAULT_MEMORY, "malloc", ENOMEM) ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails(FAULT_MEMORY, "calloc", ENOMEM) ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size) {
    if (fails(FAULT_MEMORY, "realloc", ENOMEM))
        return NULL;
    return block ? __real_realloc(block, size) : counted(__real_realloc(block, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    if (fails(FAULT_MEMORY, "aligned_alloc", ENOMEM))
        return NULL;
    return counted(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *block) {
    if (block)
        atomic_fetch_sub(&live_blocks, 1);
    __real_free(block);
}

/* ---- What libraries allocate in one call of ours ---- */

kiss_fft_cfg __real_kiss_fft_alloc(int size, int inverse, void *memory, size_t *bytes);
kiss_fft_cfg __wrap_kiss_fft_alloc(int size, int inverse, void *memory, size_t *bytes);
kiss_fftr_cfg __real_kiss_fftr_alloc(int size, int inverse, void *memory, size_t *bytes);
kiss_fftr_cfg __wrap_kiss_fftr_alloc(int size, int inverse, void *memory, size_t *bytes);
soxr_t __real_soxr_create(double in_rate, double out_rate, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime);
soxr_t __wrap_soxr_create(double in_rate, double out_rate, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime);
int __real_yaml_parser_initialize(yaml_parser_t *parser);
int __wrap_yaml_parser_initialize(yaml_parser_t *parser);
void *__real_av_malloc(size_t size);
void *__wrap_av_malloc(size_t size);
void *__real_av_packet_alloc(void);
void *__wrap_av_packet_alloc(void);
void *__real_av_frame_alloc(void);
void *__wrap_av_frame_alloc(void);
void *__real_avformat_alloc_context(void);
void *__wrap_avformat_alloc_context(void);

/* kissfft's plans end in plain free(). */
kiss_fft_cfg __wrap_kiss_fft_alloc(int size, int inverse, void *memory, size_t *bytes) {
    if (fails(FAULT_MEMORY, "kiss_fft_alloc", ENOMEM))
        return NULL;
    return counted(__real_kiss_fft_alloc(size, inverse, memory, bytes));
}

kiss_fftr_cfg __wrap_kiss_fftr_alloc(int size, int inverse, void *memory, size_t *bytes) {
    if (fails(FAULT_MEMORY, "kiss_fftr_alloc", ENOMEM))
        return NULL;
    return counted(__real_kiss_fftr_alloc(size, inverse, memory, bytes));
}

soxr_t __wrap_soxr_create(double in_rate, double out_rate, unsigned channels, soxr_error_t *error,
                          const soxr_io_spec_t *io, const soxr_quality_spec_t *quality,
                          const soxr_runtime_spec_t *runtime) {
    if (!fails(FAULT_MEMORY, "soxr_create", ENOMEM))
        return __real_soxr_create(in_rate, out_rate, channels, error, io, quality, runtime);
    if (error)
        *error = "malloc failed";
    return NULL;
}

int __wrap_yaml_parser_initialize(yaml_parser_t *parser) {
    return fails(FAULT_MEMORY, "yaml_parser_initialize", ENOMEM)
               ? 0
               : __real_yaml_parser_initialize(parser);
}

#ifdef HAVE_FFMPEG

void *__wrap_av_malloc(size_t size) {
    return fails(FAULT_MEMORY, "av_malloc", ENOMEM) ? NULL : __real_av_malloc(size);
}

void *__wrap_av_packet_alloc(void) {
    return fails(FAULT_MEMORY, "av_packet_alloc", ENOMEM) ? NULL : __real_av_packet_alloc();
}

void *__wrap_av_frame_alloc(void) {
    return fails(FAULT_MEMORY, "av_frame_alloc", ENOMEM) ? NULL : __real_av_frame_alloc();
}

void *__wrap_avformat_alloc_context(void) {
    if (fails(FAULT_MEMORY, "avformat_alloc_context", ENOMEM))
        return NULL;
    return __real_avformat_alloc_context();
}

#endif

/* ---- Reading and writing ---- */

ssize_t __real_pread64(int fd, void *data, size_t bytes, off_t offset);
ssize_t __wrap_pread64(int fd, void *data, size_t bytes, off_t offset);
ssize_t __real_pwrite64(int fd, const void *data, size_t bytes, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t bytes, off_t offset);
ssize_t __real_read(int fd, void *data, size_t bytes);
ssize_t __wrap_read(int fd, void *data, size_t bytes);
ssize_t __real_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes);

ssize_t __wrap_pread64(int fd, void *data, size_t bytes, off_t offset) {
    if (fails(FAULT_READ, "pread", EIO) || is_interrupted(FAULT_READ, "pread"))
        return -1;
    return __real_pread64(fd, data, part_of(bytes, FAULT_READ, "pread"), offset);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t bytes, off_t offset) {
    if (fails(FAULT_WRITE, "pwrite", write_number()) || is_interrupted(FAULT_WRITE, "pwrite"))
        return -1;
    return __real_pwrite64(fd, data, part_of(bytes, FAULT_WRITE, "pwrite"), offset);
}

ssize_t __wrap_read(int fd, void *data, size_t bytes) {
    if (fails(FAULT_READ, "read", EIO) || is_interrupted(FAULT_READ, "read"))
        return -1;
    return __real_read(fd, data, part_of(bytes, FAULT_READ, "read"));
}

ssize_t __wrap_write(int fd, const void *data, size_t bytes) {
    if (fails(FAULT_WRITE, "write", write_number()) || is_interrupted(FAULT_WRITE, "write"))
        return -1;
    return __real_write(fd, data, part_of(bytes, FAULT_WRITE, "write"));
}

/* ---- Opening and looking ---- */

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
FILE *__real_fopen64(const char *path, const char *how);
FILE *__wrap_fopen64(const char *path, const char *how);
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
int __real_stat64(const char *path, struct stat *status);
int __wrap_stat64(const char *path, struct stat *status);
int __real_fstat64(int fd, struct stat *status);
int __wrap_fstat64(int fd, struct stat *status);
void *__real_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset);

int __wrap_open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t permissions = flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(args, int) : 0;
    va_end(args);
    bool creates = (flags & O_ACCMODE) != O_RDONLY;
    if (fails(FAULT_OPEN, "open", creates ? write_number() : EMFILE) ||
        is_interrupted(FAULT_OPEN, "open"))
        return -1;
    return __real_open64(path, flags, permissions);
}

FILE *__wrap_fopen64(const char *path, const char *how) {
    return fails(FAULT_OPEN, "fopen", EMFILE) ? NULL : __real_fopen64(path, how);
}

DIR *__wrap_opendir(const char *path) {
    return fails(FAULT_OPEN, "opendir", EMFILE) ? NULL : __real_opendir(path);
}

int __wrap_stat64(const char *path, struct stat *status) {
    return fails(FAULT_READ, "stat", EIO) ? -1 : __real_stat64(path, status);
}

int __wrap_fstat64(int fd, struct stat *status) {
    return fails(FAULT_READ, "fstat", EIO) ? -1 : __real_fstat64(fd, status);
}

void *__wrap_mmap64(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    if (fails(FAULT_READ, "mmap", ENOMEM))
        return MAP_FAILED;
    return __real_mmap64(address, size, protection, flags, fd, offset);
}

/* ---- Files as wholes ---- */

int __wrap_fsync(int fd);
int __real_ftruncate64(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_mkdir(const char *path, mode_t permissions);
int __wrap_mkdir(const char *path, mode_t permissions);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags);
int __wrap_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_unlinkat(int folder, const char *path, int flags);
int __wrap_unlinkat(int folder, const char *path, int flags);
int __real_rmdir(const char *path);
int __wrap_rmdir(const char *path);
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

/* Nothing here outlives the machine: the disk is left in peace. */
int __wrap_fsync(int fd) {
    (void)fd;
    return fails(FAULT_WRITE, "fsync", EIO) || is_interrupted(FAULT_WRITE, "fsync") ? -1 : 0;
}

int __wrap_ftruncate64(int fd, off_t size) {
    if (fails(FAULT_WRITE, "ftruncate", EIO) || is_interrupted(FAULT_WRITE, "ftruncate"))
        return -1;
    return __real_ftruncate64(fd, size);
}

/* The descriptor is gone even where close() fails. */
int __wrap_close(int fd) {
    bool failing = fails(FAULT_WRITE, "close", EIO) || is_interrupted(FAULT_WRITE, "close");
    int number = errno;
    int result = __real_close(fd);
    errno = failing ? number : errno;
    return failing ? -1 : result;
}

int __wrap_mkdir(const char *path, mode_t permissions) {
    return fails(FAULT_WRITE, "mkdir", write_number()) ? -1 : __real_mkdir(path, permissions);
}

int __wrap_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    if (fails(FAULT_WRITE, "linkat", write_number()))
        return -1;
    return __real_linkat(from_folder, from, to_folder, to, flags);
}

int __wrap_rename(const char *from, const char *to) {
    return fails(FAULT_RENAME, "rename", write_number()) ? -1 : __real_rename(from, to);
}

int __wrap_unlink(const char *path) {
    return fails(FAULT_REMOVE, "unlink", EIO) ? -1 : __real_unlink(path);
}

int __wrap_unlinkat(int folder, const char *path, int flags) {
    return fails(FAULT_REMOVE, "unlinkat", EIO) ? -1 : __real_unlinkat(folder, path, flags);
}

int __wrap_rmdir(const char *path) {
    return fails(FAULT_REMOVE, "rmdir", EIO) ? -1 : __real_rmdir(path);
}

int __wrap_flock(int fd, int operation) {
    if (fails(FAULT_LOCK, "flock", ENOLCK) || is_interrupted(FAULT_LOCK, "flock"))
        return -1;
    return __real_flock(fd, operation);
}

/* ---- Threads ---- */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *argument), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *argument), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *argument), void *argument) {
    if (fails(FAULT_THREAD, "pthread_create", EAGAIN))
        return EAGAIN;
    return __real_pthread_create(thread, attributes, run, argument);
}
