/* families.c: the table of network families. */
#include "model/family.h"
#include "model/mdx23c.h"
#include "model/roformer.h"

static const NetworkFamily *const families[] = {&mdx23c_family, &bs_roformer_family,
                                                &mel_band_roformer_family};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

const NetworkFamily *family_find(const YamlTree *tree, const Checkpoint *checkpoint) {
    const YamlNode *model = yaml_find(tree, yaml_root(tree), "model");
    for (size_t i = 0; i < FAMILIES; i++)
        if (families[i]->knows(tree, model, checkpoint))
            return families[i];
    return families[0];
}

const NetworkFamily *family_of_checkpoint(const Checkpoint *checkpoint) {
    for (size_t i = 0; i < FAMILIES; i++)
        if (checkpoint_find(checkpoint, families[i]->mark) &&
            checkpoint_find(checkpoint, families[i]->own_weight))
            return families[i];
    return NULL;
}
