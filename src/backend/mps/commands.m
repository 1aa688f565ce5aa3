/* commands.m: what a command buffer says when it is done, in cleave's errors. What to try is told
 * by failure.h. */
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

/* MPSGraph may commit what it encoded so far and go on in another command buffer: the last one,
 * which ends when all have, is asked for after encoding. */
void commands_commit(MPSCommandBuffer *commands) {
    [[commands commandBuffer] commit];
}

cleave_status commands_wait(MPSCommandBuffer *commands, const char *what, double *seconds,
                            DeviceFailure *failure, cleave_error *error) {
    id<MTLCommandBuffer> last = [commands commandBuffer];
    [last waitUntilCompleted];
    *seconds = [last GPUEndTime] - [last GPUStartTime];
    if ([last status] == MTLCommandBufferStatusCompleted)
        return CLEAVE_OK;
    return command_error([last error], what, failure, error);
}

cleave_status exception_error(NSException *exception, const char *what, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_DEVICE, "%s: %s: %s", what, text_of([exception name]),
                     text_of([exception reason]));
}
