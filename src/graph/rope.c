/* rope.c: RoPE's frequencies (Su et al., RoFormer, 2021, arXiv 2104.09864). */
#include "graph/rope.h"

#include <math.h>

float rope_frequency(int j, int dim_head) {
    return 1.0f / powf(10000.0f, (float)(2 * j) / (float)dim_head);
}

size_t rope_frequencies(const Graph *graph, const Node *attention, float *frequencies) {
    int dim_head = attention->as.attention.dim_head;
    const Tensor *stored = graph_weight(graph, attention, ATTENTION_FREQUENCIES);
    if (stored)
        return tensor_read_f32(stored, 0, (size_t)dim_head / 2, frequencies);
    for (int j = 0; j < dim_head / 2; j++)
        frequencies[j] = rope_frequency(j, dim_head);
    return 0;
}
