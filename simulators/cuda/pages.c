/* pages.c: memory between guard pages. */
#include "pages.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "strict.h"

#define PATTERN_BYTES ((size_t)4 << 20)

/* A file of 0xff, which fresh memory shows until it is written. */
static int pattern_file(void) {
    static int file = -1;
    if (file >= 0)
        return file;
    file = memfd_create("cudasim", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)PATTERN_BYTES) != 0)
        sim_abort("the simulator itself cannot make a file in memory");
    void *pattern = mmap(NULL, PATTERN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (pattern == MAP_FAILED)
        sim_abort("the simulator itself cannot map a file in memory");
    memset(pattern, 0xff, PATTERN_BYTES);
    munmap(pattern, PATTERN_BYTES);
    return file;
}

size_t pages_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

unsigned char *pages_map(size_t bytes) {
    size_t guard = pages_size();
    int file = pattern_file();
    unsigned char *all = mmap(NULL, bytes + 2 * guard, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    for (size_t at = 0; at < bytes; at += PATTERN_BYTES) {
        size_t piece = bytes - at < PATTERN_BYTES ? bytes - at : PATTERN_BYTES;
        if (mmap(all + guard + at, piece, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, file, 0) == MAP_FAILED) {
            munmap(all, bytes + 2 * guard);
            return NULL;
        }
    }
    return all + guard;
}

void pages_open(unsigned char *pages, size_t bytes, bool open) {
    if (mprotect(pages, bytes, open ? PROT_READ | PROT_WRITE : PROT_NONE) != 0)
        sim_abort("the simulator itself cannot protect %zu bytes", bytes);
}

void pages_retire(unsigned char *pages, size_t bytes) {
    if (mmap(pages, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) == MAP_FAILED)
        sim_abort("the simulator itself cannot give %zu bytes back", bytes);
}
