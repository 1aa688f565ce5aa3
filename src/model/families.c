/* families.c: the table of network families. */
#include "model/family.h"
#include "model/mdx23c.h"

static const NetworkFamily *const families[] = {&mdx23c_family};

const NetworkFamily *family_find(const YamlTree *tree) {
    const YamlNode *model = yaml_find(tree, yaml_root(tree), "model");
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (yaml_find(tree, model, families[i]->key))
            return families[i];
    return families[0];
}
