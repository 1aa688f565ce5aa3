/* batch_table.h: how many chunks a run takes where the user does not say: the one table of it. */
#ifndef CLEAVE_SESSION_DEFAULT_BATCH_H
#define CLEAVE_SESSION_DEFAULT_BATCH_H

#include "cleave.h"

/* Overlap is at least 1. Memory is not considered. */
int batch_for_device(cleave_device_kind kind, int overlap);

#endif
