/* conv_plan.c: see conv_plan.h. */
#include "backend/cpu/conv_plan.h"

#include <string.h>

#include "backend/cpu/kernels/kernels.h"
#include "base/memory.h"

/* Tiles of a patch: enough for the weights' way through the caches to pay. */
#define PATCH_TILES   64
#define PATCH_COLUMNS 8

static bool is_3x3(const Node *node) {
    static const ConvAttributes wanted = {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}};
    return node->op == OP_CONV && memcmp(&node->as.conv, &wanted, sizeof(wanted)) == 0;
}

static int tiles(int size) {
    return (size + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
}

/* Whether Winograd takes clearly fewer products, tiles that reach beyond the edges counted in: from
 * 16 channels up its transforms cost less than the rest of the products that it saves. */
static bool fills_tiles(const Node *node) {
    size_t direct = 9 * (size_t)node->shape.height * (size_t)node->shape.width;
    size_t products =
        WINOGRAD_ELEMENTS * (size_t)tiles(node->shape.height) * (size_t)tiles(node->shape.width);
    return 2 * products <= direct;
}

ConvPlan conv_plan_estimate(const Node *node, int blocks, int column_blocks) {
    ConvPlan plan = {0};
    (void)blocks;
    if (!is_3x3(node) || !fills_tiles(node))
        return plan;
    size_t down = (size_t)tiles(node->shape.height);
    size_t across = (size_t)tiles(node->shape.width);
    plan.algorithm = CONV_WINOGRAD;
    plan.patch_columns = (int)size_min(across, PATCH_COLUMNS);
    plan.patch_rows = (int)size_min(down, PATCH_TILES / (size_t)plan.patch_columns);
    plan.weights_first = (size_t)column_blocks * CHANNEL_BLOCK <= down * across;
    return plan;
}
