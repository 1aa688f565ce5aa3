/* mask.cu: masks times the spectrogram. A thread has one complex number. */
#include "arguments.h"
#include "kernel.h"

/* The average of the masks that a number of a bin has. */
FN Pair mask_of(const MaskArguments &a, const float *masks, int bin, int channel) {
    const MaskBin held = global<const MaskBin>(a.bins)[bin];
    Pair sum = {0, 0};
    for (int i = 0; i < held.bands; i++) {
        const MaskBand band = global<const MaskBand>(a.bands)[held.band + i];
        const float *from = masks + band.mask + 2 * ((bin - band.first) * a.channels + channel);
        sum.x += from[0], sum.y += from[1];
    }
    return Pair{divide(sum.x, (float)held.bands), divide(sum.y, (float)held.bands)};
}

KERNEL(mask_stem, MaskArguments, MASK_THREADS, 4) {
    int number = block_y() * MASK_THREADS + thread_index();
    int64_t frame = (int64_t)block_z() * a.frames + block_x();
    if (2 * number >= a.row)
        return;
    int bin = number / a.channels;
    Pair stem = {0, 0};
    if (bin < a.bin_count && !(a.zero_dc && bin == 0)) {
        Pair mask =
            mask_of(a, global<const float>(a.masks) + frame * a.mask_row, bin, number % a.channels);
        Pair mix = global<const Pair>(a.spectrum)[frame * (a.row / 2) + number];
        stem.x = multiply_add(mask.x, mix.x, -(mask.y * mix.y));
        stem.y = multiply_add(mask.x, mix.y, mask.y * mix.x);
    }
    float *output =
        global<float>(a.output) + block_z() * a.output_sample + (int64_t)block_x() * a.row;
    *(Pair *)(output + 2 * number) = stem;
}
