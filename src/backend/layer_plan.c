/* layer_plan.c: collecting layers by class. */
#include "backend/layer_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All members of a class are of int's size: there is no padding between them. */
static bool layer_plan_matches(const LayerPlan *a, const LayerPlan *b) {
    return memcmp(&a->layer, &b->layer, sizeof(a->layer)) == 0 && strcmp(a->how, b->how) == 0;
}

static LayerPlan *layer_plan_find(const NetworkPlan *plan, const LayerPlan *layer) {
    for (int i = 0; i < plan->count; i++)
        if (layer_plan_matches(&plan->layers[i], layer))
            return &plan->layers[i];
    return NULL;
}

bool network_plan_add(NetworkPlan *plan, const LayerPlan *layer) {
    LayerPlan *known = layer_plan_find(plan, layer);
    if (known) {
        known->count += layer->count;
        known->flops += layer->flops;
        known->seconds += layer->seconds;
        return true;
    }
    LayerPlan *layers = realloc(plan->layers, ((size_t)plan->count + 1) * sizeof(*layers));
    if (!layers)
        return false;
    plan->layers = layers;
    layers[plan->count++] = *layer;
    return true;
}

void network_plan_free(NetworkPlan *plan) {
    free(plan->layers);
    *plan = (NetworkPlan){0};
}
