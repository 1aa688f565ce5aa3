/* rms.cu: RMS norms of rows of tokens, and rounding them for the products that read them. A warp
 * has a row, a lane every 32nd pair of its features. */
#include "arguments.h"
#include "kernel.h"
#include "result.h"

/* Two features from an even one on; those beyond the row's are zero. */
FN Pair rms_features(const RmsGroup &group, const float *row, int feature) {
    if (feature + 1 < group.features)
        return *(const Pair *)(row + feature);
    return Pair{feature < group.features ? row[feature] : 0.0f, 0.0f};
}

/* What each feature of a row is multiplied by, but for gamma. All lanes take part. */
FN float rms_scale(const RmsGroup &group, const float *row) {
    float sum = 0;
    for (int i = thread_index() % 32 * 2; i < group.features; i += 64) {
        Pair v = rms_features(group, row, i);
        sum = multiply_add(v.y, v.y, multiply_add(v.x, v.x, sum));
    }
    for (int mask = 16; mask > 0; mask /= 2)
        sum += shuffle_xor(sum, mask);
    float length = maximum(square_root(sum), 1e-12f);
    return divide(square_root((float)group.features), length);
}

KERNEL(rms, RmsArguments, RMS_THREADS, 4) {
    const RmsGroup group = global<const RmsGroup>(a.groups)[block_y()];
    int64_t row = block_x() * RMS_ROWS + thread_index() / 32;
    if (row >= a.rows)
        return;
    const float *input =
        global<const float>(a.input) + block_z() * a.input_sample + group.input + row * a.input_row;
    const ValueView output = {a.output, 0, 0, a.stored};
    int64_t to = block_z() * a.output_sample + group.output + row * a.output_row;
    float scale = group.gamma ? rms_scale(group, input) : 1.0f;
    for (int i = thread_index() % 32 * 2; i < group.padded; i += 64) {
        Pair v = rms_features(group, input, i);
        if (group.gamma) {
            Pair gamma = global<const Pair>(group.gamma)[i / 2];
            v = Pair{v.x * scale * gamma.x, v.y * scale * gamma.y};
        }
        store_two(output, to + i, v);
    }
}
