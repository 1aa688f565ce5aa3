/* error.c: error texts. See error.h. */
#include "base/error.h"

#include <stdarg.h>

#include "base/utf8.h"

cleave_status error_set(cleave_error *error, cleave_status status, const char *format, ...) {
    if (!error)
        return status;
    va_list args;
    va_start(args, format);
    error->status = status;
    utf8_show_format(error->text, sizeof(error->text), format, args);
    va_end(args);
    return status;
}

void error_prefix(cleave_error *error, const char *format, ...) {
    if (!error)
        return;
    char context[CLEAVE_ERROR_TEXT_SIZE / 2];
    va_list args;
    va_start(args, format);
    utf8_show_format(context, sizeof(context), format, args);
    va_end(args);
    error_set(error, error->status, "%s: %s", context, error->text);
}

void error_clear(cleave_error *error) {
    if (!error)
        return;
    error->status = CLEAVE_OK;
    error->text[0] = '\0';
}

const char *cleave_status_name(cleave_status status) {
    switch (status) {
    case CLEAVE_OK:
        return "ok";
    case CLEAVE_ERROR_ARGUMENT:
        return "argument error";
    case CLEAVE_ERROR_MEMORY:
        return "out of memory";
    case CLEAVE_ERROR_INPUT:
        return "input error";
    case CLEAVE_ERROR_OUTPUT:
        return "output error";
    case CLEAVE_ERROR_MODEL:
        return "model error";
    case CLEAVE_ERROR_DEVICE:
        return "device error";
    case CLEAVE_ERROR_CANCELLED:
        return "cancelled";
    case CLEAVE_ERROR_INTERNAL:
        return "internal error";
    case CLEAVE_ERROR_BUSY:
        return "busy";
    }
    return "unknown status";
}

const char *cleave_version(void) {
    return CLEAVE_VERSION;
}
