/* failure.h: what a device did not manage, and why: the one table from (device, step, cause) to
 * the likely causes and what to try. */
#ifndef CLEAVE_BACKEND_FAILURE_H
#define CLEAVE_BACKEND_FAILURE_H

#include "base/error.h"

typedef enum DeviceStep {
    STEP_RUN, /* of the network: what fails without more being known of it */
    STEP_PROBE,
    STEP_COMPILE,
    STEP_UPLOAD,
    STEP_DOWNLOAD,
    STEP_SYNCHRONIZE,
    STEP_COUNT
} DeviceStep;

typedef enum DeviceCause {
    CAUSE_FAILED, /* the device or its driver refused, and did not say more than its text */
    CAUSE_ABSENT,
    CAUSE_MEMORY,
    CAUSE_TIME, /* the system stopped what took too long: less at once may succeed */
    CAUSE_UNSUPPORTED,
    CAUSE_LOST, /* nothing will work on it any more */
    CAUSE_COUNT
} DeviceCause;

/* How a backend tells what failed; zeros: a run, for no known cause. */
typedef struct DeviceFailure {
    DeviceStep step;
    DeviceCause cause;
} DeviceFailure;

/* The first that fits: any text may be NULL where there is nothing to say. */
typedef struct FailureAdvice {
    const char *likely;
    const char *remedy;
} FailureAdvice;

/* Every combination has an advice. */
FailureAdvice failure_advice(cleave_device_kind kind, DeviceFailure failure);

/* Rewrites an error that a device gave, of which `error` holds status and detail, as
 *   DEVICE: WHAT FAILED: DETAIL; likely: …; try …
 * What the detail itself says to try is left out. Returns the status. error may be NULL. */
cleave_status failure_explain(cleave_error *error, cleave_status status, cleave_device_kind kind,
                              const char *device, DeviceFailure failure);

#endif
