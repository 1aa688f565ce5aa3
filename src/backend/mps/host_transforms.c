/* host_transforms.c: the transforms by KissFFT, one frame after the other. */
#include "backend/mps/host_transforms.h"

#include <stdlib.h>
#include <string.h>

#include "dsp/real_fft.h"
#include "dsp/stft.h"

typedef struct Transform {
    StftAttributes stft;
    int samples; /* of the waveform */
    int frames;
    int band;     /* F: bins of a subband */
    int channels; /* of a spectrogram of tokens; their features are (bin, channel, part) */
    RealFft *fft;
    float *frame;           /* (n_fft) */
    kiss_fft_cpx *spectrum; /* (n_fft / 2 + 1) */
    float *window;          /* (n_fft), periodic Hann */
    double *envelope;       /* (samples): sum of squared windows; the inverse's */
} Transform;

static int frame_start(const Transform *t, int frame) {
    return frame * t->stft.hop - t->stft.n_fft / 2;
}

/* Where a bin's real (part 0) or imaginary part lies in a waveform's (2, subbands, T, F), or in
 * tokens from the waveform's own channel on. */
static size_t bin_place(const Transform *t, int part, int frame, int bin) {
    if (t->stft.tokens)
        return ((size_t)frame * (size_t)t->stft.bins + (size_t)bin) * (size_t)t->channels * 2 +
               (size_t)part;
    size_t band = (size_t)part * (size_t)t->stft.subbands + (size_t)(bin / t->band);
    return (band * (size_t)t->frames + (size_t)frame) * (size_t)t->band + (size_t)(bin % t->band);
}

static void forward(const Transform *t, const float *waveform, float *spectrogram) {
    for (int frame = 0; frame < t->frames; frame++) {
        for (int i = 0; i < t->stft.n_fft; i++)
            t->frame[i] =
                waveform[stft_reflect(frame_start(t, frame) + i, t->samples)] * t->window[i];
        real_fft_forward(t->fft, t->frame, t->spectrum);
        for (int bin = 0; bin < t->stft.bins; bin++) {
            spectrogram[bin_place(t, 0, frame, bin)] = t->spectrum[bin].r;
            spectrogram[bin_place(t, 1, frame, bin)] = t->spectrum[bin].i;
        }
    }
}

static void inverse(const Transform *t, const float *spectrogram, float *waveform) {
    int length = istft_filled(&t->stft, t->frames, t->samples);
    memset(waveform, 0, (size_t)t->samples * sizeof(float));
    memset(t->spectrum, 0, ((size_t)t->stft.n_fft / 2 + 1) * sizeof(*t->spectrum));
    for (int frame = 0; frame < t->frames; frame++) {
        for (int bin = 0; bin < t->stft.bins; bin++)
            t->spectrum[bin] = (kiss_fft_cpx){spectrogram[bin_place(t, 0, frame, bin)],
                                              spectrogram[bin_place(t, 1, frame, bin)]};
        real_fft_inverse(t->fft, t->spectrum, t->frame);
        for (int i = 0; i < t->stft.n_fft; i++) {
            int at = frame_start(t, frame) + i;
            if (at >= 0 && at < length)
                waveform[at] += t->frame[i] * t->window[i];
        }
    }
    for (int i = 0; i < length; i++)
        waveform[i] = (float)((double)waveform[i] / (t->envelope[i] * t->stft.n_fft));
}

static void destroy(Transform *t) {
    real_fft_destroy(t->fft);
    free(t->frame);
    free(t->spectrum);
    free(t->window);
    free(t->envelope);
}

static bool create(Transform *t) {
    size_t n_fft = (size_t)t->stft.n_fft;
    t->fft = real_fft_create(t->stft.n_fft);
    t->frame = calloc(n_fft, sizeof(*t->frame));
    t->spectrum = calloc(n_fft / 2 + 1, sizeof(*t->spectrum));
    t->window = calloc(n_fft, sizeof(*t->window));
    t->envelope = calloc((size_t)t->samples, sizeof(*t->envelope));
    if (!t->fft || !t->frame || !t->spectrum || !t->window || !t->envelope)
        return false;
    for (size_t i = 0; i < n_fft; i++)
        t->window[i] = (float)hann_window((int)i, t->stft.n_fft);
    return true;
}

/* Where the spectrogram of a waveform, counted through the batch, begins. */
static size_t spectrum_place(const Transform *t, size_t waveform) {
    size_t one = 2 * (size_t)t->stft.bins * (size_t)t->frames;
    if (!t->stft.tokens)
        return waveform * one;
    size_t channels = (size_t)t->channels;
    return waveform / channels * channels * one + waveform % channels * 2;
}

cleave_status host_transform(const Graph *network, int index, int batch, const float *from,
                             float *to, cleave_error *error) {
    const Node *node = &network->nodes[index];
    bool is_inverse = node->op == OP_ISTFT;
    Shape waveform = is_inverse ? node->shape : network->nodes[node->inputs[0]].shape;
    Shape spectrogram = is_inverse ? network->nodes[node->inputs[0]].shape : node->shape;
    Transform t = {.stft = node->as.stft,
                   .samples = waveform.width,
                   .frames = spectrogram.height,
                   .band = spectrogram.width,
                   .channels = spectrogram.width / (2 * node->as.stft.bins)};
    if (!create(&t)) {
        destroy(&t);
        return error_memory(error, node->name, (size_t)t.samples * sizeof(double));
    }
    if (is_inverse)
        istft_envelope(t.window, t.stft.n_fft, t.stft.hop, t.frames, t.samples, t.envelope);
    for (size_t i = 0; i < (size_t)batch * (size_t)waveform.channels; i++) {
        if (is_inverse)
            inverse(&t, from + spectrum_place(&t, i), to + i * (size_t)t.samples);
        else
            forward(&t, from + i * (size_t)t.samples, to + spectrum_place(&t, i));
    }
    destroy(&t);
    return CLEAVE_OK;
}
