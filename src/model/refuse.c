/* refuse.c: writing errors about the files of a model. */
#include "model/refuse.h"

#include <stdarg.h>

#include "base/path_format.h"

cleave_status model_refuse(cleave_error *error, const char *source, const char *advice,
                           const char *format, ...) {
    char reason[CLEAVE_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    utf8_show_format(reason, sizeof(reason), format, args);
    va_end(args);
    error_set(error, CLEAVE_ERROR_MODEL, PATH_FORMAT ": %s", source, reason);
    return advice ? error_advise(error, CLEAVE_ERROR_MODEL, "%s", advice) : CLEAVE_ERROR_MODEL;
}
