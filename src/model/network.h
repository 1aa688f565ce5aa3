/* network.h: the weights that an MDX23C configuration implies, and whether a checkpoint has them.
 */
#ifndef CLEAVE_MODEL_NETWORK_H
#define CLEAVE_MODEL_NETWORK_H

#include "model/checkpoint.h"
#include "model/config.h"

#define WEIGHT_NAME_SIZE 128

/* A name in the state dict, or the front of one: "encoder_blocks.0.tfc_tdf". */
typedef struct WeightName {
    char text[WEIGHT_NAME_SIZE];
} WeightName;

WeightName weight_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One weight: its name in the state dict and its shape. */
typedef struct WeightSpec {
    char name[WEIGHT_NAME_SIZE];
    int dim_count;
    int64_t dims[4];
    const char *keys; /* the configuration's keys that the shape follows from; static */
} WeightSpec;

/* All weights in the order of the network, without BatchNorm's num_batches_tracked, which nothing
 * reads. *specs is the caller's, to be freed with free(); NULL on failure. */
cleave_status network_weights(const Config *config, WeightSpec **specs, size_t *count,
                              cleave_error *error);

/* Checks that the checkpoint has every weight, in its shape and as floating-point numbers, and no
 * others of such a network. The error names the first that is wrong. */
cleave_status network_check(const Config *config, const Checkpoint *checkpoint,
                            const char *checkpoint_path, cleave_error *error);

/* Number of trained values: all weights but BatchNorm's running statistics. 0 if memory ran out. */
int64_t network_parameters(const Config *config);

#endif
