/* devices.c: cuInit, and what can be asked of devices without a context. */
#include <stdio.h>
#include <string.h>

#include "contexts.h"
#include "counts.h"
#include "strict.h"

const char cudasim_version[] = "cudasim 1";

#define SHARED_BESIDE_BLOCKS 1024 /* bytes of a multiprocessor's that no block can have */

static CUresult initialise(unsigned flags) {
    const SimSettings *settings = sim_settings();
    if (flags != 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (settings->device_count == 0)
        return CUDA_ERROR_NO_DEVICE;
    sim_set_initialised();
    return CUDA_SUCCESS;
}

CUresult cuInit(unsigned flags) {
    sim_lock();
    sim_report_at_exit(sim_settings()->report);
    sim_unlock();
    CUresult status = sim_begin(CALL_cuInit);
    return status ? status : sim_end(initialise(flags));
}

CUresult cuDriverGetVersion(int *version) {
    CUresult status = sim_begin(CALL_cuDriverGetVersion);
    if (status != CUDA_SUCCESS)
        return status;
    *version = sim_settings()->driver;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceGetCount(int *count) {
    CUresult status = sim_begin(CALL_cuDeviceGetCount);
    if (status != CUDA_SUCCESS)
        return status;
    *count = sim_settings()->device_count;
    return sim_end(CUDA_SUCCESS);
}

/* As sim_enter(), for calls on a device. */
static const SimDeviceSettings *begin(SimCall call, CUdevice device, CUresult *status) {
    *status = sim_begin(call);
    if (*status != CUDA_SUCCESS)
        return NULL;
    if (device >= 0 && device < sim_settings()->device_count)
        return &sim_settings()->devices[device];
    *status = sim_end(CUDA_ERROR_INVALID_DEVICE);
    return NULL;
}

CUresult cuDeviceGet(CUdevice *device, int index) {
    CUresult status;
    const SimDeviceSettings *settings = begin(CALL_cuDeviceGet, index, &status);
    if (!settings)
        return status;
    *device = index;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceGetName(char *name, int size, CUdevice device) {
    CUresult status;
    const SimDeviceSettings *settings = begin(CALL_cuDeviceGetName, device, &status);
    if (!settings)
        return status;
    if (size <= 0)
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    snprintf(name, (size_t)size, "%s", settings->name);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
    CUresult status;
    const SimDeviceSettings *settings = begin(CALL_cuDeviceGetUuid_v2, device, &status);
    if (!settings)
        return status;
    memcpy(uuid->bytes, settings->uuid, sizeof(uuid->bytes));
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
    CUresult status;
    const SimDeviceSettings *settings = begin(CALL_cuDeviceTotalMem_v2, device, &status);
    if (!settings)
        return status;
    *bytes = (size_t)settings->memory;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuDeviceGetPCIBusId(char *bus, int size, CUdevice device) {
    CUresult status;
    const SimDeviceSettings *settings = begin(CALL_cuDeviceGetPCIBusId, device, &status);
    if (!settings)
        return status;
    if (size <= (int)strlen(settings->bus))
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    snprintf(bus, (size_t)size, "%s", settings->bus);
    return sim_end(CUDA_SUCCESS);
}

static int attribute_of(const SimDeviceSettings *device, int attribute) {
    switch (attribute) {
    case CU_DEVICE_MAX_THREADS_PER_BLOCK:
        return 1024;
    case CU_DEVICE_MAX_GRID_X:
        return 0x7fffffff;
    case CU_DEVICE_MAX_GRID_Y:
    case CU_DEVICE_MAX_GRID_Z:
        return 65535;
    case CU_DEVICE_SHARED_PER_BLOCK:
        return 48 * 1024;
    case CU_DEVICE_WARP_SIZE:
        return 32;
    case CU_DEVICE_REGISTERS_PER_BLOCK:
        return 65536;
    case CU_DEVICE_MULTIPROCESSORS:
        return device->multiprocessors;
    case CU_DEVICE_INTEGRATED:
        return device->integrated;
    case CU_DEVICE_COMPUTE_MODE:
        return device->mode;
    case CU_DEVICE_ECC:
        return device->ecc;
    case CU_DEVICE_CAPABILITY_MAJOR:
        return device->capability / 10;
    case CU_DEVICE_CAPABILITY_MINOR:
        return device->capability % 10;
    case CU_DEVICE_SHARED_PER_MULTIPROCESSOR:
        return sim_shared_opt_in(device->capability) +
               (device->capability >= 80 ? SHARED_BESIDE_BLOCKS : 0);
    case CU_DEVICE_SHARED_OPT_IN:
        return sim_shared_opt_in(device->capability);
    default:
        sim_abort("attribute %d of devices is not simulated", attribute);
    }
}

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
    CUresult status;
    const SimDeviceSettings *settings = begin(CALL_cuDeviceGetAttribute, device, &status);
    if (!settings)
        return status;
    *value = attribute_of(settings, attribute);
    return sim_end(CUDA_SUCCESS);
}
