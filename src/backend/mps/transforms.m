/* transforms.m: frames are gathered, and put together again, by tables of places
 * (parameters.m), so that the sum over the frames that cover a sample has a fixed order; a
 * scatter's has none. No tensor has more than four axes: several versions of macOS transposed
 * larger ones wrongly. */
#include "backend/mps/transforms.h"

static MPSGraphFFTDescriptor *fft_descriptor(int n_fft, BOOL inverse) {
    MPSGraphFFTDescriptor *descriptor = [MPSGraphFFTDescriptor descriptor];
    [descriptor setInverse:inverse];
    [descriptor setScalingMode:inverse ? MPSGraphFFTScalingModeSize : MPSGraphFFTScalingModeNone];
    [descriptor setRoundToOddHermitean:n_fft % 2 == 1];
    return descriptor;
}

/* Subbands before frames, or back: (waveforms, T, subbands, F) ↔ (waveforms, subbands, T, F). */
static MPSGraphTensor *swap_frames(OpBuilder *builder, MPSGraphTensor *tensor) {
    return [builder->graph transposeTensor:tensor permutation:NUMBERS(0, 2, 1, 3) name:nil];
}

/* The lowest bins of one part of the spectrum, (waveforms, T, n_fft / 2 + 1), as
 * (waveforms, subbands, T, F). */
static MPSGraphTensor *kept_bins(OpBuilder *builder, const Node *node, MPSGraphTensor *part) {
    const StftAttributes *stft = &node->as.stft;
    NSInteger waveforms = (NSInteger)builder->batch * node->shape.channels / (2 * stft->subbands);
    MPSGraphTensor *kept = [builder->graph sliceTensor:part
                                             dimension:2
                                                 start:0
                                                length:stft->bins
                                                  name:nil];
    kept = op_reshape(builder, kept,
                      NUMBERS(waveforms, node->shape.height, stft->subbands, node->shape.width));
    return swap_frames(builder, kept);
}

MPSGraphTensor *op_stft(OpBuilder *builder, int node, MPSGraphTensor *waveform) {
    MPSGraph *graph = builder->graph;
    const Node *stft = &builder->network->nodes[node];
    Shape from = builder->network->nodes[stft->inputs[0]].shape;
    NSInteger waveforms = (NSInteger)builder->batch * from.channels;
    MPSGraphTensor *rows = op_reshape(builder, waveform, NUMBERS(waveforms, from.width));
    MPSGraphTensor *frames = op_gather(builder, rows, op_table(builder, node, TABLE_FRAMES), 1);
    frames = [graph multiplicationWithPrimaryTensor:frames
                                    secondaryTensor:op_table(builder, node, TABLE_WINDOW)
                                               name:nil];
    MPSGraphTensor *spectrum =
        [graph realToHermiteanFFTWithTensor:frames
                                       axes:NUMBERS(2)
                                 descriptor:fft_descriptor(stft->as.stft.n_fft, NO)
                                       name:nil];
    MPSGraphTensor *real = [graph realPartOfTensor:spectrum name:nil];
    MPSGraphTensor *imaginary = [graph imaginaryPartOfTensor:spectrum name:nil];
    MPSGraphTensor *parts = [graph concatTensor:kept_bins(builder, stft, real)
                                     withTensor:kept_bins(builder, stft, imaginary)
                                      dimension:1
                                           name:nil];
    return op_reshape(builder, parts, op_shape(builder, node));
}

/* One part of the spectrum: of (waveforms, 2 · subbands, T, F) as (waveforms, T, n_fft / 2 + 1),
 * missing bins zero. */
static MPSGraphTensor *whole_spectrum(OpBuilder *builder, const Node *node, MPSGraphTensor *parts,
                                      int part, int frames) {
    const StftAttributes *stft = &node->as.stft;
    NSInteger missing = stft->n_fft / 2 + 1 - stft->bins;
    NSInteger waveforms = (NSInteger)builder->batch * node->shape.channels;
    MPSGraphTensor *bins = [builder->graph sliceTensor:parts
                                             dimension:1
                                                 start:(NSInteger)part * stft->subbands
                                                length:stft->subbands
                                                  name:nil];
    bins = op_reshape(builder, swap_frames(builder, bins), NUMBERS(waveforms, frames, stft->bins));
    if (missing == 0)
        return bins;
    return [builder->graph padTensor:bins
                     withPaddingMode:MPSGraphPaddingModeZero
                         leftPadding:NUMBERS(0, 0, 0)
                        rightPadding:NUMBERS(0, 0, missing)
                       constantValue:0
                                name:nil];
}

/* A spectrogram as (waveforms, 2 · subbands, T, F). */
static MPSGraphTensor *parts_of_image(OpBuilder *builder, const Node *node,
                                      MPSGraphTensor *spectrogram) {
    Shape from = builder->network->nodes[node->inputs[0]].shape;
    NSInteger waveforms = (NSInteger)builder->batch * node->shape.channels;
    return op_reshape(builder, spectrogram,
                      NUMBERS(waveforms, 2 * node->as.stft.subbands, from.height, from.width));
}

/* The same of tokens, whose features are (bin, channel, part). */
static MPSGraphTensor *parts_of_tokens(OpBuilder *builder, const Node *node,
                                       MPSGraphTensor *spectrogram) {
    Shape from = builder->network->nodes[node->inputs[0]].shape;
    NSInteger waveforms = (NSInteger)builder->batch * node->shape.channels;
    NSInteger stems = (NSInteger)builder->batch * from.channels;
    NSInteger bins = node->as.stft.bins;
    MPSGraphTensor *last =
        op_reshape(builder, spectrogram, NUMBERS(stems, from.height * bins, from.width / bins));
    return op_reshape(builder, op_swap(builder, last, 1, 2),
                      NUMBERS(waveforms, 2, from.height, bins));
}

MPSGraphTensor *op_istft(OpBuilder *builder, int node, MPSGraphTensor *spectrogram) {
    MPSGraph *graph = builder->graph;
    const Node *istft = &builder->network->nodes[node];
    Shape from = builder->network->nodes[istft->inputs[0]].shape;
    NSInteger waveforms = (NSInteger)builder->batch * istft->shape.channels;
    int n_fft = istft->as.stft.n_fft;
    MPSGraphTensor *parts = istft->as.stft.tokens ? parts_of_tokens(builder, istft, spectrogram)
                                                  : parts_of_image(builder, istft, spectrogram);
    MPSGraphTensor *real = whole_spectrum(builder, istft, parts, 0, from.height);
    MPSGraphTensor *imaginary = whole_spectrum(builder, istft, parts, 1, from.height);
    imaginary = [graph multiplicationWithPrimaryTensor:imaginary
                                       secondaryTensor:op_table(builder, node, TABLE_IMAGINARY)
                                                  name:nil];
    MPSGraphTensor *spectrum = [graph complexTensorWithRealTensor:real
                                                  imaginaryTensor:imaginary
                                                             name:nil];
    MPSGraphTensor *frames = [graph HermiteanToRealFFTWithTensor:spectrum
                                                            axes:NUMBERS(2)
                                                      descriptor:fft_descriptor(n_fft, YES)
                                                            name:nil];
    frames = op_reshape(builder, frames, NUMBERS(waveforms, (NSInteger)from.height * n_fft));
    MPSGraphTensor *covers = op_gather(builder, frames, op_table(builder, node, TABLE_OVERLAP), 1);
    covers = [graph multiplicationWithPrimaryTensor:covers
                                    secondaryTensor:op_table(builder, node, TABLE_COMPENSATION)
                                               name:nil];
    MPSGraphTensor *sum = [graph reductionSumWithTensor:covers axis:1 name:nil];
    return op_reshape(builder, sum, op_shape(builder, node));
}
