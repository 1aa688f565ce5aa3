/* fallback.c: see fallback.h. */
#include "session/fallback.h"
#include "cleave/extra.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Among the first `count`. */
static cleave_fallback_op *find(const FallbackList *list, int count, const cleave_fallback_op *op) {
    for (int i = 0; i < count; i++)
        if (strcmp(list->ops[i].name, op->name) == 0 && strcmp(list->ops[i].op, op->op) == 0 &&
            strcmp(list->ops[i].instead_of, op->instead_of) == 0)
            return &list->ops[i];
    return NULL;
}

/* `before`: how many executables before this one had left. Room for all of this one's is there. */
static void add(FallbackList *list, int before, const cleave_fallback_op *op) {
    cleave_fallback_op *listed = find(list, before, op);
    if (listed)
        listed->runs += op->runs;
    else
        list->ops[list->count++] = *op;
}

void fallback_add(FallbackList *list, const Executable *executable, const char *device) {
    const int before = list->count;
    int count = executable_fallback(executable, NULL, 0);
    if (count == 0)
        return;
    cleave_fallback_op *added = calloc((size_t)count, sizeof(*added));
    cleave_fallback_op *room =
        added ? realloc(list->ops, (size_t)(before + count) * sizeof(*room)) : NULL;
    if (room) {
        list->ops = room;
        executable_fallback(executable, added, count);
    }
    for (int i = 0; i < count && room; i++) {
        snprintf(added[i].instead_of, sizeof(added[i].instead_of), "%s", device);
        add(list, before, &added[i]);
    }
    free(added);
}

int fallback_drop_unused(FallbackList *list, int first) {
    int kept = 0;
    int kept_of_first = 0;
    for (int i = 0; i < list->count; i++)
        if (list->ops[i].runs > 0) {
            list->ops[kept++] = list->ops[i];
            kept_of_first += i < first;
        }
    list->count = kept;
    return kept_of_first;
}

int fallback_group(const FallbackList *list, int first) {
    int end = first;
    while (end < list->count && strcmp(list->ops[end].instead_of, list->ops[first].instead_of) == 0)
        end++;
    return end - first;
}

void fallback_free(FallbackList *list) {
    free(list->ops);
    *list = (FallbackList){.ops = NULL};
}
