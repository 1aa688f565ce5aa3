/* inspect_network.c: the network's parts, in the order in which they run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/table.h"
#include "cli/show/inspect.h"
#include "cli/show/layer_text.h"

static cleave_block *list_blocks(const Inspection *inspection, int *count) {
    *count = cleave_model_blocks(inspection->model, NULL, 0);
    cleave_block *blocks = allocate((size_t)*count, sizeof *blocks);
    if (cleave_model_blocks(inspection->model, blocks, *count) != *count || *count == 0)
        out_of_memory();
    return blocks;
}

static char *shape_text(const int *shape) {
    return shape[2] > 1 ? format_text("%dx%dx%d", shape[0], shape[1], shape[2])
                        : format_text("%dx%d", shape[0], shape[1]);
}

static double chunk_seconds(const cleave_model_info *info) {
    return (double)info->chunk_size / info->sample_rate;
}

static void network_add_row(Table *table, const cleave_model_info *info,
                            const cleave_block *block) {
    char *input = shape_text(block->input);
    char *output = shape_text(block->output);
    char *parameters =
        block->parameters > 0 ? format_text("%" PRId64, block->parameters) : copy_text("");
    char *flops = format_text("%.2f", block->flops / chunk_seconds(info) / 1e9);
    char *share = format_text("%.1f %%", 100.0 * block->flops / info->flops_per_chunk);
    const char *row[] = {block->name, input, output, parameters, flops, share};
    table_row(table, row);
    free(input);
    free(output);
    free(parameters);
    free(flops);
    free(share);
}

static void network_add_total(Table *table, const cleave_model_info *info) {
    char *parameters = format_text("%" PRId64, info->parameters);
    char *flops = format_text("%.2f", info->flops_per_chunk / chunk_seconds(info) / 1e9);
    const char *row[] = {"all", "", "", parameters, flops, "100.0 %"};
    table_rule(table);
    table_row(table, row);
    free(parameters);
    free(flops);
}

void inspect_network_print(const Inspection *inspection) {
    static const char *const headers[] = {"block",      "input",   "output",
                                          "parameters", "GFLOP/s", "share"};
    int count = 0;
    cleave_block *blocks = list_blocks(inspection, &count);
    Table *table = table_new("lllrrr", headers);
    for (int i = 0; i < count; i++)
        network_add_row(table, inspection->info, &blocks[i]);
    network_add_total(table, inspection->info);
    table_print(table, stdout);
    puts(inspection->info->dim > 0
             ? "Shapes of one chunk: bands x features x frames, or channels x samples."
             : "Shapes of one chunk: channels x frequencies x frames, or channels x samples.");
    puts("GFLOP/s: per second of audio at overlap 1; overlap 4 costs four times that.");
    table_free(table);
    free(blocks);
}

void inspect_network_put(const Inspection *inspection, json_t *object) {
    int count = 0;
    cleave_block *blocks = list_blocks(inspection, &count);
    json_t *list = json_new_array();
    for (int i = 0; i < count; i++) {
        json_t *block = json_new_object();
        json_put_text(block, "name", blocks[i].name);
        json_put_text(block, "kind", blocks[i].kind);
        json_put(block, "input", layer_shape_json(blocks[i].input));
        json_put(block, "output", layer_shape_json(blocks[i].output));
        json_put_integer(block, "parameters", blocks[i].parameters);
        json_put_number(block, "flops_per_chunk", blocks[i].flops);
        json_put_number(block, "flops_per_audio_second",
                        blocks[i].flops / chunk_seconds(inspection->info));
        json_append(list, block);
    }
    json_put(object, "blocks", list);
    free(blocks);
}
