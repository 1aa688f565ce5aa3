/* test_library.c: both libraries as a program finds them, by name in LD_LIBRARY_PATH: what they
 * export, and that NVML tells of memory that the driver gave. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "check.h"

typedef struct Memory {
    unsigned long long total, available, used;
} Memory;

typedef void *Device;

typedef union Function {
    void *address;
    int (*plain)(void);
    int (*number)(unsigned number);
    int (*get_text)(char *text, unsigned size);
    int (*find)(const char *name, Device *device);
    int (*memory)(Device device, Memory *memory);
    int (*retain)(Device *context, int device);
    int (*push)(Device context);
    int (*allocate)(unsigned long long *address, size_t bytes);
} Function;

static void *driver, *nvml;

static Function find(void *library, const char *name) {
    Function function = {dlsym(library, name)};
    if (!function.address)
        fprintf(stderr, "there is no %s\n", name);
    CHECK(function.address != NULL);
    return function;
}

static void open_both(void) {
    driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    nvml = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!driver || !nvml)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(driver && nvml);
}

static void exports(void) {
    open_both();
    for (int i = 0; i < SIM_CALL_COUNT; i++)
        if (i != SIM_DRIVER_CALL_COUNT)
            find(i < SIM_DRIVER_CALL_COUNT ? driver : nvml, sim_call_name((SimCall)i));
    CHECK(strncmp(find(driver, "cudasim_version").address, "cudasim", 7) == 0);
    CHECK(!dlsym(driver, "sim_abort") && !dlsym(driver, "emu_find"));
}

static void memory(void) {
    Memory figures = {0};
    Device device = NULL, same = NULL, context = NULL;
    unsigned long long address = 0;
    char text[80] = "";
    open_both();
    CHECK_STATUS(find(nvml, "nvmlSystemGetDriverVersion").get_text(text, sizeof(text)), 1);
    CHECK_WORKS(find(nvml, "nvmlInit_v2").plain());
    CHECK_WORKS(find(nvml, "nvmlSystemGetDriverVersion").get_text(text, sizeof(text)));
    CHECK(strcmp(text, "580.1") == 0);
    CHECK_STATUS(find(nvml, "nvmlSystemGetDriverVersion").get_text(text, 5), 7);
    Function by_uuid = find(nvml, "nvmlDeviceGetHandleByUUID");
    CHECK_WORKS(by_uuid.find("GPU-fedcba98-7654-3210-0011-223344556677", &device));
    CHECK_STATUS(by_uuid.find("GPU-fedcba98-7654-3210-0011-223344556678", &same), 6);
    CHECK_WORKS(find(nvml, "nvmlDeviceGetHandleByPciBusId_v2").find("0000:02:00.0", &same));
    CHECK(device == same);
    Function info = find(nvml, "nvmlDeviceGetMemoryInfo");
    CHECK_WORKS(info.memory(device, &figures));
    CHECK(figures.total == 1000 << 10 && figures.used == 100 << 10);
    CHECK_WORKS(find(driver, "cuInit").number(0));
    CHECK_WORKS(find(driver, "cuDevicePrimaryCtxRetain").retain(&context, 1));
    CHECK_WORKS(find(driver, "cuCtxPushCurrent_v2").push(context));
    CHECK_WORKS(find(driver, "cuMemAlloc_v2").allocate(&address, 300 << 10));
    CHECK_WORKS(info.memory(device, &figures));
    CHECK(figures.used == 400 << 10 && figures.available == 600 << 10);
    CHECK_WORKS(find(nvml, "nvmlDeviceGetHandleByPciBusId_v2").find("0000:01:00.0", &same));
    CHECK_WORKS(info.memory(same, &figures));
    CHECK(figures.used == 100 << 10);
    CHECK_STATUS(info.memory(NULL, &figures), 2);
    CHECK_WORKS(find(nvml, "nvmlShutdown").plain());
    CHECK_STATUS(info.memory(device, &figures), 1);
}

/* More is taken than there is. */
static void nothing_left(void) {
    Memory figures = {0};
    Device device = NULL;
    open_both();
    CHECK_WORKS(find(nvml, "nvmlInit_v2").plain());
    CHECK_WORKS(find(nvml, "nvmlDeviceGetHandleByPciBusId_v2").find("0000:01:00.0", &device));
    CHECK_WORKS(find(nvml, "nvmlDeviceGetMemoryInfo").memory(device, &figures));
    CHECK(figures.total == 1 << 20 && figures.used == 1 << 20 && figures.available == 0);
}

static void no_nvml(void) {
    open_both();
    CHECK_STATUS(find(nvml, "nvmlInit_v2").plain(), 9);
}

static void nvml_fails(void) {
    open_both();
    CHECK_STATUS(find(nvml, "nvmlInit_v2").plain(), 17);
    CHECK_WORKS(find(nvml, "nvmlInit_v2").plain());
}

int main(void) {
    check_runs(NULL, exports);
    check_runs("devices=2,memory=1000K,used=100K,driver_version=580.1,"
               "uuid:1=fedcba98765432100011223344556677",
               memory);
    check_runs("memory=1M,used=2M", nothing_left);
    check_runs("nvml=0", no_nvml);
    check_runs("fail=nvmlInit_v2:1:17", nvml_fails);
    return 0;
}
