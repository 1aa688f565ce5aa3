/* signals.c: the signal handler, which calls async-signal-safe functions only. */
#include "cli/console/signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/console/exit_code.h"

#define PATIENCE_MS 1000 /* a signal this soon after the first is an echo of it */

static atomic_int caught;
static atomic_llong caught_at; /* milliseconds of the monotonic clock; 0: no signal came */
static _Atomic(cleave_separator *) watched;
static atomic_bool held; /* a first signal waits for signals_caught() to be asked */

/* Writes only if standard error takes it without waiting. */
static void signals_stop_at_once(int number) {
    static const char line[] = "cleave: error: interrupted\n";
    struct pollfd standard_error = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&standard_error, 1, 0) == 1) {
        ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
        (void)written;
    }
    _exit(EXIT_SIGNAL + number);
}

static long long signals_milliseconds(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
}

static void signals_handle(int number) {
    int saved_errno = errno;
    cleave_separator *separator = atomic_load(&watched);
    long long now = signals_milliseconds();
    long long first = 0;
    bool is_first = atomic_compare_exchange_strong(&caught_at, &first, now);
    bool is_echo = !is_first && now - first < PATIENCE_MS;
    if (!is_echo && (!is_first || (separator == NULL && !atomic_load(&held))))
        signals_stop_at_once(number);
    if (is_first) {
        atomic_store(&caught, number);
        if (separator != NULL)
            cleave_separator_cancel(separator);
    }
    errno = saved_errno;
}

/* A signal that the caller has ignored (nohup, a background job of a script) stays ignored. While
 * the handler runs, further signals wait. */
static void signals_catch(int number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_IGN)
        return;
    memset(&action, 0, sizeof action);
    action.sa_handler = signals_handle;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaddset(&action.sa_mask, SIGHUP);
    sigaction(number, &action, NULL);
}

void signals_install(void) {
    signals_catch(SIGINT);
    signals_catch(SIGTERM);
    signals_catch(SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void signals_watch(cleave_separator *separator) {
    atomic_store(&watched, separator);
}

void signals_hold(bool hold) {
    atomic_store(&held, hold);
}

int signals_caught(void) {
    return atomic_load(&caught);
}
