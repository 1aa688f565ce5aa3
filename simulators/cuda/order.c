/* order.c: vector clocks, and copies beside launches. */
#include "order.h"

#include <stdbool.h>
#include <stdlib.h>

#include "strict.h"

/* A copy that may run beside a launch that is yet to come. */
typedef struct OpenCopy {
    int place;
    uint64_t number;
} OpenCopy;

static bool taken[SIM_STREAMS_MAX];
static SimClock given;    /* work given to each place, ever */
static SimClock launches; /* the last launch at each place */
static SimClock host;     /* what the host knows to be done */
static OpenCopy *copies;
static size_t copy_count;
static int64_t overlaps;

int64_t sim_order_overlaps(void) {
    return overlaps;
}

int sim_order_open(SimClock *clock) {
    int place = 0;
    while (place < SIM_STREAMS_MAX && taken[place])
        place++;
    if (place == SIM_STREAMS_MAX)
        sim_abort("the simulator has room for %d streams at a time", SIM_STREAMS_MAX);
    taken[place] = true;
    *clock = (SimClock){{0}};
    clock->at[place] = given.at[place];
    return place;
}

void sim_order_close(int place) {
    taken[place] = false;
}

void sim_order_join(SimClock *to, const SimClock *from) {
    for (int i = 0; i < SIM_STREAMS_MAX; i++)
        if (to->at[i] < from->at[i])
            to->at[i] = from->at[i];
}

void sim_order_waited(const SimClock *clock) {
    sim_order_join(&host, clock);
}

/* Whether some launch is neither done nor before what comes after `clock`. */
static bool beside_launch(const SimClock *clock) {
    for (int i = 0; i < SIM_STREAMS_MAX; i++)
        if (launches.at[i] > clock->at[i] && launches.at[i] > host.at[i])
            return true;
    return false;
}

/* Drops copies that are done; counts and drops those that are not before `clock`. */
static void count_copies(const SimClock *clock) {
    size_t kept = 0;
    for (size_t i = 0; i < copy_count; i++) {
        OpenCopy copy = copies[i];
        if (copy.number <= host.at[copy.place])
            continue;
        if (copy.number > clock->at[copy.place])
            overlaps++;
        else
            copies[kept++] = copy;
    }
    copy_count = kept;
}

void sim_order_submit(int place, SimClock *clock, SimOrderKind kind) {
    uint64_t number = ++given.at[place];
    clock->at[place] = number;
    if (kind == SIM_ORDER_LAUNCH) {
        launches.at[place] = number;
        count_copies(clock);
    } else if (kind == SIM_ORDER_COPY && beside_launch(clock)) {
        overlaps++;
    } else if (kind == SIM_ORDER_COPY) {
        copies = sim_grow(copies, copy_count, sizeof(*copies));
        copies[copy_count++] = (OpenCopy){place, number};
    }
}
