/* strict.h: what all of the simulator uses: aborting, the lock, memory of its own. */
#ifndef CUDASIM_STRICT_H
#define CUDASIM_STRICT_H

#include <stddef.h>

/* One line on standard error, "cudasim: …", and abort(). */
void sim_abort(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Every call holds it, from its beginning to its end. */
void sim_lock(void);
void sim_unlock(void);

/* Zeroed; never NULL. */
void *sim_allocate(size_t bytes);

/* An array of `count` elements that has room for one more; never NULL. */
void *sim_grow(void *array, size_t count, size_t element_bytes);

#endif
