/* descriptor.h: opening, seeking and waiting with file descriptors. */
#ifndef CLEAVE_BASE_DESCRIPTOR_H
#define CLEAVE_BASE_DESCRIPTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Waits until reading (POLLIN) or writing (POLLOUT) would not block, or the other end is gone.
 * Returns poll()'s events, or -1 with errno: ECANCELED within a tenth of a second after *cancel
 * became true. cancel may be NULL. */
int descriptor_wait(int fd, short events, const atomic_bool *cancel);

/* Opens a file to read from. Does not block, even on a FIFO without a writer. -1 with errno. */
int descriptor_open_to_read(const char *path);

/* lseek()'s arithmetic, for files that are read and written at places: moves *position by `offset`
 * from where `whence` says. Returns it, or -1 if it would be negative or overflow; then it stays.
 */
int64_t descriptor_seek(int64_t *position, int64_t size, int64_t offset, int whence);

#endif
