/* job.h: a separation by a separator: what goes into the stream's job, and what is learnt from it.
 */
#ifndef CLEAVE_SESSION_JOB_H
#define CLEAVE_SESSION_JOB_H

#include "session/separator.h"
#include "stream/demix.h"

/* The begin and the end of a public call that separates. */
void job_begin(cleave_separator *separator);
void job_end(cleave_separator *separator);

/* The stems of the configuration that a job is for. */
typedef struct JobStems {
    const int *indices;
    const char *const *names; /* must outlive the job */
    int count;
} JobStems;

/* Makes the separator ready for the stems and fills in a job, except for sink and progress. Has the
 * reader convert to the network's rate and channels, and warns of channels that are left out.
 * job_clear() frees what the job owns; also after a failure, if the job was all zero before. */
cleave_status job_fill(DemixJob *job, cleave_separator *separator, JobStems stems,
                       AudioReader *reader, const cleave_logger *log, cleave_error *error);
void job_clear(DemixJob *job);

/* Runs the job, and keeps the batch that fitted for later ones. */
cleave_status job_run(const DemixJob *job, cleave_separator *separator, DemixResult *result,
                      cleave_error *error);

#endif
