/* commands.m: command buffers: what they say when they are done, in cleave's errors (what to try is
 * told by failure.h); and how graphs are to be compiled. */
#include "backend/mps/executable.h"

static const char *text_of(NSString *string) {
    const char *text = string ? [string UTF8String] : NULL;
    return text ? text : "no reason given";
}

static cleave_status command_error(NSError *reason, const char *what, DeviceFailure *failure,
                                   cleave_error *error) {
    const char *text = text_of([reason localizedDescription]);
    switch ([reason code]) {
    case MTLCommandBufferErrorOutOfMemory:
        failure->cause = CAUSE_MEMORY;
        return error_set(error, CLEAVE_ERROR_MEMORY, "%s: the GPU ran out of memory (%s)", what,
                         text);
    case MTLCommandBufferErrorTimeout:
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "%s: the GPU took too long and was stopped (%s)", what, text);
    case MTLCommandBufferErrorNotPermitted:
    case MTLCommandBufferErrorAccessRevoked:
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "%s: macOS does not let this process use the GPU now (%s)", what, text);
    case MTLCommandBufferErrorDeviceRemoved:
        failure->cause = CAUSE_LOST;
        return error_set(error, CLEAVE_ERROR_DEVICE, "%s: the GPU is gone (%s)", what, text);
    default:
        return error_set(error, CLEAVE_ERROR_DEVICE, "%s: %s (code %ld)", what, text,
                         (long)[reason code]);
    }
}

MpsCommands commands_begin(id<MTLCommandQueue> queue) {
    MPSCommandBuffer *all = [MPSCommandBuffer commandBufferFromCommandQueue:queue];
    return (MpsCommands){all, [[[all rootCommandBuffer] retain] autorelease]};
}

void commands_commit(const MpsCommands *commands) {
    [[commands->all rootCommandBuffer] commit];
}

cleave_status commands_wait(const MpsCommands *commands, const char *what, double *seconds,
                            DeviceFailure *failure, cleave_error *error) {
    id<MTLCommandBuffer> last = [commands->all rootCommandBuffer];
    id<MTLCommandBuffer> both[] = {commands->first, last};
    [last waitUntilCompleted]; /* even if the first has failed: buffers are in use until then */
    [commands->first waitUntilCompleted];
    for (int i = 0; i < 2; i++)
        if ([both[i] status] != MTLCommandBufferStatusCompleted)
            return command_error([both[i] error], what, failure, error);
    *seconds = [last GPUEndTime] - [commands->first GPUStartTime];
    return CLEAVE_OK;
}

/* Level 1 may place ops on the Neural Engine or the CPU, by MPSGraph's headers: this device is the
 * GPU. Without waiting, what compiling takes would show in the first run. */
MPSGraphCompilationDescriptor *compilation_descriptor(const MpsDevice *device) {
    if (!device->compiles)
        return nil;
    MPSGraphCompilationDescriptor *descriptor =
        [[[MPSGraphCompilationDescriptor alloc] init] autorelease];
    if ([descriptor respondsToSelector:@selector(setOptimizationLevel:)])
        [descriptor setOptimizationLevel:MPSGraphOptimizationLevel0];
    if ([descriptor respondsToSelector:@selector(setWaitForCompilationCompletion:)])
        [descriptor setWaitForCompilationCompletion:YES];
    return descriptor;
}

cleave_status exception_error(NSException *exception, const char *what, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_DEVICE, "%s: %s: %s", what, text_of([exception name]),
                     text_of([exception reason]));
}
