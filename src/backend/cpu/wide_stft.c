/* wide_stft.c: the STFT of networks that read it as tokens, in float64. */
#include <stdlib.h>

#include "backend/cpu/step_kinds.h"
#include "base/memory.h"
#include "dsp/stft.h"
#include "dsp/wide_fft.h"

typedef struct WideStftStep {
    CpuStep base;
    StftAttributes stft;
    int channels; /* of the waveform, as are the samples */
    int samples;
    double *window; /* (n_fft) periodic Hann */
    WideFft *fft;
} WideStftStep;

/* A thread's scratch. */
typedef struct WideFrame {
    double *samples;       /* (n_fft) */
    double *scratch;       /* (n_fft) */
    WideComplex *spectrum; /* (n_fft / 2 + 1) */
} WideFrame;

static size_t wide_stft_part_bytes(const WideStftStep *step) {
    return size_round_up((size_t)step->stft.n_fft * sizeof(double), MEMORY_ALIGNMENT);
}

static WideFrame wide_stft_frame(const WideStftStep *step, const CpuExecutable *executable,
                                 int thread) {
    unsigned char *scratch = thread_scratch(executable, thread);
    size_t part = wide_stft_part_bytes(step);
    return (WideFrame){(double *)(void *)scratch, (double *)(void *)(scratch + part),
                       (WideComplex *)(void *)(scratch + 2 * part)};
}

static void wide_stft_transform(const WideStftStep *step, const float *waveform, int frame,
                                const WideFrame *to) {
    int start = frame * step->stft.hop - step->stft.n_fft / 2;
    for (int i = 0; i < step->stft.n_fft; i++)
        to->samples[i] = (double)waveform[stft_reflect(start + i, step->samples)] * step->window[i];
    wide_fft_forward(step->fft, to->samples, to->spectrum, to->scratch);
}

typedef struct WideStftContext {
    const WideStftStep *step;
    const CpuRun *run;
} WideStftContext;

/* One frame of all channels of one item of the batch. */
static void wide_stft_task(void *context, size_t task, int thread) {
    const WideStftContext *c = context;
    const WideStftStep *step = c->step;
    const CpuTensor *output = step->base.output;
    int frame = (int)(task % (size_t)output->height);
    int item = (int)(task / (size_t)output->height);
    float *row = tensor_token_row(output, item, 0, frame);
    WideFrame scratch = wide_stft_frame(step, c->run->executable, thread);
    for (int channel = 0; channel < step->channels; channel++) {
        size_t plane = (size_t)item * (size_t)step->channels + (size_t)channel;
        wide_stft_transform(step, c->run->input + plane * (size_t)step->samples, frame, &scratch);
        for (int bin = 0; bin < step->stft.bins; bin++) {
            row[(bin * step->channels + channel) * 2] = (float)scratch.spectrum[bin].re;
            row[(bin * step->channels + channel) * 2 + 1] = (float)scratch.spectrum[bin].im;
        }
    }
    for (size_t i = (size_t)output->width; i < tensor_row_floats(output); i++)
        row[i] = 0;
}

static void wide_stft_run(const CpuStep *step, const CpuRun *run) {
    WideStftContext context = {(const WideStftStep *)step, run};
    size_t frames = (size_t)run->batch * (size_t)step->output->height;
    thread_pool_run(run->executable->pool, frames, wide_stft_task, &context);
}

static void wide_stft_destroy(CpuStep *base) {
    WideStftStep *step = (WideStftStep *)base;
    wide_fft_destroy(step->fft);
    free(step->window);
    step_free(base);
}

static cleave_status wide_stft_create_tables(WideStftStep *step, const CpuExecutable *executable,
                                             cleave_error *error) {
    size_t n_fft = (size_t)step->stft.n_fft;
    size_t bytes = n_fft * sizeof(double) + wide_fft_bytes(step->stft.n_fft);
    step->base.weight_bytes += bytes;
    if (executable->sizes_only)
        return CLEAVE_OK;
    step->window = malloc(n_fft * sizeof(double));
    step->fft = wide_fft_create(step->stft.n_fft);
    if (!step->window || !step->fft)
        return error_memory(error, "the STFT's tables", bytes);
    for (size_t i = 0; i < n_fft; i++)
        step->window[i] = hann_window((int)i, step->stft.n_fft);
    return CLEAVE_OK;
}

cleave_status wide_stft_step_create(CpuStep **created, const CpuExecutable *executable,
                                    const Step *program, const Graph *weights,
                                    cleave_error *error) {
    cleave_status status =
        step_allocate(created, sizeof(WideStftStep), executable, program, weights, error);
    if (status != CLEAVE_OK)
        return status;
    WideStftStep *step = (WideStftStep *)*created;
    Shape waveform = weights->nodes[step->base.node->inputs[0]].shape;
    step->base.run = wide_stft_run;
    step->base.destroy = wide_stft_destroy;
    step->stft = step->base.node->as.stft;
    step->channels = waveform.channels;
    step->samples = waveform.width;
    step->base.scratch_bytes =
        2 * wide_stft_part_bytes(step) + (size_t)(step->stft.n_fft / 2 + 1) * sizeof(WideComplex);
    return wide_stft_create_tables(step, executable, error);
}
