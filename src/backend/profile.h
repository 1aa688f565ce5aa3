/* profile.h: where the time of a separation goes. An executable tells it of each op that ran, demix
 * of its work beside the network; it keeps sums for each op, and events for a trace. Any backend
 * fills in the same: it declares its ops when it compiles, and reports each run of one when the
 * device has finished it. NULL where nobody wants to know: then no clock is read. */
#ifndef CLEAVE_BACKEND_PROFILE_H
#define CLEAVE_BACKEND_PROFILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "graph/graph.h"

/* Work on the host; the values are ops of every profile. */
typedef enum ProfileStage {
    STAGE_OPEN,
    STAGE_COMPILE,
    STAGE_SCAN,
    STAGE_DECODE,
    STAGE_BLEND,
    STAGE_JOURNAL,
    STAGE_ENCODE,
    STAGE_FINISH,
    STAGE_COUNT
} ProfileStage;

/* Threads of which every profile has a row. */
typedef enum ProfileRow { ROW_CALLER, ROW_FEED, ROW_COLLECT, ROW_COUNT } ProfileRow;

/* What an op is, and what one run of it does. */
typedef struct ProfileOp {
    char name[NODE_NAME_SIZE]; /* of the layer, as in the state dict */
    const char *op;            /* "conv", …; static storage, as is algorithm */
    const char *algorithm;     /* of convolutions; else "" */
    int kernel[2];             /* of convolutions, height and width; else 0 */
    Shape input;
    Shape output;
    double flops;        /* by direct computation, for one chunk, with all that is fused into it */
    double products;     /* that are really computed in products of operands, for one chunk */
    double bytes;        /* of activations, for one chunk */
    double weight_bytes; /* that each run reads */
    cleave_precision precision; /* of its products */
    int device;                 /* filled in by profile_add_op(): that it ran on */
} ProfileOp;

typedef struct ProfileSums {
    int64_t calls;
    int64_t chunks; /* of all calls; 0 for stages */
    double seconds;
    double thread_seconds; /* summed over the threads that worked; 0: nobody told */
} ProfileSums;

typedef struct ProfileEvent {
    int op;
    int row;
    double begin; /* seconds, as clock_seconds() */
    double end;
} ProfileEvent;

#define PROFILE_PRECISIONS    (CLEAVE_PRECISION_BF16 + 1)
#define PROFILE_ROW_NAME_SIZE 24

/* Read by others once nothing runs; written by the functions below only. */
typedef struct Profile {
    pthread_mutex_t mutex; /* guards ops, rows, sums and events: a network may be compiled anew
                              while other threads are at work */
    bool running;          /* a call is being profiled; changed while no thread of it runs */
    double begin;          /* of the first call: the trace's zero */
    double started;        /* of the call at hand */
    double seconds;        /* of the calls before it */
    int64_t chunks;        /* that the network ran; written by the caller's thread only */
    ProfileOp *ops;
    ProfileSums *sums; /* per op */
    int op_count;
    char (*rows)[PROFILE_ROW_NAME_SIZE];
    int row_count;
    ProfileEvent *events; /* in the order of their ends; (CLEAVE_PROFILE_EVENTS_MAX) */
    int64_t event_count;
    int64_t left_out; /* events for which there was no room */
    int device;       /* that ops are added for: the first, or how often it was changed */
    double peaks[PROFILE_PRECISIONS]; /* products per second at best; 0: not measured */
} Profile;

cleave_status profile_create(Profile **profile, cleave_error *error);
void profile_destroy(Profile *profile); /* NULL is allowed */

/* Forgets all figures and events; ops and rows stay. */
void profile_reset(Profile *profile);

/* *index becomes the op's; an op that is equal to one that is there already has that one's. */
cleave_status profile_add_op(Profile *profile, const ProfileOp *op, int *index,
                             cleave_error *error);

/* Likewise for a row of the trace: of thread `number` of a pool, say. */
cleave_status profile_add_row(Profile *profile, const char *pool, int number, int *index,
                              cleave_error *error);

/* From now on ops are those of another device, whose peaks are not known yet. A NULL profile is
 * allowed. */
void profile_change_device(Profile *profile);

/* The begin and the end of a call that is profiled. Between calls nothing is recorded. */
void profile_start(Profile *profile);
void profile_stop(Profile *profile);

/* The profile if something is to be recorded, else NULL. */
static inline Profile *profile_active(Profile *profile) {
    return profile && profile->running ? profile : NULL;
}

/* The time, for a later call of the functions below; 0 without a profile. */
static inline double profile_clock(const Profile *profile) {
    return profile ? clock_seconds() : 0;
}

/* The op has run from `begin` to `end`, as clock_seconds() has it, for `chunks` chunks: on the
 * row's thread, or on the device that the row stands for. Of a row in the order of their begins,
 * and none before the device was done with the one before. */
void profile_op_ran(Profile *profile, int op, int row, double begin, double end, int chunks);

/* A thread has worked on an op or a stage. Without `shown` it is no event: its row has one of it
 * already. */
void profile_thread_worked(Profile *profile, int op, int row, double begin, double end, bool shown);

/* The row's thread has worked on a stage since `begin`. A NULL profile is allowed. */
void profile_stage_ran(Profile *profile, ProfileStage stage, ProfileRow row, double begin);

/* The network has run so many chunks more. A NULL profile is allowed. */
static inline void profile_chunks_ran(Profile *profile, int chunks) {
    if (profile)
        profile->chunks += chunks;
}

/* "decode", …, for ops below STAGE_COUNT. */
const char *profile_stage_name(ProfileStage stage);

#endif
