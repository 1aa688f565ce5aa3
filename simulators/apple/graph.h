/* graph.h: how ops get into a graph. */
#ifndef APPLESIM_GRAPH_H
#define APPLESIM_GRAPH_H

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include "op.h"

/* Adds an op and returns its result's tensor, which the graph owns. Aborts where the operands do
 * not fit, or are of another graph. op->type must say what sim_infer() does not find. `what` is the
 * method's name. */
MPSGraphTensor *sim_add(MPSGraph *graph, const char *what, const SimOp *op, int count,
                        MPSGraphTensor *const *inputs, NSString *name);

/* The type of an operand; aborts if the operand belongs to another graph. */
const SimType *sim_operand(MPSGraph *graph, MPSGraphTensor *tensor, const char *what);

/* Name of the method that runs: "additionWithPrimaryTensor:…". */
#define SIM_METHOD sel_getName(_cmd)

#endif
