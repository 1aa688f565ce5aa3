/* prepare.h: makes a separator ready to run: its device, what suits it, and the network compiled
 * for it. If that fails: op by op, with a smaller batch, on another device. If it puts out what is
 * no number: in a wider precision. */
#ifndef CLEAVE_SESSION_PREPARE_H
#define CLEAVE_SESSION_PREPARE_H

#include "session/separator.h"
#include "stream/demix.h"

/* All but what takes memory: chooses the device, and what suits it. `settings` may be NULL. */
cleave_status prepare_begin(cleave_separator *separator, const cleave_model *model,
                            const cleave_separator_settings *settings, cleave_error *error);

/* Compiles the network if it is not compiled, or was released. If the device fails, the next best
 * one is taken, unless the user wants one alone. */
cleave_status prepare_network(cleave_separator *separator, cleave_error *error);

/* The same for a network that computes these stems of the configuration, and those that it computed
 * so far. */
cleave_status prepare_stems(cleave_separator *separator, const int *stems, int count,
                            cleave_error *error);

/* What a job runs: the network as it is ready now. */
DemixNetwork prepare_result(const cleave_separator *separator);

/* Moves to that device, or on it to what is not outgrown; if it fails, to the best of all. *network
 * becomes the result. */
cleave_status prepare_on(cleave_separator *separator, const Device *device, DemixNetwork *network,
                         cleave_error *error);

/* A DemixMoveOn; user: the separator. */
cleave_status prepare_move_on(void *user, DemixNetwork *network, cleave_error *error);

/* Lets the network go; what is known of it stays. */
void prepare_release(cleave_separator *separator);

#endif
