/* failure.c: writes the parts of an error one behind the other. */
#include "cli/console/failure.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Adds what fits of `text`, and returns where the error's text ends. */
static int failure_add(cleave_error *error, const char *text) {
    size_t used = strlen(error->text);
    utf8_show(error->text + used, sizeof error->text - used, text);
    return (int)strlen(error->text);
}

void failure_set(cleave_error *error, cleave_status status, const char *front, const char *reason,
                 const char *advice) {
    *error = (cleave_error){.status = status};
    if (front != NULL) {
        failure_add(error, front);
        error->reason = failure_add(error, ": ");
    }
    error->reason_end = error->advice = failure_add(error, reason);
    if (advice != NULL) {
        error->advice = failure_add(error, "; ");
        failure_add(error, advice);
    }
}
