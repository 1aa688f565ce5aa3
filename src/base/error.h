/* error.h: how a function of cleave says that it failed. The text goes into the caller's
 * cleave_error; nothing is printed. */
#ifndef CLEAVE_BASE_ERROR_H
#define CLEAVE_BASE_ERROR_H

#include "cleave.h"

#define STRING_OF(x)        #x
#define VERSION_OF(a, b, c) STRING_OF(a) "." STRING_OF(b) "." STRING_OF(c)

/* The version of these sources, as text. */
#define CLEAVE_VERSION VERSION_OF(CLEAVE_VERSION_MAJOR, CLEAVE_VERSION_MINOR, CLEAVE_VERSION_PATCH)

/* Writes status and a reason in one line, and returns the status, so that a failing function ends
 * with `return error_set(error, …)`. Names may go in as they are: the text becomes harmless UTF-8
 * (utf8.h). In this function and the next ones error may be NULL. */
cleave_status error_set(cleave_error *error, cleave_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with "TASK: PATH: " before the reason, such as "cannot read audio: song.wav: …". */
cleave_status error_set_file(cleave_error *error, cleave_status status, const char *task,
                             const char *path, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Puts " (DETAIL)" behind the reason, for a bug report: what a library said, for example. It is not
 * part of the reason. Call it before error_advise(). Returns `status`. */
cleave_status error_detail(cleave_error *error, cleave_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "; ADVICE" behind an error: what the user can try. Returns `status`, so that
 *     return error_advise(error, error_set(error, …), "try a smaller batch");
 * sets both. Earlier advice is replaced. */
cleave_status error_advise(cleave_error *error, cleave_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void error_set_memory(cleave_error *error, const char *what, size_t bytes);

/* Sets CLEAVE_ERROR_MEMORY: "out of memory: BYTES bytes for WHAT; try …". */
static inline cleave_status error_memory(cleave_error *error, const char *what, size_t bytes) {
    error_set_memory(error, what, bytes);
    return CLEAVE_ERROR_MEMORY; /* a constant that static analysis sees */
}

/* Puts "CONTEXT: " before an error that is already set; the reason begins behind it. */
void error_prefix(cleave_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes CLEAVE_OK and an empty text; each public function does so first. */
void error_clear(cleave_error *error);

#endif
