/* strict.c: aborting, locking, and memory of the simulator's own. */
#include "strict.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void sim_abort(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("applesim: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

static void create_lock(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

void sim_lock(void) {
    pthread_once(&once, create_lock);
    pthread_mutex_lock(&lock);
}

void sim_unlock(void) {
    pthread_mutex_unlock(&lock);
}

void *sim_allocate(unsigned long bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory)
        sim_abort("the simulator itself has no memory for %lu bytes", bytes);
    return memory;
}
