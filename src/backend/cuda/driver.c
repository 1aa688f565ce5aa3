/* driver.c: loading the driver, and its errors in plain words. */
#include "backend/cuda/driver.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/cuda/library.h"

#define DRIVER_LIBRARY "libcuda.so.1"

static CudaDriver driver;
static bool usable;
static char why_not[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- Loading ---- */

static void explain_absence(void) {
    if (access("/proc/driver/nvidia/version", F_OK) == 0)
        snprintf(why_not, sizeof(why_not),
                 "the NVIDIA driver's kernel module is loaded, but " DRIVER_LIBRARY
                 " is missing: a container gets it by --gpus all, a system by the driver's "
                 "packages for computing");
    else
        snprintf(why_not, sizeof(why_not), "no NVIDIA driver (" DRIVER_LIBRARY ") is installed");
}

static void explain_missing_call(const char *call) {
    char version[24] = "";
    int number = 0;
    if (driver.driver_version && driver.driver_version(&number) == CUDA_OK)
        cuda_version_text(number, version, sizeof(version));
    snprintf(why_not, sizeof(why_not),
             "the NVIDIA driver%s%s lacks the call %s: it is too old; 525 or newer has it",
             version[0] ? " of " : "", version, call);
}

static bool find_calls(void *library) {
    static const LibraryCall calls[] = {
#define CUDA_DRIVER_CALL(member, name, arguments) {name, offsetof(CudaDriver, member)},
        CUDA_DRIVER_CALLS(CUDA_DRIVER_CALL)
#undef CUDA_DRIVER_CALL
    };
    const char *missing = library_find(library, calls, sizeof(calls) / sizeof(calls[0]), &driver);
    if (missing)
        explain_missing_call(missing);
    return missing == NULL;
}

/* ---- Starting ---- */

static const char *status_name(CudaStatus status) {
    const char *name = NULL;
    if (driver.error_name && driver.error_name(status, &name) == CUDA_OK && name)
        return name;
    return "an error without a name";
}

static const char *status_text(CudaStatus status) {
    const char *text = NULL;
    if (driver.error_string && driver.error_string(status, &text) == CUDA_OK && text)
        return text;
    return "no reason given";
}

/* Why a driver does not start, where its own text says little to who has to mend it. */
static const struct {
    CudaStatus status;
    const char *words;
} start_faults[] = {
    {CUDA_STUB_LIBRARY, "the " DRIVER_LIBRARY " that was found is the CUDA toolkit's stub, not the "
                        "driver's: take its folder out of LD_LIBRARY_PATH"},
    {CUDA_INVALID_DEVICE, "the driver cannot reach the GPU: nvidia-smi says more"},
    {CUDA_OPERATING_SYSTEM, "the driver cannot use the GPU's device files (/dev/nvidia*): they "
                            "are missing, or this user has no right to them"},
    {CUDA_SYSTEM_NOT_READY, "the GPUs are not ready yet: on machines with NVSwitch, the service "
                            "nvidia-fabricmanager starts them"},
    {CUDA_SYSTEM_DRIVER_MISMATCH, "the driver's library and its kernel module are of different "
                                  "versions: after an update of the driver, reboot"},
    {CUDA_COMPAT_NOT_SUPPORTED, "the " DRIVER_LIBRARY " that was found is that of the package "
                                "cuda-compat, which this GPU does not take: remove it"},
    {CUDA_MPS_CONNECTION_FAILED, "the daemon of NVIDIA's Multi-Process Service cannot be reached: "
                                 "start it, or end it for good (nvidia-cuda-mps-control)"},
    {CUDA_UNKNOWN, "the driver does not start: often after a suspend, or where the module "
                   "nvidia_uvm is not loaded: load it anew, or reboot"},
};

static void explain_start(CudaStatus status) {
    const char *hidden = getenv("CUDA_VISIBLE_DEVICES");
    if (status == CUDA_NO_DEVICE) {
        snprintf(why_not, sizeof(why_not), "the driver finds no NVIDIA GPU%s%.60s%s",
                 hidden ? " among those that CUDA_VISIBLE_DEVICES names: \"" : "",
                 hidden ? hidden : "", hidden ? "\"" : "");
        return;
    }
    for (size_t i = 0; i < sizeof(start_faults) / sizeof(start_faults[0]); i++)
        if (start_faults[i].status == status) {
            snprintf(why_not, sizeof(why_not), "%s (%s)", start_faults[i].words,
                     status_name(status));
            return;
        }
    snprintf(why_not, sizeof(why_not), "the driver does not start: %s: %.120s (error %d)",
             status_name(status), status_text(status), status);
}

static bool start(void) {
    CudaStatus status = driver.init(0);
    if (status == CUDA_OK)
        status = driver.driver_version(&driver.version);
    if (status != CUDA_OK)
        explain_start(status);
    return status == CUDA_OK;
}

static void load(void) {
    char reason[160];
    void *library = library_open(DRIVER_LIBRARY, reason, sizeof(reason));
    if (library) {
        driver.simulated = dlsym(library, "cudasim_version") != NULL;
        usable = find_calls(library) && start();
    } else if (reason[0]) {
        snprintf(why_not, sizeof(why_not), "the NVIDIA driver cannot be loaded: %s", reason);
    } else {
        explain_absence();
    }
}

const CudaDriver *cuda_driver(const char **reason) {
    pthread_once(&once, load);
    *reason = why_not;
    return usable ? &driver : NULL;
}

void cuda_version_text(int version, char *text, size_t size) {
    snprintf(text, size, "CUDA %d.%d", version / 1000, version % 1000 / 10);
}

/* ---- Errors ---- */

bool cuda_is_sticky(CudaStatus status) {
    switch (status) {
    case CUDA_ECC_UNCORRECTABLE:
    case CUDA_NVLINK_UNCORRECTABLE:
    case CUDA_CONTAINED:
    case CUDA_ILLEGAL_ADDRESS:
    case CUDA_LAUNCH_TIMEOUT:
    case CUDA_CONTEXT_IS_DESTROYED:
    case CUDA_ASSERT:
    case CUDA_HARDWARE_STACK_ERROR:
    case CUDA_ILLEGAL_INSTRUCTION:
    case CUDA_MISALIGNED_ADDRESS:
    case CUDA_INVALID_ADDRESS_SPACE:
    case CUDA_INVALID_PC:
    case CUDA_LAUNCH_FAILED:
    case CUDA_TENSOR_MEMORY_LEAK:
        return true;
    default:
        return false;
    }
}

static DeviceCause cause_of(CudaStatus status) {
    switch (status) {
    case CUDA_OUT_OF_MEMORY:
        return CAUSE_MEMORY;
    case CUDA_LAUNCH_TIMEOUT:
        return CAUSE_TIME;
    case CUDA_INVALID_IMAGE:
    case CUDA_NO_BINARY_FOR_GPU:
    case CUDA_INVALID_PTX:
    case CUDA_JIT_COMPILER_NOT_FOUND:
    case CUDA_UNSUPPORTED_PTX_VERSION:
    case CUDA_JIT_COMPILATION_DISABLED:
    case CUDA_NOT_SUPPORTED:
        return CAUSE_UNSUPPORTED;
    default:
        return cuda_is_sticky(status) ? CAUSE_LOST : CAUSE_FAILED;
    }
}

cleave_status cuda_check(CudaStatus status, DeviceStep step, const char *what,
                         DeviceFailure *failure, cleave_error *error) {
    if (status == CUDA_OK)
        return CLEAVE_OK;
    if (failure)
        *failure = (DeviceFailure){step, cause_of(status)};
    return error_set(
        error, status == CUDA_OUT_OF_MEMORY ? CLEAVE_ERROR_MEMORY : CLEAVE_ERROR_DEVICE,
        "%s: %s: %s (error %d)", what, status_name(status), status_text(status), status);
}
