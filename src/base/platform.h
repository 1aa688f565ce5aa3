/* platform.h: all differences between operating systems. Meson takes platform_macos.c for macOS,
 * and platform_linux.c for Linux and other Unixes; platform_features.c is for all, and asks the
 * macros of features. No other C file asks for which system it is compiled; a test checks that.
 *
 * What differs                      Linux                           macOS
 * --------------------------------  ------------------------------  ------------------------------
 * name of the system                uname, /etc/os-release          kern.osproductversion
 * build of the system               uname                           kern.osversion
 * name of the C library             glibc knows its version         a part of the system
 * name of the processor             /proc/cpuinfo                   machdep.cpu.brand_string
 * ARM's optional instructions       AT_HWCAP, AT_HWCAP2             hw.optional.arm.FEAT_…
 * AMX tiles (x86-64)                allowed when asked for          none
 * stack of a thread                 ulimit -s, commonly 8 MiB       512 KiB, or what is asked for
 * processors of this process        the affinity mask               all that are online
 * free memory                       /proc/meminfo (see below)       kern.memorystatus_level
 * peak of resident memory           VmHWM in /proc/self/status,     task_info; cannot be reset
 *                                   which can be reset
 * the environment                   environ                         _NSGetEnviron
 * files that a child inherits       closed (glibc 2.34 and later)   none but those that are named
 * path of the program               /proc/self/exe                  _NSGetExecutablePath
 * when a file was modified          st_mtim                         st_mtimespec
 * names that differ in case alone   are two files                   are one on most disks
 * files without a name              O_TMPFILE, linkat from /proc    none
 * writing beyond a power cut        fsync                           F_FULLFSYNC; fsync stops at
 *                                                                   the drive's cache
 * folder of caches, below the home  .cache                          Library/Caches
 * shared objects                    .so, ELF: mapped as they are    .dylib, Mach-O: checked first
 *
 * Linux alone has containers (cgroups), ulimits and free swap to be read from /proc and /sys
 * (cgroup.h, memory_limit.h, processors.h). Those files are looked for everywhere; where they are
 * missing, nothing limits. What differs when cleave is built (Apple's frameworks, libraries apart
 * from libc) stands in meson.build.
 *
 * All functions are thread-safe and keep nothing but the peak of memory before a reset. Text is cut
 * where it does not fit. */
#ifndef CLEAVE_BASE_PLATFORM_H
#define CLEAVE_BASE_PLATFORM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* ---- Names ---- */

/* "Linux 6.1.0 (Debian GNU/Linux 12)", "macOS 14.5"; "" where the system does not tell. */
void platform_system_name(char *name, size_t size);

/* Which build of the system it is, where one version may have several: "23F79" of a macOS; of
 * others the kernel's release. "" where the system does not tell. */
void platform_system_build(char *build, size_t size);

/* "glibc 2.36 (built with 2.36)", "the system's". */
void platform_libc_name(char *name, size_t size);

/* "Intel(R) Xeon(R) Platinum 8481C", "Apple M2 Pro"; false, and name untouched, where the system
 * does not tell. */
bool platform_processor_name(char *name, size_t size);

/* ---- Processors ---- */

/* What a 64-bit ARM processor can do beyond the NEON of 32-bit floats, which is part of the
 * architecture, and the system lets programs use. */
typedef struct ArmFeatures {
    bool fp16; /* FEAT_FP16: arithmetic in f16 vectors, rounded to f16 at every step */
    bool fhm;  /* FEAT_FHM: FMLAL, f16 × f16 + f32, rounded once, to f32 */
    bool bf16; /* FEAT_BF16: BFDOT and BFMMLA, bf16 × bf16 + bf16 × bf16 + f32, and BFCVT */
} ArmFeatures;

/* None on other processors. */
ArmFeatures platform_arm_features(void);

/* Whether the system lets this process use AMX's tiles, for which it is asked. */
bool platform_may_use_tiles(void);

/* pthread_create() with the stack that the kernels and others' decoders count on: 8 MiB, or what
 * Linux's `ulimit -s` says. 0 or an errno. */
int platform_start_thread(pthread_t *thread, void *(*run)(void *argument), void *argument);

/* Processors on which threads of this process may run, without regard to quotas; at least 1. */
int platform_processors(void);

/* ---- Memory, in bytes ---- */

/* What can be had without swapping others out, where that does not stand in /proc/meminfo, which
 * memory_limit.h reads; INT64_MAX: unknown. */
int64_t platform_free_memory(void);

/* Largest resident size of this process since it began to run this program, whatever the process
 * that started it took; 0: unknown. */
int64_t platform_peak_resident(void);

/* The same since the last reset, of the whole process; where the system has no reset, since its
 * start. */
void platform_reset_recent_peak(void);
int64_t platform_recent_peak(void);

/* ---- Files ---- */

/* The absolute path of the running program; false where the system does not tell. */
bool platform_program_path(char *path, size_t size);

struct timespec platform_modified(const struct stat *status);

/* The order of two paths; 0 where the system's usual disks take them for the same file. */
int platform_compare_paths(const char *a, const char *b);

/* A new file in `folder` without a name, which is gone when it is closed, open for reading and
 * writing; -1 with errno: not possible. */
int platform_open_nameless(const char *folder, mode_t mode);

/* Whether such a file could be given a name; and gives it one, which must be free, on the same
 * disk: false with errno. */
bool platform_can_name(int fd);
bool platform_give_name(int fd, const char *path);

/* Returns when what was written to the file is where a power cut cannot take it. 0 or an errno;
 * some file systems cannot do that for one file, which is no reason to give up what was written: 0.
 */
int platform_sync(int fd);

/* Below the user's home, where programs keep what they can make again. */
extern const char platform_cache_folder[];

/* ---- Programs ---- */

/* "NAME=VALUE", and NULL behind the last, as this process has them. */
char **platform_environment(void);

/* Starts a program, by its path, in a process of its own and a group of its own, with the default
 * signals; the last of its arguments is NULL. It reads nothing, writes to `output`, and inherits no
 * other open file where the system can see to that. 0 or an errno. */
int platform_spawn(pid_t *child, const char *program, char *const *arguments, int output);

/* ---- Shared objects ---- */

/* Without a dot. */
extern const char platform_object_extension[];

/* Whether a shared object of `size` bytes, open at its start, holds all that is to be mapped of it:
 * of one that was cut short, some systems map pages that are not there, and the process dies. What
 * else is wrong with it, dlopen() finds. */
bool platform_holds_segments(FILE *file, int64_t size);

#endif
