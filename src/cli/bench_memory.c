/* bench_memory.c: see bench_memory.h. */
#include "bench_memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Linux, Documentation/filesystems/proc.rst: 5 resets the peak. */
void bench_memory_reset(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file == NULL)
        return;
    fputs("5", file);
    fclose(file);
}

/* getrusage() keeps the peak of the whole life, so Linux is asked otherwise. */
static int64_t status_peak(void) {
    char line[256];
    long long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmHWM: %lld kB", &kilobytes) == 1)
            break;
    fclose(file);
    return (int64_t)kilobytes * 1024;
}

int64_t bench_memory_peak(void) {
    struct rusage usage;
    int64_t peak = status_peak();
    if (peak > 0 || getrusage(RUSAGE_SELF, &usage) != 0)
        return peak;
#ifdef __APPLE__
    return (int64_t)usage.ru_maxrss;
#else
    return (int64_t)usage.ru_maxrss * 1024;
#endif
}
