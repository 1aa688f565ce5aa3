/* descriptor.c: poll() in short turns. */
#include "base/descriptor.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

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
