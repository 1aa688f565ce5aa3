/* signals.h: Ctrl-C, SIGTERM and SIGHUP cancel the separation that runs, so that it can clean up.
 * Some senders signal twice (timeout signals the process and its group), so signals within a second
 * after the first are ignored; a later one ends the program at once. SIGPIPE and SIGXFSZ are
 * ignored: they show up as write errors, after which unfinished files are removed. */
#ifndef CLEAVE_CLI_SIGNALS_H
#define CLEAVE_CLI_SIGNALS_H

#include <stdbool.h>

#include "cleave.h"

void signals_install(void);

/* Sets the separator that a signal cancels. NULL: nothing needs cleaning up, and a signal ends the
 * program at once with exit code 128 + its number. */
void signals_watch(cleave_separator *separator);

/* While signals are held, the first signal never ends the program, even without a separator; the
 * caller must check signals_caught() now and then. */
void signals_hold(bool hold);

/* The signal that came, or 0. */
int signals_caught(void);

#endif
