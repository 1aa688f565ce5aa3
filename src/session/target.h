/* target.h: a network and the device that it is to run on: all that its memory need and its
 * compilation depend on, except the batch. */
#ifndef CLEAVE_SESSION_TARGET_H
#define CLEAVE_SESSION_TARGET_H

#include "session/choice.h"

typedef struct Target {
    const Device *device;
    Graph graph;
    CompileOptions options; /* the batch is not set */
    ChunkGeometry geometry;
    int stems;          /* of the network: the wanted ones, or all */
    int64_t held;       /* bytes of the checkpoint that stay in memory; taken already */
    double chunk_flops; /* that the network takes for one chunk */
} Target;

/* Builds the graph for the device that was chosen. `settings` are resolved for that device, and
 * stay where they are until target_close(), as does the profile, which may be NULL. After a failure
 * there is nothing to close. */
cleave_status target_open(Target *target, const cleave_model *model, const Choice *choice,
                          const cleave_separator_settings *settings, Profile *profile,
                          cleave_error *error);
void target_close(Target *target);

#endif
