/* signals.c: see signals.h. The handler does only what a handler may do. */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"

static volatile sig_atomic_t caught;
static _Atomic(cleave_separator *) watched;

static void stop_at_once(int number) {
    static const char line[] = "cleave: error: interrupted\n";
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written;
    _exit(EXIT_SIGNAL + number);
}

static void handle(int number) {
    int saved_errno = errno;
    caught = number;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    cleave_separator *separator = atomic_load(&watched);
    if (separator == NULL)
        stop_at_once(number);
    cleave_separator_cancel(separator);
    errno = saved_errno;
}

/* A signal that the caller had ignored (nohup, a background job of a script) stays ignored. */
static void catch_unless_ignored(int number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN)
        return;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void signals_install(void) {
    catch_unless_ignored(SIGINT);
    catch_unless_ignored(SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void signals_watch(cleave_separator *separator) {
    atomic_store(&watched, separator);
}

int signals_caught(void) {
    return caught;
}
