/* layer_plan.c: see layer_plan.h. */
#include "backend/layer_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *conv_algorithm_name(ConvAlgorithm algorithm) {
    return algorithm == CONV_WINOGRAD ? "winograd" : "direct";
}

void conv_plan_describe(const ConvPlan *plan, char *text, size_t size) {
    const char *name = conv_algorithm_name(plan->algorithm);
    if (plan->algorithm == CONV_WINOGRAD)
        snprintf(text, size, "%s %dx%d, %s first", name, plan->patch_columns, plan->patch_rows,
                 plan->weights_first ? "weights" : "patches");
    else
        snprintf(text, size, "%s", name);
}

bool conv_plan_equal(const ConvPlan *a, const ConvPlan *b) {
    return a->algorithm == b->algorithm && a->patch_rows == b->patch_rows &&
           a->patch_columns == b->patch_columns && a->weights_first == b->weights_first;
}

/* All members are of int's size: there is no padding between them. */
bool layer_class_equal(const LayerClass *a, const LayerClass *b) {
    return memcmp(a, b, sizeof(*a)) == 0;
}

static LayerPlan *find(const NetworkPlan *plan, const LayerClass *layer) {
    for (int i = 0; i < plan->count; i++)
        if (layer_class_equal(&plan->layers[i].layer, layer))
            return &plan->layers[i];
    return NULL;
}

const LayerPlan *network_plan_find(const NetworkPlan *plan, const LayerClass *layer) {
    return find(plan, layer);
}

bool network_plan_add(NetworkPlan *plan, const LayerPlan *layer) {
    LayerPlan *known = find(plan, &layer->layer);
    if (known) {
        known->count++;
        return true;
    }
    LayerPlan *layers = realloc(plan->layers, ((size_t)plan->count + 1) * sizeof(*layers));
    if (!layers)
        return false;
    plan->layers = layers;
    layers[plan->count] = *layer;
    layers[plan->count++].count = 1;
    return true;
}

void network_plan_free(NetworkPlan *plan) {
    free(plan->layers);
    *plan = (NetworkPlan){0};
}
