/* families.c: the table of network families. */
#include "model/family.h"
#include "model/mdx23c.h"
#include "model/roformer.h"

static const NetworkFamily *const families[] = {&mdx23c_family, &bs_roformer_family,
                                                &mel_band_roformer_family};

const NetworkFamily *family_find(const YamlTree *tree) {
    const YamlNode *model = yaml_find(tree, yaml_root(tree), "model");
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (families[i]->knows(tree, model))
            return families[i];
    return families[0];
}
