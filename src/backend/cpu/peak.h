/* peak.h: how fast products are at best. */
#ifndef CLEAVE_CPU_PEAK_H
#define CLEAVE_CPU_PEAK_H

#include "backend/cpu/executable.h"

/* Operations per second of the gemm on all threads at once with everything in the first cache. 0 if
 * the precision has no kernels, or memory ran out. */
double cpu_peak(const CpuExecutable *executable, cleave_precision precision);

#endif
