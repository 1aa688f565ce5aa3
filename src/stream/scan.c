/* scan.c: the first pass over the audio, which inference.normalize asks for. */
#include "stream/threads.h"

#include <math.h>

/* Frames read at once. */
#define BLOCK 8192

/* Blocks between reports. */
#define REPORT_BLOCKS 128

/* Welford's running mean and sum of squared differences. */
typedef struct RunningMoments {
    double count;
    double mean;
    double squares;
} RunningMoments;

static void moments_push(RunningMoments *moments, double x) {
    moments->count += 1;
    double difference = x - moments->mean;
    moments->mean += difference / moments->count;
    moments->squares += difference * (x - moments->mean);
}

cleave_status scan_level(const Demix *d, Normalization *normalization, cleave_error *error) {
    const DemixJob *job = d->job;
    float samples[2][BLOCK];
    float *planes[2] = {samples[0], samples[1]};
    RunningMoments moments = {0};
    int64_t got = 1;
    int64_t blocks = 0;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && got > 0) {
        got = 0;
        status = audio_reader_read(job->reader, planes, BLOCK, &got, error);
        for (int64_t i = 0; i < got; i++) {
            double mono = (double)samples[0][i];
            if (job->geometry.channels == 2)
                mono = (mono + (double)samples[1][i]) / 2;
            moments_push(&moments, mono);
        }
        if (status == CLEAVE_OK)
            status = demix_check_cancel(job, error);
        if (status == CLEAVE_OK && ++blocks % REPORT_BLOCKS == 0)
            status = demix_report(d, error);
    }
    double deviation = moments.count > 0 ? sqrt(moments.squares / moments.count) : 0;
    /* A constant signal, such as silence, has no deviation: its level stays. */
    *normalization = (Normalization){(float)moments.mean, deviation > 0 ? (float)deviation : 1};
    return status == CLEAVE_OK ? audio_reader_rewind(job->reader, error) : status;
}
