/* conv_plan.c: see conv_plan.h. */
#include "backend/cpu/conv_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels/kernels.h"
#include "base/memory.h"

static bool is_3x3(const Node *node) {
    static const ConvAttributes wanted = {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};
    return node->op == OP_CONV && memcmp(&node->as.conv, &wanted, sizeof(wanted)) == 0;
}

static int tiles(int size) {
    return (size + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
}

ConvPlan conv_plan_estimate(const Node *node, int blocks, int column_blocks) {
    ConvPlan plan = {0};
    if (!is_3x3(node) || getenv("CLEAVE_DIRECT"))
        return plan;
    int down = tiles(node->shape.height);
    int across = tiles(node->shape.width);
    const char *size = getenv("CLEAVE_PATCH");
    int pr = 4, pc = 8;
    if (size)
        sscanf(size, "%dx%d", &pr, &pc);
    plan.algorithm = CONV_WINOGRAD;
    plan.patch_columns = (int)size_min((size_t)across, (size_t)pc);
    plan.patch_rows = (int)size_min((size_t)down, (size_t)(pr * pc / plan.patch_columns));
    plan.weights_first = (size_t)column_blocks * CHANNEL_BLOCK <= (size_t)down * (size_t)across;
    (void)blocks;
    return plan;
}
