/* nvml.c: libnvidia-ml.so.1: memory figures and the driver's version. A library of its own, with
 * the same settings; what the simulated driver holds it asks of that. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "calls.h"
#include "settings.h"
#include "strict.h"

#define EXPORT __attribute__((visibility("default")))

typedef enum nvmlReturn {
    NVML_SUCCESS = 0,
    NVML_ERROR_UNINITIALIZED = 1,
    NVML_ERROR_INVALID_ARGUMENT = 2,
    NVML_ERROR_NOT_FOUND = 6,
    NVML_ERROR_INSUFFICIENT_SIZE = 7,
    NVML_ERROR_DRIVER_NOT_LOADED = 9
} nvmlReturn;

typedef struct nvmlDevice_st *nvmlDevice; /* 1 + its number */

typedef struct nvmlMemory {
    unsigned long long total;
    unsigned long long available;
    unsigned long long used;
} nvmlMemory;

EXPORT nvmlReturn nvmlInit_v2(void);
EXPORT nvmlReturn nvmlShutdown(void);
EXPORT nvmlReturn nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice *device);
EXPORT nvmlReturn nvmlDeviceGetHandleByPciBusId_v2(const char *bus, nvmlDevice *device);
EXPORT nvmlReturn nvmlDeviceGetMemoryInfo(nvmlDevice device, nvmlMemory *memory);
EXPORT nvmlReturn nvmlSystemGetDriverVersion(char *version, unsigned size);

static int initialised; /* times, less those of nvmlShutdown() */

/* As sim_begin() of the driver. */
static nvmlReturn begin(SimCall call) {
    sim_lock();
    int failure = sim_call_made(call);
    if (failure == 0 && initialised == 0 && call != CALL_nvmlInit_v2)
        failure = NVML_ERROR_UNINITIALIZED;
    if (failure)
        sim_unlock();
    return (nvmlReturn)failure;
}

static nvmlReturn end(nvmlReturn status) {
    sim_unlock();
    return status;
}

nvmlReturn nvmlInit_v2(void) {
    nvmlReturn status = begin(CALL_nvmlInit_v2);
    if (status != NVML_SUCCESS)
        return status;
    if (!sim_settings()->nvml)
        return end(NVML_ERROR_DRIVER_NOT_LOADED);
    initialised++;
    return end(NVML_SUCCESS);
}

nvmlReturn nvmlShutdown(void) {
    nvmlReturn status = begin(CALL_nvmlShutdown);
    if (status != NVML_SUCCESS)
        return status;
    initialised--;
    return end(NVML_SUCCESS);
}

/* "GPU-01234567-89ab-…" */
static void print_uuid(const unsigned char uuid[16], char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "GPU-");
    for (int i = 0; i < 16; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

nvmlReturn nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice *device) {
    const SimSettings *settings = sim_settings();
    nvmlReturn status = begin(CALL_nvmlDeviceGetHandleByUUID);
    if (status != NVML_SUCCESS)
        return status;
    for (int i = 0; i < settings->device_count; i++) {
        char text[64];
        print_uuid(settings->devices[i].uuid, text, sizeof(text));
        if (strcasecmp(text, uuid) != 0)
            continue;
        *device = (nvmlDevice)(uintptr_t)(i + 1);
        return end(NVML_SUCCESS);
    }
    return end(NVML_ERROR_NOT_FOUND);
}

nvmlReturn nvmlDeviceGetHandleByPciBusId_v2(const char *bus, nvmlDevice *device) {
    const SimSettings *settings = sim_settings();
    nvmlReturn status = begin(CALL_nvmlDeviceGetHandleByPciBusId_v2);
    if (status != NVML_SUCCESS)
        return status;
    for (int i = 0; i < settings->device_count; i++) {
        if (strcasecmp(settings->devices[i].bus, bus) != 0)
            continue;
        *device = (nvmlDevice)(uintptr_t)(i + 1);
        return end(NVML_SUCCESS);
    }
    return end(NVML_ERROR_NOT_FOUND);
}

/* Bytes that this process holds. The driver is there if it was loaded, under whatever path. */
static uint64_t held(int device) {
    void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (!driver)
        return 0;
    uint64_t (*used)(int) = (uint64_t(*)(int))dlsym(driver, "cudasim_memory_used");
    uint64_t bytes = used ? used(device) : 0;
    dlclose(driver);
    return bytes;
}

nvmlReturn nvmlDeviceGetMemoryInfo(nvmlDevice device, nvmlMemory *memory) {
    int index = (int)(uintptr_t)device - 1;
    nvmlReturn status = begin(CALL_nvmlDeviceGetMemoryInfo);
    if (status != NVML_SUCCESS)
        return status;
    if (index < 0 || index >= sim_settings()->device_count)
        return end(NVML_ERROR_INVALID_ARGUMENT);
    const SimDeviceSettings *settings = &sim_settings()->devices[index];
    memory->total = settings->memory;
    memory->used = settings->used + held(index);
    if (memory->used > memory->total)
        memory->used = memory->total;
    memory->available = memory->total - memory->used;
    return end(NVML_SUCCESS);
}

nvmlReturn nvmlSystemGetDriverVersion(char *version, unsigned size) {
    nvmlReturn status = begin(CALL_nvmlSystemGetDriverVersion);
    if (status != NVML_SUCCESS)
        return status;
    if (size <= strlen(sim_settings()->driver_version))
        return end(NVML_ERROR_INSUFFICIENT_SIZE);
    snprintf(version, size, "%s", sim_settings()->driver_version);
    return end(NVML_SUCCESS);
}
