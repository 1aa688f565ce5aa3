/* fingerprint.c: see fingerprint.h. */
#include "separate/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/path_format.h"

#ifdef __APPLE__
#define CHANGE_TIME(status) ((status).st_mtimespec)
#else
#define CHANGE_TIME(status) ((status).st_mtim)
#endif

/* Appends to the text, for which `size` is ample. */
static void append(char *text, size_t size, const char *line) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", line);
}

/* "input 1048576 bytes of 1700000000.123456789"; a file that is not there is as one of no bytes. */
static bool append_file(char *text, size_t size, const char *what, const char *path) {
    char line[128];
    struct stat status = {0};
    bool regular = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    snprintf(line, sizeof(line), "%s %" PRId64 " bytes of %lld.%09ld\n", what,
             (int64_t)status.st_size, (long long)CHANGE_TIME(status).tv_sec,
             (long)CHANGE_TIME(status).tv_nsec);
    append(text, size, line);
    return regular;
}

static void append_settings(char *text, size_t size, const cleave_separator *separator,
                            const DemixJob *job) {
    char line[256];
    cleave_separator_info info;
    cleave_separator_get_info(separator, &info);
    snprintf(line, sizeof(line),
             "%s %s %s, %s, overlap %d, chunk %d, tta %d, %s, normalize %d, %d Hz, %d channels\n",
             info.device, info.kernels, info.precision, info.blend, info.overlap, info.chunk_size,
             info.tta, separator->settings.compile ? "compiled" : "op by op", job->normalize,
             job->sample_rate, job->plan.channels);
    append(text, size, line);
}

cleave_status fingerprint_describe(char *text, size_t size, const cleave_separator *separator,
                                   const DemixJob *job, const char *input, cleave_error *error) {
    char line[64];
    text[0] = '\0';
    snprintf(line, sizeof(line), "cleave %s\n", cleave_version());
    append(text, size, line);
    if (!append_file(text, size, "input", input))
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         PATH_FORMAT " is no file that could be read again, so that it cannot be "
                                     "resumed; save it to a file first, or run without --resume",
                         input);
    append_file(text, size, "model", separator->model->path);
    append_file(text, size, "configuration", separator->model->config_source);
    append_settings(text, size, separator, job);
    uint32_t stems = (uint32_t)crc32_z(0, (const unsigned char *)job->stems,
                                       (size_t)job->stem_count * sizeof(*job->stems));
    snprintf(line, sizeof(line), "%d stems %08x\n", job->stem_count, stems);
    append(text, size, line);
    return CLEAVE_OK;
}
