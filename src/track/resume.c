/* resume.c: opening a track's journal, following its move, noting a new one. */
#include "track/resume.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/path_format.h"
#include "session/prepare.h"
#include "track/fingerprint.h"
#include "track/working_path.h"

static cleave_status resume_describe(const Resume *resume, char *fingerprint, cleave_error *error) {
    return fingerprint_describe(fingerprint, JOURNAL_FINGERPRINT_SIZE, resume->separator,
                                resume->job, resume->input, resume->stamp, resume->reading, error);
}

/* A DemixMoveOn; user: the Resume. The journal knows of the move before a chunk is computed there.
 */
static cleave_status resume_move_on(void *user, Executable **executable, int *batch,
                                    cleave_error *error) {
    Resume *resume = user;
    char fingerprint[JOURNAL_FINGERPRINT_SIZE];
    cleave_status status = prepare_move_on(resume->separator, executable, batch, error);
    if (status == CLEAVE_OK)
        status = resume_describe(resume, fingerprint, error);
    if (status == CLEAVE_OK)
        journal_move(resume->journal, separator_device(resume->separator), fingerprint);
    return status;
}

/* Moves to the device that the unfinished separation had moved to, if that can be. *there: whether
 * the separator is on it. */
static cleave_status resume_follow(Resume *resume, bool *there, cleave_error *error) {
    cleave_separator *separator = resume->separator;
    const char *from = separator_device(separator);
    const char *to = journal_device(resume->journal);
    DeviceChoice choice;
    *there = strcmp(from, to) == 0;
    if (*there || separator->choice.asked.strict_device ||
        registry_choose(&choice, to, true, NULL) != CLEAVE_OK)
        return CLEAVE_OK;
    log_write(resume->log, CLEAVE_LOG_WARNING,
              PATH_FORMAT ": the unfinished run had moved from %s to %s; going on there",
              path_shown(resume->input), from, to);
    cleave_status status =
        prepare_on(separator, choice.device, &resume->job->executable, &resume->job->batch, error);
    *there = strcmp(separator_device(separator), to) == 0;
    return status;
}

static cleave_status resume_follow_move(Resume *resume, cleave_error *error) {
    char fingerprint[JOURNAL_FINGERPRINT_SIZE];
    bool there = false;
    if (journal_device(resume->journal)[0] == '\0')
        return CLEAVE_OK;
    cleave_status status = resume_follow(resume, &there, error);
    if (status == CLEAVE_OK)
        status = resume_describe(resume, fingerprint, error);
    if (status != CLEAVE_OK || (there && journal_fits_device(resume->journal, fingerprint)))
        return status;
    log_write(resume->log, CLEAVE_LOG_WARNING,
              PATH_FORMAT ": the unfinished run had moved to %s, which cannot go on with it here; "
                          "starting over on %s",
              path_shown(resume->input), journal_device(resume->journal),
              separator_device(resume->separator));
    return journal_restart(resume->journal, fingerprint, error);
}

static cleave_status resume_open_journal(Resume *resume, cleave_error *error) {
    char fingerprint[JOURNAL_FINGERPRINT_SIZE];
    DemixJob *job = resume->job;
    cleave_status status = resume_describe(resume, fingerprint, error);
    if (status == CLEAVE_OK)
        status = journal_open(&resume->journal, resume->path, fingerprint, &job->geometry,
                              job->stem_count * job->geometry.channels, resume->log, error);
    if (status != CLEAVE_OK)
        return status;
    job->journal = resume->journal;
    job->move_on = resume_move_on;
    job->move_on_user = resume;
    return resume_follow_move(resume, error);
}

cleave_status resume_open(Resume *resume, const char *output, bool keep, cleave_error *error) {
    resume->path = working_path(output, WORKING_JOURNAL);
    if (!resume->path)
        return error_memory(error, "a path", strlen(output));
    return keep ? resume_open_journal(resume, error) : CLEAVE_OK;
}

void resume_close(Resume *resume, bool done) {
    journal_close(resume->journal, !done);
    if (done && resume->path)
        unlink(resume->path); /* perhaps of an earlier call */
    free(resume->path);
    resume->journal = NULL;
    resume->path = NULL;
}
