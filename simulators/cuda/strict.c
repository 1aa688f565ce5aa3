/* strict.c: aborting, locking, and memory of the simulator's own. */
#include "strict.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void sim_abort(const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    fprintf(stderr, "cudasim: %s\n", line);
    abort();
}

void sim_lock(void) {
    pthread_mutex_lock(&lock);
}

void sim_unlock(void) {
    pthread_mutex_unlock(&lock);
}

void *sim_allocate(size_t bytes) {
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        sim_abort("the simulator itself has no memory for %zu bytes", bytes);
    return memory;
}

void *sim_grow(void *array, size_t count, size_t element_bytes) {
    /* Room grows at powers of two. */
    if (count & (count - 1))
        return array;
    void *grown = realloc(array, (count ? 2 * count : 1) * element_bytes);
    if (!grown)
        sim_abort("the simulator itself has no memory for %zu elements", 2 * count);
    return grown;
}
