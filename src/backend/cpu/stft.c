/* stft.c: the transforms at the two ends of the network. The STFT writes, and its inverse reads,
 * channel-blocked spectrograms with the subbands already cut into channels. The inverse also reads
 * spectrograms that are tokens; the STFT that writes those is in wide_stft.c. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/step_kinds.h"
#include "base/memory.h"
#include "dsp/real_fft.h"
#include "dsp/stft.h"

typedef struct StftStep {
    CpuStep base;
    StftAttributes stft;
    int channels; /* audio channels of the waveform: ch, or stems · ch */
    int stems;    /* inverse, of tokens */
    int samples;  /* of the waveform */
    int frames;
    int band;             /* F: bins per subband */
    int length;           /* inverse: samples that the frames give; the rest is zero */
    float *window;        /* (n_fft) periodic Hann */
    float *gain;          /* inverse: (length) 1 / (n_fft · sum of squared windows) */
    RealFft **transforms; /* one per thread */
    int transform_count;
} StftStep;

/* A thread's scratch: one frame and its spectrum. */
typedef struct FrameScratch {
    float *frame;
    kiss_fft_cpx *spectrum;
} FrameScratch;

static size_t frame_bytes(const StftStep *step) {
    return size_round_up((size_t)step->stft.n_fft * sizeof(float), MEMORY_ALIGNMENT);
}

static int spectrum_bins(const StftStep *step) {
    return step->stft.n_fft / 2 + 1;
}

static FrameScratch frame_scratch(const StftStep *step, const CpuRun *run, int thread) {
    unsigned char *scratch = thread_scratch(run->executable, thread);
    return (FrameScratch){(float *)(void *)scratch,
                          (kiss_fft_cpx *)(void *)(scratch + frame_bytes(step))};
}

/* Where the real (part 0) or imaginary (part 1) value of bin 0 of a subband lies in frame `row`;
 * bins are CHANNEL_BLOCK floats apart. */
static float *band_start(const StftStep *step, const CpuTensor *tensor, int item, int channel,
                         int part, int subband, int row) {
    int logical = (2 * channel + part) * step->stft.subbands + subband;
    int position = channel_position(&tensor->channels, logical);
    return tensor_row(tensor, item, position / CHANNEL_BLOCK, row) + position % CHANNEL_BLOCK;
}

/* ---- Forward ---- */

static void cut_frame(const StftStep *step, const float *waveform, int row, float *frame) {
    int start = row * step->stft.hop - step->stft.n_fft / 2;
    for (int i = 0; i < step->stft.n_fft; i++)
        frame[i] = waveform[stft_reflect(start + i, step->samples)] * step->window[i];
}

static void store_spectrum(const StftStep *step, const kiss_fft_cpx *spectrum, int item,
                           int channel, int row) {
    for (int subband = 0; subband < step->stft.subbands; subband++) {
        const CpuTensor *to = step->base.output;
        float *re = band_start(step, to, item, channel, 0, subband, row);
        float *im = band_start(step, to, item, channel, 1, subband, row);
        const kiss_fft_cpx *from = spectrum + subband * step->band;
        for (int f = 0; f < step->band; f++) {
            re[f * CHANNEL_BLOCK] = from[f].r;
            im[f * CHANNEL_BLOCK] = from[f].i;
        }
    }
}

typedef struct StftContext {
    const StftStep *step;
    const CpuRun *run;
} StftContext;

/* One frame of all channels of one item of the batch: a task writes whole cache lines. */
static void forward_frame(void *context, size_t task, int thread) {
    const StftContext *c = context;
    const StftStep *step = c->step;
    const CpuTensor *output = step->base.output;
    FrameScratch scratch = frame_scratch(step, c->run, thread);
    int row = (int)(task % (size_t)step->frames);
    int item = (int)(task / (size_t)step->frames);
    for (int block = 0; block < output->blocks; block++)
        memset(tensor_row(output, item, block, row), 0, tensor_row_floats(output) * sizeof(float));
    for (int channel = 0; channel < step->channels; channel++) {
        size_t plane = (size_t)item * (size_t)step->channels + (size_t)channel;
        cut_frame(step, c->run->input + plane * (size_t)step->samples, row, scratch.frame);
        real_fft_forward(step->transforms[thread], scratch.frame, scratch.spectrum);
        store_spectrum(step, scratch.spectrum, item, channel, row);
    }
    for (int block = 0; block < output->blocks; block++)
        tensor_row_written(output, c->run->executable->kernels, item, block, row);
}

static void forward_run(const CpuStep *step, const CpuRun *run) {
    StftContext context = {(const StftStep *)step, run};
    size_t frames = (size_t)run->batch * (size_t)context.step->frames;
    thread_pool_run(run->executable->pool, frames, forward_frame, &context);
}

/* ---- Inverse ---- */

/* Of the spectrogram as tokens: the values of a bin, of all channels of a stem, are neighbours. */
static void load_token(const StftStep *step, const CpuTensor *from, int item, int channel, int row,
                       kiss_fft_cpx *spectrum) {
    int per_stem = step->channels / step->stems;
    const float *value = tensor_token_row(from, item, channel / per_stem, row);
    value += 2 * (channel % per_stem);
    for (int bin = 0; bin < step->stft.bins; bin++, value += 2 * per_stem)
        spectrum[bin] = (kiss_fft_cpx){value[0], value[1]};
}

static void load_image(const StftStep *step, const CpuTensor *from, int item, int channel, int row,
                       kiss_fft_cpx *spectrum) {
    for (int subband = 0; subband < step->stft.subbands; subband++) {
        const float *re = band_start(step, from, item, channel, 0, subband, row);
        const float *im = band_start(step, from, item, channel, 1, subband, row);
        kiss_fft_cpx *to = spectrum + subband * step->band;
        for (int f = 0; f < step->band; f++)
            to[f] = (kiss_fft_cpx){re[f * CHANNEL_BLOCK], im[f * CHANNEL_BLOCK]};
    }
}

static void load_spectrum(const StftStep *step, const CpuTensor *from, int item, int channel,
                          int row, kiss_fft_cpx *spectrum) {
    if (from->tokens)
        load_token(step, from, item, channel, row, spectrum);
    else
        load_image(step, from, item, channel, row, spectrum);
    for (int bin = step->stft.bins; bin < spectrum_bins(step); bin++)
        spectrum[bin] = (kiss_fft_cpx){0, 0};
}

static void overlap_add(const StftStep *step, const float *frame, int row, float *waveform) {
    int start = row * step->stft.hop - step->stft.n_fft / 2;
    int first = start < 0 ? -start : 0;
    int last = step->length - start < step->stft.n_fft ? step->length - start : step->stft.n_fft;
    for (int i = first; i < last; i++)
        waveform[start + i] += frame[i] * step->window[i];
}

/* One channel of one stem of one item of the batch. */
static void inverse_channel(void *context, size_t task, int thread) {
    const StftContext *c = context;
    const StftStep *step = c->step;
    const CpuTensor *from = step->base.operand.sources[0].tensor;
    FrameScratch scratch = frame_scratch(step, c->run, thread);
    float *waveform = c->run->output + task * (size_t)step->samples;
    int channel = (int)(task % (size_t)step->channels);
    int item = (int)(task / (size_t)step->channels);
    memset(waveform, 0, (size_t)step->samples * sizeof(float));
    for (int row = 0; row < step->frames; row++) {
        load_spectrum(step, from, item, channel, row, scratch.spectrum);
        real_fft_inverse(step->transforms[thread], scratch.spectrum, scratch.frame);
        overlap_add(step, scratch.frame, row, waveform);
    }
    for (int i = 0; i < step->length; i++)
        waveform[i] *= step->gain[i];
}

static void inverse_run(const CpuStep *step, const CpuRun *run) {
    StftContext context = {(const StftStep *)step, run};
    size_t planes = (size_t)run->batch * (size_t)context.step->channels;
    thread_pool_run(run->executable->pool, planes, inverse_channel, &context);
}

/* ---- Creating ---- */

static void stft_destroy(CpuStep *base) {
    StftStep *step = (StftStep *)base;
    for (int i = 0; i < step->transform_count; i++)
        real_fft_destroy(step->transforms[i]);
    free(step->transforms);
    free(step->window);
    free(step->gain);
    step_free(base);
}

static cleave_status create_window(StftStep *step, const CpuExecutable *executable,
                                   cleave_error *error) {
    size_t n_fft = (size_t)step->stft.n_fft;
    step->base.weight_bytes += n_fft * sizeof(float);
    if (executable->sizes_only)
        return CLEAVE_OK;
    step->window = malloc(n_fft * sizeof(float));
    if (!step->window)
        return error_memory(error, "the STFT's window", n_fft * sizeof(float));
    for (size_t i = 0; i < n_fft; i++)
        step->window[i] = (float)hann_window((int)i, step->stft.n_fft);
    return CLEAVE_OK;
}

static cleave_status create_transforms(StftStep *step, const CpuExecutable *executable,
                                       cleave_error *error) {
    int threads = executable->threads;
    step->base.weight_bytes += (size_t)threads * real_fft_bytes(step->stft.n_fft);
    if (executable->sizes_only)
        return CLEAVE_OK;
    step->transforms = calloc((size_t)threads, sizeof(*step->transforms));
    for (int i = 0; step->transforms && i < threads; i++) {
        step->transforms[i] = real_fft_create(step->stft.n_fft);
        if (!step->transforms[i])
            break;
        step->transform_count++;
    }
    if (step->transform_count < threads)
        return error_memory(error, "the Fourier transform", (size_t)step->stft.n_fft * 8);
    return CLEAVE_OK;
}

static cleave_status create_common(CpuStep **created, const CpuExecutable *executable,
                                   const Step *program, const Graph *weights, cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(StftStep), executable, program, weights, error);
    if (status != CLEAVE_OK)
        return status;
    StftStep *step = (StftStep *)*created;
    step->base.destroy = stft_destroy;
    step->stft = step->base.node->as.stft;
    step->band = step->stft.bins / step->stft.subbands;
    step->base.scratch_bytes =
        frame_bytes(step) + (size_t)spectrum_bins(step) * sizeof(kiss_fft_cpx);
    status = create_window(step, executable, error);
    if (status == CLEAVE_OK)
        status = create_transforms(step, executable, error);
    return status;
}

cleave_status stft_step_create(CpuStep **created, const CpuExecutable *executable,
                               const Step *program, const Graph *weights, cleave_error *error) {
    if (weights->nodes[program->node].as.stft.tokens)
        return wide_stft_step_create(created, executable, program, weights, error);
    cleave_status status = create_common(created, executable, program, weights, error);
    if (status != CLEAVE_OK)
        return status;
    StftStep *step = (StftStep *)*created;
    Shape waveform = weights->nodes[step->base.node->inputs[0]].shape;
    step->base.run = forward_run;
    step->channels = waveform.channels;
    step->samples = waveform.width;
    step->frames = step->base.node->shape.height;
    return CLEAVE_OK;
}

/* From the sum of squared windows over each sample that is kept; config_check.c has refused hops
 * that leave one uncovered. */
static cleave_status create_gain(StftStep *step, const CpuExecutable *executable,
                                 cleave_error *error) {
    size_t length = (size_t)step->length;
    step->base.weight_bytes += length * sizeof(float);
    if (executable->sizes_only)
        return CLEAVE_OK;
    step->gain = calloc(length ? length : 1, sizeof(float));
    if (!step->gain || !istft_gain(step->window, step->stft.n_fft, step->stft.hop, step->frames,
                                   step->length, step->gain))
        return error_memory(error, "the inverse STFT's envelope", length * sizeof(double));
    return CLEAVE_OK;
}

cleave_status istft_step_create(CpuStep **created, const CpuExecutable *executable,
                                const Step *program, const Graph *weights, cleave_error *error) {
    cleave_status status = create_common(created, executable, program, weights, error);
    if (status != CLEAVE_OK)
        return status;
    StftStep *step = (StftStep *)*created;
    step->base.run = inverse_run;
    step->channels = step->base.node->shape.channels;
    step->samples = step->base.node->shape.width;
    Shape spectrogram = weights->nodes[step->base.node->inputs[0]].shape;
    step->frames = spectrogram.height;
    step->stems = spectrogram.channels;
    step->length = istft_filled(&step->stft, step->frames, step->samples);
    return create_gain(step, executable, error);
}
