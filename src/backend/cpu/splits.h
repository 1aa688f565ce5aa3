/* splits.h: how far a step cuts its work when there are few tasks for many threads. Results do not
 * depend on it. */
#ifndef CLEAVE_CPU_SPLITS_H
#define CLEAVE_CPU_SPLITS_H

#include <stddef.h>

/* `groups` tasks have `parts` equal parts each, behind work that every split of a task repeats and
 * that takes as long as `repeated` parts. Into how many tasks each is to be split, 1 to `parts`, so
 * that `threads` threads are done soonest; of equal ones the fewest. */
int splits_choose(size_t groups, int parts, double repeated, int threads);

#endif
