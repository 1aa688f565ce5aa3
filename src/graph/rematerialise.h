/* rematerialise.h: a pass that computes a value twice instead of keeping it. */
#ifndef CLEAVE_GRAPH_REMATERIALISE_H
#define CLEAVE_GRAPH_REMATERIALISE_H

#include "graph/graph.h"

/* *result becomes a copy of `graph` (weights still referred to) in which cheap convolutions whose
 * value is used early and then once more, much later, are repeated in front of the later use: in
 * MDX23C the first convolution, whose value the network multiplies into its end, costs a few ten
 * thousandths of the work, and kept it would be a fifth of the memory. Only where the convolution's
 * own input is kept until then anyway. The results are the same, bit by bit. */
cleave_status graph_rematerialise(Graph *result, const Graph *graph, cleave_error *error);

#endif
