/* pages.h: memory of the program that buffers may lie over without a copy. */
#ifndef APPLESIM_PAGES_H
#define APPLESIM_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* Aborts unless these are whole pages of one mapping of a file. Metal wants whole pages of one
 * region of virtual memory that does not come from malloc(). Whether memory without a file comes
 * from malloc() cannot be seen here, so it is refused. */
void sim_pages_check(const void *pages, size_t length);

/* Whether they are all mapped still. */
bool sim_pages_are_mapped(void *pages, size_t length);

#endif
