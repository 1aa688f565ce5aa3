/* conv_plan.h: how the CPU could compute a layer, and what each way would cost: all from the
 * layer's class, before anything is allocated. */
#ifndef CLEAVE_CPU_CONV_PLAN_H
#define CLEAVE_CPU_CONV_PLAN_H

#include <stddef.h>

#include "backend/layer_plan.h"

/* The cheapest way to compute a layer by conv_plan_cost(). What is not a convolution has a plan of
 * zeros. */
ConvPlan conv_plan_choose(const LayerClass *layer);

/* For tests: every 3x3 convolution that is compiled from now on is computed by this plan, with
 * patches cut to its size; NULL: by the cheapest one again. Not thread-safe; the plan must stay. */
void conv_plan_force(const ConvPlan *plan);

/* Time that a layer would take for one chunk, in units that mean something only beside each other.
 * For any op; the plan matters to convolutions. */
double conv_plan_cost(const LayerClass *layer, const ConvPlan *plan);

#endif
