/* model.h: an open model, for the rooms above: configuration and weights that fit each other. */
#ifndef CLEAVE_MODEL_MODEL_H
#define CLEAVE_MODEL_MODEL_H

#include "cleave.h"
#include "model/checkpoint.h"
#include "model/config.h"

struct cleave_model {
    Config config;
    Checkpoint *checkpoint;
    char *path;          /* as given */
    char *name;          /* file name without folder and extension */
    char *config_source; /* path of the YAML, or "safetensors header" */
    int64_t parameters;
    double flops_per_chunk;
};

#endif
