/* profile.c: see profile.h. The library measures; here it is divided among the inputs. */
#include "profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleave/extra.h"
#include "message.h"
#include "profile_table.h"
#include "terminal.h"
#include "text.h"
#include "whole_file.h"

bool profile_is_possible(const Options *options) {
    int number = options->profile != NULL ? whole_file_check(options->profile) : 0;
    if (number != 0)
        message_error("--profile: cannot write %s: %s; choose another place", options->profile,
                      strerror(number));
    return number == 0;
}

void profile_begin(Profiling *profiling, const Options *options) {
    *profiling = (Profiling){.options = options};
}

/* ---- Of one input ------------------------------------------------------------------------ */

static void subtract_op(cleave_profile_op *op, const cleave_profile_op *before) {
    double at_peak = op->peak_share * op->seconds;
    if (before->calls > 0)
        at_peak -= before->peak_share * before->seconds;
    op->calls -= before->calls;
    op->seconds -= before->seconds;
    op->thread_seconds -= before->thread_seconds;
    op->flops -= before->flops;
    op->bytes -= before->bytes;
    op->peak_share = op->calls > 0 && op->seconds > 0.0 ? at_peak / op->seconds : (double)NAN;
}

static void shift_shares(cleave_profile *profile) {
    for (int i = 0; i < profile->count; i++)
        profile->ops[i]->share =
            profile->seconds > 0.0 ? profile->ops[i]->seconds / profile->seconds : 0.0;
}

/* What `profile` has more than an earlier one of the same separator. */
static void subtract(cleave_profile *profile, const cleave_profile *before) {
    for (int i = 0; i < profile->count && i < before->count; i++)
        subtract_op(profile->ops[i], before->ops[i]);
    profile->seconds -= before->seconds;
    profile->network_seconds -= before->network_seconds;
    profile->chunks -= before->chunks;
    profile->flops -= before->flops;
    profile->events -= before->events;
    profile->events_left_out -= before->events_left_out;
    shift_shares(profile);
}

void profile_take(Profiling *profiling, cleave_separator *separator, cleave_profile *of_input) {
    cleave_profile now;
    cleave_error error;
    if (profiling->options->profile == NULL)
        return;
    if (cleave_separator_profile(separator, of_input, &error) != CLEAVE_OK ||
        cleave_separator_profile(separator, &now, &error) != CLEAVE_OK) {
        message_warning("--profile: %s", error.text);
        cleave_profile_free(of_input);
        return;
    }
    subtract(of_input, &profiling->so_far);
    cleave_profile_free(&profiling->so_far);
    profiling->so_far = now;
}

/* ---- At the end -------------------------------------------------------------------------- */

bool profile_write_trace(cleave_separator *separator, const char *path) {
    cleave_error error;
    struct stat status;
    if (cleave_separator_write_trace(separator, path, &error) != CLEAVE_OK) {
        message_error("--profile: %s", error.text);
        return false;
    }
    if (stat(path, &status) == 0)
        message_note("profile: %s (%s)", path, text_bytes(status.st_size).text);
    return true;
}

bool profile_shows_table(const Options *options) {
    return !options->json && !options->csv && options->verbosity >= VERBOSITY_NORMAL;
}

bool profile_tell(const Profiling *profiling, cleave_separator *separator) {
    const Options *options = profiling->options;
    if (options->profile == NULL)
        return true;
    if (separator == NULL || profiling->so_far.count == 0) {
        message_note("profile: nothing was separated; %s was not written", options->profile);
        return true;
    }
    if (profile_shows_table(options)) {
        putchar('\n');
        profile_print(&profiling->so_far, stdout);
        terminal_flush_output();
    }
    return profile_write_trace(separator, options->profile);
}

void profile_end(Profiling *profiling) {
    cleave_profile_free(&profiling->so_far);
}
