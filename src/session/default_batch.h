/* default_batch.h: how many chunks a run takes if the user does not say: the only table of it. */
#ifndef CLEAVE_SESSION_DEFAULT_BATCH_H
#define CLEAVE_SESSION_DEFAULT_BATCH_H

#include "cleave.h"

/* `overlap` is at least 1. Memory is not considered. */
int default_batch(cleave_device_kind kind, int overlap);

#endif
