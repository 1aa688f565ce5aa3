/* model_lists.c: the lists that the public header gives of a model: the parts of its network, and
 * the tensors of its checkpoint. */
#include <stdio.h>
#include <string.h>

#include "base/public_struct.h"
#include "cleave/extra.h"
#include "model/model.h"
#include "model/network.h"

static int part_end(const Network *network, int part) {
    return part + 1 < network->part_count ? network->parts[part + 1].first : network->graph.count;
}

static cleave_block describe_part(const Network *network, int index) {
    const NetworkPart *part = &network->parts[index];
    const Graph *graph = &network->graph;
    int end = part_end(network, index);
    cleave_block block = {.kind = part->kind};
    if (part->number > 0)
        snprintf(block.name, sizeof(block.name), "%s %d", part->name, part->number);
    else
        snprintf(block.name, sizeof(block.name), "%s", part->name);
    shape_write(block.input, graph->nodes[part->first - 1].shape);
    shape_write(block.output, graph->nodes[end - 1].shape);
    for (int i = part->first; i < end; i++)
        block.flops += graph_node_flops(graph, i);
    for (size_t i = 0; i < network->weight_count; i++)
        if (network->weights[i].node >= part->first && network->weights[i].node < end)
            block.parameters += weight_parameters(&network->weights[i]);
    return block;
}

int cleave_model_blocks_sized(const cleave_model *model, cleave_block *blocks, int capacity,
                              size_t block_size) {
    const NetworkUse use = {.samples = model->config.chunk_size};
    Network network;
    if (network_build(&network, &model->config, &use, NULL) != CLEAVE_OK)
        return 0;
    for (int i = 0; i < network.part_count && i < capacity; i++) {
        cleave_block block = describe_part(&network, i);
        struct_give_item(blocks, i, block_size, &block, sizeof(block));
    }
    int count = network.part_count;
    network_free(&network);
    return count;
}

int cleave_model_weights_sized(const cleave_model *model, cleave_weight *weights, int capacity,
                               size_t weight_size) {
    size_t count = 0;
    const Tensor *tensors = checkpoint_tensors(model->checkpoint, &count);
    for (size_t i = 0; i < count && i < (size_t)(capacity > 0 ? capacity : 0); i++) {
        cleave_weight weight = {.name = tensors[i].name,
                                .type = dtype_name(tensors[i].dtype),
                                .dim_count = tensors[i].dim_count};
        memcpy(weight.dims, tensors[i].dims, sizeof(weight.dims));
        struct_give_item(weights, (int)i, weight_size, &weight, sizeof(weight));
    }
    return (int)count;
}
