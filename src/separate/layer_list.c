/* layer_list.c: how the layers of a network are computed, as callers are shown it. */
#include "separate/layer_list.h"

#include <stdlib.h>

#include "base/memory.h"

/* The graph's height is time and its width frequency, but in a waveform, whose height is 1. */
static void set_shape(int *shape, int channels, int height, int width) {
    shape[0] = channels;
    shape[1] = width;
    shape[2] = height;
}

static cleave_layer describe(const LayerPlan *plan) {
    const LayerClass *class = &plan->layer;
    cleave_layer layer = {
        .op = graph_op_name(class->op), .count = plan->count, .flops = plan->flops * plan->count};
    set_shape(layer.input, plan->channels, class->input_height, class->input_width);
    set_shape(layer.output, class->output.channels, class->output.height, class->output.width);
    if (class->op != OP_CONV && class->op != OP_CONV_TRANSPOSED)
        return layer;
    for (int i = 0; i < 2; i++) {
        layer.kernel[i] = class->conv.kernel[1 - i];
        layer.stride[i] = class->conv.stride[1 - i];
    }
    conv_plan_describe(&plan->conv, layer.how, sizeof(layer.how));
    return layer;
}

cleave_status layer_list_fill(cleave_layer_list *list, const NetworkPlan *plan,
                              cleave_error *error) {
    size_t count = (size_t)plan->count;
    double all = 0;
    list->layers = pointers_new(count, sizeof(**list->layers));
    if (!list->layers)
        return error_memory(error, "the plan of the network", count * sizeof(**list->layers));
    list->count = plan->count;
    for (int i = 0; i < plan->count; i++)
        all += plan->layers[i].seconds * plan->layers[i].count;
    for (int i = 0; i < plan->count; i++) {
        const LayerPlan *layer = &plan->layers[i];
        *list->layers[i] = describe(layer);
        list->layers[i]->share = all > 0 ? layer->seconds * layer->count / all : 0;
    }
    return CLEAVE_OK;
}

void cleave_layer_list_free(cleave_layer_list *list) {
    if (!list)
        return;
    free(list->layers);
    list->layers = NULL;
    list->count = 0;
}
