/* message.h: errors, warnings and notes on standard error. Each is one line that begins with
 * "cleave:", and clears the progress line first. */
#ifndef CLEAVE_CLI_MESSAGE_H
#define CLEAVE_CLI_MESSAGE_H

#include "cleave.h"

enum {
    VERBOSITY_QUIET = -1, /* errors only */
    VERBOSITY_NORMAL = 0, /* and warnings */
    VERBOSITY_INFO = 1,
    VERBOSITY_DEBUG = 2
};

void message_set_verbosity(int verbosity);

void message_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For progress and summaries. Silent with -q. */
void message_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A logger for the library, whose lines become messages as the verbosity allows. */
cleave_logger message_logger(void);

#endif
