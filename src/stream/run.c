/* run.c: the thread of demix in the middle: gives the device batches, as many at once as it takes,
 * and waits for the oldest. If that fails, or puts out what is no number, it goes on with smaller
 * batches, on another device or in a wider precision, from the first chunk that is not computed
 * yet.
 */
#include "stream/finite.h"
#include "stream/threads.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"

/* Seconds between reports while nothing comes in. */
#define PATIENCE 1

/* A batch between the two rings. The device gets its items in parts, without the silent ones. */
typedef struct Transit {
    InputSlot *in;
    OutputSlot *out;
    int given; /* its first items: the device has them, or need not have them */
} Transit;

/* Items that the device has and that are not collected yet. */
typedef struct Part {
    int transit; /* its items [first, first + count) */
    int first;
    int count;
} Part;

typedef struct Runner {
    Demix *demix;
    int depth;                              /* parts that the device may have */
    Transit transits[EXECUTABLE_DEPTH_MAX]; /* the oldest first */
    int transit_count;
    Part parts[EXECUTABLE_DEPTH_MAX]; /* the oldest first */
    int part_count;
    double begin; /* when the idle device was given a part */
    bool halved;  /* the batch of this network was halved, and the user knows */
} Runner;

static void run_remove_first(void *items, size_t size, int *count) {
    --*count;
    memmove(items, (char *)items + size, size * (size_t)*count);
}

/* ---- Silence ---- */

/* Whether all samples are zero, of either sign. Written so that it vectorises. */
static bool run_is_silent(const float *samples, size_t count) {
    uint32_t any = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &samples[i], sizeof(bits));
        any |= bits & 0x7fffffffu;
    }
    return any == 0;
}

/* How many of the first `limit` items are alike: all silent, or none of them. */
static int run_count_alike(const DemixJob *job, const float *input, int limit, bool *silent) {
    size_t floats = demix_input_floats(job);
    int count = 1;
    *silent = run_is_silent(input, floats);
    while (count < limit && run_is_silent(input + (size_t)count * floats, floats) == *silent)
        count++;
    return count;
}

/* ---- Recovering ---- */

/* Warns once for each network. */
static void run_halve_batch(Runner *r, int failed, const cleave_error *error) {
    Demix *d = r->demix;
    if (!r->halved)
        log_write(&d->job->log->logger, CLEAVE_LOG_WARNING,
                  "a batch of %d chunks is too large (%.*s); going on with smaller ones", failed,
                  error->reason_end, error->text);
    d->network.batch = failed / 2;
    r->halved = true;
}

static int run_depth(const Demix *d) {
    int depth = executable_depth(d->network.executable);
    return depth < d->slots ? depth : d->slots - 1;
}

/* Goes on with another network, which may have more memory: on another device. In a wider precision
 * no batch fits that did not fit before. */
static cleave_status run_move_on(Runner *r, cleave_status status, cleave_error *error) {
    Demix *d = r->demix;
    int most = status == CLEAVE_ERROR_MODEL ? d->network.batch : d->job->network.batch;
    /* The one call upwards: see DemixMoveOn. */
    status = d->job->move_on(d->job->move_on_user, &d->network, error);
    if (d->network.batch > most)
        d->network.batch = most;
    r->halved = false;
    if (status == CLEAVE_OK)
        r->depth = run_depth(d);
    return status;
}

static bool run_may_move_on(const Demix *d, cleave_status status) {
    bool may = status == CLEAVE_ERROR_MEMORY || status == CLEAVE_ERROR_DEVICE ||
               (status == CLEAVE_ERROR_MODEL && d->network.may_widen);
    return may && d->job->move_on;
}

/* Prepares another attempt: with fewer items than failed, or with another network. */
static cleave_status run_recover(Runner *r, int failed, cleave_status status, cleave_error *error) {
    if (status == CLEAVE_ERROR_MEMORY && failed > 1) {
        run_halve_batch(r, failed, error);
        return CLEAVE_OK;
    }
    return run_may_move_on(r->demix, status) ? run_move_on(r, status, error) : status;
}

/* ---- Waiting ---- */

/* Notes how the items of a part were computed. If the network may widen, *part becomes what begins
 * with the first item that is no number. */
static cleave_status run_check(const Runner *r, Part *part, cleave_error *error) {
    const Demix *d = r->demix;
    const Transit *t = &r->transits[part->transit];
    for (; part->count > 0; part->first++, part->count--) {
        Item *item = &t->in->batch->items[part->first];
        const float *output = t->out->samples + (size_t)part->first * demix_output_floats(d->job);
        item->precision = d->network.precision;
        item->checked = false;
        if (!d->network.may_widen)
            continue;
        cleave_status status = finite_check(d->job, item, output, error);
        if (status != CLEAVE_OK)
            return status;
        item->checked = true;
    }
    return CLEAVE_OK;
}

/* Waits for the oldest part. *part becomes what of it is to be computed again after a failure. */
static cleave_status run_wait_oldest(Runner *r, Part *part, cleave_error *error) {
    Demix *d = r->demix;
    *part = r->parts[0];
    cleave_status status = executable_collect(d->network.executable, error);
    run_remove_first(r->parts, sizeof(*r->parts), &r->part_count);
    if (r->part_count == 0)
        d->network_seconds += clock_seconds() - r->begin;
    if (status != CLEAVE_OK)
        return status;
    profile_chunks_ran(d->job->profile, part->count);
    return run_check(r, part, error);
}

static void run_drop_parts(Runner *r) {
    Part part;
    while (r->part_count > 0)
        run_wait_oldest(r, &part, NULL);
}

/* Forgets all that was given from a part on. */
static void run_rewind_to(Runner *r, const Part *part) {
    r->transits[part->transit].given = part->first;
    for (int i = part->transit + 1; i < r->transit_count; i++)
        r->transits[i].given = 0;
}

static cleave_status run_wait(Runner *r, cleave_error *error) {
    Part part;
    cleave_status status = run_wait_oldest(r, &part, error);
    if (status == CLEAVE_OK)
        return CLEAVE_OK;
    run_drop_parts(r);
    run_rewind_to(r, &part);
    return run_recover(r, part.count, status, error);
}

/* ---- Giving ---- */

static cleave_status run_submit(Runner *r, const Part *part, const float *input, float *output,
                                cleave_error *error) {
    Demix *d = r->demix;
    if (r->part_count == 0)
        r->begin = clock_seconds();
    cleave_status status =
        executable_submit(d->network.executable, input, output, part->count, d->job->cancel, error);
    if (status == CLEAVE_OK)
        r->parts[r->part_count++] = *part;
    else if (r->part_count == 0)
        d->network_seconds += clock_seconds() - r->begin;
    return status;
}

/* Gives the next items of a batch. Silent ones are answered with silence, which is exactly what
 * every network makes of it (model/family.h). */
static cleave_status run_give_part(Runner *r, int transit, cleave_error *error) {
    Demix *d = r->demix;
    const DemixJob *job = d->job;
    Transit *t = &r->transits[transit];
    bool silent = false;
    const float *from = t->in->samples + (size_t)t->given * demix_input_floats(job);
    float *to = t->out->samples + (size_t)t->given * demix_output_floats(job);
    int rest = t->in->batch->count - t->given;
    Part part = {
        transit, t->given,
        run_count_alike(job, from, rest < d->network.batch ? rest : d->network.batch, &silent)};
    cleave_status status = CLEAVE_OK;
    if (silent)
        memset(to, 0, (size_t)part.count * demix_output_floats(job) * sizeof(float));
    else
        status = run_submit(r, &part, from, to, error);
    if (status == CLEAVE_OK)
        t->given += part.count;
    else if (r->part_count > 0)
        status = run_wait(r, error); /* and try again once the device has room */
    else
        status = run_recover(r, part.count, status, error);
    return status;
}

/* ---- Batches ---- */

static int run_item_count(const Transit *transit) {
    return transit->in->batch->count;
}

/* The first batch with items to be given, or -1. */
static int run_find_work(const Runner *r) {
    for (int i = 0; i < r->transit_count; i++)
        if (r->transits[i].given < run_item_count(&r->transits[i]))
            return i;
    return -1;
}

/* Takes the next batch from the ring of inputs; does not wait while the device is at work.
 * *ended: no batch is left. */
static cleave_status run_take_batch(Runner *r, bool *ended, cleave_error *error) {
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
    if (transit->in->batch->items[0].replayed)
        transit->given = run_item_count(transit);
    return demix_check_cancel(d->job, error);
}

static bool run_oldest_is_computed(const Runner *r) {
    bool waits = r->part_count > 0 && r->parts[0].transit == 0;
    return r->transit_count > 0 && !waits &&
           r->transits[0].given == run_item_count(&r->transits[0]);
}

/* Hands the oldest batches over, with what the network made of them, if it has computed them. */
static cleave_status run_finish_batches(Runner *r, cleave_error *error) {
    Demix *d = r->demix;
    cleave_status status = CLEAVE_OK;
    while (status == CLEAVE_OK && run_oldest_is_computed(r)) {
        const Transit *oldest = &r->transits[0];
        Batch *batch = oldest->in->batch;
        oldest->in->batch = oldest->out->batch;
        oldest->out->batch = batch;
        run_remove_first(r->transits, sizeof(*r->transits), &r->transit_count);
        for (int i = 0; i < r->part_count; i++)
            r->parts[i].transit--;
        ring_end_read(&d->inputs);
        ring_end_write(&d->outputs);
        status = demix_report(d, error);
    }
    return status;
}

/* If the job ends early, what the device was given is still worth keeping. */
static void run_keep_parts(Runner *r) {
    Part part;
    while (r->part_count > 0 && run_wait_oldest(r, &part, NULL) == CLEAVE_OK)
        run_finish_batches(r, NULL);
    run_drop_parts(r);
}

/* Gives the device a part if it takes one, else waits for the oldest. */
static cleave_status run_advance(Runner *r, bool *ended, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    bool takes = r->part_count < r->depth;
    int work = takes ? run_find_work(r) : -1;
    if (takes && work < 0) {
        status = run_take_batch(r, ended, error);
        work = run_find_work(r);
    }
    if (status == CLEAVE_OK && work >= 0)
        status = run_give_part(r, work, error);
    else if (status == CLEAVE_OK && r->part_count > 0)
        status = run_wait(r, error);
    return status == CLEAVE_OK ? run_finish_batches(r, error) : status;
}

cleave_status run_batches(Demix *d, cleave_error *error) {
    Runner r = {.demix = d, .depth = run_depth(d)};
    bool ended = false;
    cleave_status status = demix_report(d, error);
    while (status == CLEAVE_OK && !(ended && r.transit_count == 0))
        status = run_advance(&r, &ended, error);
    run_keep_parts(&r);
    return status;
}
