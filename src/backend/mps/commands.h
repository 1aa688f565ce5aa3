/* commands.h: command buffers, and how graphs are compiled and run. Inside backend/mps only. */
#ifndef CLEAVE_MPS_COMMANDS_H
#define CLEAVE_MPS_COMMANDS_H

#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

#include "backend/mps/completion.h"
#include "backend/mps/device.h"

typedef struct MpsExecutable MpsExecutable;

/* What is encoded for the GPU. Encoding may commit what there is so far and go on in another
 * command buffer, so there may be several. Only the first and the last can be asked for. */
typedef struct MpsCommands {
    MPSCommandBuffer *all; /* nil: none */
    id<MTLCommandBuffer> first;
    MpsCompletion *completion; /* NULL: MPSGraph is not asked to report */
} MpsCommands;

/* To encode to; its objects are not retained. */
MpsCommands commands_begin(const MpsExecutable *executable);

/* Hands what is encoded over to the GPU. */
void commands_commit(const MpsCommands *commands);

/* Waits for what was committed. `what` is what ran, for the error's text. *seconds becomes the time
 * that it took the GPU; 0: not known. If more is known of a failure than its status says, it goes
 * into the executable's failure. Errors: CLEAVE_ERROR_MEMORY if less at once may succeed (also
 * after taking too long); CLEAVE_ERROR_DEVICE. */
cleave_status commands_wait(MpsExecutable *executable, const MpsCommands *commands,
                            const char *what, double *seconds, cleave_error *error);

/* After commands_wait(), or without any commit. */
void commands_end(MpsCommands *commands);

/* The status of a run that cannot be made smaller: taking too long is then a failure of the device.
 */
cleave_status command_took_too_long(cleave_status status, DeviceFailure failure,
                                    cleave_error *error);

/* How MPSGraph is to compile; nil if this macOS does not let us say. Not retained. */
MPSGraphCompilationDescriptor *compilation_descriptor(const MpsDevice *device);

/* How it is to run what was compiled, or a graph that was not. Not retained. */
MPSGraphExecutableExecutionDescriptor *executable_descriptor(const MpsCommands *commands);
MPSGraphExecutionDescriptor *graph_descriptor(const MpsDevice *device, const MpsCommands *commands);

/* "NAME: reason" of an exception, as CLEAVE_ERROR_DEVICE. */
cleave_status exception_error(NSException *exception, const char *what, cleave_error *error);

#endif
