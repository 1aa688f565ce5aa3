/* faults.h: makes calls of the library's own code fail. A program linked with the arguments that
 * meson.build lists gets every call of malloc(), pread(), rename() and so on through here; what
 * third-party libraries call themselves is not touched (interpose.c does that). */
#ifndef CLEAVE_TESTS_FAULTS_H
#define CLEAVE_TESTS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum FaultClass {
    FAULT_MEMORY,
    FAULT_READ,   /* pread, mmap, stat */
    FAULT_OPEN,   /* open, fopen, opendir */
    FAULT_WRITE,  /* pwrite, fsync, ftruncate, close, mkdir, linkat */
    FAULT_RENAME, /* the one call after which a failure can leave some outputs and not others */
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
    int64_t calls;        /* that could have failed */
    int64_t failed;       /* calls that did, or moved less */
    const char *function; /* that failed first */
    FaultClass class;     /* of that function */
} FaultReport;

/* From now on calls are counted, from 1. One at a time; all threads are concerned. */
void faults_arm(FaultMode mode, int64_t at);
FaultReport faults_disarm(void);

/* Blocks of memory that the program and the library have and have not freed. */
int64_t faults_live_blocks(void);

#endif
