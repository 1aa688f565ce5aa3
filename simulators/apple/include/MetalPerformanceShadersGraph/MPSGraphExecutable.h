/* MPSGraphExecutable.h: a compiled graph (macOS 12). */
#ifndef APPLESIM_MPSGRAPH_EXECUTABLE_H
#define APPLESIM_MPSGRAPH_EXECUTABLE_H

#import "MPSGraphTensors.h"

@interface MPSGraphExecutable : MPSGraphObject {
  @public
    id _program;
}
/* The order in which inputs must come: not that in which the placeholders were made. */
@property(readonly, nonatomic) NSArray<MPSGraphTensor *> *feedTensors;
@property(readonly, nonatomic) NSArray<MPSGraphTensor *> *targetTensors;
- (void)specializeWithDevice:(MPSGraphDevice *)device
                  inputTypes:(NSArray<MPSGraphType *> *)inputTypes
       compilationDescriptor:(MPSGraphCompilationDescriptor *)compilationDescriptor;
- (NSArray<MPSGraphTensorData *> *)
    runWithMTLCommandQueue:(id<MTLCommandQueue>)commandQueue
               inputsArray:(NSArray<MPSGraphTensorData *> *)inputsArray
              resultsArray:(NSArray<MPSGraphTensorData *> *)resultsArray
       executionDescriptor:(MPSGraphExecutableExecutionDescriptor *)executionDescriptor;
- (NSArray<MPSGraphTensorData *> *)
    runAsyncWithMTLCommandQueue:(id<MTLCommandQueue>)commandQueue
                    inputsArray:(NSArray<MPSGraphTensorData *> *)inputsArray
                   resultsArray:(NSArray<MPSGraphTensorData *> *)resultsArray
            executionDescriptor:(MPSGraphExecutableExecutionDescriptor *)executionDescriptor;
- (NSArray<MPSGraphTensorData *> *)
    encodeToCommandBuffer:(MPSCommandBuffer *)commandBuffer
              inputsArray:(NSArray<MPSGraphTensorData *> *)inputsArray
             resultsArray:(NSArray<MPSGraphTensorData *> *)resultsArray
      executionDescriptor:(MPSGraphExecutableExecutionDescriptor *)executionDescriptor;
@end

#endif
