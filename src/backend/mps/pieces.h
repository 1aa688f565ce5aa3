/* pieces.h: a network in pieces, each of which is given to the GPU by itself, where all of it at
 * once would take so long that macOS stops it. Inside backend/mps only. */
#ifndef CLEAVE_MPS_PIECES_H
#define CLEAVE_MPS_PIECES_H

#include <stdint.h>

#include "graph/graph.h"

/* A piece ends with a node, and the next one begins with the node behind it. */
typedef struct Pieces {
    int *ends; /* (count), the last one is the network's last node */
    int count;
} Pieces;

/* Cuts a network so that no piece has more work than `limit` in FLOP at a batch, but for single
 * nodes that have. A cut is where the fewest bytes are alive among the last half of what a piece
 * may have: at the border of a scale, if there is one. False where memory ran out. */
bool pieces_cut(Pieces *pieces, const Graph *network, int batch, double limit);

/* The first node of a piece. */
int pieces_begin(const Pieces *pieces, int piece);

/* What a piece computes, in FLOP. */
double pieces_flops(const Pieces *pieces, const Graph *network, int piece, int batch);

/* Whether a node's value, given the last node that reads each (find_last_uses), is one that a piece
 * leaves to those behind it. */
bool pieces_leaves(const Pieces *pieces, const int *last, int piece, int node);

/* Whether it is one that a piece, which does not compute it, reads. */
bool pieces_reads(const Pieces *pieces, const Graph *network, int piece, int node);

/* Bytes of all values that one piece leaves to another, in f32; 0 where memory ran out. */
int64_t pieces_bytes(const Pieces *pieces, const Graph *network, int batch);

void pieces_free(Pieces *pieces);

#endif
