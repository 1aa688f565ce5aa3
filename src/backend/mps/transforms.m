/* transforms.m: the STFT and its inverse in MPSGraph's ops. Frames are gathered, and put together
 * again, by tables of places (parameters.m): a sum over the frames that cover a sample has a fixed
 * order so, where a scatter's has none. */
#include "backend/mps/ops.h"

static MPSGraphTensor *reshape(OpBuilder *builder, MPSGraphTensor *tensor, NSArray *shape) {
    return [builder->graph reshapeTensor:tensor withShape:shape name:nil];
}

static MPSGraphTensor *gather(OpBuilder *builder, MPSGraphTensor *values, MPSGraphTensor *places) {
    return [builder->graph gatherWithUpdatesTensor:values
                                     indicesTensor:places
                                              axis:1
                                   batchDimensions:0
                                              name:nil];
}

static MPSGraphFFTDescriptor *fft_descriptor(int n_fft, BOOL inverse) {
    MPSGraphFFTDescriptor *descriptor = [MPSGraphFFTDescriptor descriptor];
    [descriptor setInverse:inverse];
    [descriptor setScalingMode:inverse ? MPSGraphFFTScalingModeSize : MPSGraphFFTScalingModeNone];
    [descriptor setRoundToOddHermitean:n_fft % 2 == 1];
    return descriptor;
}

/* The lowest bins of one part of the spectrum, (waveforms, T, n_fft / 2 + 1), as
 * (batch, channels, 1, T, subbands, F). */
static MPSGraphTensor *kept_bins(OpBuilder *builder, const Node *node, MPSGraphTensor *part) {
    const StftAttributes *stft = &node->as.stft;
    NSInteger channels = node->shape.channels / (2 * stft->subbands);
    MPSGraphTensor *kept = [builder->graph sliceTensor:part
                                             dimension:2
                                                 start:0
                                                length:stft->bins
                                                  name:nil];
    return reshape(builder, kept,
                   NUMBERS(builder->batch, channels, 1, node->shape.height, stft->subbands,
                           node->shape.width));
}

MPSGraphTensor *op_stft(OpBuilder *builder, int node, MPSGraphTensor *waveform) {
    MPSGraph *graph = builder->graph;
    const Node *stft = &builder->network->nodes[node];
    Shape from = builder->network->nodes[stft->inputs[0]].shape;
    NSInteger waveforms = (NSInteger)builder->batch * from.channels;
    MPSGraphTensor *rows = reshape(builder, waveform, NUMBERS(waveforms, from.width));
    MPSGraphTensor *frames = gather(builder, rows, op_parameter(builder, node, PARAMETER_FRAMES));
    frames = [graph multiplicationWithPrimaryTensor:frames
                                    secondaryTensor:op_parameter(builder, node, PARAMETER_WINDOW)
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
                                      dimension:2
                                           name:nil];
    MPSGraphTensor *bands = [graph transposeTensor:parts
                                       permutation:NUMBERS(0, 1, 2, 4, 3, 5)
                                              name:nil];
    return reshape(builder, bands, op_shape(builder, node));
}

/* One part of the spectrum: of (waveforms, 2, T, bins) as (waveforms, T, n_fft / 2 + 1), missing
 * bins zero. */
static MPSGraphTensor *whole_spectrum(OpBuilder *builder, const Node *node, MPSGraphTensor *parts,
                                      int part, int frames) {
    const StftAttributes *stft = &node->as.stft;
    NSInteger missing = stft->n_fft / 2 + 1 - stft->bins;
    NSInteger waveforms = (NSInteger)builder->batch * node->shape.channels;
    MPSGraphTensor *bins = [builder->graph sliceTensor:parts
                                             dimension:1
                                                 start:part
                                                length:1
                                                  name:nil];
    bins = reshape(builder, bins, NUMBERS(waveforms, frames, stft->bins));
    if (missing == 0)
        return bins;
    return [builder->graph padTensor:bins
                     withPaddingMode:MPSGraphPaddingModeZero
                         leftPadding:NUMBERS(0, 0, 0)
                        rightPadding:NUMBERS(0, 0, missing)
                       constantValue:0
                                name:nil];
}

/* (batch, 2 · channels · subbands, T, F) → (batch · channels, 2, T, bins). */
static MPSGraphTensor *without_subbands(OpBuilder *builder, const Node *node, Shape from,
                                        MPSGraphTensor *spectrogram) {
    NSInteger waveforms = (NSInteger)builder->batch * node->shape.channels;
    NSInteger subbands = node->as.stft.subbands;
    MPSGraphTensor *bands =
        reshape(builder, spectrogram, NUMBERS(waveforms, 2, subbands, from.height, from.width));
    MPSGraphTensor *frames = [builder->graph transposeTensor:bands
                                                 permutation:NUMBERS(0, 1, 3, 2, 4)
                                                        name:nil];
    return reshape(builder, frames, NUMBERS(waveforms, 2, from.height, node->as.stft.bins));
}

MPSGraphTensor *op_istft(OpBuilder *builder, int node, MPSGraphTensor *spectrogram) {
    MPSGraph *graph = builder->graph;
    const Node *istft = &builder->network->nodes[node];
    Shape from = builder->network->nodes[istft->inputs[0]].shape;
    NSInteger waveforms = (NSInteger)builder->batch * istft->shape.channels;
    int n_fft = istft->as.stft.n_fft;
    MPSGraphTensor *parts = without_subbands(builder, istft, from, spectrogram);
    MPSGraphTensor *real = whole_spectrum(builder, istft, parts, 0, from.height);
    MPSGraphTensor *imaginary = whole_spectrum(builder, istft, parts, 1, from.height);
    imaginary =
        [graph multiplicationWithPrimaryTensor:imaginary
                               secondaryTensor:op_parameter(builder, node, PARAMETER_IMAGINARY)
                                          name:nil];
    MPSGraphTensor *spectrum = [graph complexTensorWithRealTensor:real
                                                  imaginaryTensor:imaginary
                                                             name:nil];
    MPSGraphTensor *frames = [graph HermiteanToRealFFTWithTensor:spectrum
                                                            axes:NUMBERS(2)
                                                      descriptor:fft_descriptor(n_fft, YES)
                                                            name:nil];
    frames = reshape(builder, frames, NUMBERS(waveforms, (NSInteger)from.height * n_fft));
    MPSGraphTensor *covers =
        gather(builder, frames, op_parameter(builder, node, PARAMETER_OVERLAP));
    covers =
        [graph multiplicationWithPrimaryTensor:covers
                               secondaryTensor:op_parameter(builder, node, PARAMETER_COMPENSATION)
                                          name:nil];
    MPSGraphTensor *sum = [graph reductionSumWithTensor:covers axis:1 name:nil];
    return reshape(builder, sum, op_shape(builder, node));
}
