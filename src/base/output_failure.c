/* output_failure.c: what went wrong with an output, and what to try. */
#include <errno.h>
#include <string.h>

#include "base/output_file_private.h"

static const char *advice_for(int number) {
    switch (number) {
    case ENOSPC:
        return "free some space or choose another folder";
#ifdef EDQUOT
    case EDQUOT:
        return "free some of your quota or choose another folder";
#endif
    case EFBIG:
        return "raise the limit on the size of files, or choose a smaller format such as FLAC";
    case EACCES:
    case EPERM:
    case EROFS:
        return "choose a folder that you may write to";
    case ENAMETOOLONG:
        return "choose a shorter name";
    case ENOTDIR:
        return "a part of the path is a file; choose another folder";
    case EMFILE:
    case ENFILE:
        return "close other programs or raise the limit on open files";
    default:
        return "choose another folder";
    }
}

static const char *reason_for(int number) {
    return number == ENOSPC ? "disk full" : strerror(number);
}

cleave_status output_failed(const char *task, const char *path, int number, cleave_error *error) {
    if (number == ENOMEM)
        return error_memory(error, "a path", strlen(path) + 1);
    error_set_file(error, CLEAVE_ERROR_OUTPUT, task, path, "%s", reason_for(number));
    return error_advise(error, CLEAVE_ERROR_OUTPUT, "%s", advice_for(number));
}

cleave_status output_stream_failed(int number, cleave_error *error) {
    if (number == ECANCELED)
        return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
    if (number == EPIPE)
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_OUTPUT,
                                      "cannot write: the reader of standard output went away"),
                            "look at the program that should read it");
    return error_advise(error,
                        error_set_file(error, CLEAVE_ERROR_OUTPUT, "cannot write",
                                       "standard output", "%s", reason_for(number)),
                        "name an output folder instead");
}
