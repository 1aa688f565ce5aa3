/* completion.h: what MPSGraph reports of an execution when it is done. What it encodes may go into
 * several command buffers, and only the first and the last can be asked. If one between them fails,
 * only the completion handler says so. It is called in a thread of MPSGraph's at some time, or
 * perhaps never. Inside backend/mps only. */
#ifndef CLEAVE_MPS_COMPLETION_H
#define CLEAVE_MPS_COMPLETION_H

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include <stdbool.h>

typedef struct MpsCompletion MpsCompletion;

/* For one execution; NULL if memory ran out. */
MpsCompletion *completion_create(void);

/* The handler to be given to MPSGraph: one of the two, once. It may be called at any time, also
 * after the completion was released. */
MPSGraphExecutableCompletionHandler completion_of_executable(MpsCompletion *completion);
MPSGraphCompletionHandler completion_of_graph(MpsCompletion *completion);

/* Waits for the handler's call, for a second at most; *told: it came. Returns the error that it
 * reported, or nil; not retained. */
NSError *completion_wait(MpsCompletion *completion, bool *told);

/* NULL is allowed. */
void completion_release(MpsCompletion *completion);

#endif
