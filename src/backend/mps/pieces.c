/* pieces.c: where to cut, so that no piece is more work than the GPU is given at once. */
#include "backend/mps/pieces.h"

#include <stdlib.h>

#include "backend/mps/sizes.h"

int pieces_begin(const Pieces *pieces, int piece) {
    return piece == 0 ? 0 : pieces->ends[piece - 1] + 1;
}

static int64_t value_bytes(const Graph *network, int node) {
    Shape shape = network->nodes[node].shape;
    return (int64_t)shape.channels * shape.height * shape.width * (int64_t)sizeof(float);
}

/* Of what is read behind a node, and was there before or with it. */
static int64_t alive_behind(const Graph *network, const int *last, int node) {
    int64_t bytes = 0;
    for (int i = 0; i <= node; i++)
        if (last[i] > node)
            bytes += value_bytes(network, i);
    return bytes;
}

/* Where a piece that begins with a node ends. */
static int find_end(const Graph *network, const int *last, int begin, int batch, double limit) {
    double flops = 0;
    int first = begin > 0 ? begin : 1; /* the input alone is nothing to compute */
    int best = -1;
    int64_t fewest = INT64_MAX;
    for (int node = begin; node < network->count; node++) {
        flops += batch * work_flops(network, node);
        if (flops > limit)
            return best >= 0 ? best : node > first ? node - 1 : node;
        int64_t alive = alive_behind(network, last, node);
        if (flops >= limit / 2 && alive <= fewest) {
            fewest = alive;
            best = node;
        }
    }
    return network->count - 1;
}

bool pieces_cut(Pieces *pieces, const Graph *network, int batch, double limit) {
    size_t count = (size_t)network->count;
    int *last = malloc(count * sizeof(*last));
    *pieces = (Pieces){.ends = malloc(count * sizeof(*pieces->ends))};
    bool made = last && pieces->ends;
    if (made)
        find_last_uses(network, last);
    for (int begin = 0; made && begin < network->count;) {
        int end = find_end(network, last, begin, batch, limit);
        pieces->ends[pieces->count++] = end;
        begin = end + 1;
    }
    free(last);
    if (!made)
        pieces_free(pieces);
    return made;
}

double pieces_flops(const Pieces *pieces, const Graph *network, int piece, int batch) {
    double flops = 0;
    for (int node = pieces_begin(pieces, piece); node <= pieces->ends[piece]; node++)
        flops += batch * work_flops(network, node);
    return flops;
}

bool pieces_leaves(const Pieces *pieces, const int *last, int piece, int node) {
    return node >= pieces_begin(pieces, piece) && node <= pieces->ends[piece] &&
           last[node] > pieces->ends[piece];
}

bool pieces_reads(const Pieces *pieces, const Graph *network, int piece, int node) {
    if (node >= pieces_begin(pieces, piece))
        return false;
    for (int reader = pieces_begin(pieces, piece); reader <= pieces->ends[piece]; reader++)
        for (int i = 0; i < network->nodes[reader].input_count; i++)
            if (network->nodes[reader].inputs[i] == node)
                return true;
    return false;
}

/* Neither the network's input nor its output is a piece's to leave: they have buffers anyway. */
int64_t pieces_bytes(const Pieces *pieces, const Graph *network, int batch) {
    int *last = malloc((size_t)network->count * sizeof(*last));
    int64_t bytes = 0;
    if (!last)
        return 0;
    find_last_uses(network, last);
    for (int piece = 0; piece < pieces->count; piece++)
        for (int node = 1; node < network->count - 1; node++)
            if (pieces_leaves(pieces, last, piece, node))
                bytes += value_bytes(network, node) * batch;
    free(last);
    return bytes;
}

void pieces_free(Pieces *pieces) {
    free(pieces->ends);
    *pieces = (Pieces){0};
}
