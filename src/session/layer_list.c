/* layer_list.c: turning a backend's plan into the list that callers see. */
#include "session/layer_list.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

static cleave_layer layer_list_describe(const LayerPlan *plan) {
    const LayerClass *class = &plan->layer;
    cleave_layer layer = {
        .op = graph_op_name(class->op), .count = plan->count, .flops = plan->flops};
    shape_write(layer.input, class->input);
    shape_write(layer.output, class->output);
    if (class->op != OP_CONV && class->op != OP_CONV_TRANSPOSED)
        return layer;
    for (int i = 0; i < 2; i++) {
        layer.kernel[i] = class->conv.kernel[1 - i];
        layer.stride[i] = class->conv.stride[1 - i];
    }
    snprintf(layer.how, sizeof(layer.how), "%s", plan->how);
    return layer;
}

cleave_status layer_list_fill(cleave_layer_list *list, const NetworkPlan *plan,
                              cleave_error *error) {
    size_t count = (size_t)plan->count;
    double all = 0;
    if (count == 0)
        return CLEAVE_OK;
    list->layers = pointers_new(count, sizeof(**list->layers));
    if (!list->layers)
        return error_memory(error, "the plan of the network", count * sizeof(**list->layers));
    list->count = plan->count;
    for (int i = 0; i < plan->count; i++)
        all += plan->layers[i].seconds;
    for (int i = 0; i < plan->count; i++) {
        *list->layers[i] = layer_list_describe(&plan->layers[i]);
        list->layers[i]->share = all > 0 ? plan->layers[i].seconds / all : 0;
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
