/* finite.h: whether what the network put out are numbers. Inside stream/ only. */
#ifndef CLEAVE_STREAM_FINITE_H
#define CLEAVE_STREAM_FINITE_H

#include "stream/demix_state.h"

/* CLEAVE_ERROR_MODEL if the item's part of a wanted stem has a sample that is NaN or infinite. The
 * error says when, and in which precision that was computed. */
cleave_status finite_check(const DemixJob *job, const Item *item, const float *output,
                           cleave_error *error);

#endif
