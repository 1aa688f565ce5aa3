/* failure.h: what failed on a device, and why. One table leads from (device, step, cause) to the
 * likely reasons and to what the user can try. */
#ifndef CLEAVE_BACKEND_FAILURE_H
#define CLEAVE_BACKEND_FAILURE_H

#include "base/error.h"

typedef enum DeviceStep {
    STEP_RUN, /* of the network; also if no more is known */
    STEP_PROBE,
    STEP_COMPILE,
    STEP_UPLOAD,
    STEP_DOWNLOAD,
    STEP_SYNCHRONIZE,
    STEP_COUNT
} DeviceStep;

typedef enum DeviceCause {
    CAUSE_FAILED, /* no more is known than the text of the device or its driver */
    CAUSE_ABSENT,
    CAUSE_MEMORY,
    CAUSE_TIME, /* the system stopped it: a smaller piece may succeed */
    CAUSE_UNSUPPORTED,
    CAUSE_LOST, /* nothing on the device will work any more */
    CAUSE_COUNT
} DeviceCause;

/* How a backend says what failed; zeros: a run, cause unknown. */
typedef struct DeviceFailure {
    DeviceStep step;
    DeviceCause cause;
} DeviceFailure;

/* `likely` may be NULL: nothing to say. */
typedef struct FailureAdvice {
    const char *likely;
    const char *remedy;
} FailureAdvice;

/* There is advice for every combination. */
FailureAdvice failure_advice(cleave_device_kind kind, DeviceFailure failure);

/* Rewrites the error of a device, whose reason becomes the detail of
 *   DEVICE WHAT FAILED: DETAIL; likely: …; try …
 * Its own advice is left out. Returns the status. error may be NULL. */
cleave_status failure_explain(cleave_error *error, cleave_status status, cleave_device_kind kind,
                              const char *device, DeviceFailure failure);

#endif
