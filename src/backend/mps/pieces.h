/* pieces.h: a network cut into pieces that are given to the GPU one by one, because macOS stops
 * work that takes too long. Inside backend/mps only. */
#ifndef CLEAVE_MPS_PIECES_H
#define CLEAVE_MPS_PIECES_H

#include <stdint.h>

#include "graph/graph.h"

/* A piece ends with a node, and the next one begins with the node behind it. */
typedef struct Pieces {
    int *ends; /* (count), the last one is the network's last node */
    int count;
} Pieces;

/* Cuts a network so that no piece has more work than `limit` in FLOP at a batch, except a piece of
 * a single node. A cut is made in the last half of what a piece may hold, where the fewest bytes
 * are alive: at the border of a scale, if possible. False if memory ran out. */
bool pieces_cut(Pieces *pieces, const Graph *network, int batch, double limit);

/* The first node of a piece. */
int pieces_begin(const Pieces *pieces, int piece);

/* What a piece computes, in FLOP. */
double pieces_flops(const Pieces *pieces, const Graph *network, int piece, int batch);

/* Whether a piece leaves a node's value to pieces behind it. `last`: see find_last_uses(). */
bool pieces_leaves(const Pieces *pieces, const int *last, int piece, int node);

/* Whether a piece reads a node's value without computing it. */
bool pieces_reads(const Pieces *pieces, const Graph *network, int piece, int node);

/* Bytes of all values that one piece leaves to another, in f32; 0 if memory ran out. */
int64_t pieces_bytes(const Pieces *pieces, const Graph *network, int batch);

void pieces_free(Pieces *pieces);

#endif
