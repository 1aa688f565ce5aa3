/* driver.h: NVIDIA's driver, libcuda.so.1, loaded when it is first needed. The declarations are
 * cleave's own, of the driver's stable binary interface: names with the version that they had when
 * these types were fixed. Nothing of NVIDIA is needed to build or to run this but the driver. */
#ifndef CLEAVE_BACKEND_CUDA_DRIVER_H
#define CLEAVE_BACKEND_CUDA_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/failure.h"

typedef int CudaStatus; /* CUresult; 0: no error */
typedef int CudaDeviceNumber;
typedef uint64_t CudaAddress; /* of device memory */
typedef struct CudaContextData *CudaContext;
typedef struct CudaModuleData *CudaModule;
typedef struct CudaFunctionData *CudaFunction;
typedef struct CudaStreamData *CudaStream;
typedef struct CudaEventData *CudaEvent;
typedef struct CudaGraphData *CudaGraph;
typedef struct CudaGraphExecData *CudaGraphExec;

typedef struct CudaUuid {
    unsigned char bytes[16];
} CudaUuid;

/* Of CUresult: those that cleave tells apart. */
enum {
    CUDA_OK = 0,
    CUDA_INVALID_VALUE = 1,
    CUDA_OUT_OF_MEMORY = 2,
    CUDA_NOT_INITIALIZED = 3,
    CUDA_STUB_LIBRARY = 34,
    CUDA_DEVICES_UNAVAILABLE = 46, /* compute mode: exclusive, and taken */
    CUDA_NO_DEVICE = 100,
    CUDA_INVALID_DEVICE = 101,
    CUDA_INVALID_IMAGE = 200,
    CUDA_INVALID_CONTEXT = 201,
    CUDA_NO_BINARY_FOR_GPU = 209,
    CUDA_ECC_UNCORRECTABLE = 214,
    CUDA_INVALID_PTX = 218,
    CUDA_NVLINK_UNCORRECTABLE = 220,
    CUDA_JIT_COMPILER_NOT_FOUND = 221,
    CUDA_UNSUPPORTED_PTX_VERSION = 222,
    CUDA_JIT_COMPILATION_DISABLED = 223,
    CUDA_CONTAINED = 226, /* an error of the memory that ended this program's work alone */
    CUDA_OPERATING_SYSTEM = 304,
    CUDA_NOT_FOUND = 500,
    CUDA_NOT_READY = 600,
    CUDA_ILLEGAL_ADDRESS = 700,
    CUDA_LAUNCH_OUT_OF_RESOURCES = 701,
    CUDA_LAUNCH_TIMEOUT = 702,
    CUDA_CONTEXT_IS_DESTROYED = 709,
    CUDA_ASSERT = 710,
    CUDA_HARDWARE_STACK_ERROR = 714,
    CUDA_ILLEGAL_INSTRUCTION = 715,
    CUDA_MISALIGNED_ADDRESS = 716,
    CUDA_INVALID_ADDRESS_SPACE = 717,
    CUDA_INVALID_PC = 718,
    CUDA_LAUNCH_FAILED = 719,
    CUDA_TENSOR_MEMORY_LEAK = 721,
    CUDA_NOT_SUPPORTED = 801,
    CUDA_SYSTEM_NOT_READY = 802,
    CUDA_SYSTEM_DRIVER_MISMATCH = 803,
    CUDA_COMPAT_NOT_SUPPORTED = 804,
    CUDA_MPS_CONNECTION_FAILED = 805,
    CUDA_UNKNOWN = 999
};

/* Of CUdevice_attribute. */
enum {
    CUDA_ATTRIBUTE_MAX_GRID_X = 5,
    CUDA_ATTRIBUTE_WARP_SIZE = 10,
    CUDA_ATTRIBUTE_MULTIPROCESSORS = 16,
    CUDA_ATTRIBUTE_INTEGRATED = 18,
    CUDA_ATTRIBUTE_COMPUTE_MODE = 20, /* 2: prohibited */
    CUDA_ATTRIBUTE_ECC = 32,
    CUDA_ATTRIBUTE_CAPABILITY_MAJOR = 75,
    CUDA_ATTRIBUTE_CAPABILITY_MINOR = 76,
    CUDA_ATTRIBUTE_SHARED_OPT_IN = 97 /* bytes of shared memory that one block can have */
};

enum {
    CUDA_CONTEXT_BLOCKING_SYNC = 4, /* CU_CTX_SCHED_BLOCKING_SYNC */
    CUDA_STREAM_NON_BLOCKING = 1,
    CUDA_EVENT_DEFAULT = 0,
    CUDA_EVENT_BLOCKING_SYNC = 1,
    CUDA_EVENT_NO_TIMING = 2,
    CUDA_FUNCTION_SHARED_BYTES = 8, /* CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES */
    CUDA_CAPTURE_THREAD_LOCAL = 1   /* CU_STREAM_CAPTURE_MODE_THREAD_LOCAL */
};

/* The calls: X(member, name in the library, arguments). */
#define CUDA_DRIVER_CALLS(X)                                                                       \
    X(init, "cuInit", (unsigned flags))                                                            \
    X(driver_version, "cuDriverGetVersion", (int *version))                                        \
    X(error_name, "cuGetErrorName", (CudaStatus status, const char **name))                        \
    X(error_string, "cuGetErrorString", (CudaStatus status, const char **text))                    \
    X(device_count, "cuDeviceGetCount", (int *count))                                              \
    X(device_get, "cuDeviceGet", (CudaDeviceNumber * device, int index))                           \
    X(device_name, "cuDeviceGetName", (char *name, int size, CudaDeviceNumber device))             \
    X(device_uuid, "cuDeviceGetUuid_v2", (CudaUuid * uuid, CudaDeviceNumber device))               \
    X(device_memory, "cuDeviceTotalMem_v2", (size_t * bytes, CudaDeviceNumber device))             \
    X(device_attribute, "cuDeviceGetAttribute",                                                    \
      (int *value, int attribute, CudaDeviceNumber device))                                        \
    X(device_bus, "cuDeviceGetPCIBusId", (char *bus, int size, CudaDeviceNumber device))           \
    X(context_retain, "cuDevicePrimaryCtxRetain",                                                  \
      (CudaContext * context, CudaDeviceNumber device))                                            \
    X(context_release, "cuDevicePrimaryCtxRelease_v2", (CudaDeviceNumber device))                  \
    X(context_state, "cuDevicePrimaryCtxGetState",                                                 \
      (CudaDeviceNumber device, unsigned *flags, int *active))                                     \
    X(context_set_flags, "cuDevicePrimaryCtxSetFlags_v2",                                          \
      (CudaDeviceNumber device, unsigned flags))                                                   \
    X(context_push, "cuCtxPushCurrent_v2", (CudaContext context))                                  \
    X(context_pop, "cuCtxPopCurrent_v2", (CudaContext * context))                                  \
    X(context_synchronize, "cuCtxSynchronize", (void))                                             \
    X(memory_info, "cuMemGetInfo_v2", (size_t * available, size_t * total))                        \
    X(memory_allocate, "cuMemAlloc_v2", (CudaAddress * address, size_t bytes))                     \
    X(memory_free, "cuMemFree_v2", (CudaAddress address))                                          \
    X(host_allocate, "cuMemHostAlloc", (void **memory, size_t bytes, unsigned flags))              \
    X(host_free, "cuMemFreeHost", (void *memory))                                                  \
    X(copy_up, "cuMemcpyHtoDAsync_v2",                                                             \
      (CudaAddress to, const void *from, size_t bytes, CudaStream stream))                         \
    X(copy_down, "cuMemcpyDtoHAsync_v2",                                                           \
      (void *to, CudaAddress from, size_t bytes, CudaStream stream))                               \
    X(module_load, "cuModuleLoadData", (CudaModule * module, const void *image))                   \
    X(module_unload, "cuModuleUnload", (CudaModule module))                                        \
    X(module_function, "cuModuleGetFunction",                                                      \
      (CudaFunction * function, CudaModule module, const char *name))                              \
    X(function_set, "cuFuncSetAttribute", (CudaFunction function, int attribute, int value))       \
    X(stream_create, "cuStreamCreate", (CudaStream * stream, unsigned flags))                      \
    X(stream_destroy, "cuStreamDestroy_v2", (CudaStream stream))                                   \
    X(stream_wait, "cuStreamWaitEvent", (CudaStream stream, CudaEvent event, unsigned flags))      \
    X(stream_synchronize, "cuStreamSynchronize", (CudaStream stream))                              \
    X(event_create, "cuEventCreate", (CudaEvent * event, unsigned flags))                          \
    X(event_destroy, "cuEventDestroy_v2", (CudaEvent event))                                       \
    X(event_record, "cuEventRecord", (CudaEvent event, CudaStream stream))                         \
    X(event_synchronize, "cuEventSynchronize", (CudaEvent event))                                  \
    X(event_elapsed, "cuEventElapsedTime", (float *milliseconds, CudaEvent begin, CudaEvent end))  \
    X(launch, "cuLaunchKernel",                                                                    \
      (CudaFunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, \
       unsigned block_y, unsigned block_z, unsigned shared_bytes, CudaStream stream,               \
       void **arguments, void **extra))                                                            \
    X(capture_begin, "cuStreamBeginCapture_v2", (CudaStream stream, int mode))                     \
    X(capture_end, "cuStreamEndCapture", (CudaStream stream, CudaGraph * graph))                   \
    X(graph_instantiate, "cuGraphInstantiateWithFlags",                                            \
      (CudaGraphExec * executable, CudaGraph graph, unsigned long long flags))                     \
    X(graph_destroy, "cuGraphDestroy", (CudaGraph graph))                                          \
    X(graph_launch, "cuGraphLaunch", (CudaGraphExec executable, CudaStream stream))                \
    X(graph_exec_destroy, "cuGraphExecDestroy", (CudaGraphExec executable))

typedef struct CudaDriver {
/* NOLINTNEXTLINE(bugprone-macro-parentheses): `arguments` has some */
#define CUDA_DRIVER_MEMBER(member, name, arguments) CudaStatus(*member) arguments;
    CUDA_DRIVER_CALLS(CUDA_DRIVER_MEMBER)
#undef CUDA_DRIVER_MEMBER
    int version;    /* 12090: the newest CUDA that it knows, 12.9 */
    bool simulated; /* the tests' driver */
} CudaDriver;

/* The driver, loaded and initialised at the first call. NULL if there is none that can be used:
 * then *reason, which stays valid, says why. Thread-safe. */
const CudaDriver *cuda_driver(const char **reason);

/* "CUDA 12.4", for 12040. */
void cuda_version_text(int version, char *text, size_t size);

/* An error of the driver as cleave's. `what` says what failed, as "copying the chunk". Fills
 * failure->cause and failure->step; failure may be NULL. Returns CLEAVE_ERROR_MEMORY,
 * CLEAVE_ERROR_DEVICE, or CLEAVE_OK for CUDA_OK, which leaves all as it is. */
cleave_status cuda_check(CudaStatus status, DeviceStep step, const char *what,
                         DeviceFailure *failure, cleave_error *error);

/* Whether nothing on the device works after this error, until its context is gone. */
bool cuda_is_sticky(CudaStatus status);

#endif
