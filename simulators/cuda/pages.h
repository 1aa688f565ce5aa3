/* pages.h: memory between guard pages, whose contents look like NaN until they are written. */
#ifndef CUDASIM_PAGES_H
#define CUDASIM_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/* `bytes` is a multiple of pages_size(). NULL if the system has no room. Pages cost memory once
 * they are written. */
unsigned char *pages_map(size_t bytes);

size_t pages_size(void);

/* Whether they can be read and written. */
void pages_open(unsigned char *pages, size_t bytes, bool open);

/* Gives the memory back. Nobody gets these addresses again: using them faults. */
void pages_retire(unsigned char *pages, size_t bytes);

#endif
