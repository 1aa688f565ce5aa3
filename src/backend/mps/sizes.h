/* sizes.h: how large the arrays of a network become, before any is made. MPS aborts the process, no
 * error to catch, over an array of more than 2^32 bytes or 2^31 elements. Far below that some
 * versions compute products of other extreme sizes wrongly, of which networks have none that are
 * known. Inside backend/mps only. */
#ifndef CLEAVE_MPS_SIZES_H
#define CLEAVE_MPS_SIZES_H

#include <stdint.h>

#include "graph/graph.h"

#define ARRAY_ELEMENTS_MAX ((int64_t)1 << 31)
#define ARRAY_BYTES_MAX    ((int64_t)1 << 32)

/* The largest products that all versions compute rightly, as found by PyTorch's users: sums of a
 * linear (its issue 195163), a convolution's sides (142836) and kernels (188335). */
#define LINEAR_WIDTH_MAX 32766
#define CONV_SIDE_MAX    65536
#define CONV_KERNEL_MAX  255

/* Elements of the largest array that a node computes on its way, its result and its parameters
 * included, at a batch. */
int64_t node_largest_array(const Graph *network, int node, int batch);

/* Whether every array at this batch is one that MPS takes; *node becomes the first whose are not.
 */
bool sizes_fit(const Graph *network, int batch, int *node);

/* Whether every product is one that MPS computes rightly; *node becomes the first that is not. */
bool products_fit(const Graph *network, int *node);

/* last[i] becomes the last node that reads node i, (network->count) of them; the network's count
 * for the output, which is read after all. */
void find_last_uses(const Graph *network, int *last);

/* Bytes of the values that are alive at once, at most, in f32, and of what the op that runs then
 * works in. An estimate: MPSGraph plans its memory by itself. */
int64_t live_bytes(const Graph *network, int batch);

#endif
