/* session.c: a GPU's primary context, and the kernels in it. */
#include <stdlib.h>

#include "backend/cuda/device.h"
#include "backend/cuda/modules.h"

/* ---- Kernels ---- */

/* Words that help more than the driver's, for images that it does not take. */
static const char *why_refused(CudaStatus status) {
    switch (status) {
    case CUDA_INVALID_PTX:
    case CUDA_UNSUPPORTED_PTX_VERSION:
        return "the driver is older than cleave's kernels";
    case CUDA_JIT_COMPILER_NOT_FOUND:
        return "the driver's compiler, libnvidia-ptxjitcompiler.so.1, is missing";
    case CUDA_JIT_COMPILATION_DISABLED:
        return "the environment forbids the driver to compile (CUDA_DISABLE_PTX_JIT)";
    default:
        return "loading the kernels";
    }
}

static cleave_status load_image(CudaSession *session, const CudaImage *image, CudaStatus *said,
                                cleave_error *error) {
    void *unpacked = cuda_image_unpack(image);
    if (!unpacked)
        return error_set(error, CLEAVE_ERROR_DEVICE,
                         "the kernels in cleave's CUDA backend (libcleave-cuda.so) cannot be "
                         "unpacked: the file is damaged, or memory ran out");
    *said = session->driver->module_load(&session->module, unpacked);
    free(unpacked);
    return CLEAVE_OK;
}

/* Machine code runs on later GPUs of the same generation, but not on all: those of boards with an
 * ARM processor are apart. What the GPU does not take, the driver may compile. */
static cleave_status load_kernels(CudaSession *session, DeviceFailure *failure,
                                  cleave_error *error) {
    int capability = session->device->capability;
    const CudaImage *image = cuda_image_for(capability);
    const CudaImage *ptx = cuda_image_ptx_for(capability);
    CudaStatus said = CUDA_NO_BINARY_FOR_GPU;
    cleave_status status = CLEAVE_OK;
    if (image)
        status = load_image(session, image, &said, error);
    if (status == CLEAVE_OK && said == CUDA_NO_BINARY_FOR_GPU && ptx && ptx != image)
        status = load_image(session, ptx, &said, error);
    if (status != CLEAVE_OK)
        return status;
    return cuda_check(said, STEP_COMPILE, why_refused(said), failure, error);
}

/* ---- The context ---- */

/* A thread that waits should sleep. What others have set stays. */
static void ask_for_sleep(const CudaDriver *driver, CudaDeviceNumber number) {
    unsigned flags = 0;
    int active = 0;
    if (driver->context_state(number, &flags, &active) == CUDA_OK && !active && flags == 0)
        driver->context_set_flags(number, CUDA_CONTEXT_BLOCKING_SYNC);
}

static cleave_status retain(CudaSession *session, DeviceFailure *failure, cleave_error *error) {
    CudaContext context = NULL;
    ask_for_sleep(session->driver, session->device->number);
    CudaStatus said = session->driver->context_retain(&context, session->device->number);
    if (said == CUDA_OK)
        session->context = context;
    return cuda_check(said, STEP_COMPILE,
                      said == CUDA_DEVICES_UNAVAILABLE
                          ? "the GPU is another program's alone (compute mode \"exclusive\")"
                          : "making a context on the GPU",
                      failure, error);
}

cleave_status cuda_session_open(CudaSession *session, int index, DeviceFailure *failure,
                                cleave_error *error) {
    const char *reason;
    *session = (CudaSession){.driver = cuda_driver(&reason), .device = cuda_device(index)};
    if (!session->driver || !session->device)
        return error_set(error, CLEAVE_ERROR_DEVICE, "%s",
                         session->driver ? "there is no such GPU" : reason);
    cleave_status status = retain(session, failure, error);
    if (status == CLEAVE_OK)
        status = cuda_enter(session, failure, error);
    if (status == CLEAVE_OK) {
        status = load_kernels(session, failure, error);
        cuda_leave(session);
    }
    if (status != CLEAVE_OK)
        cuda_session_close(session);
    return status;
}

/* After a sticky error the driver refuses to unload; releasing the context ends what is in it. */
void cuda_session_close(CudaSession *session) {
    if (session->context) {
        if (session->module && cuda_enter(session, NULL, NULL) == CLEAVE_OK) {
            session->driver->module_unload(session->module);
            cuda_leave(session);
        }
        session->driver->context_release(session->device->number);
    }
    *session = (CudaSession){.driver = NULL};
}

cleave_status cuda_enter(const CudaSession *session, DeviceFailure *failure, cleave_error *error) {
    return cuda_check(session->driver->context_push(session->context), STEP_RUN,
                      "making the GPU's context current", failure, error);
}

void cuda_leave(const CudaSession *session) {
    CudaContext context = NULL;
    session->driver->context_pop(&context);
}
