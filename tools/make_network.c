/* make_network.c: writes a random network of the family and size that a configuration asks for, for
 * tests and measurements:
 *
 *   make_network CONFIG.yaml -o OUT.ckpt|OUT.safetensors [--seed N] [--type f32|f16|bf16]
 *                [--embed-config]
 *
 * Values are written as they are drawn: only names and shapes take memory. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "base/mapped_file.h"
#include "base/text.h"
#include "model/config.h"
#include "random_network.h"

/* A type by its name on the command line and by that of torch.save. */
static const struct {
    const char *option;
    const char *storage;
} type_names[] = {
    [VALUE_F32] = {"f32", "FloatStorage"},
    [VALUE_F16] = {"f16", "HalfStorage"},
    [VALUE_BF16] = {"bf16", "BFloat16Storage"},
    [VALUE_I64] = {"i64", "LongStorage"},
};

typedef struct Options {
    const char *config;
    const char *output;
    uint64_t seed;
    ValueType type;
    bool embed;
} Options;

static bool write_safetensors(const RandomNetwork *network, const Options *options,
                              const char *config) {
    FILE *file = fopen(options->output, "wb");
    bool done = file && random_network_write(network, file, options->output, config, options->seed,
                                             NULL) == CLEAVE_OK;
    return file && fclose(file) == 0 && done;
}

/* ---- torch.save's ZIP ---- */

static void pickle_text(FILE *out, const char *text) {
    uint32_t size = (uint32_t)strlen(text);
    fputc('X', out);
    for (int i = 0; i < 4; i++)
        fputc((int)(size >> (8 * i) & 255U), out);
    fputs(text, out);
}

static void pickle_integer(FILE *out, int64_t value) {
    fputs("\x8a\x08", out);
    for (int i = 0; i < 8; i++)
        fputc((int)((uint64_t)value >> (8 * i) & 255U), out);
}

/* A call of torch._utils._rebuild_tensor_v2 with its arguments. */
static void pickle_tensor(FILE *out, const RandomWeight *item, size_t key) {
    char name[32];
    int64_t stride = item->elements;
    snprintf(name, sizeof(name), "%zu", key);
    fputs("ctorch._utils\n_rebuild_tensor_v2\n((", out);
    pickle_text(out, "storage");
    fprintf(out, "ctorch\n%s\n", type_names[item->type].storage);
    pickle_text(out, name);
    pickle_text(out, "cpu");
    pickle_integer(out, item->elements);
    fputs("tQK", out);
    fputc(0, out);
    fputc('(', out);
    for (int i = 0; i < item->spec.dim_count; i++)
        pickle_integer(out, item->spec.dims[i]);
    fputs("t(", out);
    for (int i = 0; i < item->spec.dim_count; i++) {
        stride /= item->spec.dims[i];
        pickle_integer(out, stride);
    }
    fputs("t\x89"
          "ccollections\nOrderedDict\n)RtR",
          out);
}

static bool make_pickle(const RandomNetwork *network, char **bytes, size_t *size) {
    FILE *out = open_memstream(bytes, size);
    if (!out)
        return false;
    fputs("\x80\x02"
          "ccollections\nOrderedDict\n)R(",
          out);
    for (size_t i = 0; i < network->count; i++) {
        pickle_text(out, network->weights[i].spec.name);
        pickle_tensor(out, &network->weights[i], i);
    }
    fputs("u.", out);
    return fclose(out) == 0;
}

typedef struct Archive {
    zipFile zip;
    uint64_t offset; /* of the next entry's header */
} Archive;

static bool write_to_zip(void *context, const void *bytes, size_t size) {
    const Archive *archive = context;
    return zipWriteInFileInZip(archive->zip, bytes, (unsigned)size) == ZIP_OK;
}

/* Begins a stored entry whose data lies at a multiple of 64 bytes, as torch.save does it: the
 * padding is an extra field "FB". */
static bool begin_entry(Archive *archive, const char *name, uint64_t size) {
    unsigned char extra[4 + 64] = {'F', 'B'};
    const bool large = size >= UINT32_MAX;
    const uint64_t fixed = 30 + strlen(name) + sizeof(uint32_t) + (large ? 20 : 0);
    uint64_t padding = (64 - (archive->offset + fixed) % 64) % 64;
    extra[2] = (unsigned char)padding;
    memset(extra + 4, 'Z', padding);
    zip_fileinfo info = {.dosDate = 0x21 << 16}; /* the first day that a ZIP can hold */
    archive->offset += fixed + padding + size;
    return zipOpenNewFileInZip64(archive->zip, name, &info, extra, (unsigned)(4 + padding), NULL, 0,
                                 NULL, 0, 0, large) == ZIP_OK;
}

static bool write_entry(Archive *archive, const char *name, const void *bytes, size_t size) {
    return begin_entry(archive, name, size) && write_to_zip(archive, bytes, size) &&
           zipCloseFileInZip(archive->zip) == ZIP_OK;
}

static bool write_storages(Archive *archive, const RandomNetwork *network, uint64_t state) {
    for (size_t i = 0; i < network->count; i++) {
        const RandomWeight *item = &network->weights[i];
        char name[64];
        snprintf(name, sizeof(name), "archive/data/%zu", i);
        uint64_t size = (uint64_t)item->elements * value_size(item->type);
        if (!begin_entry(archive, name, size) ||
            !random_weight_write(item, &state, write_to_zip, archive) ||
            zipCloseFileInZip(archive->zip) != ZIP_OK)
            return false;
    }
    return true;
}

static bool write_ckpt(const RandomNetwork *network, const Options *options) {
    char *pickle = NULL;
    size_t size = 0;
    Archive archive = {.zip = zipOpen64(options->output, APPEND_STATUS_CREATE)};
    bool done = archive.zip && make_pickle(network, &pickle, &size) &&
                write_entry(&archive, "archive/data.pkl", pickle, size) &&
                write_entry(&archive, "archive/byteorder", "little", 6) &&
                write_storages(&archive, network, options->seed) &&
                write_entry(&archive, "archive/version", "3\n", 2);
    free(pickle);
    return archive.zip && zipClose(archive.zip, NULL) == ZIP_OK && done;
}

/* ---- The program ---- */

static bool read_type(const char *text, ValueType *type) {
    for (int i = VALUE_F32; i <= VALUE_BF16; i++)
        if (strcmp(text, type_names[i].option) == 0) {
            *type = (ValueType)i;
            return true;
        }
    return false;
}

static bool read_options(int count, char **words, Options *options) {
    static const struct option known[] = {{"output", required_argument, NULL, 'o'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"type", required_argument, NULL, 't'},
                                          {"embed-config", no_argument, NULL, 'e'},
                                          {NULL, 0, NULL, 0}};
    int option;
    bool valid = true;
    while ((option = getopt_long(count, words, "o:s:t:e", known, NULL)) != -1) {
        char *end = NULL;
        if (option == 'o')
            options->output = optarg;
        else if (option == 's')
            options->seed = strtoull(optarg, &end, 10);
        else if (option == 'e')
            options->embed = true;
        else
            valid = option == 't' && read_type(optarg, &options->type) && valid;
        valid = valid && (!end || (*end == '\0' && end != optarg));
    }
    options->config = optind < count ? words[optind] : NULL;
    return valid && options->output && optind + 1 == count;
}

/* The whole file as a string; NULL where it cannot be read. */
static char *read_text(const char *path) {
    MappedFile file;
    cleave_error error;
    if (mapped_file_open(&file, path, CLEAVE_ERROR_MODEL, &error) != CLEAVE_OK) {
        fprintf(stderr, "make_network: %s\n", error.text);
        return NULL;
    }
    char *text = malloc(file.size + 1);
    if (text) {
        memcpy(text, file.data, file.size);
        text[file.size] = '\0';
    }
    mapped_file_close(&file);
    return text;
}

static bool write_network(const RandomNetwork *network, const Options *options) {
    if (text_ends_with(options->output, ".ckpt"))
        return write_ckpt(network, options);
    char *config = options->embed ? read_text(options->config) : NULL;
    bool done = (!options->embed || config) && write_safetensors(network, options, config);
    free(config);
    return done;
}

static bool check_output(const Options *options) {
    bool is_ckpt = text_ends_with(options->output, ".ckpt");
    if (!is_ckpt && !text_ends_with(options->output, ".safetensors")) {
        fprintf(stderr, "make_network: %s: the name must end in .ckpt or .safetensors\n",
                options->output);
        return false;
    }
    if (is_ckpt && options->embed) {
        fprintf(stderr, "make_network: only a .safetensors file can carry its configuration\n");
        return false;
    }
    return true;
}

int main(int count, char **words) {
    Options options = {.seed = 1, .type = VALUE_F32};
    RandomNetwork network = {0};
    Config config;
    cleave_error error;
    if (!read_options(count, words, &options)) {
        fprintf(stderr, "usage: make_network CONFIG.yaml -o OUT.ckpt|OUT.safetensors [--seed N] "
                        "[--type f32|f16|bf16] [--embed-config]\n");
        return 2;
    }
    if (!check_output(&options))
        return 2;
    if (config_read(&config, options.config, NULL, &error) != CLEAVE_OK) {
        fprintf(stderr, "make_network: %s\n", error.text);
        return 3;
    }
    bool done = random_network_list(&network, &config, options.type, &error) == CLEAVE_OK;
    if (!done)
        fprintf(stderr, "make_network: %s\n", error.text);
    if (done && !write_network(&network, &options)) {
        fprintf(stderr, "make_network: cannot write %s: is the folder there, and the disk full?\n",
                options.output);
        unlink(options.output);
        done = false;
    }
    if (done)
        printf("%s: %" PRId64 " parameters, %s\n", options.output, network_parameters(&config),
               type_names[options.type].option);
    random_network_free(&network);
    config_free(&config);
    return done ? 0 : 1;
}
