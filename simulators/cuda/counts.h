/* counts.h: what the report tells, beside what other files count for themselves. */
#ifndef CUDASIM_COUNTS_H
#define CUDASIM_COUNTS_H

#include <stdint.h>

typedef struct SimCounts {
    int64_t uploads; /* as the device made them */
    int64_t upload_bytes;
    int64_t downloads;
    int64_t download_bytes;
    int64_t launches; /* of kernels, as the device made them, in graphs too */
    int64_t graph_launches;
    int64_t captures;
    int64_t instantiations;
    int64_t shared_attributes; /* set */
} SimCounts;

SimCounts *sim_counts(void);

/* Writes them to a file when the process ends; "-" is standard error, "" no
 * file. */
void sim_report_at_exit(const char *path);

#endif
