/* log_relay.h: carries the log lines of several threads to the one that may call the caller's
 * logger. */
#ifndef CLEAVE_BASE_LOG_RELAY_H
#define CLEAVE_BASE_LOG_RELAY_H

#include <pthread.h>

#include "base/log.h"

typedef struct LogLine LogLine;

typedef struct LogRelay {
    cleave_logger target;
    cleave_logger logger; /* for the threads: keeps lines until the next flush */
    pthread_mutex_t mutex;
    LogLine *first;
    LogLine **last;
} LogRelay;

/* The relay must stay where it is while its logger is in use. */
void log_relay_init(LogRelay *relay, const cleave_logger *target);

/* Sends the lines kept so far to the target, in their order. */
void log_relay_flush(LogRelay *relay);

/* Flushes and frees. */
void log_relay_destroy(LogRelay *relay);

#endif
