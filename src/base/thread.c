/* thread.c: the signals of threads. */
#include "base/thread.h"

#include <signal.h>
#include <string.h>

#include "base/platform.h"

/* Signals of a fault in the thread itself: if they were blocked, they would end the process before
 * a crash handler, such as a sanitizer's, could say where. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

cleave_status thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument,
                           cleave_error *error) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&all, faults[i]);
    int code = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (code == 0) {
        code = platform_start_thread(thread, run, argument);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (code == 0)
        return CLEAVE_OK;
    return error_advise(
        error, error_set(error, CLEAVE_ERROR_MEMORY, "cannot start a thread: %s", strerror(code)),
        "try fewer threads or close other programs");
}
