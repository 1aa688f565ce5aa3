/* log.h: sends one line to the caller's logger. */
#ifndef CLEAVE_BASE_LOG_H
#define CLEAVE_BASE_LOG_H

#include "cleave.h"

/* Names may go in as they are: the line becomes harmless UTF-8 (utf8.h). logger may be NULL. */
void log_write(const cleave_logger *logger, cleave_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
