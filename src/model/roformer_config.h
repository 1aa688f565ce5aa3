/* roformer_config.h: the configuration of both families of Roformers: their keys, the sizes that
 * fit, and the variants that cleave does not run. See family.h for what each function is. */
#ifndef CLEAVE_MODEL_ROFORMER_CONFIG_H
#define CLEAVE_MODEL_ROFORMER_CONFIG_H

#include "model/checkpoint.h"
#include "model/config_keys.h"

#define ROFORMER_MAX_DEPTH 256

/* A weight that a Mel-Band Roformer has, and a BS-Roformer has not. */
#define MEL_OWN_WEIGHT "layers.0.0.norm.gamma"

bool bs_roformer_knows(const YamlTree *tree, const YamlNode *model, const Checkpoint *checkpoint);
bool mel_roformer_knows(const YamlTree *tree, const YamlNode *model, const Checkpoint *checkpoint);

cleave_status roformer_refuse(const ConfigReader *reader);

#define ROFORMER_INTEGER_KEYS 10
extern const IntegerKey roformer_integer_keys[ROFORMER_INTEGER_KEYS];

cleave_status bs_roformer_read(const ConfigReader *reader);
cleave_status mel_roformer_read(const ConfigReader *reader);

cleave_status roformer_check(const Config *config, const char *source, cleave_error *error);
cleave_status roformer_check_frames(const Config *config, int frames, const char *what,
                                    cleave_error *error);
void roformer_write_sizes(const Config *config, char *text, size_t size);

#endif
