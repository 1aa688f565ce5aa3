/* queue.h: command queues and command buffers. A committed command buffer is computed by the thread
 * that waits for it, or for a later one of its queue. So a mistake between commit and wait always
 * shows, not only when the program loses a race. */
#ifndef APPLESIM_QUEUE_H
#define APPLESIM_QUEUE_H

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#import "buffer.h"
#import "objects.h"
#import "program.h"

#include "settings.h"

@interface SimCommandQueue : SimObject <MTLCommandQueue> {
  @public
    NSMutableArray *_pending; /* committed, in order */
    NSString *_label;
}
@end

/* What is called when a graph is done: one of the two, or both NULL. */
typedef struct SimHandler {
    MPSGraphExecutableCompletionHandler executable;
    MPSGraphCompletionHandler graph;
} SimHandler;

/* One graph in a command buffer. */
@interface SimRun : NSObject {
  @public
    SimProgram *_program;
    BOOL _compiled;
    NSArray *_inputs; /* MPSGraphTensorData, in the program's order */
    NSArray *_results;
    SimHandler _handler;
    uint64_t *_hashes; /* of the inputs when they were committed; 0: not to be compared */
}
- (id)initWithProgram:(SimProgram *)program
             compiled:(BOOL)compiled
               inputs:(NSArray *)inputs
              results:(NSArray *)results
              handler:(SimHandler)handler;
@end

@interface SimCommandBuffer : SimObject <MTLCommandBuffer> {
  @public
    SimCommandQueue *_queue;
    NSMutableArray *_runs;
    MTLCommandBufferStatus _status;
    NSError *_error;
    int _failCode; /* the error that it ends with; 0: success */
    int _polls;
    CFTimeInterval _start, _end;
    NSString *_label;
}
- (id)initWithQueue:(SimCommandQueue *)queue;
- (void)encode:(SimRun *)run;
@end

/* The simulator's command buffer in what a program passes; aborts if it is another thing. */
SimCommandBuffer *sim_command_buffer(id commandBuffer);

#endif
