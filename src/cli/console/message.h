/* message.h: every line of standard error that is not progress. Each is one line, begins with
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

/* Neither good nor bad: progress, summaries. Silent with -q. */
void message_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A logger that says here what the verbosity lets through. */
cleave_logger message_logger(void);

#endif
