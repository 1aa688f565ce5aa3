/* profile.h: where the time of a separation goes: sums for each op, and events for a trace. A
 * backend adds its ops when it compiles, and reports each run of an op when the device has finished
 * it. The host's work beside the network is reported as stages. Without a profile (NULL) no clock
 * is read.
 */
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

/* The threads that have a row in every profile. */
typedef enum ProfileRow { ROW_CALLER, ROW_FEED, ROW_COLLECT, ROW_COUNT } ProfileRow;

/* What an op is, and what one run of it does. */
typedef struct ProfileOp {
    char name[NODE_NAME_SIZE]; /* of the layer, as in the state dict */
    const char *op;            /* "conv", …; static storage */
    const char *algorithm; /* of convolutions, in the backend's words; else ""; static storage */
    int kernel[2];         /* of convolutions, height and width; else 0 */
    Shape input;
    Shape output;
    double flops;        /* by direct computation, for one chunk, with all that is fused into it */
    double products;     /* of the products as they are really computed, for one chunk */
    double bytes;        /* of activations, for one chunk */
    double weight_bytes; /* that each run reads */
    cleave_precision precision; /* of its products */
    int device;                 /* that it ran on; filled in by profile_add_op() */
} ProfileOp;

typedef struct ProfileSums {
    int64_t calls;
    int64_t chunks; /* of all calls; 0 for stages */
    double seconds;
    double thread_seconds; /* summed over the threads that worked; 0: not reported */
} ProfileSums;

typedef struct ProfileEvent {
    int op;
    int row;
    double begin; /* seconds, as clock_seconds() */
    double end;
} ProfileEvent;

#define PROFILE_PRECISIONS    (CLEAVE_PRECISION_BF16 + 1)
#define PROFILE_ROW_NAME_SIZE 24

/* Written by the functions below only; read by others when nothing runs. */
typedef struct Profile {
    pthread_mutex_t mutex; /* guards ops, rows, sums and events: other threads work while a network
                              is compiled anew */
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
    int64_t left_out;                 /* events that found no room */
    int device;                       /* that ops are added for: 0, plus one for each change */
    double peaks[PROFILE_PRECISIONS]; /* products per second at best; 0: not measured */
} Profile;

cleave_status profile_create(Profile **profile, cleave_error *error);
void profile_destroy(Profile *profile); /* NULL is allowed */

/* Forgets all figures and events; ops and rows stay. */
void profile_reset(Profile *profile);

/* *index becomes the op's. Equal ops share one index. */
cleave_status profile_add_op(Profile *profile, const ProfileOp *op, int *index,
                             cleave_error *error);

/* Likewise for a row of the trace, such as thread `number` of a pool. */
cleave_status profile_add_row(Profile *profile, const char *pool, int number, int *index,
                              cleave_error *error);

/* From now on ops belong to another device, with peaks not known yet. A NULL profile is allowed. */
void profile_change_device(Profile *profile);

/* Begin and end of a profiled call. Between calls nothing is recorded. */
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

/* An op has run from `begin` to `end` of clock_seconds(), for `chunks` chunks: on the row's thread,
 * or on the device that the row stands for. The runs of a row come in order and do not overlap. */
void profile_op_ran(Profile *profile, int op, int row, double begin, double end, int chunks);

/* A thread has worked on an op or a stage. Without `shown` no event is recorded: its row has one
 * already. */
void profile_thread_worked(Profile *profile, int op, int row, double begin, double end, bool shown);

/* The row's thread has worked on a stage since `begin`. A NULL profile is allowed. */
void profile_stage_ran(Profile *profile, ProfileStage stage, ProfileRow row, double begin);

/* The network has run `chunks` more. A NULL profile is allowed. */
static inline void profile_chunks_ran(Profile *profile, int chunks) {
    if (profile)
        profile->chunks += chunks;
}

/* "decode", …, for ops below STAGE_COUNT. */
const char *profile_stage_name(ProfileStage stage);

#endif
