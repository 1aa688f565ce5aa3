/* rematerialise.h: a pass that computes a value twice instead of keeping it. */
#ifndef CLEAVE_GRAPH_REMATERIALISE_H
#define CLEAVE_GRAPH_REMATERIALISE_H

#include "graph/graph.h"

/* Makes *result a copy of `graph` that needs less memory: a cheap convolution whose value is used
 * early, and then only once more much later, is repeated in front of the later use. In MDX23C this
 * is the first convolution, whose value the network multiplies into its end: it costs a few ten
 * thousandths of the work, and keeping it would take a fifth of the memory.
 *
 * A convolution is repeated only where its own input is kept until then anyway. The results are the
 * same, bit by bit. The copy refers to the same weights. */
cleave_status graph_rematerialise(Graph *result, const Graph *graph, cleave_error *error);

#endif
