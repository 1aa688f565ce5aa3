/* roformer_bands.c: the bands of BS-Roformers by default, and those of Mel-Band Roformers. */
#include "model/roformer_bands.h"

#include <math.h>

const int bs_default_bins[BS_DEFAULT_BANDS] = {
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,   2,  2,
    2,  2,  2,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  4,  12, 12, 12, 12,  12, 12,
    12, 12, 24, 24, 24, 24, 24, 24, 24, 24, 48, 48, 48, 48, 48, 48, 48, 48, 128, 129};

/* Slaney's mel scale: linear below 1000 Hz, at 15 mel, and logarithmic above (M. Slaney, Auditory
 * Toolbox, 1998). */
#define MEL_LINEAR_HZ (200.0 / 3)
#define MEL_KNEE_HZ   1000.0
#define MEL_KNEE      15.0

static double mel_log_step(void) {
    return log(6.4) / 27;
}

static double hz_to_mel(double hz) {
    return hz < MEL_KNEE_HZ ? hz / MEL_LINEAR_HZ
                            : MEL_KNEE + log(hz / MEL_KNEE_HZ) / mel_log_step();
}

static double mel_to_hz(double mel) {
    return mel < MEL_KNEE ? mel * MEL_LINEAR_HZ
                          : MEL_KNEE_HZ * exp(mel_log_step() * (mel - MEL_KNEE));
}

void mel_bands(Band *bands, int count, int n_fft, int sample_rate) {
    const double bin_hz = 1.0 / (n_fft * (1.0 / sample_rate));
    const double step = hz_to_mel(sample_rate / 2.0) / (count + 1);
    const int last = n_fft / 2;
    int first = 0;
    for (int k = 0; k < count; k++) {
        const double low = mel_to_hz(k * step);
        const double high = mel_to_hz((k + 2) * step);
        while (k > 0 && first <= last && first * bin_hz <= low)
            first++;
        int end = first; /* behind the last bin */
        while (end <= last && (k == count - 1 || end * bin_hz < high))
            end++;
        bands[k] = (Band){first, end - first};
    }
}
