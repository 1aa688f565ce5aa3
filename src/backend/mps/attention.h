/* attention.h: OP_ATTENTION. Inside backend/mps only. */
#ifndef CLEAVE_MPS_ATTENTION_H
#define CLEAVE_MPS_ATTENTION_H

#include "backend/mps/op_builder.h"

/* An SDK that is older than this method does not declare it. */
#if !defined(CLEAVE_APPLESIM) && !defined(__MAC_15_0)
@interface MPSGraph (CleaveAttention)
- (MPSGraphTensor *)scaledDotProductAttentionWithQueryTensor:(MPSGraphTensor *)queryTensor
                                                   keyTensor:(MPSGraphTensor *)keyTensor
                                                 valueTensor:(MPSGraphTensor *)valueTensor
                                                       scale:(float)scale
                                                        name:(NSString *)name;
@end
#endif

/* Whether a macOS of this major version has attention as one op. */
bool attention_built_in(int macos);

MPSGraphTensor *op_attention(OpBuilder *builder, int node, MPSGraphTensor *x);

#endif
