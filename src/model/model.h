/* model.h: an open model: a configuration and a checkpoint that fit each other. */
#ifndef CLEAVE_MODEL_MODEL_H
#define CLEAVE_MODEL_MODEL_H

#include "base/file_stamp.h"
#include "cleave.h"
#include "model/checkpoint.h"
#include "model/config.h"

struct cleave_model {
    Config config;
    Checkpoint *checkpoint;
    char *path;             /* as given */
    char *name;             /* file name without folder and extension */
    FileStamp stamp;        /* of the checkpoint, before it was opened */
    FileStamp config_stamp; /* of the configuration, likewise; empty if it was embedded */
    char *config_source;    /* path of the YAML, or "safetensors header" */
    int64_t parameters;
    double flops_per_chunk;
};

#endif
