/* batch_table.h: how many chunks a run takes where the user does not say: the one table of it. */
#ifndef CLEAVE_SEPARATE_BATCH_TABLE_H
#define CLEAVE_SEPARATE_BATCH_TABLE_H

/* `kind` is a backend's ("cpu", "mps", "cuda"); overlap is at least 1. Memory is not considered. */
int batch_for_device(const char *kind, int overlap);

#endif
