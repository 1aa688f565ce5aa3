/* thread.h: starting threads that leave signals to the program's other threads. */
#ifndef CLEAVE_BASE_THREAD_H
#define CLEAVE_BASE_THREAD_H

#include <pthread.h>

#include "base/error.h"

/* Starts run(argument) in a thread that takes no signals but those of its own faults, to be joined
 * with pthread_join(). */
cleave_status thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument,
                           cleave_error *error);

/* A hint to the processor: the thread looks at memory until it changes. */
static inline void thread_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
