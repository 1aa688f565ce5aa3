/* objects.h: what programs have handles of. A handle is a number that no later object gets, and no
 * address: an object that is gone is recognised, and nobody can look into one. */
#ifndef CUDASIM_OBJECTS_H
#define CUDASIM_OBJECTS_H

#include <stdint.h>

typedef enum SimKind {
    SIM_CONTEXT,
    SIM_MODULE,
    SIM_FUNCTION,
    SIM_STREAM,
    SIM_EVENT,
    SIM_GRAPH,
    SIM_GRAPH_EXEC,
    SIM_KINDS
} SimKind;

struct SimContext;

/* The head of every object. */
typedef struct SimObject {
    struct SimObject *next;
    uintptr_t handle;
    SimKind kind;
    struct SimContext *context; /* NULL: none */
    void (*destroy)(struct SimObject *object);
} SimObject;

/* Gives it a handle. */
void sim_object_add(SimObject *object, SimKind kind, struct SimContext *context,
                    void (*destroy)(SimObject *object));

/* Aborts if there is no such object, or if it belongs to another context than this one. `context`
 * may be NULL: any. */
void *sim_object_find(const void *handle, SimKind kind, const struct SimContext *context);

/* Its handle means nothing from now on; the rest is up to its owner. */
void sim_object_remove(SimObject *object);

/* Destroys all objects of the context, streams first. */
void sim_objects_destroy(const struct SimContext *context);

int64_t sim_objects_live(SimKind kind);

#endif
