/* arena.c: placing buffers by size. */
#include "graph/arena.h"

#include <stdlib.h>

#include "base/memory.h"

static int lifetime_larger_first(const void *a, const void *b) {
    const Lifetime *x = *(Lifetime *const *)a;
    const Lifetime *y = *(Lifetime *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int lifetime_lower_first(const void *a, const void *b) {
    const Lifetime *x = *(Lifetime *const *)a;
    const Lifetime *y = *(Lifetime *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Finds the lowest offset at which `item` fits between the buffers that are in use at the same
 * time. `placed` holds the `count` buffers that have their place; `beside` is scratch of that size.
 */
static bool arena_lowest_gap(const Lifetime *item, Lifetime *const *placed, size_t count,
                             Lifetime **beside, size_t alignment, size_t *offset) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (placed[i]->first <= item->last && item->first <= placed[i]->last)
            beside[n++] = placed[i];
    qsort(beside, n, sizeof(*beside), lifetime_lower_first);
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        if (beside[i]->offset >= end && beside[i]->offset - end >= item->bytes)
            break;
        size_t behind = 0;
        if (!size_add(beside[i]->offset, beside[i]->bytes, &behind) ||
            !size_add(behind, alignment - 1, &behind))
            return false;
        end = size_max(end, behind / alignment * alignment);
    }
    *offset = end;
    return true;
}

static bool arena_place_all(Lifetime *lifetimes, size_t count, size_t alignment, Lifetime **order,
                            Lifetime **beside, size_t *total) {
    for (size_t i = 0; i < count; i++)
        order[i] = &lifetimes[i];
    qsort(order, count, sizeof(*order), lifetime_larger_first);
    for (size_t i = 0; i < count; i++) {
        size_t end = 0;
        if (!arena_lowest_gap(order[i], order, i, beside, alignment, &order[i]->offset) ||
            !size_add(order[i]->offset, order[i]->bytes, &end))
            return false;
        *total = size_max(*total, end);
    }
    return true;
}

size_t arena_place(Lifetime *lifetimes, size_t count, size_t alignment, bool *ok) {
    size_t total = 0;
    size_t slots = count ? count : 1;
    Lifetime **order = calloc(slots, sizeof(*order));
    Lifetime **beside = calloc(slots, sizeof(*beside));
    *ok = order && beside && arena_place_all(lifetimes, count, alignment, order, beside, &total);
    free(order);
    free(beside);
    return total;
}
