/* verify_modes.c: which modes `cleave verify` runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocate.h"
#include "verify.h"

#define COMPILE_MODES   2
#define PRECISION_MODES 3

static const cleave_precision precisions[PRECISION_MODES] = {
    CLEAVE_PRECISION_F32, CLEAVE_PRECISION_F16, CLEAVE_PRECISION_BF16};

const char *verify_precision(cleave_precision precision) {
    return precision == CLEAVE_PRECISION_F16    ? "f16"
           : precision == CLEAVE_PRECISION_BF16 ? "bf16"
                                                : "f32";
}

static VerifyMode mode_of(const char *device, cleave_precision precision, int compile) {
    VerifyMode mode = {.precision = precision, .compile = compile};
    snprintf(mode.device, sizeof mode.device, "%s", device);
    snprintf(mode.name, sizeof mode.name, "%s %s %s", mode.device, verify_precision(precision),
             compile ? "compiled" : "op by op");
    return mode;
}

VerifyMode verify_reference(void) {
    return mode_of("cpu", CLEAVE_PRECISION_F32, 0);
}

/* "cuda" is the first of the devices "cuda:0" and so on. NULL where there is none. */
static const cleave_device_info *find_device(const cleave_device_info *devices, int count,
                                             const char *id) {
    size_t length = strlen(id);
    for (int i = 0; i < count; i++)
        if (strncmp(devices[i].id, id, length) == 0 &&
            (devices[i].id[length] == '\0' || devices[i].id[length] == ':'))
            return &devices[i];
    return NULL;
}

static bool is_able(const cleave_device_info *device, cleave_capability_kind kind) {
    return device != NULL && device->available && device->capabilities[kind].able;
}

/* Whether a precision is among those that are asked for, or else those that the device runs: the
 * CPU all, and where it has no instructions for one it rounds the same, only no faster than f32. */
static bool wants_precision(const Options *options, const cleave_device_info *device,
                            cleave_precision precision) {
    if (options->precisions != 0)
        return (options->precisions & 1U << precision) != 0;
    if (precision == CLEAVE_PRECISION_F32)
        return true;
    if (device != NULL && device->kind == CLEAVE_DEVICE_CPU)
        return true;
    cleave_capability_kind kind =
        precision == CLEAVE_PRECISION_F16 ? CLEAVE_CAPABILITY_F16 : CLEAVE_CAPABILITY_BF16;
    return is_able(device, kind);
}

static bool wants_compile(const Options *options, const cleave_device_info *device, int compile) {
    if (options->compile_modes != 0)
        return (options->compile_modes & 1U << compile) != 0;
    return !compile || device == NULL || is_able(device, CLEAVE_CAPABILITY_COMPILE);
}

static void add_device(Verify *verify, const char *id, const cleave_device_info *device) {
    VerifyMode reference = verify_reference();
    for (int p = 0; p < PRECISION_MODES; p++) {
        for (int compile = 1; compile >= 0; compile--) {
            VerifyMode mode = mode_of(id, precisions[p], compile);
            if (wants_precision(verify->options, device, precisions[p]) &&
                wants_compile(verify->options, device, compile) &&
                strcmp(mode.name, reference.name) != 0)
                verify->results[verify->count++].mode = mode;
        }
    }
}

static bool is_listed(const Verify *verify, const char *id) {
    for (int i = 0; i < verify->count; i++)
        if (strcmp(verify->results[i].mode.device, id) == 0)
            return true;
    return false;
}

/* "auto" is the device that it stands for; what is named twice is listed once. */
static void add_named(Verify *verify, const char *name, const cleave_device_info *devices,
                      int count) {
    cleave_device_choice choice;
    bool is_auto =
        strcmp(name, "auto") == 0 && cleave_choose_device(NULL, 0, &choice, NULL) == CLEAVE_OK;
    const char *id = is_auto ? choice.id : name;
    if (!is_listed(verify, id))
        add_device(verify, id, find_device(devices, count, id));
}

static int count_named(char *const *names) {
    int count = 0;
    while (names != NULL && names[count] != NULL)
        count++;
    return count;
}

void verify_list_modes(Verify *verify) {
    char *const *named = verify->options->devices;
    int found = cleave_devices(NULL, 0);
    cleave_device_info *devices = allocate((size_t)(found > 0 ? found : 1), sizeof *devices);
    int again = cleave_devices(devices, found);
    found = again < found ? again : found;
    size_t most = (size_t)(found + count_named(named)) * PRECISION_MODES * COMPILE_MODES;
    verify->results = allocate(most + 1, sizeof *verify->results);
    verify->count = 0;
    for (int i = 0; named != NULL && named[i] != NULL; i++)
        add_named(verify, named[i], devices, found);
    for (int i = 0; named == NULL && i < found; i++)
        if (devices[i].available)
            add_device(verify, devices[i].id, &devices[i]);
    free(devices);
}
