/* bench_memory.h: the memory of this process, configuration by configuration. */
#ifndef CLEAVE_CLI_BENCH_MEMORY_H
#define CLEAVE_CLI_BENCH_MEMORY_H

#include <stdint.h>

/* Begins a new peak: from here on, where the system can (Linux); else the peak stays that of the
 * process since its start. */
void bench_memory_reset(void);

/* The peak of resident memory, in bytes; 0 where unknown. */
int64_t bench_memory_peak(void);

#endif
