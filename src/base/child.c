/* child.c: starts a program, keeps the end of its output, and ends it if it takes too long. */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/platform.h"

/* How often the child is asked whether it has ended: it may leave its output open. */
#define LOOK_MS 20

typedef struct Child {
    pid_t id;
    int output; /* what it writes can be read there; -1: it has closed that */
    ChildResult *result;
    size_t length; /* of the text */
} Child;

/* ---- Its output ---- */

/* Both ends beyond the standard descriptors, which may be closed here. */
static bool child_make_pipe(int ends[2]) {
    int made[2];
    if (pipe(made) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(made[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        close(made[i]);
    }
    if (ends[0] >= 0 && ends[1] >= 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        return true;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return false;
}

/* Keeps the last of it. */
static void child_append(Child *child, const char *bytes, size_t count) {
    char *text = child->result->text;
    size_t room = sizeof(child->result->text) - 1;
    if (child->length + count > room) {
        size_t dropped = child->length + count - room;
        memmove(text, text + dropped, child->length - dropped);
        child->length -= dropped;
    }
    memcpy(text + child->length, bytes, count);
    child->length += count;
    text[child->length] = '\0';
}

/* What there is now. */
static void child_read_output(Child *child) {
    char bytes[1024];
    ssize_t count = 0;
    while (child->output >= 0 && (count = read(child->output, bytes, sizeof(bytes))) > 0)
        child_append(child, bytes, (size_t)count);
    bool closed = count == 0 || (errno != EAGAIN && errno != EINTR);
    if (child->output >= 0 && closed) {
        close(child->output);
        child->output = -1;
    }
}

/* ---- Its end ---- */

/* Whether it has ended; then the result says how. If the calling program ignores SIGCHLD, or
 * collects every child itself, there is no status, only what the child wrote. */
static bool child_has_ended(Child *child, bool wait) {
    int status = 0;
    pid_t id;
    do {
        id = waitpid(child->id, &status, wait ? 0 : WNOHANG);
    } while (id < 0 && errno == EINTR);
    if (id == 0)
        return false;
    if (id < 0)
        status = 0;
    child->result->ending = WIFSIGNALED(status) ? CHILD_KILLED : CHILD_EXITED;
    child->result->number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

static void child_listen_until(Child *child, double end) {
    while (!child_has_ended(child, false)) {
        struct pollfd output = {.fd = child->output, .events = POLLIN};
        if (clock_seconds() > end) {
            kill(-child->id, SIGKILL);
            child_has_ended(child, true);
            child->result->ending = CHILD_TIMED_OUT;
            break;
        }
        poll(&output, 1, LOOK_MS);
        child_read_output(child);
    }
    child_read_output(child);
    if (child->output >= 0)
        close(child->output);
}

void child_run(const char *program, char *const *arguments, double seconds, ChildResult *result) {
    int ends[2];
    Child child = {.result = result};
    *result = (ChildResult){.ending = CHILD_NOT_STARTED};
    double begin = clock_seconds();
    if (!child_make_pipe(ends)) {
        result->number = errno;
        return;
    }
    result->number = platform_spawn(&child.id, program, arguments, ends[1]);
    close(ends[1]);
    child.output = ends[0];
    if (result->number == 0)
        child_listen_until(&child, begin + seconds);
    else
        close(ends[0]);
}
