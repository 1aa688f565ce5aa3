/* trial_modes.c: lists modes from the devices that are present and what the options ask for. */
#include "cli/trials/trial_modes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"

#define COMPILE_MODES   2
#define PRECISION_MODES 3

static const cleave_precision precisions[PRECISION_MODES] = {
    CLEAVE_PRECISION_F32, CLEAVE_PRECISION_F16, CLEAVE_PRECISION_BF16};

const char *mode_precision(cleave_precision precision) {
    return precision == CLEAVE_PRECISION_F16    ? "f16"
           : precision == CLEAVE_PRECISION_BF16 ? "bf16"
                                                : "f32";
}

Mode mode_of(const char *device, cleave_precision precision, int compile) {
    Mode mode = {.precision = precision, .compile = compile};
    snprintf(mode.device, sizeof mode.device, "%s", device);
    snprintf(mode.name, sizeof mode.name, "%s %s %s", mode.device, mode_precision(precision),
             compile ? "compiled" : "op by op");
    return mode;
}

Mode mode_reference(void) {
    return mode_of("cpu", CLEAVE_PRECISION_F32, 0);
}

void mode_apply(const Mode *mode, cleave_separator_settings *settings) {
    settings->device = mode->device;
    settings->strict_device = 1;
    settings->precision = mode->precision;
    settings->compile = mode->compile;
}

bool mode_equal(const Mode *a, const Mode *b) {
    return strcmp(a->name, b->name) == 0;
}

/* Finds a device; "cuda" is the first of "cuda:0" and so on. NULL if there is no such device. */
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
    cleave_capability capabilities[CLEAVE_CAPABILITIES] = {{0}};
    if (device == NULL || !device->available)
        return false;
    cleave_device_capabilities(device->id, capabilities, CLEAVE_CAPABILITIES);
    return capabilities[kind].able;
}

/* What a list of modes is made from. */
typedef struct Listing {
    const TrialOptions *options;
    ModeDefaults defaults;
    const cleave_device_info *devices;
    int device_count;
    ModeList *list;
} Listing;

static bool modes_want_precision(const Listing *listing, const cleave_device_info *device,
                                 cleave_precision precision) {
    if (listing->options->precisions != 0)
        return (listing->options->precisions & 1U << precision) != 0;
    if (precision == CLEAVE_PRECISION_F32)
        return true;
    if (listing->defaults == MODES_THAT_RUN && device != NULL && device->kind == CLEAVE_DEVICE_CPU)
        return true;
    cleave_capability_kind kind =
        precision == CLEAVE_PRECISION_F16 ? CLEAVE_CAPABILITY_F16 : CLEAVE_CAPABILITY_BF16;
    return is_able(device, kind);
}

static bool modes_want_compile(const Listing *listing, const cleave_device_info *device,
                               int compile) {
    if (listing->options->compile_modes != 0)
        return (listing->options->compile_modes & 1U << compile) != 0;
    return !compile || device == NULL || is_able(device, CLEAVE_CAPABILITY_COMPILE);
}

static void modes_add_device(const Listing *listing, const char *id,
                             const cleave_device_info *device) {
    ModeList *list = listing->list;
    int simulated = device != NULL && device->simulated;
    size_t length = strlen(list->simulated);
    if (simulated)
        snprintf(list->simulated + length, sizeof list->simulated - length, "%s%s",
                 length > 0 ? ", " : "", id);
    for (int p = 0; p < PRECISION_MODES; p++)
        for (int compile = 1; compile >= 0; compile--) {
            if (!modes_want_precision(listing, device, precisions[p]) ||
                !modes_want_compile(listing, device, compile))
                continue;
            Mode *mode = &list->items[list->count++];
            *mode = mode_of(id, precisions[p], compile);
            mode->simulated = simulated;
        }
}

static bool modes_have_device(const ModeList *list, const char *id) {
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->items[i].device, id) == 0)
            return true;
    return false;
}

/* "auto" becomes the device that it stands for; a device that is named twice is listed once. */
static void modes_add_named(const Listing *listing, const char *name) {
    cleave_device_choice choice;
    bool is_auto =
        strcmp(name, "auto") == 0 && cleave_device_choose(NULL, 0, &choice, NULL) == CLEAVE_OK;
    const char *id = is_auto ? choice.id : name;
    if (!modes_have_device(listing->list, id))
        modes_add_device(listing, id, find_device(listing->devices, listing->device_count, id));
}

static int count_named(char *const *names) {
    int count = 0;
    while (names != NULL && names[count] != NULL)
        count++;
    return count;
}

ModeList modes_list(const TrialOptions *options, ModeDefaults defaults) {
    char *const *named = options->devices;
    int found = cleave_device_list(NULL, 0);
    cleave_device_info *devices = allocate((size_t)(found > 0 ? found : 1), sizeof *devices);
    int again = cleave_device_list(devices, found);
    found = again < found ? again : found;
    size_t most = (size_t)(found + count_named(named)) * PRECISION_MODES * COMPILE_MODES;
    ModeList list = {.items = allocate(most + 1, sizeof *list.items)};
    Listing listing = {.options = options,
                       .defaults = defaults,
                       .devices = devices,
                       .device_count = found,
                       .list = &list};
    for (int i = 0; named != NULL && named[i] != NULL; i++)
        modes_add_named(&listing, named[i]);
    for (int i = 0; named == NULL && i < found; i++)
        if (devices[i].available)
            modes_add_device(&listing, devices[i].id, &devices[i]);
    free(devices);
    return list;
}
