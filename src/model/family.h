/* family.h: what sets one family of networks apart from the others. Each family is a file of its
 * own, such as mdx23c.c, and a row in families.c. */
#ifndef CLEAVE_MODEL_FAMILY_H
#define CLEAVE_MODEL_FAMILY_H

#include "model/config_keys.h"
#include "model/network.h"

struct NetworkFamily {
    const char *name;
    const char *mark;       /* family_names.h */
    const char *own_weight; /* a weight that no other family with the same mark has */

    /* ---- The configuration ---- */

    /* Whether the section "model" is of this family. The first one in the table that says yes is
     * it. `checkpoint` decides where the text does not; it may be NULL. */
    bool (*knows)(const YamlTree *tree, const YamlNode *model, const Checkpoint *checkpoint);

    /* The keys of the STFT's sizes, for errors: "audio.n_fft". */
    const char *n_fft_key;
    const char *hop_key;
    const char *bins_key;

    /* A chunk is as long as whole frames cover, and may be given in frames, as audio.dim_t. */
    bool chunks_of_frames;
    /* Refuses, by name, variants of the family that cleave does not run; NULL: there are none. */
    cleave_status (*refuse)(const ConfigReader *reader);

    const IntegerKey *integer_keys;
    size_t integer_key_count;

    /* Reads all other keys of the section "model". */
    cleave_status (*read)(const ConfigReader *reader);

    /* Whether sizes that passed their own range checks fit together. */
    cleave_status (*check)(const Config *config, const char *source, cleave_error *error);

    /* See config_check_frames(). */
    cleave_status (*check_frames)(const Config *config, int frames, const char *what,
                                  cleave_error *error);

    /* Writes the sizes of the network for the log. */
    void (*write_sizes)(const Config *config, char *text, size_t size);

    /* ---- The checkpoint ---- */

    /* Every tensor of a checkpoint must be one that the network names, but counters and biases of
     * zeros, which change nothing. Else only tensors that look like the network's weights must. */
    bool names_all_weights;

    /* The variant of the family that a tensor is known by, such as "Mamba2", if cleave does not run
     * it; else NULL. NULL for the function: there are none. */
    const char *(*variant)(const char *name);

    /* ---- The network ---- */

    /* Each stem has weights of its own, so that those which nobody wants are left out. */
    bool stems_apart;

    /* Appends the nodes to network->graph, and lists their weights and parts. Returns the output
     * node, or -1 if memory ran out.
     *
     * Of samples that are all zero the network makes exact zeros, so that the stream need not run
     * it for silence. A Roformer's stems are masks times the spectrogram. In MDX23C no op outside
     * the U-Net has a bias, and the U-Net's output is multiplied by the first convolution's. */
    int (*describe)(Network *network, int samples);

    /* Writes which key of the configuration seems to be wrong for a checkpoint that does not fit;
     * false: no idea. */
    bool (*hint)(const Config *config, const Checkpoint *checkpoint, char *hint, size_t size);
};

/* The family of a configuration, by its text, and where that does not say, by the checkpoint, which
 * may be NULL. MDX23C where nothing says so. */
const NetworkFamily *family_find(const YamlTree *tree, const Checkpoint *checkpoint);

/* The family that a checkpoint is of, by its weights; NULL: none. */
const NetworkFamily *family_of_checkpoint(const Checkpoint *checkpoint);

#endif
