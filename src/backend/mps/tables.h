/* tables.h: what the ops read beside their inputs and weights: places, factors, windows, rotations.
 * All of it follows from a node's sizes, but for RoPE's frequencies, which a checkpoint may have.
 * Inside backend/mps only. */
#ifndef CLEAVE_MPS_TABLES_H
#define CLEAVE_MPS_TABLES_H

#include "graph/graph.h"

/* A node's tables. */
enum {
    /* OP_STFT */
    TABLE_FRAMES = 0, /* (T, n_fft) places: the sample that each sample of a frame is */
    TABLE_WINDOW = 1, /* (n_fft) */
    /* OP_STFT as tokens, which has TABLE_FRAMES of its own: see exact_stft.m. */
    TABLE_LEVELS = 1,  /* (SCALE_LEVELS) powers of two, ascending */
    TABLE_SCALES = 2,  /* (SCALE_LEVELS + 1): what brings a frame below 1, by levels it reaches */
    TABLE_UNSCALE = 3, /* (SCALE_LEVELS + 1): 1 / scale */
    TABLE_COSINES = 4, /* (limbs, n_fft / 2, F), f16: limbs of window · cos */
    TABLE_SINES = 5,   /* the same of -window · sin */
    /* OP_ISTFT */
    TABLE_IMAGINARY = 0,    /* (n_fft / 2 + 1), 0 where imaginary parts do not count */
    TABLE_OVERLAP = 1,      /* (R, samples): places in (T · n_fft) that add up to a sample */
    TABLE_COMPENSATION = 2, /* (R, samples): what each is multiplied by */
    /* OP_ATTENTION: times dim_head^(-1/4), so that a product of queries and keys is divided by
     * √dim_head. */
    TABLE_ROPE_COSINES = 0, /* (length of a sequence, dim_head / 2) */
    TABLE_ROPE_SINES = 1,
    /* OP_MASK: only where bands overlap. R: bands that hold a bin, at most. */
    TABLE_MASK_PLACES = 0, /* (R, features of a frame): places among the features of all bands */
    TABLE_MASK_FACTORS = 1 /* (R, features of a frame): 1 / number of bands, or 0 */
};

typedef enum TableType { TABLE_F32, TABLE_F16, TABLE_I32 } TableType;

typedef struct Table {
    int64_t dims[3];
    int dim_count;
    TableType type;
} Table;

#define SCALE_LEVELS 128

/* Numbers in [-1, 1] as sums of whole numbers, their limbs: the first one times 2^-bits, and each
 * one behind it in steps that are finer by 2^(bits + 1). No limb is above 2^bits. */
typedef struct Limbs {
    int bits;
    int count;
} Limbs;

/* The limbs with which all sums of a transform's products are whole numbers that f32 holds. */
Limbs limbs_of(int n_fft);

/* How many bands hold the same bin, at most. */
int bands_per_bin(const Graph *network);

/* Positions of a sequence of OP_ATTENTION. */
int sequence_length(const Node *attention);

int table_count(const Graph *network, int node);
Table table_describe(const Graph *network, int node, int table);
int64_t table_elements(const Table *table);
size_t table_type_bytes(TableType type);

/* Writes a table to where there is room for it. Errors: CLEAVE_ERROR_MEMORY. */
cleave_status table_fill(const Graph *network, int node, int table, void *to, cleave_error *error);

#endif
