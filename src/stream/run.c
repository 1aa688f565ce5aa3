/* demix_run.c: the thread of demix in the middle: gives the device batches, as many at once as it
 * takes, and waits for the oldest. Where that fails, it goes on with smaller batches or another
 * device, from the chunks that are not computed yet. */
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "stream/demix_state.h"

/* Seconds between reports while nothing comes in. */
#define PATIENCE 1

/* A batch between the two rings. Its chunks are given to the device in parts, each of them alike:
 * those that are silent are not given at all. */
typedef struct Transit {
    InputSlot *in;
    OutputSlot *out;
    int given; /* its first chunks, which the device has, or which need none */
} Transit;

/* Chunks that the device has and that are not collected yet. */
typedef struct Part {
    int transit; /* whose chunks [first, first + count) */
    int first;
    int count;
} Part;

typedef struct Runner {
    Demix *demix;
    int depth;                              /* parts that the device may have */
    Transit transits[EXECUTABLE_DEPTH_MAX]; /* the oldest first, as are the next */
    int transit_count;
    Part parts[EXECUTABLE_DEPTH_MAX];
    int part_count;
    double begin; /* when the device, which had none, was given a part */
    bool halved;  /* the batch was, on this device */
} Runner;

static void remove_first(void *items, size_t size, int *count) {
    --*count;
    memmove(items, (char *)items + size, size * (size_t)*count);
}

/* ---- Silence ---- */

/* Whether all samples are zero, of either sign. Written so that it vectorises. */
static bool is_silent(const float *samples, size_t count) {
    uint32_t any = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof(bits));
        any |= bits & 0x7fffffffu;
    }
    return any == 0;
}

/* How many of the first `limit` chunks are alike: all silent, or none of them. */
static int count_alike(const DemixJob *job, const float *input, int limit, bool *silent) {
    size_t floats = demix_input_floats(job);
    int count = 1;
    *silent = is_silent(input, floats);
    while (count < limit && is_silent(input + (size_t)count * floats, floats) == *silent)
        count++;
    return count;
}

/* ---- Recovering ---- */

/* Told once for a device, however often it happens. */
static void halve_batch(Runner *r, int failed, const cleave_error *error) {
    Demix *d = r->demix;
    if (!r->halved)
        log_write(&d->job->log->logger, CLEAVE_LOG_WARNING,
                  "a batch of %d chunks is too large (%.*s); going on with smaller ones", failed,
                  error->reason_end, error->text);
    d->batch = failed / 2;
    r->halved = true;
}

static int depth_of(const Demix *d) {
    int depth = executable_depth(d->executable);
    return depth < d->slots ? depth : d->slots - 1;
}

/* Makes the next attempt one that may succeed: with fewer chunks than failed, or on another device.
 */
static cleave_status recover(Runner *r, int failed, cleave_status status, cleave_error *error) {
    Demix *d = r->demix;
    const DemixJob *job = d->job;
    int batch = d->batch;
    if (status == CLEAVE_ERROR_MEMORY && failed > 1) {
        halve_batch(r, failed, error);
        return CLEAVE_OK;
    }
    if ((status != CLEAVE_ERROR_MEMORY && status != CLEAVE_ERROR_DEVICE) || !job->move_on)
        return status;
    status = job->move_on(job->move_on_user, &d->executable, &batch, error);
    d->batch = batch < job->batch ? batch : job->batch;
    r->halved = false;
    if (status == CLEAVE_OK)
        r->depth = depth_of(d);
    return status;
}

/* ---- Collecting ---- */

/* Waits for the oldest part. */
static cleave_status collect_oldest(Runner *r, Part *part, cleave_error *error) {
    Demix *d = r->demix;
    *part = r->parts[0];
    cleave_status status = executable_collect(d->executable, error);
    remove_first(r->parts, sizeof(*r->parts), &r->part_count);
    if (r->part_count == 0)
        d->network_seconds += clock_seconds() - r->begin;
    if (status == CLEAVE_OK)
        profile_chunks_ran(d->job->profile, part->count);
    return status;
}

static void drop_parts(Runner *r) {
    Part part;
    while (r->part_count > 0)
        collect_oldest(r, &part, NULL);
}

/* Forgets all that was given from a part on. */
static void rewind_to(Runner *r, const Part *part) {
    r->transits[part->transit].given = part->first;
    for (int i = part->transit + 1; i < r->transit_count; i++)
        r->transits[i].given = 0;
}

static cleave_status collect_part(Runner *r, cleave_error *error) {
    Part part;
    cleave_status status = collect_oldest(r, &part, error);
    if (status == CLEAVE_OK)
        return CLEAVE_OK;
    drop_parts(r);
    rewind_to(r, &part);
    return recover(r, part.count, status, error);
}

/* ---- Giving ---- */

static cleave_status submit(Runner *r, const Part *part, const float *input, float *output,
                            cleave_error *error) {
    Demix *d = r->demix;
    if (r->part_count == 0)
        r->begin = clock_seconds();
    cleave_status status =
        executable_submit(d->executable, input, output, part->count, d->job->cancel, error);
    if (status == CLEAVE_OK)
        r->parts[r->part_count++] = *part;
    else if (r->part_count == 0)
        d->network_seconds += clock_seconds() - r->begin;
    return status;
}

/* Gives the next chunks of a batch. No op outside the U-Net has a bias, and the U-Net's output is
 * multiplied by the first convolution's, so that of silence the network makes exactly zero. */
static cleave_status give_part(Runner *r, int transit, cleave_error *error) {
    Demix *d = r->demix;
    const DemixJob *job = d->job;
    Transit *t = &r->transits[transit];
    bool silent = false;
    const float *from = t->in->samples + (size_t)t->given * demix_input_floats(job);
    float *to = t->out->samples + (size_t)t->given * demix_output_floats(job);
    int rest = t->in->batch->count - t->given;
    Part part = {transit, t->given,
                 count_alike(job, from, rest < d->batch ? rest : d->batch, &silent)};
    cleave_status status = CLEAVE_OK;
    if (silent)
        memset(to, 0, (size_t)part.count * demix_output_floats(job) * sizeof(float));
    else
        status = submit(r, &part, from, to, error);
    if (status == CLEAVE_OK)
        t->given += part.count;
    else if (r->part_count > 0)
        status = collect_part(r, error); /* and try again once the device has room */
    else
        status = recover(r, part.count, status, error);
    return status;
}

/* ---- Batches ---- */

static int batch_count(const Transit *transit) {
    return transit->in->batch->count;
}

/* The first batch with chunks to be given, or -1. */
static int find_work(const Runner *r) {
    for (int i = 0; i < r->transit_count; i++)
        if (r->transits[i].given < batch_count(&r->transits[i]))
            return i;
    return -1;
}

/* Takes the next batch from the ring of inputs, for which it does not wait while the device is at
 * work. *ended: there will be none any more. */
static cleave_status take_batch(Runner *r, bool *ended, cleave_error *error) {
    Demix *d = r->demix;
    bool at_work = r->part_count > 0;
    *ended = false;
    if (r->transit_count == d->slots - 1)
        return CLEAVE_OK;
    if (!ring_wait(&d->inputs, at_work ? 0 : PATIENCE))
        return at_work ? CLEAVE_OK : demix_report(d, error);
    int in = ring_begin_read(&d->inputs);
    int out = in < 0 ? -1 : ring_begin_write(&d->outputs);
    *ended = out < 0;
    if (*ended)
        return CLEAVE_OK;
    Transit *transit = &r->transits[r->transit_count++];
    *transit = (Transit){&d->input_slots[in], &d->output_slots[out], 0};
    if (transit->in->batch->runs[0].replayed)
        transit->given = batch_count(transit);
    return demix_check_cancel(d->job, error);
}

static bool oldest_is_computed(const Runner *r) {
    bool waits = r->part_count > 0 && r->parts[0].transit == 0;
    return r->transit_count > 0 && !waits && r->transits[0].given == batch_count(&r->transits[0]);
}

/* Hands the oldest batches over, with what the network made of them, if they are computed. */
static cleave_status finish_batches(Runner *r, cleave_error *error) {
    Demix *d = r->demix;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && oldest_is_computed(r)) {
        const Transit *oldest = &r->transits[0];
        Batch *batch = oldest->in->batch;
        oldest->in->batch = oldest->out->batch;
        oldest->out->batch = batch;
        remove_first(r->transits, sizeof(*r->transits), &r->transit_count);
        for (int i = 0; i < r->part_count; i++)
            r->parts[i].transit--;
        ring_end_read(&d->inputs);
        ring_end_write(&d->outputs);
        status = demix_report(d, error);
    }
    return status;
}

/* Where the run ends early, what the device has been given is still worth keeping. */
static void keep_parts(Runner *r) {
    Part part;
    while (r->part_count > 0 && collect_oldest(r, &part, NULL) == CLEAVE_OK)
        finish_batches(r, NULL);
    drop_parts(r);
}

/* One step: gives a part where the device takes one, or waits for the oldest. */
static cleave_status advance(Runner *r, bool *ended, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    bool takes = r->part_count < r->depth;
    int work = takes ? find_work(r) : -1;
    if (takes && work < 0) {
        status = take_batch(r, ended, error);
        work = find_work(r);
    }
    if (status == CLEAVE_OK && work >= 0)
        status = give_part(r, work, error);
    else if (status == CLEAVE_OK && r->part_count > 0)
        status = collect_part(r, error);
    return status == CLEAVE_OK ? finish_batches(r, error) : status;
}

cleave_status demix_run_batches(Demix *d, cleave_error *error) {
    Runner r = {.demix = d, .depth = depth_of(d)};
    bool ended = false;
    cleave_status status = demix_report(d, error);
    while (status == CLEAVE_OK && !(ended && r.transit_count == 0))
        status = advance(&r, &ended, error);
    keep_parts(&r);
    return status;
}
