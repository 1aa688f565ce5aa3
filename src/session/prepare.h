/* ready.h: making a separator ready to run: its device, precision, mode and batch, and the network
 * compiled for them; and what to do where that fails: op by op, a smaller batch, another device.
 * Inside separate/ only. */
#ifndef CLEAVE_SESSION_PREPARE_H
#define CLEAVE_SESSION_PREPARE_H

#include "session/memory_need.h"
#include "session/separator.h"

/* Takes a device, and resolves for it what was asked for. Nothing is compiled. */
cleave_status ready_choose(cleave_separator *separator, const Device *device, cleave_error *error);

/* Compiles for the device that was chosen, or where that fails for the next best one, unless the
 * choice is strict. */
cleave_status ready_compile(cleave_separator *separator, cleave_error *error);

/* The same where the network is not compiled, or was released. */
cleave_status ready_ensure(cleave_separator *separator, cleave_error *error);

/* Leaves the device for that one, or where that fails for the best of all. */
cleave_status ready_go_to(cleave_separator *separator, const Device *device, cleave_error *error);

/* Lets the executable go; what is known of it stays (cache.c). */
void ready_release(cleave_separator *separator);

/* The most bytes that the separator took on a device so far (cache.c). */
int64_t ready_peak_memory(const cleave_separator *separator);

/* As DemixJob's move_on; user: the separator. */
cleave_status ready_move_on_job(void *user, Executable **executable, int *batch,
                                cleave_error *error);

/* Warns once of ops that run elsewhere than on the device (cache.c). */
void ready_tell_fallback(cleave_separator *separator);

/* ---- Planning ---- */

MemoryQuestion ready_question(const cleave_separator *separator, const Graph *graph);

/* Chunks per run, memory aside: those asked for, or those that suit the device. */
int ready_wanted_batch(const cleave_separator *separator);

#endif
