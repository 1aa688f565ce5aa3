/* profile_report.c: a separator's profile as callers get it: figures for each op, and the trace. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/public_struct.h"
#include "cleave/extra.h"
#include "session/separator.h"
#include "session/trace.h"

/* Whether there is a profile to ask for. */
static cleave_status profile_check(const cleave_separator *separator, cleave_error *error) {
    error_clear(error);
    if (!separator)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "a profile needs a separator");
    if (!separator->profile)
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_ARGUMENT,
                                      "there is no profile: the separator was opened without "
                                      "settings.profile"),
                            "open it with 1 there");
    return CLEAVE_OK;
}

/* ---- Figures ---- */

/* What the device does at best, measured the first time; 0 if the executable is gone by then. */
static double profile_peak(cleave_separator *separator, cleave_precision precision) {
    double *peak = &separator->profile->peaks[precision];
    if (*peak == 0 && separator->compiled.executable)
        *peak = executable_peak_flops(separator->compiled.executable, precision);
    return *peak;
}

static void profile_set_figures(cleave_separator *separator, int index, cleave_profile_op *to) {
    const ProfileOp *op = &separator->profile->ops[index];
    const ProfileSums *sums = &separator->profile->sums[index];
    double chunks = (double)sums->chunks;
    to->calls = sums->calls;
    to->seconds = sums->seconds;
    to->thread_seconds = sums->thread_seconds > 0 ? sums->thread_seconds : sums->seconds;
    to->flops = op->flops * chunks;
    to->bytes = op->bytes * chunks + op->weight_bytes * (double)sums->calls;
    to->peak_share = (double)NAN;
    if (op->products > 0 && sums->seconds > 0 && op->device == separator->profile->device) {
        double peak = profile_peak(separator, op->precision);
        if (peak > 0)
            to->peak_share = op->products * chunks / sums->seconds / peak;
    }
}

static void profile_describe(cleave_separator *separator, int index, cleave_profile_op *to) {
    const ProfileOp *op = &separator->profile->ops[index];
    double seconds = separator->profile->seconds;
    *to =
        (cleave_profile_op){.op = op->op, .host = index < STAGE_COUNT, .algorithm = op->algorithm};
    memcpy(to->name, op->name, sizeof(to->name));
    for (int i = 0; i < 2; i++)
        to->kernel[i] = op->kernel[1 - i];
    shape_write(to->input, op->input);
    shape_write(to->output, op->output);
    profile_set_figures(separator, index, to);
    to->share = seconds > 0 ? to->seconds / seconds : 0;
}

static cleave_status profile_fill(cleave_separator *separator, cleave_profile *profile,
                                  cleave_error *error) {
    const Profile *from = separator->profile;
    profile->ops = pointers_new((size_t)from->op_count, sizeof(**profile->ops));
    if (!profile->ops)
        return error_memory(error, "the profile", (size_t)from->op_count * sizeof(**profile->ops));
    profile->count = from->op_count;
    for (int i = 0; i < from->op_count; i++) {
        cleave_profile_op *op = profile->ops[i];
        profile_describe(separator, i, op);
        profile->flops += op->flops;
        profile->network_seconds += op->host ? 0 : op->seconds;
    }
    profile->seconds = from->seconds;
    profile->chunks = from->chunks;
    profile->peak_flops = profile_peak(separator, separator->setup.settings.precision);
    profile->events = from->event_count;
    profile->events_left_out = from->left_out;
    return CLEAVE_OK;
}

cleave_status cleave_separator_profile_sized(cleave_separator *separator, cleave_profile *profile,
                                             size_t profile_size, cleave_error *error) {
    cleave_profile own = {0};
    cleave_status status = profile_check(separator, error);
    if (!profile)
        return error_set(error, CLEAVE_ERROR_ARGUMENT, "a profile needs room to be written to");
    if (status == CLEAVE_OK)
        status = profile_fill(separator, &own, error);
    struct_give(profile, profile_size, &own, sizeof(own));
    return status;
}

void cleave_profile_free(cleave_profile *profile) {
    if (!profile)
        return;
    free(profile->ops);
    profile->ops = NULL;
    profile->count = 0;
}

/* ---- The rest ---- */

cleave_status cleave_separator_profile_reset(cleave_separator *separator, cleave_error *error) {
    cleave_status status = profile_check(separator, error);
    if (status == CLEAVE_OK)
        profile_reset(separator->profile);
    return status;
}

cleave_status cleave_separator_write_trace(cleave_separator *separator, const char *path,
                                           cleave_error *error) {
    cleave_status status = profile_check(separator, error);
    if (status == CLEAVE_OK && !path)
        status = error_set(error, CLEAVE_ERROR_ARGUMENT, "writing a trace needs a path");
    return status == CLEAVE_OK ? trace_write(separator->profile, path, error) : status;
}
