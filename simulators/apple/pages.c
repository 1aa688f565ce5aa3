/* pages.c: looks pages up among the mappings of the process. */
#include "pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "strict.h"

static size_t page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

typedef struct Mapping {
    uintptr_t begin, end;
    unsigned long inode; /* 0: of no file */
} Mapping;

/* Finds the mapping that holds an address; false: there is no such mapping. */
static bool find_mapping(uintptr_t address, Mapping *found) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char *line = NULL;
    size_t size = 0;
    bool holds = false;
    if (!maps)
        sim_abort("/proc/self/maps cannot be read");
    while (!holds && getline(&line, &size, maps) > 0)
        holds = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %lu", &found->begin,
                       &found->end, &found->inode) == 3 &&
                address >= found->begin && address < found->end;
    free(line);
    fclose(maps);
    return holds;
}

void sim_pages_check(const void *pages, size_t length) {
    uintptr_t begin = (uintptr_t)pages;
    Mapping mapping = {0};
    if (begin == 0 || length == 0 || begin % page_size() != 0 || length % page_size() != 0)
        sim_abort("newBufferWithBytesNoCopy: %p and %zu bytes are not whole pages of %zu", pages,
                  length, page_size());
    if (!find_mapping(begin, &mapping) || mapping.inode == 0)
        sim_abort("newBufferWithBytesNoCopy: %p is not in a mapped file", pages);
    if (length > mapping.end - begin)
        sim_abort("newBufferWithBytesNoCopy: %zu bytes from %p on, whose mapping ends after %zu",
                  length, pages, (size_t)(mapping.end - begin));
}

bool sim_pages_are_mapped(void *pages, size_t length) {
    size_t count = length / page_size();
    unsigned char *resident = sim_allocate(count);
    bool mapped = mincore(pages, length, resident) == 0 || errno != ENOMEM;
    free(resident);
    return mapped;
}
