/* settings.c: parses settings. */
#include "settings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../parse.h"
#include "abi.h"
#include "strict.h"

static SimSettings settings;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What there is of a usual GPU of each compute capability. */
static const struct {
    int capability;
    int multiprocessors;
    int shared_opt_in;
} usual[] = {{75, 40, 65536},   {80, 108, 166912},  {86, 28, 101376},   {87, 16, 166912},
             {89, 128, 101376}, {90, 132, 232448},  {100, 148, 232448}, {103, 148, 232448},
             {110, 20, 232448}, {120, 170, 101376}, {121, 48, 101376}};

#define USUAL (int)(sizeof(usual) / sizeof(*usual))

/* The last one that is not above the capability. */
static int usual_index(int capability) {
    int index = 0;
    while (index + 1 < USUAL && usual[index + 1].capability <= capability)
        index++;
    return index;
}

int sim_shared_opt_in(int capability) {
    return usual[usual_index(capability)].shared_opt_in;
}

static bool parse_capability(const char *text, int *capability) {
    int major = 0, minor = 0, used = 0;
    bool good = sscanf(text, "%2d.%1d%n", &major, &minor, &used) == 2 && text[used] == '\0';
    *capability = 10 * major + minor;
    return good && major > 0 && minor >= 0;
}

static bool parse_uuid(const char *text, unsigned char uuid[16]) {
    for (int i = 0; i < 16; i++) {
        int used = 0;
        if (sscanf(text + 2 * i, "%2hhx%n", &uuid[i], &used) != 1 || used != 2)
            return false;
    }
    return text[32] == '\0';
}

/* "AT" or "AT:CODE" */
static bool parse_at(char *text, int64_t *at, int *code) {
    char *colon = strchr(text, ':');
    if (colon)
        *colon++ = '\0';
    return parse_count(text, at) && *at > 0 && (!colon || parse_number(colon, 9999, code));
}

static bool parse_failure(char *text, SimSettings *to) {
    char *colon = strchr(text, ':');
    SimFailure *failure = &to->failures[to->failure_count];
    if (!colon || to->failure_count == SIM_FAILURES_MAX)
        return false;
    *colon++ = '\0';
    if (!sim_call_find(text, &failure->call))
        return false;
    failure->code = sim_call_default_code(failure->call);
    to->failure_count++;
    return parse_at(colon, &failure->at, &failure->code) && failure->code > 0;
}

static bool parse_sticky(char *text, SimSettings *to) {
    static const char *const kinds[SIM_STICKY_KINDS] = {"launch", "copy"};
    char *colon = strchr(text, ':');
    if (!colon)
        return false;
    *colon++ = '\0';
    for (int i = 0; i < SIM_STICKY_KINDS; i++) {
        if (strcmp(kinds[i], text) == 0) {
            to->sticky_code[i] = CUDA_ERROR_ILLEGAL_ADDRESS;
            return parse_at(colon, &to->sticky_at[i], &to->sticky_code[i]);
        }
    }
    return false;
}

static bool set_of_device(SimDeviceSettings *to, const char *key, const char *value) {
    if (strcmp(key, "cc") == 0)
        return parse_capability(value, &to->capability);
    if (strcmp(key, "memory") == 0)
        return parse_bytes(value, &to->memory);
    if (strcmp(key, "used") == 0)
        return parse_bytes(value, &to->used);
    if (strcmp(key, "limit") == 0)
        return parse_bytes(value, &to->limit);
    if (strcmp(key, "name") == 0)
        return parse_text(value, to->name, sizeof(to->name));
    if (strcmp(key, "uuid") == 0)
        return parse_uuid(value, to->uuid);
    if (strcmp(key, "bus") == 0)
        return parse_text(value, to->bus, sizeof(to->bus));
    if (strcmp(key, "mode") == 0)
        return parse_number(value, 3, &to->mode);
    if (strcmp(key, "ecc") == 0)
        return parse_flag(value, &to->ecc);
    if (strcmp(key, "integrated") == 0)
        return parse_flag(value, &to->integrated);
    return strcmp(key, "multiprocessors") == 0 && parse_number(value, 1024, &to->multiprocessors);
}

/* "KEY" for all devices, or "KEY:1" for one. */
static bool set_device(SimSettings *to, char *key, const char *value) {
    char *colon = strchr(key, ':');
    int first = 0, last = SIM_DEVICES_MAX - 1;
    if (colon) {
        *colon++ = '\0';
        if (!parse_number(colon, last, &first))
            return false;
        last = first;
    }
    for (int i = first; i <= last; i++)
        if (!set_of_device(&to->devices[i], key, value))
            return false;
    return true;
}

static bool set_one(SimSettings *to, char *key, char *value) {
    int64_t seed = 0;
    if (strcmp(key, "devices") == 0)
        return parse_number(value, SIM_DEVICES_MAX, &to->device_count);
    if (strcmp(key, "driver") == 0)
        return parse_number(value, 99999, &to->driver);
    if (strcmp(key, "driver_version") == 0)
        return parse_text(value, to->driver_version, sizeof(to->driver_version));
    if (strcmp(key, "nvml") == 0)
        return parse_flag(value, &to->nvml);
    if (strcmp(key, "fail") == 0)
        return parse_failure(value, to);
    if (strcmp(key, "sticky") == 0)
        return parse_sticky(value, to);
    if (strcmp(key, "report") == 0)
        return parse_text(value, to->report, sizeof(to->report));
    if (strcmp(key, "seed") != 0)
        return set_device(to, key, value);
    bool good = parse_count(value, &seed);
    to->seed = (uint64_t)seed;
    return good;
}

static void set_all(SimSettings *to, const char *text) {
    char *copy = strdup(text);
    char *rest = copy;
    for (char *item = NULL; copy && (item = strsep(&rest, ",")) != NULL;) {
        char shown[128];
        char *value = strchr(item, '=');
        if (*item == '\0')
            continue;
        snprintf(shown, sizeof(shown), "%s", item);
        if (!value)
            sim_abort("setting '%s' has no value", item);
        *value++ = '\0';
        if (!set_one(to, item, value))
            sim_abort("CLEAVE_CUDASIM: there is no setting '%.*s', or it does not take '%s'",
                      (int)strcspn(shown, "="), shown, shown + strcspn(shown, "=") + 1);
    }
    free(copy);
}

static void set_defaults(SimSettings *to) {
    *to = (SimSettings){
        .device_count = 1, .driver = 12080, .driver_version = "570.86.10", .nvml = true};
    for (int i = 0; i < SIM_DEVICES_MAX; i++) {
        SimDeviceSettings *device = &to->devices[i];
        *device = (SimDeviceSettings){.capability = 89, .memory = (uint64_t)8 << 30};
        snprintf(device->name, sizeof(device->name), "NVIDIA Simulated GPU");
        snprintf(device->bus, sizeof(device->bus), "0000:%02x:00.0", i + 1);
        memcpy(device->uuid, "cleave-cudasim:0", sizeof(device->uuid));
        device->uuid[15] = (unsigned char)(device->uuid[15] + i);
    }
}

static void read_environment(void) {
    const char *text = getenv("CLEAVE_CUDASIM");
    set_defaults(&settings);
    if (text)
        set_all(&settings, text);
    for (int i = 0; i < SIM_DEVICES_MAX; i++)
        if (settings.devices[i].multiprocessors == 0)
            settings.devices[i].multiprocessors =
                usual[usual_index(settings.devices[i].capability)].multiprocessors;
}

const SimSettings *sim_settings(void) {
    pthread_once(&once, read_environment);
    return &settings;
}
