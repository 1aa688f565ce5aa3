/* threads.h: what the threads of demix do, each in a file named after it. Inside stream/ only. */
#ifndef CLEAVE_STREAM_THREADS_H
#define CLEAVE_STREAM_THREADS_H

#include "stream/demix_state.h"

/* Before the threads start, if inference.normalize asks for it: mean and population deviation of
 * the mono mix, over the whole signal. Rewinds the reader. */
cleave_status scan_level(const Demix *d, Normalization *normalization, cleave_error *error);

/* The first thread; argument: the Demix. */
void *feed_thread(void *argument);

/* The one in the middle, which is the caller's: returns when all is computed. */
cleave_status run_batches(Demix *d, cleave_error *error);

/* The last thread; argument: the Demix. */
void *collect_thread(void *argument);

#endif
