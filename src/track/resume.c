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
static cleave_status resume_move_on(void *user, DemixNetwork *network, cleave_error *error) {
    Resume *resume = user;
    const cleave_separator *separator = resume->separator;
    char fingerprint[JOURNAL_FINGERPRINT_SIZE];
    cleave_status status = prepare_move_on(resume->separator, network, error);
    if (status == CLEAVE_OK)
        status = resume_describe(resume, fingerprint, error);
    if (status == CLEAVE_OK)
        journal_move(resume->journal, separator_device(separator), separator->choice.outgrown,
                     fingerprint);
    return status;
}

static bool resume_is_there(const Resume *resume) {
    return strcmp(separator_device(resume->separator), journal_device(resume->journal)) == 0;
}

/* Whether the unfinished separation had outgrown a precision that this one has not. */
static bool resume_has_outgrown_more(const Resume *resume) {
    return (journal_outgrown(resume->journal) & ~resume->separator->choice.outgrown) != 0;
}

/* The device that the unfinished separation had moved to; NULL if it is not to be had, or if this
 * separation wants another one, or a precision that was outgrown. */
static const Device *resume_find_device(const Resume *resume) {
    const Choice *choice = &resume->separator->choice;
    DeviceChoice found;
    if (resume_has_outgrown_more(resume) && choice->asked.precision != CLEAVE_PRECISION_AUTO)
        return NULL;
    if (resume_is_there(resume))
        return choice->device;
    if (choice->asked.strict_device ||
        registry_choose(&found, journal_device(resume->journal), true, NULL) != CLEAVE_OK)
        return NULL;
    return found.device;
}

static void resume_tell_move(const Resume *resume) {
    const char *from = separator_device(resume->separator);
    if (resume_is_there(resume))
        log_write(resume->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": the unfinished run had outgrown %s on %s; going on in a wider "
                              "precision",
                  path_shown(resume->input),
                  precision_name(resume->separator->setup.settings.precision), from);
    else
        log_write(resume->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": the unfinished run had moved from %s to %s; going on there",
                  path_shown(resume->input), from, journal_device(resume->journal));
}

/* Moves to where the unfinished separation had moved to, if that can be. *there: whether the
 * separator is on its device. */
static cleave_status resume_follow(Resume *resume, bool *there, cleave_error *error) {
    cleave_separator *separator = resume->separator;
    const Device *device = resume_find_device(resume);
    *there = device && device == separator->choice.device;
    if (!device || (*there && !resume_has_outgrown_more(resume)))
        return CLEAVE_OK;
    resume_tell_move(resume);
    separator->choice.outgrown |= journal_outgrown(resume->journal);
    cleave_status status = prepare_on(separator, device, &resume->job->network, error);
    *there = resume_is_there(resume);
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
              PATH_FORMAT
              ": the unfinished run had moved to %s%s, which cannot go on with it here; "
              "starting over on %s",
              path_shown(resume->input), journal_device(resume->journal),
              journal_outgrown(resume->journal) != 0 ? " in a wider precision" : "",
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
