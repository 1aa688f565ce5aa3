/* failure.c: the table of likely causes and remedies, and the words for a failure. */
#include "backend/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define ANY (-1)

/* ANY fits every device, step or cause. The first row that fits counts, so special rows stand above
 * general ones. */
typedef struct Row {
    int kind;
    int step;
    int cause;
    FailureAdvice advice;
} Row;

static const Row rows[] = {
    {CLEAVE_DEVICE_CPU, ANY, CAUSE_LOST, {NULL, "the same command again"}},
    {CLEAVE_DEVICE_CUDA,
     ANY,
     CAUSE_LOST,
     {"the driver or another program reset it, its memory or its clock is not stable, or a fault "
      "of cleave",
      "nvidia-smi and `dmesg | grep Xid` to see what happened, the same command again, and -d cpu "
      "if it happens again"}},
    {ANY,
     ANY,
     CAUSE_LOST,
     {"the driver reset it, it overheated, or it was unplugged",
      "the same command again, and -d cpu if it happens again"}},

    {CLEAVE_DEVICE_CPU,
     ANY,
     CAUSE_MEMORY,
     {"the batch is too large, or other programs hold the memory",
      "a smaller batch (-b 1), fewer threads, or closing other programs"}},
    {CLEAVE_DEVICE_MPS,
     ANY,
     CAUSE_MEMORY,
     {"the batch is too large, or other programs hold the memory, which the GPU shares with them",
      "a smaller batch (-b 1), -p f16, closing other programs, or -d cpu"}},
    {CLEAVE_DEVICE_CUDA,
     ANY,
     CAUSE_MEMORY,
     {"the batch is too large, or other programs hold the GPU's memory",
      "a smaller batch (-b 1), -p f16, ending other programs on the GPU, or -d cpu"}},

    {CLEAVE_DEVICE_MPS,
     ANY,
     CAUSE_TIME,
     {"the GPU is slow for this network, or a display or another program is waiting for it",
      "a smaller batch (-b 1), -p f16, or -d cpu"}},

    {CLEAVE_DEVICE_CUDA,
     ANY,
     CAUSE_TIME,
     {"a display hangs on the GPU, and the system stops what keeps it for seconds",
      "a smaller batch (-b 1), -p f16, or -d cpu"}},

    {ANY, STEP_PROBE, CAUSE_UNSUPPORTED, {NULL, "-d auto"}},
    {CLEAVE_DEVICE_MPS,
     STEP_PROBE,
     CAUSE_FAILED,
     {"a fault of this version of macOS with this GPU",
      "-d auto or -d cpu, and report it with the output of `cleave doctor`"}},
    {CLEAVE_DEVICE_MPS,
     STEP_PROBE,
     ANY,
     {"no Apple GPU, or a macOS that is too old for it", "-d auto or -d cpu"}},
    {CLEAVE_DEVICE_CUDA,
     STEP_PROBE,
     ANY,
     {"no NVIDIA GPU, a driver that is missing or too old, or a container that was not given the "
      "GPU",
      "nvidia-smi to see what the driver says, --gpus all for a container, or -d auto or -d cpu"}},
    {ANY, STEP_PROBE, ANY, {NULL, "-d auto"}},

    {CLEAVE_DEVICE_CPU, STEP_COMPILE, ANY, {NULL, "--no-compile"}},
    {CLEAVE_DEVICE_CUDA,
     STEP_COMPILE,
     CAUSE_UNSUPPORTED,
     {"the driver is older than cleave's kernels, or the GPU is newer than they are",
      "a newer driver, a newer cleave, or -d cpu"}},
    {CLEAVE_DEVICE_CUDA,
     STEP_COMPILE,
     ANY,
     {"another program has the GPU for itself, or a fault in the driver or the GPU",
      "nvidia-smi to see what uses it, --no-compile, or -d cpu"}},
    {ANY,
     STEP_COMPILE,
     CAUSE_UNSUPPORTED,
     {"the driver or the GPU is too old for an operation of the network",
      "--no-compile, a newer driver, or -d cpu"}},
    {ANY,
     STEP_COMPILE,
     ANY,
     {"the driver's compiler cannot compile this network", "--no-compile, or -d cpu"}},

    {CLEAVE_DEVICE_CPU, ANY, ANY, {NULL, "--no-compile, and report it if it happens again"}},
    {ANY,
     STEP_UPLOAD,
     ANY,
     {"the GPU has failed, or was reset", "the same command again, or -d cpu"}},
    {ANY,
     STEP_DOWNLOAD,
     ANY,
     {"the GPU failed while computing, or was reset",
      "the same command again, --no-compile, or -d cpu"}},
    {ANY,
     ANY,
     ANY,
     {"a fault in the driver or the GPU",
      "the same command again, --no-compile, -p f32, or -d cpu"}},
};

static bool row_fits(int wanted, int value) {
    return wanted == ANY || wanted == value;
}

FailureAdvice failure_advice(cleave_device_kind kind, DeviceFailure failure) {
    const Row *row = rows;
    while (!row_fits(row->kind, (int)kind) || !row_fits(row->step, (int)failure.step) ||
           !row_fits(row->cause, (int)failure.cause))
        row++; /* the last row fits all */
    return row->advice;
}

/* ---- Words ---- */

static const char *step_words(DeviceStep step) {
    switch (step) {
    case STEP_COMPILE:
        return " while making the network ready";
    case STEP_UPLOAD:
        return " while sending audio to the device";
    case STEP_DOWNLOAD:
        return " while fetching stems from the device";
    case STEP_SYNCHRONIZE:
        return " while waiting for the device";
    default:
        return " while running the network";
    }
}

static const char *cause_words(DeviceCause cause) {
    switch (cause) {
    case CAUSE_MEMORY:
        return "ran out of memory";
    case CAUSE_TIME:
        return "took too long";
    case CAUSE_UNSUPPORTED:
        return "does not support this network";
    case CAUSE_LOST:
        return "was lost";
    default:
        return "failed";
    }
}

cleave_status failure_explain(cleave_error *error, cleave_status status, cleave_device_kind kind,
                              const char *device, DeviceFailure failure) {
    char detail[CLEAVE_ERROR_TEXT_SIZE / 2]; /* the rest is short, and must not be cut */
    FailureAdvice advice = failure_advice(kind, failure);
    if (!error)
        return status;
    snprintf(detail, sizeof(detail), "%.*s", error->reason_end - error->reason,
             error->text + error->reason);
    utf8_trim(detail);
    if (failure.step == STEP_PROBE)
        error_set(error, status, "device %.64s is not available: %s", device,
                  detail[0] ? detail : "no reason given");
    else
        error_set(error, status, "%s %s%s: %s", device, cause_words(failure.cause),
                  failure.cause == CAUSE_UNSUPPORTED ? "" : step_words(failure.step),
                  detail[0] ? detail : "no reason given");
    return error_advise(error, status, "%s%s%stry %s", advice.likely ? "likely: " : "",
                        advice.likely ? advice.likely : "", advice.likely ? "; " : "",
                        advice.remedy);
}
