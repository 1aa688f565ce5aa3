/* arguments.h: what host and kernels agree on: the list of kernels, the layout of values, weights
 * and moments, and one struct of arguments for each kind of kernel.
 *
 * Values are (sample, height, width, channels) with the channels innermost, padded to a multiple of
 * CHANNEL_UNIT. What stands in the padding is finite, and weights are zero there. A concatenation
 * is two values, each padded by itself. Tokens are values whose height is the bands, whose width
 * the frames, and whose channels the features; a row is the features of one of them. Their padding
 * is zero. */
#ifndef CLEAVE_BACKEND_CUDA_KERNELS_ARGUMENTS_H
#define CLEAVE_BACKEND_CUDA_KERNELS_ARGUMENTS_H

#ifdef __CUDACC_RTC__ /* NVRTC has no headers */
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
#include <stdint.h>
#endif

#define CHANNEL_UNIT 8 /* channels are stored in multiples of this */

/* How numbers are stored. */
enum { STORED_F32, STORED_F16, STORED_BF16 };

/* Activations, in the order of ActKind. */
enum { APPLY_NONE, APPLY_GELU, APPLY_RELU, APPLY_ELU };

/* A value, or no value where the address is 0. */
typedef struct ValueView {
    uint64_t address;
    int64_t sample_stride; /* elements between two samples */
    int32_t channels;      /* padded */
    int32_t stored;
} ValueView;

/* What a kernel reads, and does to it while it loads: act(scale · concat(a · times) + shift). */
typedef struct Operand {
    ValueView sources[2];
    ValueView times[2]; /* multiplied onto the source, by map and conv_f32_… alone */
    uint64_t norm;      /* float[sample][channel][2]: scale and shift for each padded channel of the
                           concatenation; 0: no norm */
    int32_t norm_stride; /* pairs between two samples; 0: all samples have the same */
    int32_t act;
    float alpha;
    int32_t channels; /* of both sources, padded */
    int32_t height;
    int32_t width;
} Operand;

/* What a kernel does to its sums while it stores them. */
typedef struct Result {
    ValueView output;
    ValueView add;    /* added */
    uint64_t moments; /* Moments[sample][part][channel], of what is stored, before it is rounded; 0:
                         nobody asks */
    int32_t parts;
    int32_t height;
    int32_t width;
    int32_t unused;
} Result;

/* Of some pixels of a channel: how many, their sum, and the sum of squared deviations from their
 * mean. */
typedef struct Moments {
    float count;
    float sum;
    float deviations;
    float unused;
} Moments;

/* ---- Products: conv, conv_halo and linear ---- */

#define PRODUCT_THREADS 256
#define PRODUCT_PIXELS \
    128                  /* of the output, or of the input of a transposed convolution: a tile's */
#define PRODUCT_PLANES 4 /* of 16 bytes: what a tile holds of each pixel at a time */
#define PRODUCT_STAGES 4 /* of the ring through which weights come */

/* A slice is PRODUCT_PLANES · 16 bytes of k: 32 channels of f16 and bf16, 16 of f32. Weights come
 * in blocks of one slice and one tap, (plane, column, 16 bytes): conv:    [columns /
 * N][slice][tap][plane][N][16 bytes] linear:  [rows / 128][slice][plane][128][16 bytes], its
 * weights being the left operand with zeros beyond the last column, channel and row. */
typedef struct ProductArguments {
    Operand operand;
    Result result;
    uint64_t weights;
    int32_t slices; /* of k; of a convolution: of each tap */
    int32_t kernel[2];
    int32_t stride[2];
    int32_t pad[2];
    int32_t transposed; /* 1: columns are (tap, channel), and go to pixels of their own */
    int32_t columns;    /* padded channels of the output, times the taps of a transposed one */
    int32_t unused[2];
} ProductArguments;

/* conv_halo: a tile is 8 × 16 pixels of the output of a 3×3 convolution, with stride and pad 1. */
#define HALO_ROWS        8
#define HALO_COLUMNS     16
#define HALO_TILE_PIXELS ((HALO_ROWS + 2) * (HALO_COLUMNS + 2))
#define HALO_PITCH       186 /* of a plane, in pixels: 2 more than a multiple of 8 */

/* Grids: conv (pixels / 128, columns / N, samples), conv_halo (tiles, columns / N, samples), linear
 * (height · rows / 128, channels / N, samples). The number of a tile is the part of its moments; a
 * transposed convolution has tile · taps + tap. */

/* Dynamic shared memory in bytes, for N columns. */
#define PRODUCT_RING_BYTES(n) (PRODUCT_STAGES * PRODUCT_PLANES * (n)*16)
#define CONV_SHARED_BYTES(n) \
    (2 * PRODUCT_PLANES * (PRODUCT_PIXELS + 2) * 16 + PRODUCT_RING_BYTES(n))
#define HALO_SHARED_BYTES(n)   (2 * PRODUCT_PLANES * HALO_PITCH * 16 + PRODUCT_RING_BYTES(n))
#define LINEAR_SHARED_BYTES(n) ((n)*136 + PRODUCT_RING_BYTES(PRODUCT_PIXELS))

/* ---- Everything elementwise: output = act(norm(concat(sources))) + add ---- */

#define MAP_THREADS      256
#define MAP_PIXELS       128 /* of a block; grid: (pixels / 128, channels / 32, samples) */
#define MAP_CHANNELS     32
#define MAP_SHARED_BYTES ((MAP_PIXELS / 2 + 1) * MAP_CHANNELS * 4)

typedef struct MapArguments {
    Operand operand;
    Result result;
} MapArguments;

/* ---- Statistics: moments → scale and shift ---- */

#define STATISTICS_THREADS      128
#define STATISTICS_SHARED_BYTES (STATISTICS_THREADS * 2 * 8)

/* Grid: (groups, 1, samples). A group is `group_channels` channels of the network, in their order.
 */
typedef struct StatisticsArguments {
    uint64_t moments[2]; /* of the sources; the second may be 0 */
    int32_t parts[2];
    int32_t channels[2]; /* of the sources, padded */
    uint64_t
        positions; /* int32[channel of the network]: where it lies among those of both sources */
    uint64_t gain_bias; /* float[channel of the network][2] */
    uint64_t norm;      /* Operand.norm; the padding's pairs stay as they are */
    int32_t norm_stride;
    int32_t group_channels;
    float epsilon;
    int32_t unused;
} StatisticsArguments;

/* ---- Transforms ---- */

/* In `stft_f64` the numbers of tables and buffers are doubles, else floats. */
#define STFT_THREADS   256
#define FFT_PASSES_MAX 20

/* A complex transform of `length` points: n_fft / 2 where n_fft is even, else n_fft. Passes of
 * small radix (Stockham), from buffer to buffer. */
typedef struct FourierPlan {
    int32_t n_fft;
    int32_t length;
    int32_t passes;
    int32_t radix[FFT_PASSES_MAX];
    int32_t unused;
    uint64_t roots;   /* [n_fft][2]: exp(-2πi k / n_fft) */
    uint64_t window;  /* [n_fft] */
    uint64_t scratch; /* [block][2][length][2], or 0: shared memory of that size */
} FourierPlan;

/* Where a spectrogram of floats has bin k of a waveform's frame, in floats: at
 *
 *   waveform / group · group_stride + waveform % group · waveform_stride + frame · frame_stride +
 *   k % bins · bin_stride + k / bins
 *
 * of a sample, its imaginary part `imaginary` further. */
typedef struct SpectrumLayout {
    int64_t group_stride;
    int64_t frame_stride;
    int32_t group;
    int32_t waveform_stride;
    int32_t bins; /* of a subband */
    int32_t bin_stride;
    int32_t imaginary;
    int32_t unused;
} SpectrumLayout;

/* stft, stft_f64: grid (frames at a time, channels, samples); a waveform is (sample, channel,
 * samples) of floats. Of each frame, `runs` runs of `run` floats have zeros from `used` on. */
typedef struct StftArguments {
    FourierPlan plan;
    uint64_t waveform;
    int64_t waveform_stride; /* floats between two items of the batch */
    int32_t samples;
    int32_t hop;
    int32_t channels; /* of the waveform */
    int32_t bins;     /* all that are kept */
    int32_t frames;
    int32_t runs;
    int32_t run;
    int32_t used;
    SpectrumLayout layout;
    ValueView spectrum; /* f32 */
} StftArguments;

/* istft_frames: grid (frames at a time, waveforms, samples); writes windowed frames,
 * float[sample][waveform] [frame][n_fft], which istft_gather, grid (samples / 256, waveforms,
 * samples), adds up. */
typedef struct IstftArguments {
    FourierPlan plan;
    ValueView spectrum; /* f32 */
    uint64_t frames_memory;
    uint64_t gain;   /* float[length]: 1 / (envelope · n_fft) */
    uint64_t output; /* float[sample][waveform][samples] */
    int32_t samples;
    int32_t length; /* samples that frames cover; zeros follow */
    int32_t hop;
    int32_t waveforms; /* stems · channels */
    int32_t bins;      /* all that there are */
    int32_t frames;
    SpectrumLayout layout;
} IstftArguments;

/* ---- Rows of tokens: linears with all that belongs to them ---- */

/* A block of `rows` multiplies 128 rows of a group by N columns of that group's weights:
 *
 *   output = finish(operand · weightsᵀ + bias)
 *
 * Its operand is stored in the type of the products. Groups differ in weights, sizes and places:
 * one of the table's tiles is N columns of a group. The weights of a tile come as those of a
 * convolution, [slice][plane][N][16 bytes]. Channels come in pairs; in f32 the two of pair p are
 * columns p / 16 · 32 + p % 16 and the one 16 further, else they are adjacent: so one thread has
 * both of them. Grid: (rows / 128, tiles, samples), or (tiles, rows / 128, samples): blocks whose
 * larger operand is the same shall run together, so that it comes from memory once. */
typedef enum RowsFinish {
    ROWS_PLAIN,
    ROWS_GELU,
    ROWS_TANH,
    ROWS_GATED,    /* a pair (value, gate) becomes one channel, value · sigmoid(gate) */
    ROWS_ATTENTION /* the channels before `turned` are turned by RoPE, and those from `kept` on are
                      gates: their sigmoid goes there */
} RowsFinish;

#define ROWS_STAGES          3   /* of the ring through which operand and weights come */
#define ROWS_PITCH           130 /* of a plane, in rows: off by 2, against bank conflicts */
#define ROWS_WEIGHT_BYTES(n) (PRODUCT_PLANES * (n)*16) /* of a slice and tile */
#define ROWS_STAGE_BYTES(n)  (PRODUCT_PLANES * (ROWS_PITCH + (n)) * 16)
#define ROWS_SHARED_BYTES(n) (ROWS_STAGES * ROWS_STAGE_BYTES(n))

typedef struct RowsTile {
    uint64_t weights;
    uint64_t bias;   /* float[N]: of the tile's channels */
    int64_t operand; /* elements to the group's first row; likewise below */
    int64_t output;
    int32_t slices;
    int32_t k;        /* channels of the operand, padded */
    int32_t first;    /* the tile's first channel in its group */
    int32_t channels; /* from there on, in this tile, padded */
} RowsTile;

typedef struct RowsArguments {
    uint64_t tiles; /* RowsTile[tile] */
    uint64_t operand;
    int64_t operand_sample; /* elements between two samples; likewise below */
    int64_t operand_row;
    uint64_t output;
    int64_t output_sample;
    int64_t output_row;
    uint64_t add;   /* float, laid out as the output; 0: none */
    int32_t stored; /* the output */
    int32_t rows;   /* of a group and sample */
    int32_t finish;
    int32_t tiles_first; /* in the grid */
    /* ROWS_ATTENTION alone: */
    int32_t turned;
    int32_t kept;
    int32_t head; /* features of a head, padded */
    int32_t heads;
    int32_t frames;      /* row = band · frames + frame */
    int32_t along_bands; /* position is the band's number, else the frame's */
    uint64_t turns;      /* float[position][head / 2][2]: cosine and sine */
    uint64_t gates;      /* float[sample][row][heads] */
} RowsArguments;

/* rms: output = input / max(‖input‖, 1e-12) · √features · gamma for each row of each group, then
 * zeros up to `padded`. Without a gamma, output = input. Grid: (rows / RMS_ROWS, groups, samples).
 */
#define RMS_THREADS 256
#define RMS_ROWS    (RMS_THREADS / 32)

typedef struct RmsGroup {
    int64_t input; /* elements to the group's first row */
    int64_t output;
    uint64_t gamma; /* float[padded]; 0: none */
    int32_t features;
    int32_t padded;
} RmsGroup;

typedef struct RmsArguments {
    uint64_t groups; /* RmsGroup[group] */
    uint64_t input;  /* float */
    int64_t input_sample;
    int64_t input_row;
    uint64_t output;
    int64_t output_sample;
    int64_t output_row;
    int32_t stored; /* the output */
    int32_t rows;
} RmsArguments;

/* attention: softmax(q · kᵀ · scale / log2(e)) · v · gate for some queries of one head of one
 * sequence, written over q. A row of qkv is [3][heads][head]. Grid: (sequences · heads · tiles, 1,
 * samples). Shared memory in bytes, for heads of so many features: f32, and f16 or bf16. */
#define ATTENTION_THREADS      256
#define ATTENTION_HEAD_MAX     128
#define ATTENTION_QUERIES      128
#define ATTENTION_KEYS(head)   ((head) > 64 ? 32 : 64)
#define ATTENTION_STAGES(head) ((head) > 64 ? 1 : 2)
#define ATTENTION_SHARED_BYTES(head) \
    ((head) / 8 * 16 *               \
     (ATTENTION_QUERIES + 1 + 2 * ATTENTION_STAGES(head) * (ATTENTION_KEYS(head) + 1)))
#define ATTENTION_QUERIES_F32    64
#define ATTENTION_KEYS_F32(head) ((head) > 64 ? 16 : 32)
#define ATTENTION_SHARED_BYTES_F32(head)                                          \
    (((ATTENTION_QUERIES_F32 + 2 * ATTENTION_KEYS_F32(head)) * ((head) / 4 + 1) + \
      ATTENTION_QUERIES_F32 * (ATTENTION_KEYS_F32(head) / 4 + 1)) *               \
     16)

typedef struct AttentionArguments {
    uint64_t qkv;
    uint64_t gates;        /* float[sample][row][heads] */
    int64_t sequence_rows; /* rows between the first ones of two sequences */
    int64_t position_rows; /* rows between two positions of a sequence */
    int32_t rows;          /* of a sample */
    int32_t heads;
    int32_t length; /* of a sequence */
    int32_t tiles;  /* of its queries */
    float scale;    /* log2(e) / √dim_head */
    int32_t unused;
} AttentionArguments;

/* mask_stem: the spectrogram of one stem. The mask of a complex number of a bin is the average of
 * those of its bands. Grid: (frames, numbers of a row / MASK_THREADS, samples). */
#define MASK_THREADS 256

typedef struct MaskBin {
    int32_t band; /* the first that holds it */
    int32_t bands;
} MaskBin;

typedef struct MaskBand {
    int32_t first; /* bin */
    int32_t mask;  /* floats of a row of masks before those of this band */
} MaskBand;

typedef struct MaskArguments {
    uint64_t bins;     /* MaskBin[bin] */
    uint64_t bands;    /* MaskBand[band] */
    uint64_t masks;    /* float[sample][frame][mask_row] */
    uint64_t spectrum; /* float[sample][frame][row] */
    uint64_t output;
    int64_t output_sample; /* floats between two samples */
    int32_t mask_row;
    int32_t row; /* floats, padded */
    int32_t frames;
    int32_t bin_count;
    int32_t channels; /* complex numbers of a bin */
    int32_t zero_dc;
} MaskArguments;

/* ---- Speed of the multipliers ---- */

#define PEAK_THREADS                    256
#define PEAK_MATRIX_BLOCK_FLOPS(rounds) ((double)(rounds)*PEAK_THREADS / 32 * 16 * 2 * 16 * 8 * 16)
#define PEAK_F32_BLOCK_FLOPS(rounds)    ((double)(rounds)*PEAK_THREADS * 64 * 2)

typedef struct PeakArguments {
    uint64_t output; /* float[block · thread] */
    int32_t rounds;
    int32_t unused;
} PeakArguments;

/* ---- The kernels: X(name, arguments, threads, lowest compute capability) ---- */

#define CUDA_SIZED_KERNELS(X, kind, type, Arguments, threads, capability) \
    X(kind##_##type##_128, Arguments, threads, capability)                \
    X(kind##_##type##_64, Arguments, threads, capability)                 \
    X(kind##_##type##_32, Arguments, threads, capability)

#define CUDA_PRODUCT_KERNELS(X, kind, type, capability) \
    CUDA_SIZED_KERNELS(X, kind, type, ProductArguments, PRODUCT_THREADS, capability)

#define CUDA_TYPE_KERNELS(X, type, capability)                                                \
    CUDA_PRODUCT_KERNELS(X, conv, type, capability)                                           \
    CUDA_PRODUCT_KERNELS(X, conv_halo, type, capability)                                      \
    CUDA_PRODUCT_KERNELS(X, linear, type, capability)                                         \
    CUDA_SIZED_KERNELS(X, rows, type, RowsArguments, PRODUCT_THREADS, capability)             \
    CUDA_SIZED_KERNELS(X, attention, type, AttentionArguments, ATTENTION_THREADS, capability) \
    X(peak_##type, PeakArguments, PEAK_THREADS, capability)

#define CUDA_KERNELS(X)                                        \
    CUDA_TYPE_KERNELS(X, f32, 75)                              \
    CUDA_TYPE_KERNELS(X, f16, 75)                              \
    CUDA_TYPE_KERNELS(X, bf16, 80)                             \
    X(map, MapArguments, MAP_THREADS, 75)                      \
    X(statistics, StatisticsArguments, STATISTICS_THREADS, 75) \
    X(rms, RmsArguments, RMS_THREADS, 75)                      \
    X(mask_stem, MaskArguments, MASK_THREADS, 75)              \
    X(stft, StftArguments, STFT_THREADS, 75)                   \
    X(stft_f64, StftArguments, STFT_THREADS, 75)               \
    X(istft_frames, IstftArguments, STFT_THREADS, 75)          \
    X(istft_gather, IstftArguments, STFT_THREADS, 75)

#endif
