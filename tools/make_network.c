/* make_network.c: writes a random MDX23C network of the size that a configuration asks for, to test
 * and to time with:
 *
 *   make_network CONFIG.yaml -o OUT.ckpt|OUT.safetensors [--seed N] [--type f32|f16|bf16]
 *                [--embed-config]
 *
 * The values are drawn so that activations neither vanish nor explode; the network separates
 * nothing. Values are streamed to the file; only names and shapes are kept. */
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
#include "model/config.h"
#include "model/network.h"
#include "tests/random.h"

typedef enum ValueType { VALUE_F32, VALUE_F16, VALUE_BF16, VALUE_I64 } ValueType;

typedef struct TypeNames {
    const char *option;
    const char *safetensors;
    const char *storage;
    size_t size;
} TypeNames;

static const TypeNames type_names[] = {
    [VALUE_F32] = {"f32", "F32", "FloatStorage", 4},
    [VALUE_F16] = {"f16", "F16", "HalfStorage", 2},
    [VALUE_BF16] = {"bf16", "BF16", "BFloat16Storage", 2},
    [VALUE_I64] = {"i64", "I64", "LongStorage", 8},
};

/* One tensor of the state dict. */
typedef struct Item {
    WeightSpec spec;
    ValueType type;
    int64_t elements;
} Item;

typedef struct Network {
    Item *items;
    size_t count;
} Network;

typedef struct Options {
    const char *config;
    const char *output;
    uint64_t seed;
    ValueType type;
    bool embed;
} Options;

/* ---- The list of tensors ---- */

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text);
    size_t end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static Item item_of(const WeightSpec *spec, ValueType type) {
    Item item = {.spec = *spec, .type = type, .elements = 1};
    for (int i = 0; i < spec->dim_count; i++)
        item.elements *= spec->dims[i];
    return item;
}

/* BatchNorm's counter, which PyTorch expects behind its running statistics. */
static Item counter_of(const WeightSpec *running_var) {
    WeightSpec spec = {.dim_count = 0};
    size_t prefix = strlen(running_var->name) - strlen("running_var");
    snprintf(spec.name, sizeof(spec.name), "%.*snum_batches_tracked", (int)prefix,
             running_var->name);
    return item_of(&spec, VALUE_I64);
}

static bool list_network(Network *network, const Config *config, ValueType type) {
    WeightSpec *specs = NULL;
    size_t count = 0;
    cleave_error error;
    if (network_weights(config, &specs, &count, &error) != CLEAVE_OK) {
        fprintf(stderr, "make_network: %s\n", error.text);
        return false;
    }
    network->items = malloc((2 * count + 1) * sizeof(*network->items));
    for (size_t i = 0; i < count && network->items; i++) {
        network->items[network->count++] = item_of(&specs[i], type);
        if (ends_with(specs[i].name, ".running_var"))
            network->items[network->count++] = counter_of(&specs[i]);
    }
    free(specs);
    return network->items != NULL;
}

/* ---- Values ---- */

/* Values are uniform in middle ± spread. */
typedef struct Range {
    float middle;
    float spread;
} Range;

static Range range_of(const WeightSpec *spec) {
    if (spec->dim_count == 1) {
        if (ends_with(spec->name, ".running_var"))
            return (Range){1.0F, 0.5F};
        return ends_with(spec->name, ".weight") ? (Range){1.0F, 0.1F} : (Range){0.0F, 0.05F};
    }
    /* A transposed convolution whose kernel is its stride adds one tap per input channel. */
    bool transposed = strstr(spec->name, ".upscale.") != NULL;
    double fan_in = (double)(transposed ? spec->dims[0] : spec->dims[1]);
    for (int i = 2; i < spec->dim_count && !transposed; i++)
        fan_in *= (double)spec->dims[i];
    return (Range){0.0F, (float)sqrt(3.0 / fan_in)}; /* a variance of 1 / fan_in */
}

static uint16_t to_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return (uint16_t)((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

/* Rounds to nearest; values here are far from overflow. The addition lets the float's own rounding
 * drop the bits that a half has no room for. */
static uint16_t to_f16(float value) {
    uint32_t bits;
    float magnitude = fabsf(value);
    uint16_t sign = signbit(value) ? 0x8000U : 0;
    if (magnitude < 0x1p-14F) {
        magnitude += 0.5F; /* steps of 2^-24 */
        memcpy(&bits, &magnitude, sizeof(bits));
        return (uint16_t)(sign | (bits - 0x3f000000U));
    }
    memcpy(&bits, &magnitude, sizeof(bits));
    bits += 0xfffU + (bits >> 13 & 1U);
    return (uint16_t)(sign | ((bits - 0x38000000U) >> 13));
}

#define BLOCK 16384

/* The next `count` values of an item as bytes. */
static void fill_block(uint64_t *state, Range range, ValueType type, size_t count, void *bytes) {
    float *floats = bytes;
    uint16_t *halves = bytes;
    uint64_t bits = 0;
    if (type == VALUE_I64) {
        memset(bytes, 0, count * 8);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        bits = i % 2 == 0 ? random_next(state) : bits >> 32;
        float uniform = (float)(int32_t)(uint32_t)bits * 0x1p-31F;
        float value = range.middle + range.spread * uniform;
        if (type == VALUE_F32)
            floats[i] = value;
        else
            halves[i] = type == VALUE_F16 ? to_f16(value) : to_bf16(value);
    }
}

/* Where bytes go: a file, or the open entry of a ZIP. */
typedef bool (*Sink)(void *context, const void *bytes, size_t size);

static bool write_item(const Item *item, uint64_t *state, Sink sink, void *context) {
    static union {
        float floats[BLOCK];
        int64_t integers[BLOCK];
    } block;
    Range range = range_of(&item->spec);
    bool done = true;
    for (int64_t left = item->elements; left > 0 && done; left -= BLOCK) {
        size_t count = left < BLOCK ? (size_t)left : BLOCK;
        fill_block(state, range, item->type, count, &block);
        done = sink(context, &block, count * type_names[item->type].size);
    }
    return done;
}

/* ---- safetensors ---- */

static bool write_to_file(void *context, const void *bytes, size_t size) {
    return fwrite(bytes, 1, size, context) == size;
}

static json_t *describe_item(const Item *item, int64_t *offset) {
    json_t *shape = json_array();
    for (int i = 0; i < item->spec.dim_count; i++)
        json_array_append_new(shape, json_integer(item->spec.dims[i]));
    int64_t end = *offset + item->elements * (int64_t)type_names[item->type].size;
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_names[item->type].safetensors,
                              "shape", shape, "data_offsets", (json_int_t)*offset, (json_int_t)end);
    *offset = end;
    return entry;
}

/* The header as text, padded so that the data is aligned. NULL on failure; the caller's. */
static char *make_header(const Network *network, const char *config) {
    int64_t offset = 0;
    json_t *header = json_object();
    if (config)
        json_object_set_new(header, "__metadata__",
                            json_pack("{s:s, s:s}", "format", "pt", "config", config));
    for (size_t i = 0; i < network->count; i++)
        json_object_set_new(header, network->items[i].spec.name,
                            describe_item(&network->items[i], &offset));
    char *text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    size_t length = text ? strlen(text) : 0;
    size_t padded = (length + 63) / 64 * 64 + 56; /* 8 bytes of length stand before it */
    char *result = text ? malloc(padded + 1) : NULL;
    if (result) {
        memset(result, ' ', padded);
        memcpy(result, text, length);
        result[padded] = '\0';
    }
    free(text);
    return result;
}

static bool write_safetensors(const Network *network, const Options *options, const char *config) {
    FILE *file = fopen(options->output, "wb");
    char *header = make_header(network, config);
    bool done = file && header;
    uint64_t state = options->seed;
    if (done) {
        unsigned char length[8];
        for (int i = 0; i < 8; i++)
            length[i] = (unsigned char)((uint64_t)strlen(header) >> (8 * i));
        done = write_to_file(file, length, 8) && write_to_file(file, header, strlen(header));
    }
    for (size_t i = 0; i < network->count && done; i++)
        done = write_item(&network->items[i], &state, write_to_file, file);
    free(header);
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

/* Arguments of torch._utils._rebuild_tensor_v2, and the call. */
static void pickle_tensor(FILE *out, const Item *item, size_t key) {
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

static bool make_pickle(const Network *network, char **bytes, size_t *size) {
    FILE *out = open_memstream(bytes, size);
    if (!out)
        return false;
    fputs("\x80\x02"
          "ccollections\nOrderedDict\n)R(",
          out);
    for (size_t i = 0; i < network->count; i++) {
        pickle_text(out, network->items[i].spec.name);
        pickle_tensor(out, &network->items[i], i);
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

/* Begins a stored entry whose data lies at a multiple of 64 bytes, as torch.save's do; the padding
 * is an extra field of its kind. */
static bool begin_entry(Archive *archive, const char *name, uint64_t size) {
    unsigned char extra[4 + 64] = {'F', 'B'};
    const bool large = size >= UINT32_MAX;
    const uint64_t fixed = 30 + strlen(name) + sizeof(uint32_t) + (large ? 20 : 0);
    uint64_t padding = (64 - (archive->offset + fixed) % 64) % 64;
    extra[2] = (unsigned char)padding;
    memset(extra + 4, 'Z', padding);
    zip_fileinfo info = {.dosDate = 0x21 << 16}; /* the first day that a ZIP knows */
    archive->offset += fixed + padding + size;
    return zipOpenNewFileInZip64(archive->zip, name, &info, extra, (unsigned)(4 + padding), NULL, 0,
                                 NULL, 0, 0, large) == ZIP_OK;
}

static bool write_entry(Archive *archive, const char *name, const void *bytes, size_t size) {
    return begin_entry(archive, name, size) && write_to_zip(archive, bytes, size) &&
           zipCloseFileInZip(archive->zip) == ZIP_OK;
}

static bool write_storages(Archive *archive, const Network *network, uint64_t state) {
    for (size_t i = 0; i < network->count; i++) {
        const Item *item = &network->items[i];
        char name[64];
        snprintf(name, sizeof(name), "archive/data/%zu", i);
        uint64_t size = (uint64_t)item->elements * type_names[item->type].size;
        if (!begin_entry(archive, name, size) || !write_item(item, &state, write_to_zip, archive) ||
            zipCloseFileInZip(archive->zip) != ZIP_OK)
            return false;
    }
    return true;
}

static bool write_ckpt(const Network *network, const Options *options) {
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

static bool write_network(const Network *network, const Options *options) {
    if (ends_with(options->output, ".ckpt"))
        return write_ckpt(network, options);
    char *config = options->embed ? read_text(options->config) : NULL;
    bool done = (!options->embed || config) && write_safetensors(network, options, config);
    free(config);
    return done;
}

static bool check_output(const Options *options) {
    bool is_ckpt = ends_with(options->output, ".ckpt");
    if (!is_ckpt && !ends_with(options->output, ".safetensors")) {
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
    Network network = {0};
    Config config;
    cleave_error error;
    if (!read_options(count, words, &options)) {
        fprintf(stderr, "usage: make_network CONFIG.yaml -o OUT.ckpt|OUT.safetensors [--seed N] "
                        "[--type f32|f16|bf16] [--embed-config]\n");
        return 2;
    }
    if (!check_output(&options))
        return 2;
    if (config_read(&config, options.config, &error) != CLEAVE_OK) {
        fprintf(stderr, "make_network: %s\n", error.text);
        return 3;
    }
    bool done = list_network(&network, &config, options.type);
    if (done && !write_network(&network, &options)) {
        fprintf(stderr, "make_network: cannot write %s: is the folder there, and the disk full?\n",
                options.output);
        unlink(options.output);
        done = false;
    }
    if (done)
        printf("%s: %" PRId64 " parameters, %s\n", options.output, network_parameters(&config),
               type_names[options.type].option);
    free(network.items);
    config_free(&config);
    return done ? 0 : 1;
}
