/* network.c: building a network from its family's description, and its weights as a list. What a
 * network consists of is in the file of its family, such as mdx23c.c. */
#include "model/network.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/family.h"

WeightName weight_name(const char *format, ...) {
    WeightName name;
    va_list args;
    va_start(args, format);
    vsnprintf(name.text, sizeof(name.text), format, args);
    va_end(args);
    return name;
}

/* ---- Describing ---- */

void network_part(Network *network, const char *kind, const char *name, int number) {
    if (network->part_count == network->part_capacity) {
        int capacity = network->part_capacity ? 2 * network->part_capacity : 16;
        NetworkPart *parts = realloc(network->parts, (size_t)capacity * sizeof(*parts));
        network->failed = network->failed || !parts;
        if (!parts)
            return;
        network->parts = parts;
        network->part_capacity = capacity;
    }
    network->parts[network->part_count++] = (NetworkPart){kind, name, number, network->graph.count};
}

static const char *const weight_leaves[NORM_WEIGHTS_MAX] = {
    [WEIGHT_GAIN] = "weight",
    [WEIGHT_BIAS] = "bias",
    [WEIGHT_RUNNING_MEAN] = "running_mean",
    [WEIGHT_RUNNING_VARIANCE] = "running_var",
};

int weight_slot(const char *name) {
    const char *dot = strrchr(name, '.');
    for (int i = 0; i < NORM_WEIGHTS_MAX && dot; i++)
        if (strcmp(dot + 1, weight_leaves[i]) == 0)
            return i;
    return -1;
}

static bool network_make_room(Network *network) {
    if (network->weight_count < network->weight_capacity)
        return true;
    size_t capacity = network->weight_capacity ? 2 * network->weight_capacity : 256;
    WeightSpec *weights = realloc(network->weights, capacity * sizeof(*weights));
    if (!weights)
        return false;
    network->weights = weights;
    network->weight_capacity = capacity;
    return true;
}

WeightSpec *network_weigh_slot(Network *network, int node, int slot, const char *keys,
                               WeightName name) {
    if (node < 0 || !network_make_room(network)) {
        network->failed = true;
        return &network->nowhere;
    }
    WeightSpec *spec = &network->weights[network->weight_count++];
    *spec = (WeightSpec){.keys = keys, .node = node, .trained = true};
    memcpy(spec->name, name.text, sizeof(spec->name));
    spec->dim_count = graph_weight_shape(&network->graph, node, slot, spec->dims);
    if (network->checkpoint)
        graph_set_weight(&network->graph, node, slot,
                         checkpoint_find(network->checkpoint, spec->name));
    return spec;
}

int network_weigh(Network *network, int index, const char *keys) {
    if (index < 0)
        return -1;
    const Node *node = &network->graph.nodes[index];
    for (int i = 0; i < graph_weight_count(&network->graph, node); i++) {
        WeightName name = weight_name("%s.%s", node->name, weight_leaves[i]);
        network_weigh_slot(network, index, i, keys, name)->trained = i < WEIGHT_RUNNING_MEAN;
    }
    return network->failed ? -1 : index;
}

void network_list_last(Network *network, int node) {
    size_t end = network->weight_count;
    size_t first = end;
    while (first > 0 && network->weights[first - 1].node != node)
        first--;
    if (node < 0 || first == 0)
        return;
    WeightSpec moved = network->weights[first - 1];
    memmove(&network->weights[first - 1], &network->weights[first],
            (end - first) * sizeof(*network->weights));
    network->weights[end - 1] = moved;
}

/* ---- Building ---- */

cleave_status network_build(Network *network, const Config *config, const NetworkUse *use,
                            cleave_error *error) {
    *network = (Network){.config = config, .checkpoint = use->checkpoint, .wanted = use->wanted};
    int output = config->family->describe(network, use->samples);
    if (output >= 0 && !network->failed)
        return CLEAVE_OK;
    size_t bytes = (size_t)network->graph.count * sizeof(Node);
    network_free(network);
    return error_memory(error, "the network's graph", bytes);
}

void network_free(Network *network) {
    graph_free(&network->graph);
    free(network->weights);
    free(network->parts);
    *network = (Network){0};
}

cleave_status network_graph(Graph *graph, const Config *config, const NetworkUse *use,
                            cleave_error *error) {
    Network network;
    cleave_status status = network_build(&network, config, use, error);
    if (status != CLEAVE_OK)
        return status;
    *graph = network.graph;
    network.graph = (Graph){0};
    network_free(&network);
    return CLEAVE_OK;
}

int network_stems(const Config *config, const bool *wanted) {
    int stems = 0;
    if (!wanted || !config->family->stems_apart)
        return config->stem_count;
    for (int i = 0; i < config->stem_count; i++)
        stems += wanted[i];
    return stems;
}

/* ---- Questions ---- */

/* One chunk as the configuration has it, all stems, shapes only. */
static NetworkUse use_of_shapes(const Config *config) {
    return (NetworkUse){.samples = config->chunk_size};
}

cleave_status network_weights(const Config *config, WeightSpec **specs, size_t *count,
                              cleave_error *error) {
    const NetworkUse use = use_of_shapes(config);
    Network network;
    *specs = NULL;
    *count = 0;
    cleave_status status = network_build(&network, config, &use, error);
    if (status != CLEAVE_OK)
        return status;
    *specs = network.weights;
    *count = network.weight_count;
    network.weights = NULL;
    network_free(&network);
    return CLEAVE_OK;
}

int64_t weight_parameters(const WeightSpec *spec) {
    int64_t count = spec->trained ? 1 : 0;
    for (int i = 0; i < spec->dim_count; i++)
        count *= spec->dims[i];
    return count;
}

int64_t network_parameters(const Config *config) {
    WeightSpec *specs = NULL;
    size_t count = 0;
    int64_t total = 0;
    if (network_weights(config, &specs, &count, NULL) != CLEAVE_OK)
        return 0;
    for (size_t i = 0; i < count; i++)
        total += weight_parameters(&specs[i]);
    free(specs);
    return total;
}

double network_flops_per_chunk(const Config *config) {
    const NetworkUse use = use_of_shapes(config);
    Graph graph;
    if (network_graph(&graph, config, &use, NULL) != CLEAVE_OK)
        return 0;
    double flops = graph_flops(&graph);
    graph_free(&graph);
    return flops;
}
