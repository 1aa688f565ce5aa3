/* bands.m: bands have different sizes, so each is a few products of its own. One product over all
 * bands would be fewer ops, but every band as wide as the widest: seven times the weights of the
 * masks' last layers, and none of them could be read where they lie in the checkpoint. */
#include "backend/mps/bands.h"

#include "backend/mps/token_ops.h"
#include "graph/tokens.h"

/* ---- Splitting ---- */

static MPSGraphTensor *split_one(OpBuilder *builder, int node, MPSGraphTensor *rows, int band) {
    const Node *split = &builder->network->nodes[node];
    int slot = band * SPLIT_WEIGHTS;
    int first = builder->network->bands[band].first * graph_bin_features(builder->network, split);
    int count = graph_band_features(builder->network, split, band);
    MPSGraphTensor *features = op_slice(builder, rows, 1, first, count);
    features = op_operand(builder, op_rms(builder, features, node, slot + SPLIT_GAMMA), node);
    MPSGraphTensor *result = op_weigh_and_bias(builder, features, node, slot + SPLIT_WEIGHT);
    return op_reshape(builder, result,
                      NUMBERS(builder->batch, 1, split->shape.height, split->shape.width));
}

MPSGraphTensor *op_band_split(OpBuilder *builder, int node, MPSGraphTensor *spectrogram) {
    const Node *split = &builder->network->nodes[node];
    Shape from = builder->network->nodes[split->inputs[0]].shape;
    NSInteger frames = (NSInteger)builder->batch * from.height;
    MPSGraphTensor *rows = op_reshape(builder, spectrogram, NUMBERS(frames, from.width));
    NSMutableArray *bands = [NSMutableArray array];
    for (int band = 0; band < builder->network->band_count; band++)
        [bands addObject:split_one(builder, node, rows, band)];
    return op_join(builder, bands, 1);
}

/* ---- Masks ---- */

/* A band's tokens as operands, (frames, D). */
static MPSGraphTensor *band_of(OpBuilder *builder, int node, MPSGraphTensor *x, int band) {
    Shape from = builder->network->nodes[builder->network->nodes[node].inputs[0]].shape;
    MPSGraphTensor *rows = op_reshape(builder, op_slice(builder, x, 1, band, 1),
                                      NUMBERS((NSInteger)builder->batch * from.height, from.width));
    return op_operand(builder, rows, node);
}

/* The mask of one band's features, (frames, c_k). */
static MPSGraphTensor *mask_band(OpBuilder *builder, int node, MPSGraphTensor *operands, int stem,
                                 int band) {
    const Graph *network = builder->network;
    const Node *mask = &network->nodes[node];
    int features = graph_band_features(network, mask, band);
    int layers = mask->as.mask.hidden_layers;
    for (int layer = 0; layer < layers; layer++) {
        int slot = mask_weight(network, mask, stem, band, layer);
        MPSGraphTensor *hidden = op_weigh_and_bias(builder, operands, node, slot);
        hidden = [builder->graph tanhWithTensor:hidden name:nil];
        operands = op_operand(builder, hidden, node);
    }
    MPSGraphTensor *both =
        op_weigh_and_bias(builder, operands, node, mask_weight(network, mask, stem, band, layers));
    MPSGraphTensor *values = op_slice(builder, both, 1, 0, features);
    MPSGraphTensor *gates = op_slice(builder, both, 1, features, features);
    return op_multiply(builder, values, [builder->graph sigmoidWithTensor:gates name:nil]);
}

/* What bands that overlap say of the same features, averaged. */
static MPSGraphTensor *average(OpBuilder *builder, MPSGraphTensor *all, MPSGraphTensor *places,
                               MPSGraphTensor *factors) {
    MPSGraphTensor *shares = op_multiply(builder, op_gather(builder, all, places, 1), factors);
    return [builder->graph reductionSumWithTensor:shares axis:1 name:nil];
}

/* Real (0) or imaginary (1) parts of numbers side by side, (frames, F · channels, 1). */
static MPSGraphTensor *part_of(OpBuilder *builder, MPSGraphTensor *bins, int part) {
    return op_slice(builder, bins, 2, part, 1);
}

/* Of complex numbers, (frames, F · channels, 2). */
static MPSGraphTensor *complex_product(OpBuilder *builder, MPSGraphTensor *a, MPSGraphTensor *b) {
    MPSGraphTensor *a_real = part_of(builder, a, 0);
    MPSGraphTensor *a_imaginary = part_of(builder, a, 1);
    MPSGraphTensor *b_real = part_of(builder, b, 0);
    MPSGraphTensor *b_imaginary = part_of(builder, b, 1);
    MPSGraphTensor *real = op_subtract(builder, op_multiply(builder, a_real, b_real),
                                       op_multiply(builder, a_imaginary, b_imaginary));
    MPSGraphTensor *imaginary = op_add(builder, op_multiply(builder, a_real, b_imaginary),
                                       op_multiply(builder, a_imaginary, b_real));
    return op_join(builder, [NSArray arrayWithObjects:real, imaginary, nil], 2);
}

/* Bin 0 of each frame, `channels` numbers, becomes 0. */
static MPSGraphTensor *without_dc(OpBuilder *builder, MPSGraphTensor *bins, NSInteger channels) {
    NSInteger all = [[[bins shape] objectAtIndex:1] integerValue];
    MPSGraphTensor *others = op_slice(builder, bins, 1, channels, all - channels);
    return [builder->graph padTensor:others
                     withPaddingMode:MPSGraphPaddingModeZero
                         leftPadding:NUMBERS(0, channels, 0)
                        rightPadding:NUMBERS(0, 0, 0)
                       constantValue:0
                                name:nil];
}

typedef struct Masks {
    OpBuilder *builder;
    int node;
    NSArray *operands;           /* of each band */
    MPSGraphTensor *spectrogram; /* (frames, F · channels, 2) */
    MPSGraphTensor *places;      /* nil: bands do not overlap */
    MPSGraphTensor *factors;
} Masks;

/* One stem's spectrogram, (batch, 1, T, F · channels · 2). */
static MPSGraphTensor *stem_of(const Masks *m, int stem) {
    OpBuilder *builder = m->builder;
    const Node *mask = &builder->network->nodes[m->node];
    NSMutableArray *bands = [NSMutableArray array];
    for (int band = 0; band < builder->network->band_count; band++)
        [bands addObject:mask_band(builder, m->node, [m->operands objectAtIndex:(NSUInteger)band],
                                   stem, band)];
    MPSGraphTensor *whole = op_join(builder, bands, 1);
    if (m->places)
        whole = average(builder, whole, m->places, m->factors);
    whole = op_reshape(builder, whole, [m->spectrogram shape]);
    MPSGraphTensor *result = complex_product(builder, whole, m->spectrogram);
    if (mask->as.mask.zero_dc)
        result = without_dc(builder, result, graph_bin_features(builder->network, mask) / 2);
    return op_reshape(builder, result,
                      NUMBERS(builder->batch, 1, mask->shape.height, mask->shape.width));
}

MPSGraphTensor *op_mask(OpBuilder *builder, int node, MPSGraphTensor *x,
                        MPSGraphTensor *spectrogram) {
    const Node *mask = &builder->network->nodes[node];
    NSInteger frames = (NSInteger)builder->batch * mask->shape.height;
    NSMutableArray *operands = [NSMutableArray array];
    NSMutableArray *stems = [NSMutableArray array];
    for (int band = 0; band < builder->network->band_count; band++)
        [operands addObject:band_of(builder, node, x, band)];
    Masks m = {.builder = builder, .node = node, .operands = operands};
    m.spectrogram = op_reshape(builder, spectrogram, NUMBERS(frames, mask->shape.width / 2, 2));
    if (table_count(builder->network, node) > 0) {
        m.places = op_table(builder, node, TABLE_MASK_PLACES);
        m.factors = op_table(builder, node, TABLE_MASK_FACTORS);
    }
    for (int stem = 0; stem < mask->as.mask.stems; stem++)
        [stems addObject:stem_of(&m, stem)];
    return op_join(builder, stems, 1);
}
