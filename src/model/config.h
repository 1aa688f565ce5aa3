/* config.h: what a model's YAML says, read and checked. */
#ifndef CLEAVE_MODEL_CONFIG_H
#define CLEAVE_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "graph/graph.h"

typedef struct NetworkFamily NetworkFamily; /* family.h */
typedef struct Checkpoint Checkpoint;       /* checkpoint.h */

#define CONFIG_STEMS_MAX 256

/* What BS-Roformers and Mel-Band Roformers have in the section "model". */
typedef struct RoformerConfig {
    int dim;        /* D: features of a token */
    int depth;      /* blocks */
    int stems;      /* mask estimators */
    int time_depth; /* layers of a block's transformer along the frames, */
    int band_depth; /* and of that along the bands */
    int dim_head;
    int heads;
    int mask_depth; /* mask_estimator_depth; hidden layers: see hidden_layers */
    int hidden_layers;
    int expansion; /* hidden width of a mask's MLP / dim */
    int mel_bands; /* Mel-Band: num_bands, and the sample rate of its filter bank */
    int mel_rate;
    bool stereo;
    bool zero_dc;
    bool skip_connection;
    Band *bands; /* owned */
    int band_count;
} RoformerConfig;

typedef struct Config {
    const NetworkFamily *family;
    /* the STFT, and audio */
    int n_fft;
    int hop_length;
    int dim_f;      /* bins that the network reads */
    int dim_t;      /* frames of a chunk: chunk_size / hop_length + 1 */
    int chunk_size; /* samples. MDX23C: that the frames cover, hop_length * (dim_t - 1), and one
                       more if n_fft is odd */
    int given_chunk_size; /* as the configuration says; never less than chunk_size */
    int channels;
    int sample_rate;
    /* model: what MDX23C has there */
    int num_subbands;
    int num_scales;
    int num_blocks_per_scale;
    int num_channels;
    int growth;
    int bottleneck_factor;
    int scale[2]; /* time, frequency */
    NormKind norm;
    int norm_groups; /* NORM_GROUP only */
    ActKind act;
    float act_alpha; /* 0 where the activation has none */
    char norm_name[32];
    char act_name[32];
    RoformerConfig roformer; /* what Roformers have there */
    /* stems, in output order; only the target if there is one; at most CONFIG_STEMS_MAX */
    char **stems;
    int stem_count;
    /* inference */
    int overlap;        /* inference.num_overlap, at least 1; 2 if it is missing */
    bool overlap_given; /* it is not missing */
    int mean_dim_t;     /* frames of a chunk with blends mean and hamming: inference.dim_t, else
                           (MDX23C) audio.dim_t or dim_t; 0: chunk_size is the chunk */
    bool normalize;
} Config;

/* Parses YAML text (`size` bytes; not NUL-terminated) from `source`, a name for errors.
 *
 * Unknown keys are ignored. Anchors, aliases and merge keys are resolved, and !!python/tuple counts
 * as a sequence. Every number is range-checked. Sizes that do not fit the network are refused (T by
 * s_t^n, F by s_f^n and bn at every scale, channels by the groups of GroupNorm, …), and the error
 * names the keys and the numbers. Where the text does not say which family the network is of,
 * `checkpoint` decides, which may be NULL. On failure nothing is left to free. */
cleave_status config_parse(Config *config, const char *text, size_t size, const char *source,
                           const Checkpoint *checkpoint, cleave_error *error);

/* Reads and parses a file. */
cleave_status config_read(Config *config, const char *path, const Checkpoint *checkpoint,
                          cleave_error *error);

/* Checks that `frames` time frames fit the network. `what` names the key that they come from, for
 * the error. */
cleave_status config_check_frames(const Config *config, int frames, const char *what,
                                  cleave_error *error);

void config_free(Config *config);

#endif
