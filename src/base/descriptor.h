/* descriptor.h: waiting for a file descriptor, while a request to stop is still noticed. */
#ifndef CLEAVE_BASE_DESCRIPTOR_H
#define CLEAVE_BASE_DESCRIPTOR_H

#include <stdatomic.h>

/* Waits until reading (POLLIN) or writing (POLLOUT) would not block, or the other end is gone.
 * Returns poll()'s events, or -1 with errno: ECANCELED within a tenth of a second after *cancel
 * became true. cancel may be NULL. */
int descriptor_wait(int fd, short events, const atomic_bool *cancel);

#endif
