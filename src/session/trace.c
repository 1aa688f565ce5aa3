/* trace.c: the JSON form of Chrome's trace events: times in microseconds; complete events ("X")
 * with a thread; metadata events ("M") with the threads' names. Numbers are written digit by digit,
 * since a locale may put a comma into them. */
#include "session/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/output_file.h"

#define PROCESS     1
#define BUFFER_SIZE 65536
#define PIECE_MAX   1024 /* that one trace_put() writes at most */

typedef struct Trace {
    OutputFile file;
    size_t used;
    char buffer[BUFFER_SIZE];
} Trace;

static void trace_flush(Trace *trace) {
    output_file_write(&trace->file, trace->buffer, (int64_t)trace->used);
    trace->used = 0;
}

__attribute__((format(printf, 2, 3))) static void trace_put(Trace *trace, const char *format, ...) {
    va_list arguments;
    if (BUFFER_SIZE - trace->used < PIECE_MAX)
        trace_flush(trace);
    va_start(arguments, format);
    int length = vsnprintf(trace->buffer + trace->used, PIECE_MAX, format, arguments);
    va_end(arguments);
    if (length > 0)
        trace->used += (size_t)length < PIECE_MAX ? (size_t)length : PIECE_MAX - 1;
}

/* ---- Text and numbers ---- */

/* Text within quotes. Names of layers are ASCII; anything else becomes "?". */
typedef struct Quoted {
    char text[2 * NODE_NAME_SIZE];
} Quoted;

static Quoted trace_quoted(const char *text) {
    Quoted quoted = {""};
    size_t length = 0;
    for (; *text != '\0' && length + 3 < sizeof(quoted.text); text++) {
        char c = *text;
        if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f)
            c = '?';
        if (c == '"' || c == '\\')
            quoted.text[length++] = '\\';
        quoted.text[length++] = c;
    }
    return quoted;
}

/* "1234.567" microseconds. */
typedef struct Microseconds {
    char text[32];
} Microseconds;

/* A negative time, by a clock's error, is zero. */
static int64_t trace_nanoseconds(double seconds) {
    return seconds > 0 ? (int64_t)(seconds * 1e9 + 0.5) : 0;
}

static Microseconds trace_microseconds(int64_t nanoseconds) {
    Microseconds us;
    snprintf(us.text, sizeof(us.text), "%" PRId64 ".%03d", nanoseconds / 1000,
             (int)(nanoseconds % 1000));
    return us;
}

/* ---- Parts of the file ---- */

static void trace_put_begin(Trace *trace, const Profile *profile) {
    trace_put(trace,
              "{\"displayTimeUnit\":\"ms\",\n\"otherData\":{\"producer\":\"cleave "
              "%s\",\"events\":%" PRId64 ",\"events_left_out\":%" PRId64
              "%s},\n\"traceEvents\":[\n",
              cleave_version(), profile->event_count, profile->left_out,
              profile->left_out > 0 ? ",\"note\":\"the trace was full before the run's end\"" : "");
    trace_put(trace,
              "{\"ph\":\"M\",\"pid\":%d,\"tid\":0,\"name\":\"process_name\","
              "\"args\":{\"name\":\"cleave\"}}",
              PROCESS);
}

static void trace_put_row(Trace *trace, const Profile *profile, int row) {
    trace_put(
        trace,
        ",\n{\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":\"%s\"}"
        "}"
        ",\n{\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"name\":\"thread_sort_index\","
        "\"args\":{\"sort_index\":%d}}",
        PROCESS, row + 1, trace_quoted(profile->rows[row]).text, PROCESS, row + 1, row + 1);
}

/* "conv 3x3 1024x256": the most important first, since a viewer cuts it. */
static void trace_put_name(Trace *trace, const ProfileOp *op, bool stage) {
    trace_put(trace, "\"name\":\"%s", op->op);
    if (op->kernel[0] > 0)
        trace_put(trace, " %dx%d", op->kernel[1], op->kernel[0]);
    if (!stage && op->output.height > 1)
        trace_put(trace, " %dx%d", op->output.width, op->output.height);
    trace_put(trace, "\",\"cat\":\"%s\"", stage ? "host" : "network");
}

static void trace_put_event(Trace *trace, const Profile *profile, const ProfileEvent *event) {
    const ProfileOp *op = &profile->ops[event->op];
    bool stage = event->op < STAGE_COUNT;
    int64_t begin = trace_nanoseconds(event->begin - profile->begin);
    int64_t end = trace_nanoseconds(event->end - profile->begin);
    trace_put(trace, ",\n{\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"ts\":%s,\"dur\":%s,", PROCESS,
              event->row + 1, trace_microseconds(begin).text,
              trace_microseconds(end > begin ? end - begin : 0).text);
    trace_put_name(trace, op, stage);
    if (!stage)
        trace_put(trace, ",\"args\":{\"layer\":\"%s\"%s%s%s}", trace_quoted(op->name).text,
                  *op->algorithm != '\0' ? ",\"algorithm\":\"" : "", op->algorithm,
                  *op->algorithm != '\0' ? "\"" : "");
    trace_put(trace, "}");
}

/* ---- The file ---- */

static cleave_status trace_finish(Trace *trace, cleave_error *error) {
    trace_flush(trace);
    cleave_status status = output_file_check(&trace->file, error);
    if (status == CLEAVE_OK)
        status = output_file_finish(&trace->file, error);
    return status == CLEAVE_OK ? output_file_commit(&trace->file, error) : status;
}

cleave_status trace_write(const Profile *profile, const char *path, cleave_error *error) {
    Trace *trace = malloc(sizeof(*trace));
    if (!trace)
        return error_memory(error, "the trace", sizeof(*trace));
    trace->used = 0;
    cleave_status status = output_file_open(&trace->file, path, error);
    if (status != CLEAVE_OK) {
        free(trace);
        return status;
    }
    trace_put_begin(trace, profile);
    for (int i = 0; i < profile->row_count; i++)
        trace_put_row(trace, profile, i);
    for (int64_t i = 0; i < profile->event_count && trace->file.error == 0; i++)
        trace_put_event(trace, profile, &profile->events[i]);
    trace_put(trace, "\n]}\n");
    status = trace_finish(trace, error);
    output_file_close(&trace->file);
    free(trace);
    return status;
}
