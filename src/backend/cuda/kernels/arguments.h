/* arguments.h: what host and kernels agree on: the list of kernels, the layout of values, weights
 * and moments, and one struct of arguments for each kind of kernel.
 *
 * Values are (sample, height, width, channels) with the channels innermost, padded to a multiple of
 * CHANNEL_UNIT. What stands in the padding is finite, and weights are zero there. A concatenation
 * is two values, each padded by itself. */
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
    uint64_t roots;   /* float[n_fft][2]: exp(-2πi k / n_fft) */
    uint64_t window;  /* float[n_fft] */
    uint64_t scratch; /* float[block][2][length][2], or 0: shared memory of that size */
} FourierPlan;

/* stft: grid (frames at a time, channels, samples); a waveform is (sample, channel, samples) of
 * floats. */
typedef struct StftArguments {
    FourierPlan plan;
    uint64_t waveform;
    int64_t waveform_stride; /* floats between two items of the batch */
    int32_t samples;
    int32_t hop;
    int32_t channels; /* of the waveform */
    int32_t subbands;
    int32_t bins; /* of a subband */
    int32_t frames;
    Result result; /* f32 */
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
    int32_t subbands;
    int32_t bins;
    int32_t frames;
    int32_t unused;
} IstftArguments;

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

#define CUDA_PRODUCT_KERNELS(X, kind, type, capability)                   \
    X(kind##_##type##_128, ProductArguments, PRODUCT_THREADS, capability) \
    X(kind##_##type##_64, ProductArguments, PRODUCT_THREADS, capability)  \
    X(kind##_##type##_32, ProductArguments, PRODUCT_THREADS, capability)

#define CUDA_TYPE_KERNELS(X, type, capability)           \
    CUDA_PRODUCT_KERNELS(X, conv, type, capability)      \
    CUDA_PRODUCT_KERNELS(X, conv_halo, type, capability) \
    CUDA_PRODUCT_KERNELS(X, linear, type, capability)    \
    X(peak_##type, PeakArguments, PEAK_THREADS, capability)

#define CUDA_KERNELS(X)                                        \
    CUDA_TYPE_KERNELS(X, f32, 75)                              \
    CUDA_TYPE_KERNELS(X, f16, 75)                              \
    CUDA_TYPE_KERNELS(X, bf16, 80)                             \
    X(map, MapArguments, MAP_THREADS, 75)                      \
    X(statistics, StatisticsArguments, STATISTICS_THREADS, 75) \
    X(stft, StftArguments, STFT_THREADS, 75)                   \
    X(istft_frames, IstftArguments, STFT_THREADS, 75)          \
    X(istft_gather, IstftArguments, STFT_THREADS, 75)

#endif
