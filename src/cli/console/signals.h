/* signals.h: Ctrl-C, SIGTERM and SIGHUP stop the separation that runs, in good order. Some senders
 * repeat themselves (timeout signals the process and its group), so for a second after the first
 * signal more of them change nothing; a later one ends the program at once. A reader that went away
 * (SIGPIPE) and a limit on the size of files (SIGXFSZ) are errors of writing, not deaths: what is
 * unfinished gets tidied up. */
#ifndef CLEAVE_CLI_SIGNALS_H
#define CLEAVE_CLI_SIGNALS_H

#include <stdbool.h>

#include "cleave.h"

void signals_install(void);

/* The separator that a signal cancels. NULL: there is nothing to tidy up, and a signal ends the
 * program at once with exit code 128 + its number. */
void signals_watch(cleave_separator *separator);

/* While signals are held, a first one does not end the program where no separator is watched
 * either: whoever holds them asks signals_caught() now and then. */
void signals_hold(bool hold);

/* The signal that came, or 0. */
int signals_caught(void);

#endif
