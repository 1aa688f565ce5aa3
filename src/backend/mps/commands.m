/* commands.m: what a command buffer says when it is done, in cleave's errors. */
#include "backend/mps/executable.h"

static const char *text_of(NSString *string) {
    const char *text = string ? [string UTF8String] : NULL;
    return text ? text : "no reason given";
}

/* MTLCommandBufferError's codes that have a remedy of their own. */
static cleave_status command_error(NSError *reason, const char *what, cleave_error *error) {
    const char *text = text_of([reason localizedDescription]);
    switch ([reason code]) {
    case MTLCommandBufferErrorOutOfMemory:
        return error_set(error, CLEAVE_ERROR_MEMORY,
                         "mps: %s: the GPU ran out of memory (%s); try a smaller batch", what,
                         text);
    case MTLCommandBufferErrorTimeout:
        return error_set(
            error, CLEAVE_ERROR_DEVICE,
            "mps: %s: the GPU took too long and was stopped (%s); try a smaller batch, "
            "or -d cpu",
            what, text);
    case MTLCommandBufferErrorNotPermitted:
    case MTLCommandBufferErrorAccessRevoked:
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "mps: %s: macOS does not let this process use the GPU now (%s); try again "
                         "from a program in the foreground, or -d cpu",
                         what, text);
    case MTLCommandBufferErrorDeviceRemoved:
        return error_set(error, CLEAVE_ERROR_DEVICE, "mps: %s: the GPU is gone (%s); try -d auto",
                         what, text);
    default:
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "mps: %s failed: %s (code %ld); try --no-compile, -p f32 or -d cpu", what,
                         text, (long)[reason code]);
    }
}

cleave_status commands_finish(MPSCommandBuffer *commands, const char *what, cleave_error *error) {
    id<MTLCommandBuffer> root = [commands rootCommandBuffer];
    [root commit];
    [root waitUntilCompleted];
    if ([root status] == MTLCommandBufferStatusCompleted)
        return CLEAVE_OK;
    return command_error([root error], what, error);
}

cleave_status exception_error(NSException *exception, const char *what, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_DEVICE, "mps: %s: %s: %s; try --no-compile or -d cpu",
                     what, text_of([exception name]), text_of([exception reason]));
}
