/* order.h: which work comes after which, as far as the program sees to it: by streams, by events,
 * and by waiting on the host. Vector clocks: of each stream, up to which piece of its work. */
#ifndef CUDASIM_ORDER_H
#define CUDASIM_ORDER_H

#include <stdint.h>

#define SIM_STREAMS_MAX 64 /* at a time */

typedef struct SimClock {
    uint64_t at[SIM_STREAMS_MAX];
} SimClock;

typedef enum SimOrderKind { SIM_ORDER_OTHER, SIM_ORDER_COPY, SIM_ORDER_LAUNCH } SimOrderKind;

/* A place for a stream, and the clock with which it begins. */
int sim_order_open(SimClock *clock);
void sim_order_close(int place);

void sim_order_join(SimClock *to, const SimClock *from);

/* The stream at `place` was given work, which comes after all in `clock`; moves its clock on. */
void sim_order_submit(int place, SimClock *clock, SimOrderKind kind);

/* The host waited for all in `clock`. */
void sim_order_waited(const SimClock *clock);

/* Copies that may run while a launch does: neither comes after the other, and the host had waited
 * for neither when it gave the second one. */
int64_t sim_order_overlaps(void);

#endif
