/* stft.c: the transforms at the two ends of the network, CHANNEL_BLOCK frames at a time. The STFT
 * writes, and its inverse reads, channel-blocked spectrograms with the subbands already cut into
 * channels. The inverse also reads spectrograms that are tokens; the STFT that writes those is in
 * wide_stft.c. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/fourier.h"
#include "backend/cpu/step_kinds.h"
#include "base/memory.h"
#include "dsp/stft.h"

typedef struct StftStep {
    CpuStep base;
    StftAttributes stft;
    int channels; /* audio channels of the waveform: ch, or stems · ch */
    int stems;    /* inverse, of tokens */
    int samples;  /* of the waveform */
    int frames;
    int band;      /* F: bins per subband */
    int length;    /* inverse: samples that the frames give; the rest is zero */
    float *window; /* (fourier_window_length()) periodic Hann, and zeros */
    float *gain;   /* inverse: (length) 1 / (n_fft · sum of squared windows) */
    Fourier *fourier;
} StftStep;

/* Neighbouring frames of one item of the batch; each has a lane. */
typedef struct FrameGroup {
    int item;
    int first;
    int count; /* 1 … CHANNEL_BLOCK */
} FrameGroup;

/* A thread's scratch. */
typedef struct GroupScratch {
    float *samples; /* that the frames of a group span */
    float *spectra; /* a buffer for each channel; inverse: one, and one to work in */
    size_t buffer;  /* floats of each */
} GroupScratch;

static size_t sample_bytes(const StftStep *step) {
    size_t samples = fourier_samples(step->stft.n_fft, (size_t)step->stft.hop, CHANNEL_BLOCK);
    return size_round_up(samples * sizeof(float), MEMORY_ALIGNMENT);
}

static GroupScratch group_scratch(const StftStep *step, const CpuRun *run, int thread) {
    unsigned char *scratch = thread_scratch(run->executable, thread);
    return (GroupScratch){.samples = (float *)(void *)scratch,
                          .spectra = (float *)(void *)(scratch + sample_bytes(step)),
                          .buffer = fourier_buffer_floats(step->stft.n_fft)};
}

static int group_count(const StftStep *step) {
    return (step->frames + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
}

static FrameGroup frame_group(const StftStep *step, int item, int index) {
    int first = index * CHANNEL_BLOCK;
    return (FrameGroup){item, first, size_clipped(CHANNEL_BLOCK, first, step->frames)};
}

/* Where in the waveform the group's samples begin: before it, for the first ones. */
static int group_start(const StftStep *step, const FrameGroup *group) {
    return group->first * step->stft.hop - step->stft.n_fft / 2;
}

/* From the first frame's first sample to the last one's last. */
static int group_span(const StftStep *step, const FrameGroup *group) {
    return (group->count - 1) * step->stft.hop + step->stft.n_fft;
}

static FourierFrames group_frames(const StftStep *step, const FrameGroup *group, float *samples) {
    return (FourierFrames){.samples = samples,
                           .hop = (size_t)step->stft.hop,
                           .count = (size_t)group->count,
                           .window = step->window};
}

/* The lanes of a block of an image whose values are real and imaginary parts of a channel's
 * spectrum: lanes[l] becomes what lane l holds of bin 0 of its subband. Whether there are any. */
static bool find_lanes(const StftStep *step, const CpuTensor *image, int channel, int block,
                       float *spectrum, float *lanes[CHANNEL_BLOCK]) {
    size_t band = (size_t)step->band * FOURIER_POSITION;
    bool found = false;
    for (int logical = 0; logical < 2 * step->stft.subbands; logical++) {
        int part = logical / step->stft.subbands;
        int subband = logical % step->stft.subbands;
        int position =
            channel_position(&image->channels, 2 * channel * step->stft.subbands + logical);
        if (position / CHANNEL_BLOCK != block)
            continue;
        lanes[position % CHANNEL_BLOCK] = spectrum + part * CHANNEL_BLOCK + (size_t)subband * band;
        found = true;
    }
    return found;
}

/* ---- Forward ---- */

/* The samples of a group, reflected at the ends of the waveform, and zeros behind them. */
static void gather_samples(const StftStep *step, const float *waveform, const FrameGroup *group,
                           float *samples) {
    int start = group_start(step, group);
    int span = group_span(step, group);
    int i = 0;
    for (; i < span && start + i < 0; i++)
        samples[i] = waveform[stft_reflect(start + i, step->samples)];
    int inside = size_clipped(span, start, step->samples);
    if (inside > i) {
        memcpy(samples + i, waveform + start + i, (size_t)(inside - i) * sizeof(float));
        i = inside;
    }
    for (; i < span; i++)
        samples[i] = waveform[stft_reflect(start + i, step->samples)];
    memset(samples + span, 0, sample_bytes(step) - (size_t)span * sizeof(float));
}

/* The spectra of all channels in one block, frame after frame. */
static void store_block(const StftStep *step, const Kernels *kernels, const GroupScratch *scratch,
                        const FrameGroup *group, int block) {
    const CpuTensor *output = step->base.output;
    float *lanes[CHANNEL_BLOCK] = {NULL};
    TransposeArguments rows = {
        .from_step = FOURIER_POSITION, .to_step = CHANNEL_BLOCK, .count = (size_t)step->band};
    for (int channel = 0; channel < step->channels; channel++)
        find_lanes(step, output, channel, block,
                   scratch->spectra + (size_t)channel * scratch->buffer, lanes);
    for (int lane = 0; lane < CHANNEL_BLOCK; lane++)
        rows.from[lane] = lanes[lane];
    for (int frame = 0; frame < group->count; frame++)
        rows.to[frame] = tensor_row(output, group->item, block, group->first + frame);
    kernels->transpose_rows(&rows);
}

typedef struct StftContext {
    const StftStep *step;
    const CpuRun *run;
} StftContext;

/* One group of frames of all channels of one item of the batch: a task writes whole cache lines.
 * Many threads find few tasks, 16 for the usual 256 frames; groups of fewer frames would leave
 * lanes empty, and take as long. */
static void forward_group(void *context, size_t task, int thread) {
    const StftContext *c = context;
    const StftStep *step = c->step;
    const CpuTensor *output = step->base.output;
    const Kernels *kernels = c->run->executable->kernels;
    size_t groups = (size_t)group_count(step);
    FrameGroup group = frame_group(step, (int)(task / groups), (int)(task % groups));
    GroupScratch scratch = group_scratch(step, c->run, thread);
    FourierFrames frames = group_frames(step, &group, scratch.samples);
    for (int channel = 0; channel < step->channels; channel++) {
        size_t plane = (size_t)group.item * (size_t)step->channels + (size_t)channel;
        gather_samples(step, c->run->input + plane * (size_t)step->samples, &group,
                       scratch.samples);
        fourier_forward(step->fourier, kernels, &frames,
                        scratch.spectra + (size_t)channel * scratch.buffer);
    }
    for (int block = 0; block < output->blocks; block++) {
        store_block(step, kernels, &scratch, &group, block);
        for (int frame = 0; frame < group.count; frame++)
            tensor_row_written(output, kernels, group.item, block, group.first + frame);
    }
}

static void forward_run(const CpuStep *step, const CpuRun *run) {
    StftContext context = {(const StftStep *)step, run};
    size_t groups = (size_t)run->batch * (size_t)group_count(context.step);
    thread_pool_run(run->executable->pool, groups, forward_group, &context);
}

/* ---- Inverse ---- */

/* Of the spectrogram as tokens: the values of a bin, of all channels of a stem, are neighbours. */
static void load_tokens(const StftStep *step, const FrameGroup *group, int channel,
                        float *spectrum) {
    const CpuTensor *from = step->base.operand.sources[0].tensor;
    int per_stem = step->channels / step->stems;
    for (int frame = 0; frame < group->count; frame++) {
        const float *value =
            tensor_token_row(from, group->item, channel / per_stem, group->first + frame);
        value += 2 * (channel % per_stem);
        float *to = spectrum + frame;
        for (int bin = 0; bin < step->stft.bins; bin++, value += 2 * per_stem) {
            to[bin * FOURIER_POSITION] = value[0];
            to[bin * FOURIER_POSITION + CHANNEL_BLOCK] = value[1];
        }
    }
}

/* The same where bins have whole numbers of values in a vector: FOURIER_SPARE_BINS or fewer. */
static void turn_tokens(const StftStep *step, const Kernels *kernels, const FrameGroup *group,
                        int channel, float *spectrum) {
    const CpuTensor *from = step->base.operand.sources[0].tensor;
    int per_stem = step->channels / step->stems;
    int bins = CHANNEL_BLOCK / (2 * per_stem);
    TransposeArguments rows = {.from_step = CHANNEL_BLOCK,
                               .to_step = (size_t)bins * FOURIER_POSITION,
                               .count = tensor_row_positions(from)};
    for (int bin = 0; bin < bins; bin++)
        for (int part = 0; part < 2; part++)
            rows.to[(bin * per_stem + channel % per_stem) * 2 + part] =
                spectrum + bin * FOURIER_POSITION + part * CHANNEL_BLOCK;
    for (int frame = 0; frame < group->count; frame++)
        rows.from[frame] =
            tensor_token_row(from, group->item, channel / per_stem, group->first + frame);
    kernels->transpose_rows(&rows);
}

static void load_image(const StftStep *step, const Kernels *kernels, const FrameGroup *group,
                       int channel, float *spectrum) {
    const CpuTensor *from = step->base.operand.sources[0].tensor;
    for (int block = 0; block < from->blocks; block++) {
        TransposeArguments rows = {
            .from_step = CHANNEL_BLOCK, .to_step = FOURIER_POSITION, .count = (size_t)step->band};
        if (!find_lanes(step, from, channel, block, spectrum, rows.to))
            continue;
        for (int frame = 0; frame < group->count; frame++)
            rows.from[frame] = tensor_row(from, group->item, block, group->first + frame);
        kernels->transpose_rows(&rows);
    }
}

static void load_spectrum(const StftStep *step, const Kernels *kernels, const FrameGroup *group,
                          int channel, float *spectrum) {
    size_t bins = (size_t)step->stft.bins;
    size_t all = (size_t)step->stft.n_fft / 2 + 1;
    if (!step->base.operand.sources[0].tensor->tokens)
        load_image(step, kernels, group, channel, spectrum);
    else if (CHANNEL_BLOCK % (2 * (step->channels / step->stems)) == 0)
        turn_tokens(step, kernels, group, channel, spectrum);
    else
        load_tokens(step, group, channel, spectrum);
    memset(spectrum + bins * FOURIER_POSITION, 0, (all - bins) * FOURIER_POSITION * sizeof(float));
}

/* Adds the samples of a group to those of the groups before it. */
static void add_samples(const StftStep *step, const FrameGroup *group, const float *samples,
                        float *waveform) {
    int start = group_start(step, group);
    int first = start < 0 ? -start : 0;
    int last = size_clipped(group_span(step, group), start, step->length);
    for (int i = first; i < last; i++)
        waveform[start + i] += samples[i];
}

/* One channel of one stem of one item of the batch: the frames are added in their order, whatever
 * the number of threads. */
static void inverse_channel(void *context, size_t task, int thread) {
    const StftContext *c = context;
    const StftStep *step = c->step;
    const Kernels *kernels = c->run->executable->kernels;
    GroupScratch scratch = group_scratch(step, c->run, thread);
    float *waveform = c->run->output + task * (size_t)step->samples;
    int channel = (int)(task % (size_t)step->channels);
    int item = (int)(task / (size_t)step->channels);
    memset(waveform, 0, (size_t)step->samples * sizeof(float));
    for (int index = 0; index < group_count(step); index++) {
        FrameGroup group = frame_group(step, item, index);
        FourierFrames frames = group_frames(step, &group, scratch.samples);
        load_spectrum(step, kernels, &group, channel, scratch.spectra);
        memset(scratch.samples, 0, sample_bytes(step));
        fourier_inverse(step->fourier, kernels, scratch.spectra, scratch.spectra + scratch.buffer,
                        &frames);
        add_samples(step, &group, scratch.samples, waveform);
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
    fourier_destroy(step->fourier);
    free(step->window);
    free(step->gain);
    step_free(base);
}

static cleave_status create_window(StftStep *step, const CpuExecutable *executable,
                                   cleave_error *error) {
    size_t length = fourier_window_length(step->stft.n_fft);
    step->base.weight_bytes += length * sizeof(float);
    if (executable->sizes_only)
        return CLEAVE_OK;
    step->window = calloc(length, sizeof(float));
    if (!step->window)
        return error_memory(error, "the STFT's window", length * sizeof(float));
    for (int i = 0; i < step->stft.n_fft; i++)
        step->window[i] = (float)hann_window(i, step->stft.n_fft);
    return CLEAVE_OK;
}

static cleave_status create_fourier(StftStep *step, const CpuExecutable *executable,
                                    cleave_error *error) {
    size_t bytes = fourier_bytes(step->stft.n_fft);
    step->base.weight_bytes += bytes;
    if (executable->sizes_only)
        return CLEAVE_OK;
    step->fourier = fourier_create(step->stft.n_fft);
    if (!step->fourier)
        return error_memory(error, "the Fourier transform", bytes);
    return CLEAVE_OK;
}

/* `buffers` of spectra are what a task works in. */
static cleave_status create_tables(StftStep *step, const CpuExecutable *executable, int buffers,
                                   cleave_error *error) {
    step->base.scratch_bytes = sample_bytes(step) + (size_t)buffers *
                                                        fourier_buffer_floats(step->stft.n_fft) *
                                                        sizeof(float);
    cleave_status status = create_window(step, executable, error);
    if (status == CLEAVE_OK)
        status = create_fourier(step, executable, error);
    return status;
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
    return CLEAVE_OK;
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
    return create_tables(step, executable, step->channels, error);
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
    status = create_tables(step, executable, 2, error);
    if (status == CLEAVE_OK)
        status = create_gain(step, executable, error);
    return status;
}
