/* sample_model.c: the network that cleave_model_open_sample() opens. It needs no file of the
 * user's: it is written to a temporary one, and read as any other checkpoint is. */
#include "diagnose/sample_model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "cleave/extra.h"
#include "diagnose/random_weight.h"

/* Two scales, channels in whole blocks and parts of them, subbands, and a chunk of 0.18 s. The text
 * has neither quotes nor line breaks, so that it can stand in JSON as it is. */
static const char sample_config[] =
    "{audio: {chunk_size: 8064, dim_f: 256, dim_t: 64, hop_length: 128, n_fft: 512, "
    "num_channels: 2, sample_rate: 44100}, "
    "model: {act: gelu, bottleneck_factor: 4, growth: 8, norm: InstanceNorm, "
    "num_blocks_per_scale: 1, num_channels: 24, num_scales: 2, num_subbands: 4, scale: [2, 2]}, "
    "training: {instruments: [one, other]}, inference: {num_overlap: 2}}";

#define HEADER_SIZE    (16384 - 8) /* its length stands before it; blanks fill it up */
#define VALUES_AT_ONCE 512

static cleave_status sample_fail(const char *path, cleave_error *error) {
    cleave_status status =
        error_set(error, CLEAVE_ERROR_OUTPUT, PATH_FORMAT ": cannot write the sample network: %s",
                  path, strerror(errno));
    return error_advise(error, status, "make room there, or set TMPDIR to another folder");
}

/* ---- The file, in the format of safetensors ---- */

static int64_t sample_elements(const WeightSpec *spec) {
    int64_t elements = 1;
    for (int i = 0; i < spec->dim_count; i++)
        elements *= spec->dims[i];
    return elements;
}

static void write_header(FILE *file, const WeightSpec *specs, size_t count) {
    int64_t begin = 0;
    for (int i = 0; i < 8; i++)
        fputc((int)((uint64_t)HEADER_SIZE >> (8 * i) & 0xff), file);
    fprintf(file, "{\"__metadata__\":{\"config\":\"%s\"}", sample_config);
    for (size_t w = 0; w < count; w++) {
        int64_t end = begin + sample_elements(&specs[w]) * (int64_t)sizeof(float);
        fprintf(file, ",\"%s\":{\"dtype\":\"F32\",\"data_offsets\":[%" PRId64 ",%" PRId64 "],",
                specs[w].name, begin, end);
        for (int i = 0; i < specs[w].dim_count; i++)
            fprintf(file, "%s%" PRId64, i == 0 ? "\"shape\":[" : ",", specs[w].dims[i]);
        fputs("]}", file);
        begin = end;
    }
    fprintf(file, "}%*s", (int)(8 + HEADER_SIZE - 1 - ftell(file)), "");
}

static void write_values(FILE *file, const WeightSpec *specs, size_t count) {
    uint64_t state = 1;
    float values[VALUES_AT_ONCE];
    for (size_t w = 0; w < count; w++)
        for (int64_t left = sample_elements(&specs[w]); left > 0; left -= VALUES_AT_ONCE) {
            size_t part = size_min((size_t)left, VALUES_AT_ONCE);
            size_t first = (size_t)(sample_elements(&specs[w]) - left);
            random_weight_draw(&specs[w], &state, first, values, part);
            fwrite(values, sizeof(*values), part, file);
        }
}

static cleave_status write_sample(const char *path, cleave_error *error) {
    Config config;
    WeightSpec *specs = NULL;
    size_t count = 0;
    cleave_status status = config_parse(&config, sample_config, sizeof(sample_config) - 1,
                                        "the sample's configuration", NULL, error);
    if (status != CLEAVE_OK)
        return status;
    status = network_weights(&config, &specs, &count, error);
    config_free(&config);
    if (status != CLEAVE_OK)
        return status;
    FILE *file = fopen(path, "wb");
    if (file) {
        write_header(file, specs, count);
        write_values(file, specs, count);
    }
    free(specs);
    bool failed = !file || ferror(file);
    if ((file && fclose(file) != 0) || failed)
        return sample_fail(path, error);
    return CLEAVE_OK;
}

/* ---- Opening it ---- */

static cleave_status open_in(const char *folder, cleave_model **model, const cleave_logger *log,
                             cleave_error *error) {
    char *path = string_format("%s/sample.safetensors", folder);
    if (!path)
        return error_memory(error, "a path", strlen(folder));
    cleave_status status = write_sample(path, error);
    if (status == CLEAVE_OK) {
        cleave_model_settings settings;
        cleave_model_settings_default(&settings);
        if (log)
            settings.log = *log;
        status = cleave_model_open(model, path, &settings, error);
    }
    unlink(path); /* what is mapped stays */
    free(path);
    return status;
}

/* The folder is the file's own: a configuration that lies beside a model goes before the one within
 * it. */
cleave_status cleave_model_open_sample(cleave_model **model, const cleave_logger *log,
                                       cleave_error *error) {
    error_clear(error);
    if (!model)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "cannot open the sample network: the result is NULL");
    *model = NULL;
    const char *parent = getenv("TMPDIR");
    parent = parent && *parent ? parent : "/tmp";
    char *folder = string_format("%s/cleave-XXXXXX", parent);
    if (!folder)
        return error_memory(error, "a path", strlen(parent));
    bool made = mkdtemp(folder) != NULL;
    cleave_status status = made ? open_in(folder, model, log, error) : sample_fail(parent, error);
    if (made)
        rmdir(folder);
    free(folder);
    return status;
}
