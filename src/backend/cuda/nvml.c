/* nvml.c: calls of libnvidia-ml.so.1, with declarations of cleave's own. */
#include "backend/cuda/nvml.h"

#include <pthread.h>
#include <stdio.h>

#include "backend/cuda/library.h"

typedef int NvmlStatus; /* nvmlReturn_t; 0: no error */
typedef struct NvmlDeviceData *NvmlDevice;

typedef struct NvmlMemory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
} NvmlMemory;

typedef struct Nvml {
    NvmlStatus (*init)(void);
    NvmlStatus (*release)(char *release, unsigned size);
    NvmlStatus (*device)(const char *uuid, NvmlDevice *device);
    NvmlStatus (*memory)(NvmlDevice device, NvmlMemory *memory);
} Nvml;

static Nvml nvml;
static bool usable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
    static const LibraryCall calls[] = {
        {"nvmlInit_v2", offsetof(Nvml, init)},
        {"nvmlSystemGetDriverVersion", offsetof(Nvml, release)},
        {"nvmlDeviceGetHandleByUUID", offsetof(Nvml, device)},
        {"nvmlDeviceGetMemoryInfo", offsetof(Nvml, memory)},
    };
    char reason[16];
    void *library = library_open("libnvidia-ml.so.1", reason, sizeof(reason));
    usable = library && !library_find(library, calls, sizeof(calls) / sizeof(calls[0]), &nvml) &&
             nvml.init() == 0;
}

static bool is_usable(void) {
    pthread_once(&once, load);
    return usable;
}

bool nvml_release(char *release, size_t size) {
    char found[80] = "";
    if (!is_usable() || nvml.release(found, sizeof(found)) != 0 || !found[0])
        return false;
    found[sizeof(found) - 1] = '\0';
    snprintf(release, size, "%s", found);
    return true;
}

/* "GPU-01234567-89ab-cdef-0123-456789abcdef" */
static void write_uuid(const char *kind, const CudaUuid *uuid, char *text, size_t size) {
    size_t length = (size_t)snprintf(text, size, "%s", kind);
    for (size_t i = 0; i < sizeof(uuid->bytes) && length < size; i++) {
        bool dash = i == 0 || i == 4 || i == 6 || i == 8 || i == 10;
        length += (size_t)snprintf(text + length, size - length, "%s%02x", dash ? "-" : "",
                                   uuid->bytes[i]);
    }
}

static bool find_device(const CudaUuid *uuid, NvmlDevice *device) {
    static const char *const kinds[] = {"GPU", "MIG"};
    char text[48];
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        write_uuid(kinds[i], uuid, text, sizeof(text));
        if (nvml.device(text, device) == 0)
            return true;
    }
    return false;
}

bool nvml_free_memory(const CudaUuid *uuid, int64_t *bytes) {
    NvmlDevice device = NULL;
    NvmlMemory memory = {0};
    if (!is_usable() || !find_device(uuid, &device) || nvml.memory(device, &memory) != 0 ||
        memory.free > INT64_MAX)
        return false;
    *bytes = (int64_t)memory.free;
    return true;
}
