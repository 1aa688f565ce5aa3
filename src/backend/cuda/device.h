/* device.h: NVIDIA GPUs: which there are, what they can do, and a context on one of them. Asking
 * costs milliseconds and creates no context. */
#ifndef CLEAVE_BACKEND_CUDA_DEVICE_H
#define CLEAVE_BACKEND_CUDA_DEVICE_H

#include "backend/backend.h"
#include "backend/cuda/driver.h"

typedef struct CudaDevice {
    CudaDeviceNumber number;
    int capability; /* 89: compute capability 8.9 */
    int multiprocessors;
    int64_t shared_bytes; /* that one block can have */
    char name[96];
} CudaDevice;

/* What backend.h asks for of devices. */
int cuda_count(char *reason, size_t size);
void cuda_describe(int index, cleave_device_info *info);
void cuda_describe_capabilities(int index, cleave_capability *capabilities);
void cuda_read_memory(int index, cleave_device_info *info);
bool cuda_supports(int index, cleave_precision precision);

/* The device, which cuda_describe() calls available. */
const CudaDevice *cuda_device(int index);

/* The primary context of a device, held until session_close(). Other code of the process may use
 * the same context; nothing of theirs is touched. */
typedef struct CudaSession {
    const CudaDriver *driver;
    const CudaDevice *device;
    CudaContext context;
    CudaModule module; /* the kernels, for this device */
} CudaSession;

cleave_status cuda_session_open(CudaSession *session, int index, DeviceFailure *failure,
                                cleave_error *error);

/* NULL members are allowed. After a sticky error too. */
void cuda_session_close(CudaSession *session);

/* Makes the context the calling thread's until cuda_leave(), around every group of calls that need
 * one: what the thread had before stays. */
cleave_status cuda_enter(const CudaSession *session, DeviceFailure *failure, cleave_error *error);
void cuda_leave(const CudaSession *session);

#endif
