/* graphs.h: captured work. */
#ifndef CUDASIM_GRAPHS_H
#define CUDASIM_GRAPHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "order.h"
#include "work.h"

/* Work in the order of its stream. */
typedef struct SimGraph {
    SimObject object;
    SimWork *work;
    size_t count;
} SimGraph;

typedef struct SimGraphExec {
    SimObject object;
    SimGraph graph; /* its own copy */
    uint64_t runs_given;
    uint64_t runs_done; /* a graph never runs beside itself */
    SimClock clock;     /* when the last one is done */
} SimGraphExec;

/* A capture that goes on. */
typedef struct SimCapture {
    SimStream *stream;
    SimGraph *graph;
    uint64_t thread;
    bool spoiled;
} SimCapture;

/* If the calling thread captures, spoils that capture and returns true. */
bool sim_capture_spoil(void);

/* The same for all threads' captures in a context. */
bool sim_capture_spoil_context(const SimContext *context);

/* Takes the work into the capture of its stream, or gives it to the stream if there is none. */
CUresult sim_give(SimStream *stream, const SimWork *work);

#endif
