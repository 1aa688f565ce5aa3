/* work.h: streams, and the work that waits in them. Nothing is done before somebody waits for it;
 * then the simulator does, one by one, pieces of work of all streams, in an order that it draws
 * among those which streams and events allow, until what was waited for is done. */
#ifndef CUDASIM_WORK_H
#define CUDASIM_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contexts.h"
#include "objects.h"
#include "order.h"

struct SimFunction;
struct SimGraphExec;
struct SimCapture;

typedef enum SimWorkKind {
    SIM_UPLOAD,
    SIM_DOWNLOAD,
    SIM_LAUNCH,
    SIM_GRAPH_RUN,
    SIM_RECORD,
    SIM_WAIT
} SimWorkKind;

/* What an event stands for once it is recorded. */
typedef struct SimRecord {
    int users;
    bool done;
    uint64_t nanoseconds;
    SimClock clock; /* what is done then */
} SimRecord;

/* One piece of work. Those members count that its kind needs. */
typedef struct SimWork {
    SimWorkKind kind;
    /* Copies. */
    uintptr_t device;
    unsigned char *host;
    size_t bytes;
    bool staged; /* `host` is a copy of its own */
    /* Launches. */
    struct SimFunction *function;
    unsigned grid[3];
    size_t shared_bytes;
    unsigned char *arguments; /* a copy */
    /* Others. */
    struct SimGraphExec *exec;
    uint64_t ordinal; /* of the run, among those of its graph */
    SimRecord *record;
} SimWork;

void sim_work_free(SimWork *work);

typedef struct SimItem {
    struct SimItem *next;
    SimWork work;
} SimItem;

typedef struct SimStream {
    SimObject object;
    struct SimStream *next; /* all of them */
    SimItem *first;
    SimItem *last;
    uint64_t given; /* items, ever */
    uint64_t done;
    int place; /* in clocks */
    SimClock clock;
    uint64_t rank;              /* who comes first, while the order is drawn */
    bool destroyed;             /* goes when its work is done */
    struct SimCapture *capture; /* NULL: it is not captured */
} SimStream;

SimStream *sim_stream_create(void);

/* It goes as soon as its work is done. */
void sim_stream_release(SimStream *stream);

/* Puts work behind all that the stream has; takes over what `work` owns. */
void sim_work_submit(SimStream *stream, const SimWork *work);

/* What somebody waits for: one of them. */
typedef struct SimGoal {
    const SimStream *stream;   /* all that it has */
    const SimRecord *record;   /* an event */
    const SimContext *context; /* all that its streams have */
} SimGoal;

SimGoal sim_goal_stream(const SimStream *stream);
SimGoal sim_goal_record(const SimRecord *record);
SimGoal sim_goal_context(const SimContext *context);

void sim_work_finish(SimGoal goal);

/* Whether some work that is not done matches; what graphs will do is looked at, too. */
typedef bool SimWorkTest(const SimWork *work, const void *what);
bool sim_work_any(SimWorkTest *test, const void *what);

/* Whether work in flight copies from or to some of this memory, or a kernel got an address in it.
 */
bool sim_work_uses(uintptr_t begin, size_t bytes);

SimRecord *sim_record_create(void);
void sim_record_release(SimRecord *record);

#endif
