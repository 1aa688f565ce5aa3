/* sizes.h: how large the arrays of a network become, before any is made. Over an array of more than
 * 2^32 bytes or 2^31 elements MPS aborts the process, without an error to catch. Some versions
 * compute products of other extreme sizes wrongly; no known network has any. Inside backend/mps
 * only. */
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

/* Scores of attention, queries times keys, that are computed at once. */
#define ATTENTION_SCORES ((int64_t)1 << 24)

/* What of a layer of attention is computed at once: `heads` heads with all their queries, or some
 * queries of one. */
typedef struct AttentionTile {
    int64_t heads;
    int64_t queries;
} AttentionTile;

/* For sequences of a length, within `limit` scores if a single query is. */
AttentionTile attention_tile(int64_t length, int64_t limit);

/* Elements of the largest array that a node needs at a batch: its result, its parameters, and what
 * it computes in between. */
int64_t node_largest_array(const Graph *network, int node, int batch);

/* Whether MPS takes every array at this batch; *node becomes the first node with one it does not.
 */
bool sizes_fit(const Graph *network, int batch, int *node);

/* Whether every product is one that MPS computes rightly; *node becomes the first that is not. */
bool products_fit(const Graph *network, int *node);

/* FLOP of one node for one item as this backend computes it: graph_node_flops(), but for the exact
 * STFT, whose products are far more work than a fast Fourier transform. */
double work_flops(const Graph *network, int node);

/* FLOP of those of its products. */
double product_flops(const Graph *network, int node);

/* last[i] becomes the last node that reads node i, (network->count) of them; the network's count
 * for the output, which is read after all. */
void find_last_uses(const Graph *network, int *last);

/* The most bytes of values that are alive at once, in f32, with what the op that runs then works
 * in. An estimate: MPSGraph lays out its memory by itself. */
int64_t live_bytes(const Graph *network, int batch);

#endif
