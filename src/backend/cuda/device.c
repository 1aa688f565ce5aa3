/* device.c: asking the driver for GPUs, and describing them. No context is created, but where
 * nothing else tells how much memory is free. */
#include "backend/cuda/device.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "backend/cuda/modules.h"
#include "backend/cuda/nvml.h"
#include "backend/cuda/release.h"
#include "base/memory_limit.h"
#include "base/platform.h"
#include "base/utf8.h"

#define GPUS_MAX         32 /* more than a machine has */
#define LEAST_CAPABILITY 75
#define BF16_CAPABILITY  80
#define MODE_PROHIBITED  2 /* CU_COMPUTEMODE_PROHIBITED */

typedef struct Gpu {
    CudaDevice device;
    CudaUuid uuid;
    int64_t memory;
    bool integrated;
    bool from_ptx;    /* the driver compiles the kernels for it */
    char reason[256]; /* why it cannot be used; "" if it can */
} Gpu;

static Gpu gpus[GPUS_MAX];
static int gpu_count;
static char why_none[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- Asking ---- */

__attribute__((format(printf, 2, 3))) static void refuse(Gpu *gpu, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    utf8_show_format(gpu->reason, sizeof(gpu->reason), format, arguments);
    va_end(arguments);
}

/* Adds an attribute; after an error, none. */
static int ask(const CudaDriver *driver, const Gpu *gpu, int attribute, CudaStatus *status) {
    int value = 0;
    if (*status == CUDA_OK)
        *status = driver->device_attribute(&value, attribute, gpu->device.number);
    return value;
}

static CudaStatus ask_names(const CudaDriver *driver, int index, Gpu *gpu) {
    CudaDevice *device = &gpu->device;
    size_t bytes = 0;
    CudaStatus status = driver->device_get(&device->number, index);
    if (status == CUDA_OK)
        status = driver->device_name(device->name, sizeof(device->name), device->number);
    device->name[sizeof(device->name) - 1] = '\0';
    if (status == CUDA_OK)
        status = driver->device_uuid(&gpu->uuid, device->number);
    if (status == CUDA_OK)
        status = driver->device_memory(&bytes, device->number);
    gpu->memory = bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
    return status;
}

static CudaStatus ask_attributes(const CudaDriver *driver, Gpu *gpu, int *mode) {
    CudaDevice *device = &gpu->device;
    CudaStatus status = CUDA_OK;
    int major = ask(driver, gpu, CUDA_ATTRIBUTE_CAPABILITY_MAJOR, &status);
    int minor = ask(driver, gpu, CUDA_ATTRIBUTE_CAPABILITY_MINOR, &status);
    device->capability = major * 10 + minor;
    device->multiprocessors = ask(driver, gpu, CUDA_ATTRIBUTE_MULTIPROCESSORS, &status);
    device->shared_bytes = ask(driver, gpu, CUDA_ATTRIBUTE_SHARED_OPT_IN, &status);
    gpu->integrated = ask(driver, gpu, CUDA_ATTRIBUTE_INTEGRATED, &status) != 0;
    *mode = ask(driver, gpu, CUDA_ATTRIBUTE_COMPUTE_MODE, &status);
    return status;
}

/* ---- Whether it can be used ---- */

static void refuse_driver(const CudaDriver *driver, Gpu *gpu, int needed) {
    char installed[48];
    char has[24];
    char needs[24];
    char release[32] = "";
    release_text(driver, installed, sizeof(installed));
    cuda_version_text(driver->version, has, sizeof(has));
    cuda_version_text(needed, needs, sizeof(needs));
    if (release_with(needed) > 0)
        snprintf(release, sizeof(release), ": %d or newer has it", release_with(needed));
    refuse(gpu, "the driver, %s, is too old: it knows %s, and the kernels for %s need %s%s",
           installed, has, gpu->device.name, needs, release);
}

/* cleave's kernels: those that the GPU runs, and that the driver takes. */
static void check_kernels(const CudaDriver *driver, Gpu *gpu) {
    const CudaImage *image = cuda_image_for(gpu->device.capability);
    char list[120];
    if (!image) {
        refuse(gpu,
               "this build of cleave has no kernels for %s, which has compute capability "
               "%d.%d: it has %s",
               gpu->device.name, gpu->device.capability / 10, gpu->device.capability % 10,
               cuda_image_list(list, sizeof(list)));
        return;
    }
    gpu->from_ptx = image->ptx;
    int needed = cuda_image_driver(image);
    if (driver->version < needed)
        refuse_driver(driver, gpu, needed);
}

static void check(const CudaDriver *driver, Gpu *gpu, int mode) {
    int capability = gpu->device.capability;
    if (capability < LEAST_CAPABILITY)
        refuse(gpu, "%s has compute capability %d.%d; cleave needs 7.5 (GTX 16, RTX 20, or newer)",
               gpu->device.name, capability / 10, capability % 10);
    else if (mode == MODE_PROHIBITED)
        refuse(gpu,
               "%s is set to let no program compute (compute mode \"prohibited\"); as root, "
               "nvidia-smi -c DEFAULT changes that",
               gpu->device.name);
    else
        check_kernels(driver, gpu);
}

static void probe_gpu(const CudaDriver *driver, int index, Gpu *gpu) {
    int mode = 0;
    cleave_error error;
    CudaStatus status = ask_names(driver, index, gpu);
    if (status == CUDA_OK)
        status = ask_attributes(driver, gpu, &mode);
    if (cuda_check(status, STEP_PROBE, "the driver does not tell what it is", NULL, &error) ==
        CLEAVE_OK)
        check(driver, gpu, mode);
    else
        refuse(gpu, "%s", error.text);
}

static void probe(void) {
    const char *reason;
    cleave_error error;
    int count = 0;
    const CudaDriver *driver = cuda_driver(&reason);
    snprintf(why_none, sizeof(why_none), "%s", reason);
    if (!driver)
        return;
    CudaStatus status = driver->device_count(&count);
    if (cuda_check(status, STEP_PROBE, "counting the GPUs", NULL, &error) != CLEAVE_OK)
        snprintf(why_none, sizeof(why_none), "%.255s", error.text);
    else if (count < 1)
        snprintf(why_none, sizeof(why_none), "the driver finds no NVIDIA GPU");
    for (int i = 0; status == CUDA_OK && i < count && i < GPUS_MAX; i++)
        probe_gpu(driver, i, &gpus[gpu_count++]);
}

/* NULL if there is no such GPU. */
static Gpu *find_gpu(int index) {
    pthread_once(&once, probe);
    return index >= 0 && index < gpu_count ? &gpus[index] : NULL;
}

int cuda_count(char *reason, size_t size) {
    pthread_once(&once, probe);
    if (gpu_count == 0)
        snprintf(reason, size, "%s", why_none);
    return gpu_count;
}

const CudaDevice *cuda_device(int index) {
    Gpu *gpu = find_gpu(index);
    return gpu ? &gpu->device : NULL;
}

/* ---- What users see ---- */

void cuda_describe(int index, cleave_device_info *info) {
    const char *reason;
    char version[24];
    const Gpu *gpu = find_gpu(index);
    const CudaDriver *driver = cuda_driver(&reason);
    if (!gpu || !driver)
        return;
    if (gpu->device.name[0])
        snprintf(info->name, sizeof(info->name), "%s%s", gpu->device.name,
                 driver->simulated ? " (simulated)" : "");
    cuda_version_text(driver->version, version, sizeof(version));
    platform_system_name(info->system, sizeof(info->system));
    release_text(driver, info->driver, sizeof(info->driver));
    snprintf(info->runtime, sizeof(info->runtime), "%s (driver API)", version);
    snprintf(info->reason, sizeof(info->reason), "%s", gpu->reason);
    info->simulated = driver->simulated;
    info->available = !gpu->reason[0];
    if (info->available && gpu->from_ptx)
        snprintf(info->warning, sizeof(info->warning),
                 "this version of cleave has no machine code for compute capability %d.%d: the "
                 "driver compiles its kernels, which takes some time at the first start; a newer "
                 "cleave may be faster",
                 gpu->device.capability / 10, gpu->device.capability % 10);
}

static void set_able(cleave_capability *capability, bool able, const char *why_not) {
    capability->able = able;
    snprintf(capability->reason, sizeof(capability->reason), "%s", able ? "" : why_not);
}

void cuda_describe_capabilities(int index, cleave_capability *capabilities) {
    const Gpu *gpu = find_gpu(index);
    if (!gpu)
        return;
    set_able(&capabilities[CLEAVE_CAPABILITY_F16], true, "");
    set_able(&capabilities[CLEAVE_CAPABILITY_BF16], cuda_supports(index, CLEAVE_PRECISION_BF16),
             "it takes compute capability 8.0 (RTX 30, A100, or newer); f16 is finer and as fast");
    set_able(&capabilities[CLEAVE_CAPABILITY_STFT], true, "");
    set_able(&capabilities[CLEAVE_CAPABILITY_COMPILE], true, "");
    set_able(&capabilities[CLEAVE_CAPABILITY_UNIFIED_MEMORY], gpu->integrated,
             "this GPU has memory of its own");
}

bool cuda_supports(int index, cleave_precision precision) {
    const Gpu *gpu = find_gpu(index);
    if (!gpu || gpu->reason[0])
        return false;
    switch (precision) {
    case CLEAVE_PRECISION_F32:
    case CLEAVE_PRECISION_F16:
        return true;
    case CLEAVE_PRECISION_BF16:
        return gpu->device.capability >= BF16_CAPABILITY;
    default:
        return false;
    }
}

/* ---- Memory ---- */

/* As CUDA itself says it, which takes a context: that of other code of this process, or else one of
 * its own for as long as the question takes. */
static bool ask_context(const CudaDriver *driver, CudaDeviceNumber number, int64_t *bytes) {
    CudaContext context = NULL;
    size_t available = 0;
    size_t total = 0;
    if (driver->context_retain(&context, number) != CUDA_OK)
        return false;
    CudaStatus status = driver->context_push(context);
    if (status == CUDA_OK) {
        status = driver->memory_info(&available, &total);
        driver->context_pop(&context);
    }
    driver->context_release(number);
    *bytes = available > INT64_MAX ? INT64_MAX : (int64_t)available;
    return status == CUDA_OK;
}

static void read_own_memory(const CudaDriver *driver, const Gpu *gpu, cleave_device_info *info) {
    int64_t bytes = 0;
    if (nvml_free_memory(&gpu->uuid, &bytes) || ask_context(driver, gpu->device.number, &bytes))
        info->memory_available = bytes;
}

/* Of a GPU that has none of its own. */
static void read_system_memory(cleave_device_info *info) {
    int64_t bytes = memory_limit_machine("").bytes;
    info->system_memory_total = info->memory_total;
    info->system_memory_available = bytes < INT64_MAX ? bytes : 0;
    info->memory_available = info->system_memory_available;
}

/* The driver keeps a part of the memory that NVML counts. */
void cuda_read_memory(int index, cleave_device_info *info) {
    const char *reason;
    const Gpu *gpu = find_gpu(index);
    const CudaDriver *driver = cuda_driver(&reason);
    if (!gpu || !driver)
        return;
    info->memory_total = gpu->memory;
    if (gpu->integrated)
        read_system_memory(info);
    else
        read_own_memory(driver, gpu, info);
    if (info->memory_available > info->memory_total)
        info->memory_available = info->memory_total;
}
