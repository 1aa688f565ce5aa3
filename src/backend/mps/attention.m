/* attention.m: the softmax of queries and keys, in tiles, since the scores of all heads at once
 * may be gigabytes.
 *
 * From macOS 15 on, in f16, a tile is MPSGraph's own attention, which need not write the scores at
 * all. In f32 that one loses memory at each run, as PyTorch's users found (its issue 152344), and
 * so does what MPSGraph takes for attention by itself: a softmax between two products. So the
 * softmax is spelt out. */
#include "backend/mps/attention.h"

#include "backend/mps/sizes.h"
#include "backend/mps/token_ops.h"

/* The first macOS that has it; what classes of older ones answer is private to them. */
#define MACOS_ATTENTION 15

bool attention_built_in(int macos) {
    return macos >= MACOS_ATTENTION &&
           [MPSGraph instancesRespondToSelector:@selector
                     (scaledDotProductAttentionWithQueryTensor:keyTensor:valueTensor:scale:name:)];
}

typedef struct Sequences {
    OpBuilder *builder;
    int node;
    NSInteger outer; /* batch and what the sequences are counted by */
    NSInteger length;
    NSInteger heads;
    NSInteger dim; /* of a head */
    bool along_bands;
} Sequences;

static Sequences sequences_of(OpBuilder *builder, int node) {
    const Node *attention = &builder->network->nodes[node];
    bool along_bands = attention->as.attention.axis == SEQUENCE_BANDS;
    int others = along_bands ? attention->shape.height : attention->shape.channels;
    return (Sequences){.builder = builder,
                       .node = node,
                       .outer = (NSInteger)builder->batch * others,
                       .length = sequence_length(attention),
                       .heads = attention->as.attention.heads,
                       .dim = attention->as.attention.dim_head,
                       .along_bands = along_bands};
}

/* (outer, length, heads · dim) → (outer · heads, length, dim): every head of a sequence by itself;
 * `count`: heads. */
static MPSGraphTensor *split_heads(const Sequences *s, MPSGraphTensor *rows, NSInteger count) {
    MPSGraphTensor *heads =
        op_reshape(s->builder, rows, NUMBERS(s->outer, s->length, count, s->dim));
    return op_swap(s->builder, heads, 1, 2);
}

/* One of the three thirds of QKV's result, (outer, 3 · heads, length, dim). */
static MPSGraphTensor *third(const Sequences *s, MPSGraphTensor *all, int which) {
    MPSGraphTensor *heads = op_slice(s->builder, all, 1, which * s->heads, s->heads);
    return op_reshape(s->builder, heads, NUMBERS(s->outer * s->heads, s->length, s->dim));
}

/* Turns queries or keys, in f32. The pairs' first features then stand before all second ones: for
 * the product of queries and keys it is all the same. */
static MPSGraphTensor *turn(const Sequences *s, MPSGraphTensor *heads, MPSGraphTensor *cosines,
                            MPSGraphTensor *sines) {
    OpBuilder *builder = s->builder;
    NSInteger count = s->outer * s->heads;
    NSArray *half = NUMBERS(count, s->length, s->dim / 2);
    MPSGraphTensor *pairs = op_reshape(builder, op_cast(builder, heads, MPSDataTypeFloat32),
                                       NUMBERS(count, s->length, s->dim / 2, 2));
    MPSGraphTensor *x = op_reshape(builder, op_slice(builder, pairs, 3, 0, 1), half);
    MPSGraphTensor *y = op_reshape(builder, op_slice(builder, pairs, 3, 1, 1), half);
    MPSGraphTensor *first =
        op_subtract(builder, op_multiply(builder, x, cosines), op_multiply(builder, y, sines));
    MPSGraphTensor *second =
        op_add(builder, op_multiply(builder, y, cosines), op_multiply(builder, x, sines));
    return op_join(builder, [NSArray arrayWithObjects:first, second, nil], 2);
}

typedef struct Heads {
    MPSGraphTensor *queries; /* (outer · heads, length, dim); f32 */
    MPSGraphTensor *keys;
    MPSGraphTensor *values; /* in the precision */
} Heads;

static Heads heads_of(const Sequences *s, MPSGraphTensor *operands) {
    OpBuilder *builder = s->builder;
    MPSGraphTensor *all = op_weigh(builder, operands, s->node, ATTENTION_QKV);
    MPSGraphTensor *cosines = op_table(builder, s->node, TABLE_ROPE_COSINES);
    MPSGraphTensor *sines = op_table(builder, s->node, TABLE_ROPE_SINES);
    all = split_heads(s, all, 3 * s->heads);
    return (Heads){.queries = turn(s, third(s, all, 0), cosines, sines),
                   .keys = turn(s, third(s, all, 1), cosines, sines),
                   .values = third(s, all, 2)};
}

/* ---- Tiles ---- */

/* Products of queries and keys are f32 in f16 too: as f16, MPSGraph would round them, and their
 * exponents with them. */
static MPSGraphTensor *spelt_out(const Sequences *s, const Heads *tile) {
    OpBuilder *builder = s->builder;
    MPSGraph *graph = builder->graph;
    MPSGraphTensor *scores =
        op_matrix_product(builder, tile->queries, op_swap(builder, tile->keys, 1, 2));
    MPSGraphTensor *most = [graph reductionMaximumWithTensor:scores axis:2 name:nil];
    MPSGraphTensor *powers = [graph exponentWithTensor:op_subtract(builder, scores, most) name:nil];
    MPSGraphTensor *sum = [graph reductionSumWithTensor:powers axis:2 name:nil];
    MPSGraphTensor *shares = op_divide(builder, powers, sum);
    return op_matrix_product(builder, op_operand(builder, shares, s->node), tile->values);
}

static MPSGraphTensor *with_four_axes(const Sequences *s, MPSGraphTensor *heads) {
    NSArray *shape = [heads shape];
    MPSGraphTensor *operand = op_operand(s->builder, heads, s->node);
    return op_reshape(
        s->builder, operand,
        [[NSArray arrayWithObject:[NSNumber numberWithInt:1]] arrayByAddingObjectsFromArray:shape]);
}

static MPSGraphTensor *built_in(const Sequences *s, const Heads *tile) {
    MPSGraphTensor *result =
        [s->builder->graph scaledDotProductAttentionWithQueryTensor:with_four_axes(s, tile->queries)
                                                          keyTensor:with_four_axes(s, tile->keys)
                                                        valueTensor:with_four_axes(s, tile->values)
                                                              scale:1.0f
                                                               name:nil];
    return op_reshape(s->builder, result, [tile->queries shape]);
}

static MPSGraphTensor *attend(const Sequences *s, const Heads *tile) {
    bool narrow = s->builder->precision == CLEAVE_PRECISION_F16;
    MPSGraphTensor *result =
        narrow && s->builder->device->attention ? built_in(s, tile) : spelt_out(s, tile);
    return op_cast(s->builder, result, MPSDataTypeFloat32);
}

/* Some heads, their queries cut where one head's scores are too many. */
static MPSGraphTensor *attend_heads(const Sequences *s, const Heads *all, NSInteger first,
                                    NSInteger count, NSInteger queries) {
    NSMutableArray *parts = [NSMutableArray array];
    Heads some = {.queries = op_slice(s->builder, all->queries, 0, first, count),
                  .keys = op_slice(s->builder, all->keys, 0, first, count),
                  .values = op_slice(s->builder, all->values, 0, first, count)};
    for (NSInteger begin = 0; begin < s->length; begin += queries) {
        NSInteger rows = begin + queries < s->length ? queries : s->length - begin;
        Heads tile = some;
        tile.queries = op_slice(s->builder, some.queries, 1, begin, rows);
        [parts addObject:attend(s, &tile)];
    }
    return op_join(s->builder, parts, 1);
}

static MPSGraphTensor *attend_all(const Sequences *s, const Heads *all) {
    AttentionTile tile = attention_tile(s->length, s->builder->device->attention_scores);
    NSInteger heads = s->outer * s->heads;
    NSMutableArray *parts = [NSMutableArray array];
    for (NSInteger begin = 0; begin < heads; begin += tile.heads) {
        NSInteger count = begin + tile.heads < heads ? tile.heads : heads - begin;
        [parts addObject:attend_heads(s, all, begin, count, tile.queries)];
    }
    return op_join(s->builder, parts, 0);
}

/* ---- All ---- */

/* Gates, (outer, length, heads, 1). */
static MPSGraphTensor *gates_of(const Sequences *s, MPSGraphTensor *operands) {
    MPSGraphTensor *gates = op_weigh_and_bias(s->builder, operands, s->node, ATTENTION_GATES);
    gates = [s->builder->graph sigmoidWithTensor:gates name:nil];
    return op_reshape(s->builder, gates, NUMBERS(s->outer, s->length, s->heads, 1));
}

MPSGraphTensor *op_attention(OpBuilder *builder, int node, MPSGraphTensor *x) {
    Sequences s = sequences_of(builder, node);
    const Node *attention = &builder->network->nodes[node];
    NSInteger tokens = s.outer * s.length;
    MPSGraphTensor *ordered = s.along_bands ? op_swap(builder, x, 1, 2) : x;
    NSArray *shape = [ordered shape];
    MPSGraphTensor *rows = op_reshape(builder, ordered, NUMBERS(tokens, attention->shape.width));
    MPSGraphTensor *operands =
        op_operand(builder, op_rms(builder, rows, node, ATTENTION_GAMMA), node);
    Heads all = heads_of(&s, operands);
    MPSGraphTensor *heads =
        op_reshape(builder, attend_all(&s, &all), NUMBERS(s.outer, s.heads, s.length, s.dim));
    heads = op_multiply(builder, op_swap(builder, heads, 1, 2), gates_of(&s, operands));
    heads = op_operand(builder, op_reshape(builder, heads, NUMBERS(tokens, s.heads * s.dim)), node);
    MPSGraphTensor *result = op_weigh(builder, heads, node, ATTENTION_OUT);
    result = op_add(builder, rows, op_cast(builder, result, MPSDataTypeFloat32));
    result = op_reshape(builder, result, shape);
    return s.along_bands ? op_swap(builder, result, 1, 2) : result;
}
