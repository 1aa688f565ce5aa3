/* conv_halo.cu: 3×3 convolutions with stride and padding 1. A block computes 8 × 16 pixels by N
 * columns. Its input, a halo of one pixel included, is normalised and activated once into shared
 * memory, a slice of channels at a time, and all nine taps read it there. */
#include "arguments.h"
#include "kernel.h"
#include "multiplier.h"
#include "operand.h"
#include "result.h"

#define HALO_UNITS         (HALO_TILE_PIXELS * PRODUCT_PLANES)
#define HALO_LOADS         ((HALO_UNITS + PRODUCT_THREADS - 1) / PRODUCT_THREADS)
#define HALO_PIXELS_ACROSS (HALO_COLUMNS + 2)

/* The top left pixel of a block. */
struct HaloTile {
    int y, x;
};

FN HaloTile halo_tile(const ProductArguments &a) {
    int across = (a.result.width + HALO_COLUMNS - 1) / HALO_COLUMNS;
    return HaloTile{block_x() / across * HALO_ROWS, block_x() % across * HALO_COLUMNS};
}

/* The thread's i-th unit of a slice: its place in the tile, and its channel in the operand. */
template <typename T> struct HaloUnit { int pixel, plane, channel; };

template <typename T> FN HaloUnit<T> halo_unit(int slice, int i) {
    int item = thread_index() + i * PRODUCT_THREADS;
    int plane = item % PRODUCT_PLANES;
    return HaloUnit<T>{item / PRODUCT_PLANES, plane,
                       (slice * PRODUCT_PLANES + plane) * Unit<T>::channels};
}

template <typename T>
FN void halo_fetch(Fetched<Unit<T>::channels, false> &load, const ProductArguments &a,
                   const HaloTile &tile, int slice, int i) {
    HaloUnit<T> unit = halo_unit<T>(slice, i);
    int y = tile.y - 1 + unit.pixel / HALO_PIXELS_ACROSS;
    int x = tile.x - 1 + unit.pixel % HALO_PIXELS_ACROSS;
    bool inside = unit.pixel < HALO_TILE_PIXELS && y >= 0 && y < a.operand.height && x >= 0 &&
                  x < a.operand.width;
    operand_fetch(load, a.operand, block_z(), (int64_t)y * a.operand.width + x, unit.channel,
                  inside);
}

template <typename T>
FN void halo_store(const Fetched<Unit<T>::channels, false> &load, const ProductArguments &a,
                   char *memory, int slice, int i) {
    HaloUnit<T> unit = halo_unit<T>(slice, i);
    if (unit.pixel < HALO_TILE_PIXELS)
        *(Quad *)(memory + (unit.plane * HALO_PITCH + unit.pixel) * 16) =
            operand_unit<T>(load, a.operand, block_z(), unit.channel);
}

template <typename S>
FN void halo_finish(S &sums, const ProductArguments &a, const HaloTile &tile, char *memory) {
    int height = a.result.height, width = a.result.width;
    int rows = height - tile.y < HALO_ROWS ? height - tile.y : HALO_ROWS;
    int columns = width - tile.x < HALO_COLUMNS ? width - tile.x : HALO_COLUMNS;
    int first_column = block_y() * S::tile_columns;
    result_finish(
        sums, a.result, block_z(), rows * columns, memory,
        [&](int row) -> int64_t {
            int y = row / HALO_COLUMNS, x = row % HALO_COLUMNS;
            return y < rows && x < columns ? (int64_t)(tile.y + y) * width + tile.x + x : -1;
        },
        [&](int n) -> Column {
            int column = first_column + n;
            return Column{column < a.columns ? column : -1, block_x(), 0};
        });
}

/* One unit a thread is under way during a tap: HALO_LOADS taps of nine load the slice after. */
template <typename T, int N> FN void conv_halo(const ProductArguments &a) {
    typename Choose<T, N, false>::type sums;
    const int tile_bytes = PRODUCT_PLANES * HALO_PITCH * 16;
    char *tiles = shared_memory(), *ring = tiles + 2 * tile_bytes;
    const HaloTile tile = halo_tile(a);
    int blocks = a.slices * 9;
    const char *weights =
        global<const char>(a.weights) + (int64_t)block_y() * blocks * (PRODUCT_PLANES * N * 16);
    Fetched<Unit<T>::channels, false> load;
    sums.clear();
    ring_start<N>(ring, weights, blocks);
    KEEP_LOOP
    for (int i = 0; i < HALO_LOADS; i++) {
        halo_fetch<T>(load, a, tile, 0, i);
        halo_store<T>(load, a, tiles, 0, i);
    }
    for (int slice = 0; slice < a.slices; slice++) {
        char *next = tiles + (slice + 1) % 2 * tile_bytes;
        KEEP_LOOP
        for (int tap = 0; tap < 9; tap++) {
            int block = slice * 9 + tap;
            bool loads = slice + 1 < a.slices && tap < HALO_LOADS;
            copy_wait<PRODUCT_STAGES - 2>();
            block_sync();
            ring_fetch<N>(ring, weights, block + PRODUCT_STAGES - 1, blocks);
            if (loads)
                halo_fetch<T>(load, a, tile, slice + 1, tap);
            Rows rows = {HALO_PITCH, tap / 3 * HALO_PIXELS_ACROSS + tap % 3, HALO_PIXELS_ACROSS};
            sums.add(tiles + slice % 2 * tile_bytes, rows, ring_stage<N>(ring, block));
            if (loads)
                halo_store<T>(load, a, next, slice + 1, tap);
        }
    }
    halo_finish(sums, a, tile, tiles);
}

PRODUCT_KERNELS(conv_halo)
