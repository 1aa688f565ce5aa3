/* program.h: ops in the order in which they run, and the interpreter that runs them. */
#ifndef APPLESIM_PROGRAM_H
#define APPLESIM_PROGRAM_H

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include <stdbool.h>
#include <stdint.h>

#include "op.h"

typedef struct SimStep {
    const SimOp *op;
    int *inputs; /* the steps that compute them */
    int input_count;
    int uses; /* of the result: by steps, and 1 as a target */
} SimStep;

@interface SimProgram : NSObject {
  @public
    MPSGraph *_graph; /* owns the ops */
    NSArray *_operations;
    NSArray *_feeds; /* MPSGraphTensor, placeholders */
    NSArray *_targets;
    SimStep *_steps;
    int _count;
    int64_t _constantBytes, _workspaceBytes;
    int64_t _flops;      /* of products */
    int64_t _takenBytes; /* of the GPU's memory, by a compiled program: given back when it dies */
}
/* Of the ops that the targets need. Aborts where one is a placeholder without a feed. */
- (id)initWithGraph:(MPSGraph *)graph feeds:(NSArray *)feeds targets:(NSArray *)targets;

/* Takes memory for constants, as a compiled graph does; NO: there is not enough. */
- (BOOL)takeConstants;
@end

/* Reads feeds from and writes targets to the GPU's views of buffers. False: no memory, and nothing
 * was written. */
bool sim_program_run(SimProgram *program, bool compiled, const uint8_t *const *from,
                     uint8_t *const *to);

#endif
