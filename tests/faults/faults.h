/* faults.h: makes calls of the library's own code fail. In a program linked with the arguments in
 * meson.build, every call of malloc(), pread(), rename() and so on comes through here; calls by
 * third-party libraries do not (interpose.c reaches those). */
#ifndef CLEAVE_TESTS_FAULTS_H
#define CLEAVE_TESTS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum FaultClass {
    FAULT_MEMORY,
    FAULT_READ,   /* pread, mmap, stat */
    FAULT_OPEN,   /* open, fopen, opendir */
    FAULT_WRITE,  /* pwrite, fsync, ftruncate, close, mkdir, linkat */
    FAULT_RENAME, /* a failure can leave some outputs renamed and others not */
    FAULT_REMOVE, /* unlink, rmdir */
    FAULT_LOCK,
    FAULT_THREAD
} FaultClass;

typedef enum FaultMode {
    FAULT_NONE,    /* only counts */
    FAULT_ONCE,    /* call number `at` fails */
    FAULT_FROM,    /* call number `at` fails, and all later ones of its class */
    FAULT_PARTIAL, /* reads and writes move fewer bytes than asked for, at random */
    FAULT_SIGNAL   /* calls that a signal may interrupt fail with EINTR, every other one */
} FaultMode;

/* What happened while faults were armed. */
typedef struct FaultReport {
    int64_t calls;        /* calls that could have failed */
    int64_t failed;       /* calls that failed, or moved fewer bytes */
    const char *function; /* the first that failed */
    FaultClass class;     /* its class */
} FaultReport;

/* Counts calls from now on, those of all threads, beginning with 1. Not to be nested. */
void faults_arm(FaultMode mode, int64_t at);
FaultReport faults_disarm(void);

/* Blocks of memory that the program and the library have not freed yet. */
int64_t faults_live_blocks(void);

#endif
