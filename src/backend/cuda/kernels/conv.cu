/* conv.cu: convolutions of every kind: any kernel, stride and padding, and transposed ones whose
 * kernel is their stride. A block computes 128 pixels by N columns. For each slice of the input's
 * channels and each tap of the kernel, the pixels' units are gathered, normalised and activated
 * into shared memory, while those before are multiplied. */
#include "arguments.h"
#include "kernel.h"
#include "multiplier.h"
#include "operand.h"
#include "result.h"

/* Units of a tile that each thread loads. */
#define CONV_LOADS (PRODUCT_PIXELS * PRODUCT_PLANES / PRODUCT_THREADS)
#define CONV_PITCH (PRODUCT_PIXELS + 2) /* units of a plane: off by 2, against bank conflicts */

/* The pixels of a block: of the output, or of the input of a transposed convolution. */
struct ConvTile {
    int first;
    int pixels; /* of the whole */
    int width;
};

FN ConvTile conv_tile(const ProductArguments &a) {
    ConvTile tile;
    tile.first = block_x() * PRODUCT_PIXELS;
    tile.width = a.transposed ? a.operand.width : a.result.width;
    tile.pixels = tile.width * (a.transposed ? a.operand.height : a.result.height);
    return tile;
}

/* What the units of one tap and slice are loaded into. In f32, as at the network's edges, they may
 * be products of two values. */
template <typename T> struct ConvLoads {
    Fetched<Unit<T>::channels, T::stored == STORED_F32> units[CONV_LOADS];
};

FN int conv_unit_plane(int i) {
    return (thread_index() + i * PRODUCT_THREADS) % PRODUCT_PLANES;
}

FN int conv_unit_pixel(int i) {
    return (thread_index() + i * PRODUCT_THREADS) / PRODUCT_PLANES;
}

template <typename T>
FN void conv_fetch(ConvLoads<T> &loads, const ProductArguments &a, const ConvTile &tile, int slice,
                   int tap) {
    int down = a.transposed ? 0 : tap / a.kernel[1] - a.pad[0];
    int along = a.transposed ? 0 : tap % a.kernel[1] - a.pad[1];
    int stride_y = a.transposed ? 1 : a.stride[0], stride_x = a.transposed ? 1 : a.stride[1];
    UNROLL
    for (int i = 0; i < CONV_LOADS; i++) {
        int pixel = tile.first + conv_unit_pixel(i);
        int y = pixel / tile.width * stride_y + down;
        int x = pixel % tile.width * stride_x + along;
        bool inside =
            pixel < tile.pixels && y >= 0 && y < a.operand.height && x >= 0 && x < a.operand.width;
        int channel = (slice * PRODUCT_PLANES + conv_unit_plane(i)) * Unit<T>::channels;
        operand_fetch(loads.units[i], a.operand, block_z(), (int64_t)y * a.operand.width + x,
                      channel, inside);
    }
}

template <typename T>
FN void conv_store(const ConvLoads<T> &loads, const ProductArguments &a, char *tile, int slice) {
    UNROLL
    for (int i = 0; i < CONV_LOADS; i++) {
        int channel = (slice * PRODUCT_PLANES + conv_unit_plane(i)) * Unit<T>::channels;
        *(Quad *)(tile + (conv_unit_plane(i) * CONV_PITCH + conv_unit_pixel(i)) * 16) =
            operand_unit<T>(loads.units[i], a.operand, block_z(), channel);
    }
}

template <typename S> FN void conv_finish(S &sums, const ProductArguments &a, char *memory) {
    ConvTile tile = conv_tile(a);
    int count =
        tile.pixels - tile.first < PRODUCT_PIXELS ? tile.pixels - tile.first : PRODUCT_PIXELS;
    int first_column = block_y() * S::tile_columns;
    result_finish(
        sums, a.result, block_z(), count, memory,
        [&](int row) -> int64_t {
            int pixel = tile.first + row;
            if (pixel >= tile.pixels)
                return -1;
            if (!a.transposed)
                return pixel;
            return (int64_t)(pixel / tile.width) * a.stride[0] * a.result.width +
                   pixel % tile.width * a.stride[1];
        },
        [&](int n) -> Column {
            int column = first_column + n, channels = a.result.output.channels;
            if (column >= a.columns)
                return Column{-1, 0, 0};
            if (!a.transposed)
                return Column{column, block_x(), 0};
            int tap = column / channels;
            return Column{column % channels, block_x() * a.kernel[0] * a.kernel[1] + tap,
                          (int64_t)(tap / a.kernel[1]) * a.result.width + tap % a.kernel[1]};
        });
}

/* Block -1 multiplies nothing, and loads what the first one multiplies. */
template <typename T, int N> FN void conv(const ProductArguments &a) {
    typename Choose<T, N, false>::type sums;
    const int tile_bytes = PRODUCT_PLANES * CONV_PITCH * 16;
    char *tiles = shared_memory(), *ring = tiles + 2 * tile_bytes;
    const ConvTile tile = conv_tile(a);
    const Rows rows = {CONV_PITCH, 0, 16};
    int taps = a.transposed ? 1 : a.kernel[0] * a.kernel[1];
    int blocks = a.slices * taps;
    const char *weights =
        global<const char>(a.weights) + (int64_t)block_y() * blocks * (PRODUCT_PLANES * N * 16);
    ConvLoads<T> loads;
    sums.clear();
    ring_start<N>(ring, weights, blocks);
    for (int block = -1, slice = 0, tap = -1; block < blocks; block++) {
        bool more = block + 1 < blocks;
        int next_tap = tap + 1 < taps ? tap + 1 : 0;
        int next_slice = next_tap || block < 0 ? slice : slice + 1;
        if (block >= 0) {
            copy_wait<PRODUCT_STAGES - 2>();
            block_sync();
            ring_fetch<N>(ring, weights, block + PRODUCT_STAGES - 1, blocks);
        }
        if (more)
            conv_fetch<T>(loads, a, tile, next_slice, next_tap);
        if (block >= 0)
            sums.add(tiles + block % 2 * tile_bytes, rows, ring_stage<N>(ring, block));
        if (more)
            conv_store<T>(loads, a, tiles + (block + 1) % 2 * tile_bytes, next_slice);
        slice = next_slice, tap = next_tap;
    }
    conv_finish(sums, a, tiles);
}

PRODUCT_KERNELS(conv)
