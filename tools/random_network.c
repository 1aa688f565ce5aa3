/* random_network.c: the list of a random network's tensors, and their values, which are drawn as
 * they are written. How large values are is in diagnose/random_weight.c. */
#include "random_network.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/text.h"
#include "diagnose/random_weight.h"

static const struct {
    const char *name; /* as safetensors has it */
    size_t size;
} value_types[] = {
    [VALUE_F32] = {"F32", 4},
    [VALUE_F16] = {"F16", 2},
    [VALUE_BF16] = {"BF16", 2},
    [VALUE_I64] = {"I64", 8},
};

size_t value_size(ValueType type) {
    return value_types[type].size;
}

/* ---- The list of tensors ---- */

static RandomWeight weight_of(const WeightSpec *spec, ValueType type) {
    RandomWeight weight = {.spec = *spec, .type = type, .elements = 1};
    for (int i = 0; i < spec->dim_count; i++)
        weight.elements *= spec->dims[i];
    return weight;
}

/* BatchNorm's counter, which PyTorch expects behind its running statistics. */
static RandomWeight counter_of(const WeightSpec *running_var) {
    WeightSpec spec = {.dim_count = 0};
    size_t prefix = strlen(running_var->name) - strlen("running_var");
    snprintf(spec.name, sizeof(spec.name), "%.*snum_batches_tracked", (int)prefix,
             running_var->name);
    return weight_of(&spec, VALUE_I64);
}

cleave_status random_network_list(RandomNetwork *network, const Config *config, ValueType type,
                                  cleave_error *error) {
    WeightSpec *specs = NULL;
    size_t count = 0;
    *network = (RandomNetwork){.weights = NULL};
    cleave_status status = network_weights(config, &specs, &count, error);
    if (status != CLEAVE_OK)
        return status;
    size_t bytes = (2 * count + 1) * sizeof(*network->weights);
    network->weights = malloc(bytes);
    for (size_t i = 0; i < count && network->weights; i++) {
        network->weights[network->count++] = weight_of(&specs[i], type);
        if (text_ends_with(specs[i].name, ".running_var"))
            network->weights[network->count++] = counter_of(&specs[i]);
    }
    free(specs);
    return network->weights ? CLEAVE_OK : error_memory(error, "a list of weights", bytes);
}

void random_network_free(RandomNetwork *network) {
    free(network->weights);
    *network = (RandomNetwork){.weights = NULL};
}

/* ---- Values ---- */

#define BLOCK 2048 /* values: what a stack holds easily; even, since they are drawn in pairs */

/* `count` values of a weight, from number `first` on, as bytes. */
static void draw_block(const RandomWeight *weight, uint64_t *state, size_t first, size_t count,
                       void *bytes) {
    float floats[BLOCK];
    uint16_t *halves = bytes;
    if (weight->type == VALUE_I64) {
        memset(bytes, 0, count * value_size(VALUE_I64));
        return;
    }
    random_weight_draw(&weight->spec, state, first, floats, count);
    for (size_t i = 0; i < count && weight->type != VALUE_F32; i++)
        halves[i] = weight->type == VALUE_F16 ? half_from_float_plain(floats[i])
                                              : bf16_from_float(floats[i]);
    if (weight->type == VALUE_F32)
        memcpy(bytes, floats, count * sizeof(*floats));
}

bool random_weight_write(const RandomWeight *weight, uint64_t *state, ByteSink sink,
                         void *context) {
    int64_t block[BLOCK]; /* room for any type */
    bool done = true;
    for (int64_t left = weight->elements; left > 0 && done; left -= BLOCK) {
        size_t count = left < BLOCK ? (size_t)left : BLOCK;
        draw_block(weight, state, (size_t)(weight->elements - left), count, block);
        done = sink(context, block, count * value_size(weight->type));
    }
    return done;
}

/* ---- safetensors ---- */

static bool write_to_file(void *context, const void *bytes, size_t size) {
    return fwrite(bytes, 1, size, context) == size;
}

static json_t *describe_weight(const RandomWeight *weight, int64_t *offset) {
    json_t *shape = json_array();
    for (int i = 0; i < weight->spec.dim_count; i++)
        json_array_append_new(shape, json_integer(weight->spec.dims[i]));
    int64_t end = *offset + weight->elements * (int64_t)value_size(weight->type);
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", value_types[weight->type].name,
                              "shape", shape, "data_offsets", (json_int_t)*offset, (json_int_t)end);
    *offset = end;
    return entry;
}

/* NULL where memory ran out. */
static json_t *describe_weights(const RandomNetwork *network, const char *config) {
    int64_t offset = 0;
    json_t *header = json_object();
    bool good = header != NULL;
    if (good && config)
        good = json_object_set_new(header, "__metadata__",
                                   json_pack("{s:s, s:s}", "format", "pt", "config", config)) == 0;
    for (size_t i = 0; i < network->count && good; i++)
        good = json_object_set_new(header, network->weights[i].spec.name,
                                   describe_weight(&network->weights[i], &offset)) == 0;
    if (good)
        return header;
    json_decref(header);
    return NULL;
}

/* The header as text, padded so that the data is aligned. NULL on failure; the caller's. */
static char *make_header(const RandomNetwork *network, const char *config) {
    json_t *header = describe_weights(network, config);
    size_t length = header ? json_dumpb(header, NULL, 0, JSON_COMPACT) : 0;
    size_t padded = (length + 63) / 64 * 64 + 56; /* 8 bytes of length stand before it */
    char *result = length > 0 ? malloc(padded + 1) : NULL;
    if (result) {
        memset(result, ' ', padded);
        json_dumpb(header, result, length, JSON_COMPACT);
        result[padded] = '\0';
    }
    json_decref(header);
    return result;
}

cleave_status random_network_write(const RandomNetwork *network, FILE *file, const char *path,
                                   const char *config, uint64_t seed, cleave_error *error) {
    unsigned char length[8];
    uint64_t state = seed;
    char *header = make_header(network, config);
    if (!header)
        return error_memory(error, "a network's header", 1);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)strlen(header) >> (8 * i));
    bool done = write_to_file(file, length, 8) && write_to_file(file, header, strlen(header));
    for (size_t i = 0; i < network->count && done; i++)
        done = random_weight_write(&network->weights[i], &state, write_to_file, file);
    done = done && fflush(file) == 0;
    free(header);
    return done ? CLEAVE_OK
                : error_set_file(error, CLEAVE_ERROR_OUTPUT, "cannot write", path, "%s",
                                 strerror(errno));
}
