/* descriptor.c: poll() in short turns; open() until no signal interrupts it. */
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>

/* How long one turn lasts, and so how soon a request to stop is noticed. */
#define LOOK_MS 100

int descriptor_wait(int fd, short events, const atomic_bool *cancel) {
    struct pollfd look = {.fd = fd, .events = events};
    for (;;) {
        if (cancel && atomic_load(cancel)) {
            errno = ECANCELED;
            return -1;
        }
        int ready = poll(&look, 1, LOOK_MS);
        if (ready > 0)
            return look.revents;
        if (ready < 0 && errno != EINTR)
            return -1;
    }
}

int descriptor_open_to_read(const char *path) {
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

int64_t descriptor_seek(int64_t *position, int64_t size, int64_t offset, int whence) {
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? *position : size;
    int64_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0)
        return -1;
    *position = target;
    return target;
}
