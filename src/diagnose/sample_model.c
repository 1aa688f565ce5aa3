/* sample_model.c: a small network of random weights that needs no file: it is written to a
 * temporary one and opened as any other, so that reading a checkpoint is tried too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path_format.h"
#include "cleave/extra.h"
#include "model/random_network.h"

/* Two scales, channels in whole blocks and parts of them, subbands, and a chunk of 0.18 s. */
static const char sample_config[] = "audio:\n"
                                    "  chunk_size: 8064\n"
                                    "  dim_f: 256\n"
                                    "  dim_t: 64\n"
                                    "  hop_length: 128\n"
                                    "  n_fft: 512\n"
                                    "  num_channels: 2\n"
                                    "  sample_rate: 44100\n"
                                    "model:\n"
                                    "  act: gelu\n"
                                    "  bottleneck_factor: 4\n"
                                    "  growth: 8\n"
                                    "  norm: InstanceNorm\n"
                                    "  num_blocks_per_scale: 1\n"
                                    "  num_channels: 24\n"
                                    "  num_scales: 2\n"
                                    "  num_subbands: 4\n"
                                    "  scale: [2, 2]\n"
                                    "training:\n"
                                    "  instruments: [one, other]\n"
                                    "inference:\n"
                                    "  num_overlap: 2\n";

static cleave_status fail_to_write(const char *path, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_OUTPUT,
                     PATH_FORMAT ": cannot write the sample network: %s; make room there, or set "
                                 "TMPDIR to another folder",
                     path, strerror(errno));
}

static cleave_status write_file(const RandomNetwork *network, const char *path,
                                cleave_error *error) {
    FILE *file = fopen(path, "wb");
    if (!file)
        return fail_to_write(path, error);
    cleave_status status = random_network_write(network, file, path, sample_config, 1, error);
    if (fclose(file) != 0 && status == CLEAVE_OK)
        status = fail_to_write(path, error);
    return status;
}

static cleave_status write_sample(const char *path, cleave_error *error) {
    Config config;
    RandomNetwork network = {.weights = NULL};
    cleave_status status = config_parse(&config, sample_config, sizeof(sample_config) - 1,
                                        "the sample's configuration", error);
    if (status != CLEAVE_OK)
        return status;
    status = random_network_list(&network, &config, VALUE_F32, error);
    if (status == CLEAVE_OK)
        status = write_file(&network, path, error);
    random_network_free(&network);
    config_free(&config);
    return status;
}

/* A folder of its own: a configuration that lies beside a model is taken before its own. *folder is
 * to be freed. */
static cleave_status make_folder(char **folder, cleave_error *error) {
    const char *parent = getenv("TMPDIR");
    parent = parent && *parent != '\0' ? parent : "/tmp";
    *folder = string_format("%s/cleave-XXXXXX", parent);
    if (!*folder)
        return error_memory(error, "a path", strlen(parent));
    if (mkdtemp(*folder))
        return CLEAVE_OK;
    free(*folder);
    *folder = NULL;
    return fail_to_write(parent, error);
}

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

CLEAVE_API cleave_status cleave_model_open_sample(cleave_model **model, const cleave_logger *log,
                                                  cleave_error *error) {
    char *folder = NULL;
    error_clear(error);
    if (!model)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "cannot open the sample network: the result is NULL");
    *model = NULL;
    cleave_status status = make_folder(&folder, error);
    if (folder) {
        status = open_in(folder, model, log, error);
        rmdir(folder);
    }
    free(folder);
    return status;
}
