/* in_place.h: weights that the GPU reads where they lie, in the pages of the mapped checkpoint,
 * without a second copy. Inside backend/mps only. */
#ifndef CLEAVE_MPS_IN_PLACE_H
#define CLEAVE_MPS_IN_PLACE_H

#import <Metal/Metal.h>
#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include "backend/mps/device.h"
#include "base/mapped_file.h"
#include "graph/tensor.h"

/* Whether MPS can read arrays that begin anywhere in a buffer: asked of its classes. */
bool in_place_possible(const MpsDevice *device);

/* A buffer over the pages of the file that hold the tensor, where it can be read there as it is:
 * elements of that type, one behind the other. *offset becomes the byte at which it begins. nil:
 * the tensor must be copied. The caller owns the buffer; the file must stay mapped as long as that
 * lives. */
id<MTLBuffer> in_place_buffer(const MpsDevice *device, const MappedFile *file, const Tensor *tensor,
                              MPSDataType type, NSUInteger *offset);

/* What is fed to a graph of an array that lies in such a buffer. The caller owns it. */
MPSGraphTensorData *in_place_data(id<MTLBuffer> buffer, NSUInteger offset, NSArray *shape,
                                  MPSDataType type);

#endif
