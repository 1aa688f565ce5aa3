/* fallback.c: collecting and telling of ops that ran elsewhere. */
#include "session/fallback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Collecting ---- */

/* Among the first `count`. */
static cleave_fallback_op *fallback_find(const FallbackList *list, int count,
                                         const cleave_fallback_op *op) {
    for (int i = 0; i < count; i++)
        if (strcmp(list->ops[i].name, op->name) == 0 && strcmp(list->ops[i].op, op->op) == 0 &&
            strcmp(list->ops[i].instead_of, op->instead_of) == 0)
            return &list->ops[i];
    return NULL;
}

/* `before`: ops of earlier executables. There is room for all of this one's. */
static void fallback_add_op(FallbackList *list, int before, const cleave_fallback_op *op) {
    cleave_fallback_op *listed = fallback_find(list, before, op);
    if (listed)
        listed->runs += op->runs;
    else
        list->ops[list->count++] = *op;
}

void fallback_add(FallbackList *list, const Executable *executable, const char *device) {
    const int before = list->count;
    int count = executable ? executable_fallback(executable, NULL, 0) : 0;
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
        fallback_add_op(list, before, &added[i]);
    }
    free(added);
}

void fallback_change_device(FallbackList *list) {
    int kept = 0;
    int kept_told = 0;
    for (int i = 0; i < list->count; i++)
        if (list->ops[i].runs > 0) {
            list->ops[kept++] = list->ops[i];
            kept_told += i < list->told;
        }
    list->count = kept;
    list->told = kept_told;
}

FallbackList fallback_all(const FallbackList *list, const Executable *executable,
                          const char *device) {
    FallbackList all = {.ops = NULL};
    if (list->count > 0)
        all.ops = malloc((size_t)list->count * sizeof(*all.ops));
    if (all.ops) {
        memcpy(all.ops, list->ops, (size_t)list->count * sizeof(*all.ops));
        all.count = list->count;
    }
    fallback_add(&all, executable, device);
    return all;
}

void fallback_free(FallbackList *list) {
    free(list->ops);
    *list = (FallbackList){.ops = NULL};
}

/* ---- Telling ---- */

/* Ops from `first` on that were to run on the same device. */
static int fallback_group(const FallbackList *list, int first) {
    int end = first;
    while (end < list->count && strcmp(list->ops[end].instead_of, list->ops[first].instead_of) == 0)
        end++;
    return end - first;
}

/* Of `count` ops of one device. */
static void fallback_log(const cleave_fallback_op *first, int count, const cleave_logger *log) {
    log_write(log, CLEAVE_LOG_WARNING,
              "%d op%s of the network %s not run on %s, which takes time; %s%s (%s) runs on %s: %s",
              count, count == 1 ? "" : "s", count == 1 ? "does" : "do", first->instead_of,
              count == 1 ? "" : "the first of them, ", first->name, first->op, first->device,
              first->reason);
}

void fallback_warn(FallbackList *list, const Executable *executable, const char *device,
                   const cleave_logger *log) {
    FallbackList all = fallback_all(list, executable, device);
    while (all.ops && list->told < all.count) {
        int count = fallback_group(&all, list->told);
        fallback_log(&all.ops[list->told], count, log);
        list->told += count;
    }
    fallback_free(&all);
}
