/* accounting.h: keeps the counts that applesim_count() returns. */
#ifndef APPLESIM_ACCOUNTING_H
#define APPLESIM_ACCOUNTING_H

#include <stdbool.h>
#include <stdint.h>

#include "applesim.h"

/* The counts, to be changed under sim_lock(). */
applesim_counts *sim_counts(void);

void sim_counts_reset(void);

/* Takes bytes of the GPU's memory; false where that would be more than the limit. */
bool sim_take_memory(int64_t bytes);
void sim_give_memory(int64_t bytes);

/* The same for pages of the program that buffers lie over without a copy. */
bool sim_take_no_copy(int64_t bytes);
void sim_give_no_copy(int64_t bytes);

/* A command buffer was committed (change 1) or is done (-1). Under sim_lock(). */
void sim_count_pending(int change);

/* The host asks for a buffer's contents. Under sim_lock(). */
void sim_count_access(void);

/* An object of a class came to life (change 1) or died (-1). */
void sim_count_object(const char *class_name, int change);

/* Writes the counts when the process exits. */
void sim_report_at_exit(const char *path);

#endif
