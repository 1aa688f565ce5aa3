/* sdk_check.m: what the backend asks of the SDK and older ones lack: never linked, and compiled by
 * meson alone, which leaves the backend out where that fails. */
#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

MPSGraphTensor *transform(MPSGraph *graph, MPSGraphTensor *tensor);

MPSGraphTensor *transform(MPSGraph *graph, MPSGraphTensor *tensor) {
    MPSGraphFFTDescriptor *descriptor = [MPSGraphFFTDescriptor descriptor];
    MPSGraphTensor *spectrum = [graph realToHermiteanFFTWithTensor:tensor
                                                              axes:[NSArray array]
                                                        descriptor:descriptor
                                                              name:nil];
    return [graph realPartOfTensor:spectrum name:nil];
}
