/* blocks.c: a model as people want to read it: the parts of the network in order, and the tensors
 * of the checkpoint. Both are views; nothing is computed with them. */
#include <stdio.h>
#include <string.h>

#include "base/public_struct.h"
#include "cleave/extra.h"
#include "model/builder.h"
#include "model/model.h"

/* The parts of a network by the front of their nodes' names. A front that ends in a dot is followed
 * by a number, and each number is a part of its own. */
typedef struct PartKind {
    const char *front;
    const char *kind;
    const char *name; /* as shown */
} PartKind;

static const PartKind kinds[] = {
    {"stft", "stft", "STFT"},
    {"first_conv", "first_conv", "first conv"},
    {"encoder_blocks.", "encoder", "encoder"},
    {"bottleneck_block", "bottleneck", "bottleneck"},
    {"decoder_blocks.", "decoder", "decoder"},
    {"product", "final_conv", "final convs"}, /* the U-Net's output times first_conv's */
    {"final_con", "final_conv", "final convs"},
    {"istft", "istft", "inverse STFT"},
};

static const PartKind *find_kind(const char *node_name) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncmp(node_name, kinds[i].front, strlen(kinds[i].front)) == 0)
            return &kinds[i];
    return NULL;
}

/* The number behind the front of a name; -1 where that kind has none. */
static int part_number(const PartKind *kind, const char *node_name) {
    int number = 0;
    size_t length = strlen(kind->front);
    if (kind->front[length - 1] != '.')
        return -1;
    for (const char *digit = node_name + length; *digit >= '0' && *digit <= '9'; digit++)
        number = number * 10 + (*digit - '0');
    return number;
}

static void set_shape(int *target, Shape shape) {
    target[0] = shape.channels;
    target[1] = shape.width;
    target[2] = shape.height;
}

/* Decoders count down, so that decoder i reads what encoder i has put aside. */
static void begin_block(cleave_block *block, const PartKind *kind, int number, int scales,
                        Shape input) {
    *block = (cleave_block){.kind = kind->kind};
    if (number < 0)
        snprintf(block->name, sizeof(block->name), "%s", kind->name);
    else
        snprintf(block->name, sizeof(block->name), "%s %d", kind->name,
                 strcmp(kind->kind, "decoder") == 0 ? scales - number : number + 1);
    set_shape(block->input, input);
}

/* Weights 2 and 3 are BatchNorm's running statistics, which are not trained. */
static int64_t node_parameters(const Node *node) {
    int64_t count = 0;
    for (int i = 0; i < 2; i++)
        if (node->weights[i])
            count += (int64_t)tensor_elements(node->weights[i]);
    return count;
}

static int list_blocks(const cleave_model *model, const Graph *graph, cleave_block *blocks,
                       int capacity, size_t block_size) {
    int count = 0;
    int last_number = -1;
    const char *last_kind = "";
    cleave_block block = {0};
    for (int i = 0; i < graph->count; i++) {
        const Node *node = &graph->nodes[i];
        const PartKind *kind = find_kind(node->name);
        if (!kind)
            continue; /* the input */
        int number = part_number(kind, node->name);
        if (strcmp(kind->kind, last_kind) != 0 || number != last_number) {
            begin_block(&block, kind, number, model->config.num_scales, graph->nodes[i - 1].shape);
            last_kind = kind->kind;
            last_number = number;
            count++;
        }
        set_shape(block.output, node->shape);
        block.parameters += node_parameters(node);
        block.flops += graph_node_flops(graph, i);
        if (count <= capacity)
            struct_give_item(blocks, count - 1, block_size, &block, sizeof(block));
    }
    return count;
}

int cleave_model_blocks_sized(const cleave_model *model, cleave_block *blocks, int capacity,
                              size_t block_size) {
    Graph graph;
    if (builder_build(&graph, &model->config, model->checkpoint, model->config.chunk_size, NULL) !=
        CLEAVE_OK)
        return 0;
    int count = list_blocks(model, &graph, blocks, capacity, block_size);
    graph_free(&graph);
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
