/* linear.cu: linears over the last axis, frequency: for each frame, (rows, width) weights times
 * (width, channels) values. A block computes 128 rows by N channels of a frame. Weights are the
 * left operand; the values' units hold adjacent channels, that is columns, of one k. */
#include "arguments.h"
#include "kernel.h"
#include "multiplier.h"
#include "operand.h"
#include "result.h"

/* Of T: how many k a slice has, and what a thread loads of a tile of (channel unit, k). */
template <typename T, int N> struct LinearTile {
    static const int k = PRODUCT_PLANES * Unit<T>::channels;
    static const int planes = N / Unit<T>::channels;
    static const int pitch = k + 1; /* units of a plane: odd, against bank conflicts */
    static const int loads = (planes * k + PRODUCT_THREADS - 1) / PRODUCT_THREADS;
    static const int bytes = planes * pitch * 16;
    static_assert(2 * bytes + PRODUCT_RING_BYTES(128) <= LINEAR_SHARED_BYTES(N),
                  "arguments.h knows the size");
};

/* Where a thread's i-th unit lies: neighbours in memory are units of one k. */
template <typename T, int N> FN int linear_unit_plane(int i) {
    return (thread_index() + i * PRODUCT_THREADS) % LinearTile<T, N>::planes;
}

template <typename T, int N> FN int linear_unit_k(int i) {
    return (thread_index() + i * PRODUCT_THREADS) / LinearTile<T, N>::planes;
}

template <typename T, int N> struct LinearLoads {
    Fetched<Unit<T>::channels, false> units[LinearTile<T, N>::loads];
};

template <typename T, int N> FN int linear_unit_channel(int i) {
    return block_y() * N + linear_unit_plane<T, N>(i) * Unit<T>::channels;
}

template <typename T, int N>
FN void linear_fetch(LinearLoads<T, N> &loads, const ProductArguments &a, int frame, int slice) {
    typedef LinearTile<T, N> Tile;
    UNROLL
    for (int i = 0; i < Tile::loads; i++) {
        int own = linear_unit_k<T, N>(i), k = slice * Tile::k + own;
        operand_fetch(loads.units[i], a.operand, block_z(), (int64_t)frame * a.operand.width + k,
                      linear_unit_channel<T, N>(i), own < Tile::k && k < a.operand.width);
    }
}

template <typename T, int N>
FN void linear_store(const LinearLoads<T, N> &loads, const ProductArguments &a, char *tile) {
    typedef LinearTile<T, N> Tile;
    UNROLL
    for (int i = 0; i < Tile::loads; i++)
        if (linear_unit_k<T, N>(i) < Tile::k)
            *(Quad *)(tile +
                      (linear_unit_plane<T, N>(i) * Tile::pitch + linear_unit_k<T, N>(i)) * 16) =
                operand_unit<T>(loads.units[i], a.operand, block_z(), linear_unit_channel<T, N>(i));
}

/* Slice -1 multiplies nothing, and loads what the first one multiplies. */
template <typename T, int N> FN void linear(const ProductArguments &a) {
    typedef LinearTile<T, N> Tile;
    typename Choose<T, N, true>::type sums;
    char *tiles = shared_memory(), *ring = tiles + 2 * Tile::bytes;
    const Rows rows = {PRODUCT_PIXELS, 0, 16};
    int width = a.result.width;
    int tiles_down = (width + PRODUCT_PIXELS - 1) / PRODUCT_PIXELS;
    int frame = block_x() / tiles_down, first = block_x() % tiles_down * PRODUCT_PIXELS;
    int count = width - first < PRODUCT_PIXELS ? width - first : PRODUCT_PIXELS;
    const char *weights =
        global<const char>(a.weights) +
        (int64_t)(block_x() % tiles_down) * a.slices * (PRODUCT_PLANES * PRODUCT_PIXELS * 16);
    LinearLoads<T, N> loads;
    sums.clear();
    ring_start<PRODUCT_PIXELS>(ring, weights, a.slices);
    for (int slice = -1; slice < a.slices; slice++) {
        bool more = slice + 1 < a.slices;
        if (slice >= 0) {
            copy_wait<PRODUCT_STAGES - 2>();
            block_sync();
            ring_fetch<PRODUCT_PIXELS>(ring, weights, slice + PRODUCT_STAGES - 1, a.slices);
        }
        if (more)
            linear_fetch<T, N>(loads, a, frame, slice + 1);
        if (slice >= 0)
            sums.add_transposed(ring_stage<PRODUCT_PIXELS>(ring, slice), rows,
                                tiles + slice % 2 * Tile::bytes, Tile::pitch);
        if (more)
            linear_store<T, N>(loads, a, tiles + (slice + 1) % 2 * Tile::bytes);
    }
    int first_column = block_y() * N;
    result_finish(
        sums, a.result, block_z(), count, tiles,
        [&](int row) -> int64_t { return row < count ? (int64_t)frame * width + first + row : -1; },
        [&](int n) -> Column {
            int column = first_column + n;
            return Column{column < a.columns ? column : -1, block_x(), 0};
        });
}

PRODUCT_KERNELS(linear)
