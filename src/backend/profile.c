/* profile.c: sums and events. One mutex serves all threads: an op takes a hundred microseconds or
 * more, and locking some ten nanoseconds. */
#include "backend/profile.h"
#include "cleave/extra.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const stage_names[STAGE_COUNT] = {"open",  "compile", "scan",   "decode",
                                                     "blend", "journal", "encode", "finish"};
static const char *const row_names[ROW_COUNT] = {"caller", "feed", "collect"};

const char *profile_stage_name(ProfileStage stage) {
    return stage_names[stage];
}

/* ---- Ops and rows ---- */

static bool same_op(const ProfileOp *a, const ProfileOp *b) {
    return a->device == b->device && strcmp(a->name, b->name) == 0 && strcmp(a->op, b->op) == 0 &&
           strcmp(a->algorithm, b->algorithm) == 0 && a->flops == b->flops &&
           a->products == b->products && a->bytes == b->bytes &&
           a->weight_bytes == b->weight_bytes && a->precision == b->precision;
}

static bool grow_ops(Profile *profile) {
    size_t count = (size_t)profile->op_count;
    if (count > 0 && (count & (count - 1)) != 0)
        return true; /* room is doubled at the powers of two */
    size_t capacity = count > 0 ? 2 * count : 1;
    ProfileOp *ops = realloc(profile->ops, capacity * sizeof(*ops));
    if (!ops)
        return false;
    profile->ops = ops;
    ProfileSums *sums = realloc(profile->sums, capacity * sizeof(*sums));
    if (!sums)
        return false;
    profile->sums = sums;
    return true;
}

cleave_status profile_add_op(Profile *profile, const ProfileOp *op, int *index,
                             cleave_error *error) {
    int at = 0;
    bool good = true;
    ProfileOp own = *op;
    own.device = profile->device;
    pthread_mutex_lock(&profile->mutex);
    while (at < profile->op_count && !same_op(&profile->ops[at], &own))
        at++;
    if (at == profile->op_count) {
        good = grow_ops(profile);
        if (good) {
            profile->ops[at] = own;
            profile->sums[at] = (ProfileSums){0};
            profile->op_count++;
        }
    }
    pthread_mutex_unlock(&profile->mutex);
    *index = at;
    return good ? CLEAVE_OK : error_memory(error, "the profile", (size_t)at * sizeof(*op));
}

static bool append_row(Profile *profile, const char *name) {
    size_t count = (size_t)profile->row_count;
    char(*rows)[PROFILE_ROW_NAME_SIZE] = realloc(profile->rows, (count + 1) * sizeof(*rows));
    if (!rows)
        return false;
    snprintf(rows[count], sizeof(rows[count]), "%s", name);
    profile->rows = rows;
    profile->row_count++;
    return true;
}

static cleave_status add_named_row(Profile *profile, const char *name, int *index,
                                   cleave_error *error) {
    int at = 0;
    pthread_mutex_lock(&profile->mutex);
    while (at < profile->row_count && strcmp(profile->rows[at], name) != 0)
        at++;
    bool good = at < profile->row_count || append_row(profile, name);
    pthread_mutex_unlock(&profile->mutex);
    *index = at;
    return good ? CLEAVE_OK : error_memory(error, "the profile", PROFILE_ROW_NAME_SIZE);
}

cleave_status profile_add_row(Profile *profile, const char *pool, int number, int *index,
                              cleave_error *error) {
    char name[PROFILE_ROW_NAME_SIZE];
    snprintf(name, sizeof(name), "%s %d", pool, number);
    return add_named_row(profile, name, index, error);
}

static cleave_status add_stages(Profile *profile, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    int index = 0;
    for (int i = 0; i < STAGE_COUNT && status == CLEAVE_OK; i++) {
        ProfileOp op = {.op = stage_names[i], .algorithm = ""};
        snprintf(op.name, sizeof(op.name), "%s", stage_names[i]);
        status = profile_add_op(profile, &op, &index, error);
    }
    for (int i = 0; i < ROW_COUNT && status == CLEAVE_OK; i++)
        status = add_named_row(profile, row_names[i], &index, error);
    return status;
}

void profile_change_device(Profile *profile) {
    if (!profile)
        return;
    profile->device++;
    memset(profile->peaks, 0, sizeof(profile->peaks));
}

/* ---- From begin to end ---- */

cleave_status profile_create(Profile **profile, cleave_error *error) {
    size_t bytes = CLEAVE_PROFILE_EVENTS_MAX * sizeof(ProfileEvent);
    Profile *created = calloc(1, sizeof(*created));
    *profile = created;
    if (!created)
        return error_memory(error, "the profile", sizeof(*created));
    pthread_mutex_init(&created->mutex, NULL);
    created->events = malloc(bytes);
    cleave_status status = created->events ? add_stages(created, error)
                                           : error_memory(error, "the profile's events", bytes);
    if (status != CLEAVE_OK) {
        profile_destroy(created);
        *profile = NULL;
    }
    return status;
}

void profile_destroy(Profile *profile) {
    if (!profile)
        return;
    pthread_mutex_destroy(&profile->mutex);
    free(profile->ops);
    free(profile->sums);
    free(profile->rows);
    free(profile->events);
    free(profile);
}

void profile_reset(Profile *profile) {
    for (int i = 0; i < profile->op_count; i++)
        profile->sums[i] = (ProfileSums){0};
    profile->event_count = 0;
    profile->left_out = 0;
    profile->seconds = 0;
    profile->chunks = 0;
    profile->begin = 0;
}

void profile_start(Profile *profile) {
    if (!profile)
        return;
    profile->started = clock_seconds();
    if (profile->begin == 0)
        profile->begin = profile->started;
    profile->running = true;
}

void profile_stop(Profile *profile) {
    if (!profile_active(profile))
        return;
    profile->running = false;
    profile->seconds += clock_seconds() - profile->started;
}

/* ---- Recording ---- */

/* The mutex is held. */
static void profile_record(Profile *profile, int op, int row, double begin, double end) {
    if (profile->event_count < CLEAVE_PROFILE_EVENTS_MAX)
        profile->events[profile->event_count++] = (ProfileEvent){op, row, begin, end};
    else
        profile->left_out++;
}

void profile_op_ran(Profile *profile, int op, int row, double begin, double end, int chunks) {
    pthread_mutex_lock(&profile->mutex);
    ProfileSums *sums = &profile->sums[op];
    sums->calls++;
    sums->chunks += chunks;
    sums->seconds += end - begin;
    profile_record(profile, op, row, begin, end);
    pthread_mutex_unlock(&profile->mutex);
}

void profile_thread_worked(Profile *profile, int op, int row, double begin, double end,
                           bool shown) {
    pthread_mutex_lock(&profile->mutex);
    profile->sums[op].thread_seconds += end - begin;
    if (shown)
        profile_record(profile, op, row, begin, end);
    pthread_mutex_unlock(&profile->mutex);
}

void profile_stage_ran(Profile *profile, ProfileStage stage, ProfileRow row, double begin) {
    if (profile)
        profile_op_ran(profile, (int)stage, (int)row, begin, clock_seconds(), 0);
}
