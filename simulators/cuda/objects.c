/* objects.c: handles and the objects behind them. */
#include "objects.h"

#include <stdbool.h>
#include <stddef.h>

#include "contexts.h"
#include "strict.h"

#define BUCKETS 256

/* No address of a process begins so: whoever follows a handle faults. */
#define HANDLE_BASE ((uintptr_t)0xc0da << 48)

static SimObject *buckets[BUCKETS];
static uintptr_t last_number;
static int64_t live[SIM_KINDS];

static const char *const names[SIM_KINDS] = {"context", "module", "function",        "stream",
                                             "event",   "graph",  "executable graph"};

int64_t sim_objects_live(SimKind kind) {
    return live[kind];
}

static SimObject **bucket_of(uintptr_t handle) {
    return &buckets[handle % BUCKETS];
}

void sim_object_add(SimObject *object, SimKind kind, SimContext *context,
                    void (*destroy)(SimObject *object)) {
    object->handle = HANDLE_BASE | ++last_number;
    object->kind = kind;
    object->context = context;
    object->destroy = destroy;
    SimObject **bucket = bucket_of(object->handle);
    object->next = *bucket;
    *bucket = object;
    live[kind]++;
}

void *sim_object_find(const void *handle, SimKind kind, const SimContext *context) {
    SimObject *object = *bucket_of((uintptr_t)handle);
    while (object && object->handle != (uintptr_t)handle)
        object = object->next;
    if (!handle)
        sim_abort("%s NULL: the simulator has no default ones", names[kind]);
    if (!object)
        sim_abort("%s %p is gone, or never was", names[kind], handle);
    if (object->kind != kind)
        sim_abort("%p is a %s, not a %s", handle, names[object->kind], names[kind]);
    if (context && object->context != context)
        sim_abort("%s %p belongs to another context than the current one", names[kind], handle);
    return object;
}

void sim_object_remove(SimObject *object) {
    SimObject **link = bucket_of(object->handle);
    while (*link != object)
        link = &(*link)->next;
    *link = object->next;
    live[object->kind]--;
}

static SimObject *first_of(const SimContext *context, SimKind kind) {
    for (int i = 0; i < BUCKETS; i++)
        for (SimObject *object = buckets[i]; object; object = object->next)
            if (object->kind == kind && object->context == context)
                return object;
    return NULL;
}

void sim_objects_destroy(const SimContext *context) {
    static const SimKind order[] = {SIM_STREAM, SIM_EVENT, SIM_GRAPH_EXEC, SIM_GRAPH, SIM_MODULE};
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        SimObject *object = NULL;
        while ((object = first_of(context, order[i])) != NULL)
            object->destroy(object);
    }
}
