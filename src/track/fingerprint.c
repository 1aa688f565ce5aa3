/* fingerprint.c: one line for each thing that decides the bits. */
#include "track/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/path.h"
#include "base/path_format.h"

/* Appends to the text, for which `size` is ample. */
static void fingerprint_append(char *text, size_t size, const char *line) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", line);
}

/* "input 1048576 bytes of 1700000000.123456789" */
static void fingerprint_append_stamp(char *text, size_t size, const char *what,
                                     const FileStamp *stamp) {
    char line[128];
    snprintf(line, sizeof(line), "%s %" PRId64 " bytes of %" PRId64 ".%09ld\n", what, stamp->size,
             stamp->seconds, stamp->nanoseconds);
    fingerprint_append(text, size, line);
}

static void fingerprint_append_settings(char *text, size_t size, const cleave_separator *separator,
                                        const DemixJob *job) {
    char line[256];
    cleave_separator_info info;
    cleave_separator_get_info(separator, &info);
    snprintf(line, sizeof(line),
             "%s %s %s, %s, overlap %d, chunk %d, tta %d, %s, normalize %d, %d Hz, %d channels\n",
             info.device, info.kernels, info.precision, info.blend, info.overlap, info.chunk_size,
             info.tta, info.compiled ? "compiled" : "op by op", job->normalize, job->sample_rate,
             job->geometry.channels);
    fingerprint_append(text, size, line);
}

cleave_status fingerprint_describe(char *text, size_t size, const cleave_separator *separator,
                                   const DemixJob *job, const char *input, const FileStamp *stamp,
                                   const cleave_file_settings *reading, cleave_error *error) {
    char line[64];
    text[0] = '\0';
    snprintf(line, sizeof(line), "cleave %s\n", cleave_version());
    fingerprint_append(text, size, line);
    if (!stamp->regular)
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_ARGUMENT,
                                      PATH_FORMAT
                                      " is no file that could be read again, so that it "
                                      "cannot be resumed",
                                      path_shown(input)),
                            "save it to a file first, or run without --resume");
    fingerprint_append_stamp(text, size, "input", stamp);
    snprintf(line, sizeof(line), "read from stream %d, channels %d\n", reading->input_stream,
             (int)reading->input_channels);
    fingerprint_append(text, size, line);
    fingerprint_append_stamp(text, size, "model", &separator->model->stamp);
    fingerprint_append_stamp(text, size, "configuration", &separator->model->config_stamp);
    fingerprint_append_settings(text, size, separator, job);
    snprintf(line, sizeof(line), "plan %016" PRIx64 "\n", separator->compiled.plan_digest);
    fingerprint_append(text, size, line);
    uint32_t stems = (uint32_t)crc32_z(0, (const unsigned char *)job->stems,
                                       (size_t)job->stem_count * sizeof(*job->stems));
    uint32_t computed = (uint32_t)crc32_z(0, (const unsigned char *)separator->choice.wanted,
                                          (size_t)separator->model->config.stem_count);
    snprintf(line, sizeof(line), "%d stems %08x of %d, %08x\n", job->stem_count, stems,
             job->network_stems, computed);
    fingerprint_append(text, size, line);
    return CLEAVE_OK;
}
