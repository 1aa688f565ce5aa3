/* kernels.h: the CPU backend's inner loops, as one table of function pointers. There is a plain C
 * reference of every kernel and a faster twin per instruction set; tests/kernels checks each twin
 * against the reference.
 *
 * Activations are channel-blocked: (batch, blocks, height, width, CHANNEL_BLOCK) with the channels
 * padded by zeros to whole blocks. A "row" is one (width, CHANNEL_BLOCK) line of it, a "position"
 * one group of CHANNEL_BLOCK floats, a "lane" one channel of the block.
 *
 * Kernels of tokens work on blocks of rows: (blocks, rows, CHANNEL_BLOCK), where a lane is a
 * feature and a row a token, which is how a gemm reads and writes them. */
#ifndef CLEAVE_CPU_KERNELS_H
#define CLEAVE_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleave.h"
#include "graph/graph.h"

/* Channels per block: one AVX-512 vector, two AVX2 ones, four NEON ones. */
#define CHANNEL_BLOCK 16

/* Column blocks that one gemm call covers: two, so that a broadcast operand is used twice. */
#define GEMM_COLUMNS 2

/* C[j][m] = Σ_k A[m, k] · B[j][k] (+ bias[j]) (+ add[j][m]), for m in [0, rows), j in [0, columns);
 * C[j][m], B[j][k], bias[j] and add[j][m] are vectors of CHANNEL_BLOCK lanes.
 *
 * A and B are of the precision's elements, all else is f32, and so are the sums. k runs over
 * k_blocks · CHANNEL_BLOCK; A[m, k] lies at a[k / CHANNEL_BLOCK] + m · a_stride + k %
 * CHANNEL_BLOCK. The pointer per block of k is what makes one kernel serve convolutions (a block is
 * a channel block at one tap), concatenations (blocks from two tensors) and linears alike.
 *
 * Every output is one chain of multiply-adds in the order of k (fused ones in the twins; where a
 * processor takes products of narrow elements in groups, of groups), whatever rows and columns are,
 * so results do not depend on how a caller cuts its work. */
typedef struct GemmArguments {
    const void *const *a;
    size_t k_blocks;
    size_t a_stride;                 /* elements */
    const void *b[GEMM_COLUMNS];     /* k_blocks · CHANNEL_BLOCK vectors each */
    float *c[GEMM_COLUMNS];          /* overwritten */
    const float *bias[GEMM_COLUMNS]; /* NULL: nothing is added */
    const float *add[GEMM_COLUMNS];  /* NULL: nothing is added; may be c itself */
    size_t c_stride;                 /* floats, of c and add */
    size_t rows;
    int columns; /* 1 … GEMM_COLUMNS */
    /* NULL for all columns, or B of a later call of this shape: it is asked for from memory
     * meanwhile, and need not be valid. */
    const void *next_b[GEMM_COLUMNS];
} GemmArguments;

/* The numerators and denominators of a softmax in base 2: the powers are 2^(score - the row's
 * largest), and zero beyond the keys, as elements of the precision; sums get each row's sum of
 * them, before they are rounded. */
typedef struct SoftmaxArguments {
    const float *scores; /* (blocks of keys, stride, CHANNEL_BLOCK); lane = key within the block */
    void *powers;        /* the same; may be the scores if elements are f32 */
    float *sums;         /* (rows) */
    size_t rows;
    size_t stride; /* rows from one block to the next; odd ones use all of a cache's sets */
    size_t keys;   /* 1 or more */
} SoftmaxArguments;

/* to = from / max(‖from‖, 1e-12) · gain, for each row of features (graph.h, RMS), as elements of
 * the precision. */
typedef struct RmsNormArguments {
    const float *from; /* block b of row r at b · CHANNEL_BLOCK + r · from_stride */
    void *to; /* block b of row r at b · to_block + r · to_stride; in f32 it may be from */
    const float *gain; /* (blocks, CHANNEL_BLOCK): √features · gamma, and zero in the padding */
    size_t from_stride;
    size_t to_block; /* elements, as is the next */
    size_t to_stride;
    size_t blocks;
    size_t rows;
} RmsNormArguments;

/* Winograd's F(m×m, 3×3) (Winograd, Arithmetic Complexity of Computations, 1980; Lavin & Gray, CVPR
 * 2016): a 3×3 convolution as (m + 2)² products for m² outputs instead of 9 m². A tile of m × m
 * outputs reads a window of (m + 2) × (m + 2) inputs d; with the filter g, the tile is
 * Aᵀ ((G g Gᵀ) ⊙ (Bᵀ d B)) A, where ⊙ multiplies element by element, summed over the input channels
 * before Aᵀ · A: one matrix product for each of the window's elements.
 *
 * F(4×4) takes a quarter of the products. Its polynomials are interpolated at 0, ±√½, ±√2 and ∞,
 * which loses 6 dB less than 0, ±1, ±2 and ∞ do. F(6×6) takes a fifth, and loses 12 dB more: it
 * interpolates at 0, ±½, ±1, ±2 and ∞. */
typedef enum WinogradSize { WINOGRAD_4X4, WINOGRAD_6X6 } WinogradSize;

#define WINOGRAD_SIZES        (WINOGRAD_6X6 + 1)
#define WINOGRAD_TILE_MAX     6
#define WINOGRAD_WINDOW_MAX   (WINOGRAD_TILE_MAX + 2)
#define WINOGRAD_ELEMENTS_MAX (WINOGRAD_WINDOW_MAX * WINOGRAD_WINDOW_MAX)

/* m, m + 2 and (m + 2)². */
static inline size_t winograd_tile(WinogradSize size) {
    return size == WINOGRAD_6X6 ? 6 : 4;
}

static inline size_t winograd_window(WinogradSize size) {
    return winograd_tile(size) + 2;
}

static inline size_t winograd_elements(WinogradSize size) {
    return winograd_window(size) * winograd_window(size);
}

/* Bᵀ d B for a row of tiles of one channel block, as A's elements: m + 2 rows of input, from_stride
 * floats apart, of tiles · m + 2 positions; element e of tile t goes to e · to_stride + t ·
 * CHANNEL_BLOCK. */
typedef void WinogradInput(void *to, size_t to_stride, const float *from, size_t from_stride,
                           size_t tiles);

/* Products of one precision, and what makes their operands. Operands narrower than f32 are rounded
 * to nearest, ties to even; NaN stays NaN, and what is too large becomes infinity. A table without
 * instructions for a format widens it to f32, where products of the format are exact. Subnormals of
 * f16 count in full. Subnormals of bf16, and of sums of its products, may count as zero. */
typedef struct ProductKernels {
    size_t element; /* bytes of an element of A and B; 0: the table has no such products */
    bool native;    /* by instructions for the format, not by those for f32 */
    void (*gemm)(const GemmArguments *arguments);
    /* From f32 to A's elements, and to B's. Every CHANNEL_BLOCK vectors of B lie in the order that
     * the table's gemm wants; so `positions` is a multiple of CHANNEL_BLOCK for B. NULL for f32. */
    void (*narrow)(void *to, const float *from, size_t positions);
    void (*narrow_vectors)(void *to, const float *from, size_t positions);
    void (*softmax)(const SoftmaxArguments *arguments);
    void (*rms_norm)(const RmsNormArguments *arguments);
    /* to[i] = GELU(from[i] + bias) as A's elements, with a bias for each lane; in f32 `to` may be
     * `from`. */
    void (*bias_gelu)(void *to, const float *from, const float *bias, size_t positions);
    WinogradInput *winograd_input[WINOGRAD_SIZES]; /* indexed by WinogradSize */
} ProductKernels;

#define PRECISIONS (CLEAVE_PRECISION_BF16 + 1)

/* Applies a normalisation and an activation to a row: to[i] = act(from[i] · scale + shift). */
typedef struct LoadArguments {
    float *to; /* may be from */
    const float *from;
    const float *ahead; /* what a call after this will load: asked for, as long as `from`, from
                           memory; need not be valid */
    size_t positions;
    const float *scale; /* (CHANNEL_BLOCK), as is the next */
    const float *shift;
    float alpha; /* ELU's; the others ignore it */
} LoadArguments;

typedef void (*LoadKernel)(const LoadArguments *arguments);

/* to = Aᵀ m A (+ add) for a row of tiles of one channel block. */
typedef struct WinogradOutput {
    const float *from;  /* element e of tile t at e · from_stride + t · CHANNEL_BLOCK */
    size_t from_stride; /* floats */
    float *to;          /* row y, position x at y · to_stride + x · CHANNEL_BLOCK */
    const float *add;   /* NULL: nothing is added; may be to itself */
    size_t to_stride;   /* floats, of to and add */
    size_t rows;        /* 1 … m */
    size_t positions;   /* that are written of each row; the last tile may be cut short */
} WinogradOutput;

/* The other transforms of F(m×m, 3×3). */
typedef struct WinogradKernels {
    /* G g Gᵀ for one block of input and of output channels: taps[9][CHANNEL_BLOCK in][CHANNEL_BLOCK
     * out]; element e goes to e · to_stride, [CHANNEL_BLOCK in][CHANNEL_BLOCK out] again. */
    void (*weights)(float *to, size_t to_stride, const float *taps);
    void (*output)(const WinogradOutput *arguments);
} WinogradKernels;

/* Per lane: the mean of a part of a channel block, and the sum of squared differences from it. */
typedef struct StatisticsArguments {
    const float *from;
    size_t rows;
    size_t stride; /* floats between rows */
    size_t positions;
    float *mean;    /* (CHANNEL_BLOCK), as is the next */
    float *squares; /* a sum, not yet divided by the count */
} StatisticsArguments;

/* Turns pairs (x, y) of features by an angle, and multiplies them by `scale`:
 * (x cos - y sin, y cos + x sin) · scale. */
typedef struct RopeArguments {
    float *x; /* these four: (positions, CHANNEL_BLOCK) */
    float *y;
    const float *cosines;
    const float *sines;
    size_t positions;
    float scale;
} RopeArguments;

/* to[i] = (values[i] + value_bias[i]) · sigmoid(gates[i] + gate_bias[i]). */
typedef struct GateArguments {
    float *to; /* may be values or gates */
    const float *values;
    const float *gates;
    const float *value_bias; /* one for each position, as is the next */
    const float *gate_bias;
    size_t positions;
} GateArguments;

/* Copies between rows and lanes: element i of row j becomes element j of row i. Of each row there
 * are `count` groups of CHANNEL_BLOCK elements. No row that is stored may lie where one is read. */
typedef struct TransposeArguments {
    const float *from[CHANNEL_BLOCK]; /* NULL: a row of zeros */
    float *to[CHANNEL_BLOCK];         /* NULL: a row that is not stored */
    size_t from_step;                 /* floats from a row's group to its next, as is the next */
    size_t to_step;
    size_t count;
} TransposeArguments;

/* ---- Fourier transforms ----
 *
 * Of CHANNEL_BLOCK frames at once, one in each lane, so that no lane needs another. A complex
 * position is CHANNEL_BLOCK real lanes and then as many imaginary ones. Tables of complex numbers
 * are pairs (re, im). */
#define FOURIER_POSITION (2 * CHANNEL_BLOCK)

/* The largest radix that has a butterfly of its own. */
#define FOURIER_OWN_RADIX 5

/* One pass of a transform in place, decimated in time (Cooley & Tukey, An algorithm for the machine
 * calculation of complex Fourier series, 1965). In each block of radix · apart positions, sample q
 * of butterfly k lies at position k + q · apart, and
 *   to[k + j · apart] = Σ_q root(q · j) · twiddle(k, q) · from[k + q · apart]. */
typedef struct FourierPass {
    float *data; /* blocks · radix · apart positions */
    size_t blocks;
    size_t radix; /* 2, 4, or odd */
    size_t apart;
    const float *twiddles; /* (apart, radix - 1): e^(-2πi · k · q / (radix · apart)) for q from 1 */
    const float *roots; /* (radix): e^(-2πi · j / radix) */
    float *work;        /* radix positions; only used if the radix is above FOURIER_OWN_RADIX */
} FourierPass;

/* Turns the transform of pairs of samples into that of the samples, or back. Of values k and
 * half - k, a and b, for k in [0, half / 2]:
 *   sum = scale · (a + b*), difference = root(k) · (a - b*),
 *   to[k] = sum + difference, to[half - k] = (sum - difference)*. */
typedef struct FourierSplit {
    const float *from;      /* half + 1 positions */
    float *to;              /* the same; may be from if places is NULL */
    const uint32_t *places; /* (half + 1): where each position goes, in floats; NULL: in order */
    size_t half;
    const float *roots; /* (half / 2 + 1) */
    float scale;
} FourierSplit;

/* Multiplies frames by a window, and puts them into lanes. */
typedef struct FourierCut {
    const float *from; /* sample i of frame f at f · hop + i; samples up to the next multiple of
                          CHANNEL_BLOCK are read, and count for nothing */
    size_t hop;
    size_t frames; /* 1 … CHANNEL_BLOCK; lanes beyond get the last one again */
    size_t samples;
    const float *window;    /* (samples, and 0 up to the next multiple of CHANNEL_BLOCK) */
    float *to;              /* sample i of all frames at places[i] */
    const uint32_t *places; /* (samples), in floats */
} FourierCut;

/* The way back: multiplies frames in lanes by a window, and adds them, the first frame first. */
typedef struct FourierAdd {
    const float *from; /* sample i of all frames at i · from_step */
    size_t from_step;  /* floats */
    float *to; /* sample i of frame f is added at f · hop + i; zeros are added up to the next
                  multiple of CHANNEL_BLOCK samples */
    size_t hop;
    size_t frames; /* 1 … CHANNEL_BLOCK */
    size_t samples;
    const float *window; /* as FourierCut's */
} FourierAdd;

typedef struct Kernels {
    const char *name;  /* "reference", "avx2" and so on */
    const char *needs; /* features of the processor, with blanks between (processor.h) */
    ProductKernels products[PRECISIONS]; /* indexed by cleave_precision */
    /* Half floats, for weights that are kept in half the memory: to[i] = from[i] · scale over
     * `count` elements, a multiple of CHANNEL_BLOCK. */
    void (*widen_f16)(float *to, const uint16_t *from, size_t count, float scale);
    void (*narrow_f16)(uint16_t *to, const float *from, size_t count, float scale);
    LoadKernel load[ACT_KINDS]; /* indexed by ActKind */
    /* to[i] = a[i] · b[i] and to[i] = a[i] + b[i] over `positions` positions; to may be a or b. */
    void (*multiply)(float *to, const float *a, const float *b, size_t positions);
    void (*add)(float *to, const float *a, const float *b, size_t positions);
    WinogradKernels winograd[WINOGRAD_SIZES]; /* indexed by WinogradSize */
    void (*statistics)(const StatisticsArguments *arguments);
    void (*rope)(const RopeArguments *arguments);
    void (*transpose_rows)(const TransposeArguments *arguments);
    /* to[r][lane] = from[r][lane] · factors[r]; `to` may be `from`. */
    void (*scale_rows)(float *to, const float *from, const float *factors, size_t rows);
    /* to[i] = tanh(from[i] + bias[i]) with one bias for each position; to may be from. Its error is
     * at most 4e-7, as is that of bias_gate's sigmoid. */
    void (*bias_tanh)(float *to, const float *from, const float *bias, size_t positions);
    void (*bias_gate)(const GateArguments *arguments);
    void (*fourier_pass)(const FourierPass *arguments);
    void (*fourier_split)(const FourierSplit *arguments);
    void (*fourier_cut)(const FourierCut *arguments);
    void (*fourier_add)(const FourierAdd *arguments);
} Kernels;

extern const Kernels kernels_reference;
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
extern const Kernels kernels_avx512bf16;
extern const Kernels kernels_amx;
extern const Kernels kernels_neon;
extern const Kernels kernels_neonfp16;
extern const Kernels kernels_neonbf16;

/* All tables of this architecture, slowest first; NULL-terminated. */
extern const Kernels *const kernels_known[];

/* The tables that this processor can run, slowest first; NULL-terminated. The reference is always
 * there. */
const Kernels *const *kernels_available(void);

/* The fastest table that this processor can run, or the one that the environment variable
 * CLEAVE_KERNELS names, if it can run that. */
const Kernels *kernels_select(void);

#endif
