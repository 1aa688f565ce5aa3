/* error.c: writing the texts of errors and the offsets of their parts. */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/path_format.h"
#include "base/utf8.h"

/* Puts `text` at `start` of the error's own text, as much as there is room for, and returns where
 * it ends. */
static int error_put(cleave_error *error, size_t start, const char *text) {
    size_t room = sizeof(error->text) - 1 - start;
    size_t length = strlen(text);
    if (length > room)
        length = room;
    memcpy(error->text + start, text, length);
    error->text[start + length] = '\0';
    utf8_trim(error->text);
    return (int)strlen(error->text);
}

/* Writes a text without advice: `front`, and a reason behind it. The arguments may be of the
 * error's own text. */
static void error_write(cleave_error *error, cleave_status status, const char *front,
                        const char *format, va_list args) {
    char reason[CLEAVE_ERROR_TEXT_SIZE];
    utf8_show_format(reason, sizeof(reason), format, args);
    error->status = status;
    error->reason = error_put(error, 0, front);
    error->reason_end = error->advice = error_put(error, (size_t)error->reason, reason);
}

cleave_status error_set(cleave_error *error, cleave_status status, const char *format, ...) {
    va_list args;
    if (!error)
        return status;
    va_start(args, format);
    error_write(error, status, "", format, args);
    va_end(args);
    return status;
}

/* What stands before a reason, which has room behind the longest path that is shown. */
typedef struct ErrorFront {
    char text[CLEAVE_ERROR_TEXT_SIZE * 3 / 4];
} ErrorFront;

static ErrorFront error_front(const char *format, ...) __attribute__((format(printf, 1, 2)));

static ErrorFront error_front(const char *format, ...) {
    ErrorFront front = {""};
    va_list args;
    va_start(args, format);
    utf8_show_format(front.text, sizeof(front.text), format, args);
    va_end(args);
    return front;
}

cleave_status error_set_file(cleave_error *error, cleave_status status, const char *task,
                             const char *path, const char *format, ...) {
    va_list args;
    if (!error)
        return status;
    ErrorFront front = error_front("%s: " PATH_FORMAT ": ", task, path);
    va_start(args, format);
    error_write(error, status, front.text, format, args);
    va_end(args);
    return status;
}

cleave_status error_detail(cleave_error *error, cleave_status status, const char *format, ...) {
    char detail[CLEAVE_ERROR_TEXT_SIZE];
    char bracketed[CLEAVE_ERROR_TEXT_SIZE + 4];
    va_list args;
    if (!error)
        return status;
    va_start(args, format);
    utf8_show_format(detail, sizeof(detail), format, args);
    va_end(args);
    snprintf(bracketed, sizeof(bracketed), " (%s)", detail);
    error->advice = error_put(error, (size_t)error->reason_end, bracketed);
    return status;
}

static const char glue[] = "; "; /* before advice */

/* Where the advice of an error is to be put: behind the reason and its details. */
static size_t error_advice_place(const cleave_error *error) {
    bool advised = error->text[error->advice] != '\0';
    return (size_t)error->advice - (advised ? sizeof(glue) - 1 : 0);
}

cleave_status error_advise(cleave_error *error, cleave_status status, const char *format, ...) {
    va_list args;
    if (!error)
        return status;
    size_t start = error_advice_place(error);
    if (start + sizeof(glue) >= sizeof(error->text))
        return status; /* no room for it */
    memcpy(error->text + start, glue, sizeof(glue));
    start += sizeof(glue) - 1;
    va_start(args, format);
    utf8_show_format(error->text + start, sizeof(error->text) - start, format, args);
    va_end(args);
    error->advice = (int)start;
    return status;
}

void error_set_memory(cleave_error *error, const char *what, size_t bytes) {
    error_set(error, CLEAVE_ERROR_MEMORY, "%zu bytes for %s", bytes, what);
    error_prefix(error, "out of memory");
    error_advise(error, CLEAVE_ERROR_MEMORY, "try a smaller batch or close other programs");
}

/* Where a part begins once `used` bytes stand before it; the text may have been cut. */
static int error_offset(int part, int used, int end) {
    int moved = part + used;
    return moved < end ? moved : end;
}

void error_prefix(cleave_error *error, const char *format, ...) {
    if (!error)
        return;
    ErrorFront front;
    va_list args;
    va_start(args, format);
    utf8_show_format(front.text, sizeof(front.text) - 2, format, args);
    va_end(args);
    utf8_trim(front.text);
    cleave_error before = *error;
    int used = error_put(error, 0, front.text);
    used = error_put(error, (size_t)used, ": ");
    int end = error_put(error, (size_t)used, before.text);
    error->reason = error_offset(before.reason, used, end);
    error->reason_end = error_offset(before.reason_end, used, end);
    error->advice = error_offset(before.advice, used, end);
}

void error_clear(cleave_error *error) {
    if (!error)
        return;
    error->status = CLEAVE_OK;
    error->text[0] = '\0';
    error->reason = error->reason_end = error->advice = 0;
    memset(error->reserved, 0, sizeof(error->reserved));
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
