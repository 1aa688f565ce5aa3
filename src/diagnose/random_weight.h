/* random_weight.h: random values for a network's weights, which keep activations from vanishing and
 * from exploding. The same seed gives the same values. */
#ifndef CLEAVE_DIAGNOSE_RANDOM_WEIGHT_H
#define CLEAVE_DIAGNOSE_RANDOM_WEIGHT_H

#include "model/network.h"

/* Draws `count` values of a weight, from its value number `first` on: a weight is drawn from its
 * beginning to its end. *state begins as the seed, and goes on from weight to weight. Values are
 * drawn in pairs: `count` is even but for a weight's last values. RoPE's frequencies are those that
 * every Roformer has. */
void random_weight_draw(const WeightSpec *spec, uint64_t *state, size_t first, float *values,
                        size_t count);

#endif
