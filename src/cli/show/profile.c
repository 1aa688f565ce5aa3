/* profile.c: the library profiles a separator as a whole; here that is divided among the inputs. */
#include "cli/show/profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/atomic_file.h"
#include "cli/console/message.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"
#include "cli/show/profile_table.h"

const Option profile_rows[] = {
    {OPTION_TEXT, 0, "profile", "FILE", 0,
     "time every op; prints a table of them, and writes FILE.json, a trace of the threads "
     "for ui.perfetto.dev or chrome://tracing",
     .endings = {".json"}, .what = "trace"},
    {OPTION_END}};

bool profile_is_possible(const char *path) {
    int number = path != NULL ? atomic_file_check(path) : 0;
    if (number != 0)
        message_error("--profile: cannot write %s: %s; choose another place", path,
                      strerror(number));
    return number == 0;
}

void profile_begin(Profiling *profiling, const char *path, bool shows_table) {
    *profiling = (Profiling){.path = path, .shows_table = shows_table};
}

/* ---- Of one input ------------------------------------------------------------------------ */

static void profile_subtract_op(cleave_profile_op *op, const cleave_profile_op *before) {
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

static void profile_set_shares(cleave_profile *profile) {
    for (int i = 0; i < profile->count; i++)
        profile->ops[i]->share =
            profile->seconds > 0.0 ? profile->ops[i]->seconds / profile->seconds : 0.0;
}

/* Subtracts an earlier profile of the same separator. */
static void profile_subtract(cleave_profile *profile, const cleave_profile *before) {
    for (int i = 0; i < profile->count && i < before->count; i++)
        profile_subtract_op(profile->ops[i], before->ops[i]);
    profile->seconds -= before->seconds;
    profile->network_seconds -= before->network_seconds;
    profile->chunks -= before->chunks;
    profile->flops -= before->flops;
    profile->events -= before->events;
    profile->events_left_out -= before->events_left_out;
    profile_set_shares(profile);
}

void profile_take(Profiling *profiling, cleave_separator *separator, cleave_profile *of_input) {
    cleave_profile now;
    cleave_error error;
    if (profiling->path == NULL)
        return;
    if (cleave_separator_profile(separator, of_input, &error) != CLEAVE_OK ||
        cleave_separator_profile(separator, &now, &error) != CLEAVE_OK) {
        message_warning("--profile: %s", error.text);
        cleave_profile_free(of_input);
        return;
    }
    profile_subtract(of_input, &profiling->so_far);
    cleave_profile_free(&profiling->so_far);
    profiling->so_far = now;
}

/* ---- At the end -------------------------------------------------------------------------- */

/* Says where the trace is and how large. False after a failure, which is said. */
static bool profile_write_trace(cleave_separator *separator, const char *path) {
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

bool profile_shows_table(const CommandLine *line) {
    return !line->json && line->verbosity >= VERBOSITY_NORMAL;
}

bool profile_tell(const Profiling *profiling, cleave_separator *separator) {
    if (profiling->path == NULL)
        return true;
    if (separator == NULL || profiling->so_far.count == 0) {
        message_note("profile: nothing was separated; %s was not written", profiling->path);
        return true;
    }
    if (profiling->shows_table) {
        putchar('\n');
        profile_print(&profiling->so_far, stdout);
        terminal_flush_output();
    }
    return profile_write_trace(separator, profiling->path);
}

void profile_end(Profiling *profiling) {
    cleave_profile_free(&profiling->so_far);
}
