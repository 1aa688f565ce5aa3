/* commands.m: encoding, committing and waiting. What the user can try after a failure is in
 * backend/failure.c. */
#include "backend/mps/commands.h"

#include "backend/mps/executable.h"

/* ---- What went wrong ---- */

static const char *text_of(NSString *string) {
    const char *text = string ? [string UTF8String] : NULL;
    return text ? text : "no reason given";
}

/* What Metal says, where another error is wrapped around it. */
static NSError *metal_error(NSError *reason) {
    for (NSError *one = reason; one; one = [[one userInfo] objectForKey:NSUnderlyingErrorKey])
        if ([[one domain] isEqual:MTLCommandBufferErrorDomain])
            return one;
    return reason;
}

static bool error_says(NSError *reason, NSString *word) {
    NSString *text = [reason localizedDescription];
    return text && [text rangeOfString:word].location != NSNotFound;
}

typedef enum Fault {
    FAULT_OTHER,
    FAULT_MEMORY,
    FAULT_TIME,
    FAULT_INTERACTIVITY,
    FAULT_REVOKED,
    FAULT_NOT_PERMITTED,
    FAULT_REMOVED
} Fault;

/* Some of the driver's faults have no code of Metal's, but words. */
static Fault fault_of(NSError *reason) {
    if (error_says(reason, @"ImpactingInteractivity") ||
        error_says(reason, @"Impacting Interactivity"))
        return FAULT_INTERACTIVITY;
    if (error_says(reason, @"SubmissionsIgnored"))
        return FAULT_REVOKED;
    if (![[reason domain] isEqual:MTLCommandBufferErrorDomain])
        return FAULT_OTHER;
    switch ([reason code]) {
    case MTLCommandBufferErrorOutOfMemory:
        return FAULT_MEMORY;
    case MTLCommandBufferErrorTimeout:
        return FAULT_TIME;
    case MTLCommandBufferErrorAccessRevoked:
        return FAULT_REVOKED;
    case MTLCommandBufferErrorNotPermitted:
        return FAULT_NOT_PERMITTED;
    case MTLCommandBufferErrorDeviceRemoved:
        return FAULT_REMOVED;
    default:
        return FAULT_OTHER;
    }
}

/* A command buffer that took too long is as one that did not fit into memory: a smaller one may
 * succeed. */
static cleave_status command_error(NSError *given, const char *what, DeviceFailure *failure,
                                   cleave_error *error) {
    NSError *reason = metal_error(given);
    const char *text = text_of([reason localizedDescription]);
    switch (fault_of(reason)) {
    case FAULT_MEMORY:
        failure->cause = CAUSE_MEMORY;
        return error_set(error, CLEAVE_ERROR_MEMORY, "%s: the GPU ran out of memory (%s)", what,
                         text);
    case FAULT_TIME:
        failure->cause = CAUSE_TIME;
        return error_set(error, CLEAVE_ERROR_MEMORY, "%s: it took too long for macOS (%s)", what,
                         text);
    case FAULT_INTERACTIVITY:
        failure->cause = CAUSE_TIME;
        return error_set(error, CLEAVE_ERROR_MEMORY,
                         "%s: it took too long, while a display waited for the GPU (%s)", what,
                         text);
    case FAULT_REVOKED:
        failure->cause = CAUSE_LOST;
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "%s: macOS takes no more work for the GPU from this process (%s)", what,
                         text);
    case FAULT_NOT_PERMITTED:
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "%s: macOS does not let this process use the GPU now (%s)", what, text);
    case FAULT_REMOVED:
        failure->cause = CAUSE_LOST;
        return error_set(error, CLEAVE_ERROR_DEVICE, "%s: the GPU is gone (%s)", what, text);
    case FAULT_OTHER:
        break;
    }
    return error_set(error, CLEAVE_ERROR_DEVICE, "%s: %s (code %ld)", what, text,
                     (long)[reason code]);
}

cleave_status command_took_too_long(cleave_status status, DeviceFailure failure,
                                    cleave_error *error) {
    if (status != CLEAVE_ERROR_MEMORY || failure.cause != CAUSE_TIME)
        return status;
    if (error)
        error->status = CLEAVE_ERROR_DEVICE;
    return CLEAVE_ERROR_DEVICE;
}

/* ---- Command buffers ---- */

MpsCommands commands_begin(const MpsExecutable *executable) {
    MPSCommandBuffer *all = [MPSCommandBuffer commandBufferFromCommandQueue:executable->queue];
    return (MpsCommands){.all = all,
                         .first = [[[all rootCommandBuffer] retain] autorelease],
                         .completion = executable->no_handlers ? NULL : completion_create()};
}

void commands_commit(const MpsCommands *commands) {
    [[commands->all rootCommandBuffer] commit];
}

void commands_end(MpsCommands *commands) {
    completion_release(commands->completion);
    *commands = (MpsCommands){.all = nil};
}

/* What neither the first nor the last command buffer knows. Where handlers are not called at all,
 * waiting for each would cost more than it may tell. */
static NSError *error_between(MpsExecutable *executable, const MpsCommands *commands) {
    bool told = true;
    NSError *error = commands->completion ? completion_wait(commands->completion, &told) : nil;
    if (told)
        return error;
    executable->no_handlers = true;
    log_write(&executable->log, CLEAVE_LOG_DEBUG,
              "mps: MPSGraph does not say when it is done: that a command buffer between the first "
              "and the last of a run failed cannot be seen");
    return nil;
}

cleave_status commands_wait(MpsExecutable *executable, const MpsCommands *commands,
                            const char *what, double *seconds, cleave_error *error) {
    id<MTLCommandBuffer> last = [commands->all rootCommandBuffer];
    id<MTLCommandBuffer> both[] = {commands->first, last};
    DeviceFailure *failure = &executable->head.failure;
    [last waitUntilCompleted]; /* even if the first has failed: buffers are in use until then */
    [commands->first waitUntilCompleted];
    for (int i = 0; i < 2; i++)
        if ([both[i] status] != MTLCommandBufferStatusCompleted)
            return command_error([both[i] error], what, failure, error);
    NSError *between = error_between(executable, commands);
    if (between)
        return command_error(between, what, failure, error);
    *seconds = [last GPUEndTime] - [commands->first GPUStartTime];
    return CLEAVE_OK;
}

/* ---- How to compile and run ---- */

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

MPSGraphExecutableExecutionDescriptor *executable_descriptor(const MpsCommands *commands) {
    MPSGraphExecutableExecutionDescriptor *descriptor =
        [[[MPSGraphExecutableExecutionDescriptor alloc] init] autorelease];
    [descriptor setWaitUntilCompleted:NO];
    if (commands->completion)
        [descriptor setCompletionHandler:completion_of_executable(commands->completion)];
    return descriptor;
}

/* A graph that is not compiled beforehand is compiled in its first run, as this says, if this macOS
 * lets us say. */
MPSGraphExecutionDescriptor *graph_descriptor(const MpsDevice *device,
                                              const MpsCommands *commands) {
    MPSGraphExecutionDescriptor *descriptor =
        [[[MPSGraphExecutionDescriptor alloc] init] autorelease];
    [descriptor setWaitUntilCompleted:NO];
    if ([descriptor respondsToSelector:@selector(setCompilationDescriptor:)])
        [descriptor setCompilationDescriptor:compilation_descriptor(device)];
    if (commands->completion)
        [descriptor setCompletionHandler:completion_of_graph(commands->completion)];
    return descriptor;
}

cleave_status exception_error(NSException *exception, const char *what, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_DEVICE, "%s: %s: %s", what, text_of([exception name]),
                     text_of([exception reason]));
}
