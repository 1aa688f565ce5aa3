/* map.cu: everything elementwise: output = act(norm(concat(sources))) + add. It serves ops on their
 * own, and products whose operand is normalised and activated beforehand. A block has 128 pixels of
 * 32 channels; a thread has two pixels of eight channels. */
#include "arguments.h"
#include "kernel.h"
#include "operand.h"
#include "result.h"

/* A thread's share of a block, as result.h wants it. */
struct MapValues {
    static const int rows = MAP_PIXELS * MAP_CHANNELS / 8 / MAP_THREADS;
    static const int columns = 8;
    static const int tile_columns = MAP_CHANNELS;
    static const int groups = MAP_PIXELS / rows;
    static const bool adjacent = true;

    float values[rows][columns];

    FN_MEMBER float &at(int r, int c) {
        return values[r][c];
    }
    FN_MEMBER static int group() {
        return thread_index() / (MAP_CHANNELS / 8);
    }
    FN_MEMBER static int row(int r) {
        return group() + r * groups;
    }
    FN_MEMBER static int column(int c) {
        return thread_index() % (MAP_CHANNELS / 8) * 8 + c;
    }
};
static_assert(moments_bytes<MapValues>() <= MAP_SHARED_BYTES, "arguments.h knows the size");

KERNEL(map, MapArguments, MAP_THREADS, 4) {
    MapValues values;
    int first = block_x() * MAP_PIXELS, pixels = a.result.height * a.result.width;
    int first_channel = block_y() * MAP_CHANNELS;
    UNROLL
    for (int r = 0; r < MapValues::rows; r++) {
        Fetched<8, true> unit;
        int pixel = first + values.row(r), channel = first_channel + values.column(0);
        operand_fetch(unit, a.operand, block_z(), pixel, channel, pixel < pixels);
        operand_floats<8, true>(values.values[r], unit, a.operand, block_z(), channel);
    }
    result_finish(
        values, a.result, block_z(), pixels - first < MAP_PIXELS ? pixels - first : MAP_PIXELS,
        shared_memory(),
        [&](int row) -> int64_t { return first + row < pixels ? first + row : -1; },
        [&](int n) -> Column {
            int channel = first_channel + n;
            return Column{channel < a.result.output.channels ? channel : -1, block_x(), 0};
        });
}
