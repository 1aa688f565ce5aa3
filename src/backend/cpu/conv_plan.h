/* conv_plan.h: how the CPU could compute a layer, and what each way would cost: all from the
 * layer's class, before anything is allocated. */
#ifndef CLEAVE_CPU_CONV_PLAN_H
#define CLEAVE_CPU_CONV_PLAN_H

#include <stddef.h>

#include "backend/layer_plan.h"

/* The cheapest of the candidates by conv_plan_cost(). What is not a convolution has a plan of
 * zeros. */
ConvPlan conv_plan_estimate(const LayerClass *layer);

/* Time that a layer would take for one chunk, in units that mean something only beside each other.
 * For any op; the plan matters to convolutions. */
double conv_plan_cost(const LayerClass *layer, const ConvPlan *plan);

#define CONV_CANDIDATES_MAX 16

/* Writes the plans worth a measurement, and returns how many: 1 where there is nothing to choose.
 * The first is the estimate. */
int conv_plan_candidates(const LayerClass *layer, ConvPlan candidates[CONV_CANDIDATES_MAX]);

/* Whether the layer can be computed so, and its scratch memory stays within reason: a plan may come
 * from a file. */
bool conv_plan_fits(const LayerClass *layer, const ConvPlan *plan);

#endif
