/* exact_stft.m: a Fourier transform as matrix products of whole numbers.
 *
 * Frames and the matrix, window · cos and -window · sin, are cut into limbs (tables.h): whole
 * numbers so small that every sum of products stays below 2^24. So f32 holds all of these sums
 * exactly, in whatever order a GPU adds, with or without fused multiplications, and whatever its
 * compiler makes of the code; float-float arithmetic has no such safety, since compilers that may
 * reorder sums undo it. Products of limbs i and j count 2^-(bits + 1)(i + j): those of one sum are
 * one order, and orders beyond the last limb's do not count any more.
 *
 * (K. Ozaki, T. Ogita, S. Oishi, S. M. Rump, Error-free transformations of matrix multiplication,
 * Numerical Algorithms 59, 2012, has the idea.)
 *
 * The work is that of 28 products in place of one where n_fft is 2048, halved since samples at both
 * sides of the middle share their cosines, and their sines but for the sign. */
#include "backend/mps/exact_stft.h"

#include <math.h>

typedef struct Transform {
    OpBuilder *builder;
    Limbs limbs;
    NSInteger rows; /* frames of all waveforms */
    NSInteger half; /* n_fft / 2 */
    NSInteger bins;
} Transform;

static MPSGraphTensor *times_power(const Transform *t, MPSGraphTensor *tensor, int power) {
    return op_multiply(t->builder, tensor, op_scalar(t->builder, ldexp(1, power)));
}

static MPSGraphTensor *rounded(const Transform *t, MPSGraphTensor *tensor) {
    return [t->builder->graph roundWithTensor:tensor name:nil];
}

/* How many of the levels each frame's loudest sample reaches, (rows, 1). */
static MPSGraphTensor *level_of(const Transform *t, int node, MPSGraphTensor *frames) {
    MPSGraph *graph = t->builder->graph;
    MPSGraphTensor *loud = [graph absoluteWithTensor:frames name:nil];
    MPSGraphTensor *peak = [graph reductionMaximumWithTensor:loud axis:1 name:nil];
    MPSGraphTensor *reached =
        [graph greaterThanOrEqualToWithPrimaryTensor:peak
                                     secondaryTensor:op_table(t->builder, node, TABLE_LEVELS)
                                                name:nil];
    reached = op_cast(t->builder, reached, MPSDataTypeFloat32);
    MPSGraphTensor *count = [graph reductionSumWithTensor:reached axis:1 name:nil];
    return op_cast(t->builder, count, MPSDataTypeInt32);
}

/* Sums and differences of mirror images, each (rows, half), of each of the frames' limbs. */
static void cut(const Transform *t, MPSGraphTensor *frames, NSMutableArray *sums,
                NSMutableArray *differences) {
    MPSGraphTensor *rest = times_power(t, frames, t->limbs.bits);
    for (int i = 0; i < t->limbs.count; i++) {
        MPSGraphTensor *limb = rounded(t, rest);
        MPSGraphTensor *before = op_slice(t->builder, limb, 1, 0, t->half);
        MPSGraphTensor *behind = op_slice(t->builder, limb, 1, t->half, t->half);
        [sums addObject:op_add(t->builder, before, behind)];
        [differences addObject:op_subtract(t->builder, before, behind)];
        rest = times_power(t, op_subtract(t->builder, rest, limb), t->limbs.bits + 1);
    }
}

/* The limbs of a matrix, each (half, bins). */
static NSArray *matrix_of(const Transform *t, MPSGraphTensor *table) {
    NSMutableArray *limbs = [NSMutableArray array];
    for (int i = 0; i < t->limbs.count; i++) {
        MPSGraphTensor *limb = op_slice(t->builder, table, 0, i, 1);
        limb = op_reshape(t->builder, limb, NUMBERS(t->half, t->bins));
        [limbs addObject:op_cast(t->builder, limb, MPSDataTypeFloat32)];
    }
    return limbs;
}

/* All products of one order. */
static MPSGraphTensor *order_of(const Transform *t, NSArray *frames, NSArray *matrix, int order) {
    MPSGraphTensor *sum = nil;
    for (int i = 0; i <= order; i++) {
        MPSGraphTensor *product =
            op_matrix_product(t->builder, [frames objectAtIndex:(NSUInteger)i],
                              [matrix objectAtIndex:(NSUInteger)(order - i)]);
        sum = sum ? op_add(t->builder, sum, product) : product;
    }
    return sum;
}

/* From the orders' sums, the finest last: each hands on what is too large for it, so that it does
 * not matter in which order they are added up. */
static MPSGraphTensor *add_orders(const Transform *t, NSArray *orders) {
    int step = t->limbs.bits + 1;
    MPSGraphTensor *carried = nil;
    NSMutableArray *parts = [NSMutableArray array];
    for (int order = t->limbs.count - 1; order >= 0; order--) {
        MPSGraphTensor *part = [orders objectAtIndex:(NSUInteger)order];
        if (carried)
            part = op_add(t->builder, part, carried);
        if (order > 0) {
            carried = rounded(t, times_power(t, part, -step));
            part = op_subtract(t->builder, part, times_power(t, carried, step));
        }
        [parts addObject:times_power(t, part, -2 * t->limbs.bits - step * order)];
    }
    MPSGraphTensor *sum = [parts lastObject];
    for (int i = t->limbs.count - 2; i >= 0; i--)
        sum = op_add(t->builder, sum, [parts objectAtIndex:(NSUInteger)i]);
    return sum;
}

/* Real parts and behind them imaginary ones, (rows, 2 · bins), of frames below 1. */
static MPSGraphTensor *transform(const Transform *t, int node, MPSGraphTensor *frames) {
    NSMutableArray *sums = [NSMutableArray array];
    NSMutableArray *differences = [NSMutableArray array];
    NSMutableArray *orders = [NSMutableArray array];
    cut(t, frames, sums, differences);
    NSArray *cosines = matrix_of(t, op_table(t->builder, node, TABLE_COSINES));
    NSArray *sines = matrix_of(t, op_table(t->builder, node, TABLE_SINES));
    for (int order = 0; order < t->limbs.count; order++) {
        MPSGraphTensor *real = order_of(t, sums, cosines, order);
        MPSGraphTensor *imaginary = order_of(t, differences, sines, order);
        [orders addObject:op_join(t->builder, [NSArray arrayWithObjects:real, imaginary, nil], 1)];
    }
    return add_orders(t, orders);
}

/* (waveforms · T, 2, bins) → (batch, 1, T, bins · channels · 2) */
static MPSGraphTensor *as_tokens(const Transform *t, int node, MPSGraphTensor *spectrum) {
    const Node *stft = &t->builder->network->nodes[node];
    NSInteger channels = t->builder->network->nodes[stft->inputs[0]].shape.channels;
    NSInteger places = (NSInteger)stft->shape.height * t->bins;
    MPSGraphTensor *parts = op_reshape(t->builder, spectrum, NUMBERS(t->rows, 2, t->bins));
    parts = op_swap(t->builder, parts, 1, 2);
    parts = op_reshape(t->builder, parts, NUMBERS(t->builder->batch, channels, places, 2));
    return op_reshape(t->builder, op_swap(t->builder, parts, 1, 2), op_shape(t->builder, node));
}

MPSGraphTensor *op_exact_stft(OpBuilder *builder, int node, MPSGraphTensor *waveform) {
    const Node *stft = &builder->network->nodes[node];
    Shape from = builder->network->nodes[stft->inputs[0]].shape;
    NSInteger waveforms = (NSInteger)builder->batch * from.channels;
    Transform t = {.builder = builder,
                   .limbs = limbs_of(stft->as.stft.n_fft),
                   .rows = waveforms * stft->shape.height,
                   .half = stft->as.stft.n_fft / 2,
                   .bins = stft->as.stft.bins};
    MPSGraphTensor *frames = op_reshape(builder, waveform, NUMBERS(waveforms, from.width));
    frames = op_gather(builder, frames, op_table(builder, node, TABLE_FRAMES), 1);
    frames = op_reshape(builder, frames, NUMBERS(t.rows, 2 * t.half));
    MPSGraphTensor *level = level_of(&t, node, frames);
    MPSGraphTensor *scale = op_gather(builder, op_table(builder, node, TABLE_SCALES), level, 0);
    MPSGraphTensor *unscale = op_gather(builder, op_table(builder, node, TABLE_UNSCALE), level, 0);
    MPSGraphTensor *spectrum = transform(&t, node, op_multiply(builder, frames, scale));
    return as_tokens(&t, node, op_multiply(builder, spectrum, unscale));
}
