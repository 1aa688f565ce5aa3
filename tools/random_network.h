/* random_network.h: networks of random weights, in the shapes that a configuration asks for, to
 * test and to time with. They separate nothing, but their activations neither vanish nor explode.
 * The same seed gives the same values. */
#ifndef CLEAVE_TOOLS_RANDOM_NETWORK_H
#define CLEAVE_TOOLS_RANDOM_NETWORK_H

#include <stdio.h>

#include "model/config.h"
#include "model/network.h"

typedef enum ValueType { VALUE_F32, VALUE_F16, VALUE_BF16, VALUE_I64 } ValueType;

/* Bytes of a value. */
size_t value_size(ValueType type);

/* One tensor of the state dict. */
typedef struct RandomWeight {
    WeightSpec spec;
    ValueType type;
    int64_t elements;
} RandomWeight;

typedef struct RandomNetwork {
    RandomWeight *weights;
    size_t count;
} RandomNetwork;

/* Lists the tensors of a network, BatchNorm's counters included; only names and shapes take
 * memory. Free it in either case. */
cleave_status random_network_list(RandomNetwork *network, const Config *config, ValueType type,
                                  cleave_error *error);
void random_network_free(RandomNetwork *network);

/* Where bytes go: a file, or the open entry of a ZIP. */
typedef bool (*ByteSink)(void *context, const void *bytes, size_t size);

/* Draws the next weight's values into a sink. `state` begins as the seed. False where the sink
 * fails. */
bool random_weight_write(const RandomWeight *weight, uint64_t *state, ByteSink sink, void *context);

/* Writes a .safetensors file whose header carries `config`, the configuration's text (NULL: none);
 * `path` is for error texts. Errors: CLEAVE_ERROR_OUTPUT, CLEAVE_ERROR_MEMORY. */
cleave_status random_network_write(const RandomNetwork *network, FILE *file, const char *path,
                                   const char *config, uint64_t seed, cleave_error *error);

#endif
