/* registry.c: the table of backends, probing, and the choice of a device. */
#include "backend/registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/loader.h"
#include "backend/trial.h"
#include "base/public_struct.h"

#define DEVICES_MAX 32 /* bits of an unsigned */

/* A kind of device that cleave knows. "auto" prefers the first that is available. */
typedef struct Kind {
    cleave_device_kind kind;
    const char *name;
    const Backend *built_in; /* NULL: in a shared object, if installed */
    bool on_trial;           /* most of its faults end the process */
    const char *guide;       /* what to read where its backend is missing; NULL: nothing */
} Kind;

#ifdef CLEAVE_MPS
#define BUILT_IN_MPS &backend_mps
#else
#define BUILT_IN_MPS NULL
#endif

static const Kind kinds[] = {
    {CLEAVE_DEVICE_MPS, "Apple GPU", BUILT_IN_MPS, true, NULL},
    {CLEAVE_DEVICE_CUDA, "NVIDIA GPU", NULL, false, "docs/nvidia.md"},
    {CLEAVE_DEVICE_CPU, "CPU", &backend_cpu, false, NULL},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static Device devices[DEVICES_MAX];
static int device_count;
static pthread_once_t probed = PTHREAD_ONCE_INIT;
static pthread_mutex_t trials = PTHREAD_MUTEX_INITIALIZER; /* guards what a trial changes */

static const char *kind_word(const Kind *kind) {
    return cleave_device_kind_name(kind->kind);
}

/* ---- Probing ---- */

/* A kind without any device. */
static void add_absent(const Kind *kind, const Backend *backend, const char *reason) {
    Device *device = &devices[device_count++];
    device->backend = backend;
    device->index = -1;
    device->info.kind = kind->kind;
    snprintf(device->info.id, sizeof(device->info.id), "%s", kind_word(kind));
    snprintf(device->info.name, sizeof(device->info.name), "%s", kind->name);
    snprintf(device->info.reason, sizeof(device->info.reason), "%s", reason);
}

static void add_device(const Kind *kind, const Backend *backend, int index) {
    Device *device = &devices[device_count++];
    device->backend = backend;
    device->index = index;
    device->info.kind = kind->kind;
    snprintf(device->info.name, sizeof(device->info.name), "%s", kind->name);
    device_id(kind->kind, index, device->info.id, sizeof(device->info.id));
    backend->describe(index, &device->info);
    if (device->info.available)
        backend->describe_capabilities(index, device->capabilities);
    device->on_trial = kind->on_trial && device->info.available;
}

/* For tests of what a machine without such a device does: CLEAVE_WITHOUT=mps,cuda. */
static bool is_left_out(const Kind *kind) {
    const char *list = getenv("CLEAVE_WITHOUT");
    const char *word = kind_word(kind);
    size_t length = strlen(word);
    while (list && *list) {
        if (strcspn(list, ",") == length && strncmp(list, word, length) == 0)
            return true;
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return false;
}

static const Backend *load_backend(const Kind *kind, char *reason, size_t size) {
    const Backend *backend = loader_load(kind->kind, reason, size);
    size_t length = strlen(reason);
    if (!backend && kind->guide)
        snprintf(reason + length, size - length, "; see %s", kind->guide);
    return backend;
}

/* The backend of a kind; NULL, with the reason, if there is none that can be used. */
static const Backend *find_backend(const Kind *kind, char *reason, size_t size) {
    const Backend *backend = kind->built_in ? kind->built_in : load_backend(kind, reason, size);
    if (!backend || !is_left_out(kind))
        return backend;
    snprintf(reason, size, "CLEAVE_WITHOUT leaves the %s backend out", kind_word(kind));
    return NULL;
}

static void probe_kind(const Kind *kind, int kinds_left) {
    char reason[sizeof(devices->info.reason)] = "";
    const Backend *backend = find_backend(kind, reason, sizeof(reason));
    int count = backend ? backend->count(reason, sizeof(reason)) : 0;
    int room = DEVICES_MAX - device_count - kinds_left;
    if (count < 1)
        add_absent(kind, backend, reason[0] ? reason : "there is none");
    for (int i = 0; i < count && i < room; i++)
        add_device(kind, backend, i);
}

static void probe(void) {
    for (size_t i = 0; i < KIND_COUNT; i++)
        probe_kind(&kinds[i], (int)(KIND_COUNT - 1 - i));
}

static int count_devices(void) {
    pthread_once(&probed, probe);
    return device_count;
}

/* ---- Trials ---- */

static void try_device(Device *device, bool by_name) {
    cleave_device_info *info = &device->info;
    TrialVerdict verdict;
    trial_ask(info, by_name, &verdict);
    info->available =
        verdict.outcome == TRIAL_GOOD || (by_name && verdict.outcome == TRIAL_UNKNOWN);
    snprintf(info->reason, sizeof(info->reason), "%s%s", info->available ? "" : verdict.reason,
             verdict.outcome == TRIAL_BAD && !by_name ? "; -d mps tries it again" : "");
    device->on_trial = false;
    device->refused = !info->available;
    device->failed = verdict.outcome == TRIAL_BAD;
    device->tried_anew = by_name || (device->failed && !verdict.kept);
}

/* Whether a device can be used. A device that must be tried first takes some seconds. Asking for a
 * device by its name repeats a trial that failed before. */
static bool is_available(Device *device, bool by_name) {
    pthread_mutex_lock(&trials);
    if (device->on_trial || (device->refused && !device->tried_anew && by_name))
        try_device(device, by_name);
    bool available = device->info.available;
    pthread_mutex_unlock(&trials);
    return available;
}

static void copy_info(const Device *device, cleave_device_info *info) {
    pthread_mutex_lock(&trials);
    *info = device->info;
    pthread_mutex_unlock(&trials);
}

void device_read_memory(const Device *device, cleave_device_info *info) {
    if (device->backend && info->available)
        device->backend->read_memory(device->index, info);
}

int cleave_device_list_sized(cleave_device_info *infos, int capacity, size_t device_size) {
    int count = count_devices();
    for (int i = 0; i < count && i < capacity; i++) {
        cleave_device_info info;
        is_available(&devices[i], false);
        copy_info(&devices[i], &info);
        device_read_memory(&devices[i], &info);
        struct_give_item(infos, i, device_size, &info, sizeof(info));
    }
    return count;
}

int cleave_device_capabilities_sized(const char *id, cleave_capability *capabilities, int capacity,
                                     size_t capability_size) {
    int count = count_devices();
    int index = 0;
    while (index < count && (!id || strcmp(devices[index].info.id, id) != 0))
        index++;
    if (index == count || !is_available(&devices[index], false))
        return 0;
    const cleave_capability *able = devices[index].capabilities;
    for (int i = 0; i < CLEAVE_CAPABILITIES && i < capacity; i++)
        struct_give_item(capabilities, i, capability_size, &able[i], sizeof(able[i]));
    return CLEAVE_CAPABILITIES;
}

/* ---- Choosing ---- */

unsigned registry_bit(const Device *device) {
    return 1u << (device - devices);
}

const Device *registry_next(unsigned tried) {
    int count = count_devices();
    for (int i = 0; i < count; i++)
        if ((tried & registry_bit(&devices[i])) == 0 && is_available(&devices[i], false))
            return &devices[i];
    return NULL;
}

/* What a device's name stands for. */
typedef struct DeviceName {
    const Kind *kind; /* NULL: auto */
    int index;        /* -1: any */
} DeviceName;

static const Kind *find_kind(const char *name, size_t length) {
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strlen(kind_word(&kinds[i])) == length &&
            strncmp(name, kind_word(&kinds[i]), length) == 0)
            return &kinds[i];
    return NULL;
}

/* A whole number from 0 to 9999; -1: not one. */
static int parse_index(const char *text) {
    char *end = NULL;
    errno = 0;
    bool digit = text[0] >= '0' && text[0] <= '9'; /* strtol would take blanks and signs, too */
    long number = digit ? strtol(text, &end, 10) : -1;
    bool good = digit && *end == '\0' && errno == 0 && number <= 9999;
    return good ? (int)number : -1;
}

/* `number` is what stands behind the colon of `name`. */
static cleave_status parse_number(DeviceName *parsed, const char *name, const char *number,
                                  cleave_error *error) {
    const char *word = kind_word(parsed->kind);
    if (!device_kind_is_numbered(parsed->kind->kind)) {
        error_set(error, CLEAVE_ERROR_ARGUMENT,
                  "device \"%.100s\": there is one %s only, which has no number", name, word);
        return error_advise(error, CLEAVE_ERROR_ARGUMENT, "try %s", word);
    }
    parsed->index = parse_index(number);
    if (parsed->index >= 0)
        return CLEAVE_OK;
    error_set(error, CLEAVE_ERROR_ARGUMENT,
              "device \"%.100s\": \"%.90s\" is not the number of a device", name, number);
    return error_advise(error, CLEAVE_ERROR_ARGUMENT, "try %s or %s:0", word, word);
}

static cleave_status parse_name(DeviceName *parsed, const char *name, cleave_error *error) {
    *parsed = (DeviceName){.index = -1};
    if (!name || strcmp(name, "auto") == 0)
        return CLEAVE_OK;
    const char *colon = strchr(name, ':');
    parsed->kind = find_kind(name, colon ? (size_t)(colon - name) : strlen(name));
    if (!parsed->kind)
        return error_advise(
            error, error_set(error, CLEAVE_ERROR_ARGUMENT, "unknown device \"%.100s\"", name),
            "try auto, cpu, mps or cuda");
    return colon ? parse_number(parsed, name, colon + 1, error) : CLEAVE_OK;
}

/* The first available device of that name; NULL, with `reason` and `cause`, if none is. */
static const Device *find_device(const DeviceName *name, DeviceCause *cause, char *reason,
                                 size_t size) {
    int count = count_devices();
    int present = 0;
    *cause = CAUSE_ABSENT;
    reason[0] = '\0';
    for (int i = 0; i < count; i++) {
        Device *device = &devices[i];
        if (device->info.kind != name->kind->kind)
            continue;
        bool wanted = name->index < 0 || name->index == device->index || device->index < 0;
        bool available = is_available(device, wanted);
        present += available;
        if (device->failed)
            *cause = CAUSE_FAILED; /* it is there */
        else if (!device->backend || (wanted && !available && device->index >= 0))
            *cause = CAUSE_UNSUPPORTED; /* by this installation, or this version */
        if (wanted && available)
            return device;
        if (wanted && reason[0] == '\0')
            snprintf(reason, size, "%s", device->info.reason);
    }
    if (reason[0] == '\0')
        snprintf(reason, size, "of its kind there %s %d, counted from 0",
                 present == 1 ? "is" : "are", present);
    return NULL;
}

/* Why "auto" takes this device, and which better one failed its trial. */
static void explain_auto(DeviceChoice *choice) {
    int count = count_devices();
    size_t length = 0;
    cleave_device_info info;
    for (int i = 0; i < count; i++) {
        if (&devices[i] == choice->device || !is_available(&devices[i], false))
            continue;
        if (length < sizeof(choice->reason) - sizeof(info.id) - 16)
            length +=
                (size_t)snprintf(choice->reason + length, sizeof(choice->reason) - length, "%s%s",
                                 length == 0 ? "preferred to " : ", ", devices[i].info.id);
    }
    if (length == 0)
        length =
            (size_t)snprintf(choice->reason, sizeof(choice->reason), "the only device present");
    for (int i = 0; i < count && &devices[i] != choice->device; i++) {
        copy_info(&devices[i], &info);
        choice->passed_over = choice->passed_over || devices[i].failed;
        if (devices[i].refused && length < sizeof(choice->reason))
            length += (size_t)snprintf(choice->reason + length, sizeof(choice->reason) - length,
                                       "; %s is not available: %s", info.id, info.reason);
    }
}

cleave_status registry_choose(DeviceChoice *choice, const char *name, bool strict,
                              cleave_error *error) {
    DeviceName parsed;
    DeviceCause cause;
    char reason[sizeof(devices->info.reason)];
    *choice = (DeviceChoice){.device = NULL};
    cleave_status status = parse_name(&parsed, name, error);
    if (status != CLEAVE_OK)
        return status;
    if (parsed.kind) {
        choice->device = find_device(&parsed, &cause, reason, sizeof(reason));
        snprintf(choice->reason, sizeof(choice->reason), "as asked for");
        if (choice->device)
            return CLEAVE_OK;
        if (strict) {
            error_set(error, CLEAVE_ERROR_DEVICE, "%s", reason);
            return failure_explain(error, CLEAVE_ERROR_DEVICE, parsed.kind->kind, name,
                                   (DeviceFailure){STEP_PROBE, cause});
        }
        choice->replaced = true;
    }
    choice->device = registry_next(0);
    if (!choice->device)
        return error_set(error, CLEAVE_ERROR_DEVICE, "no device: not even the CPU can be used");
    if (choice->replaced)
        snprintf(choice->reason, sizeof(choice->reason),
                 "the best one present: %.40s is not available (%.150s)", name, reason);
    else
        explain_auto(choice);
    return CLEAVE_OK;
}

cleave_status cleave_device_choose_sized(const char *device, int strict,
                                         cleave_device_choice *choice, size_t choice_size,
                                         cleave_error *error) {
    DeviceChoice chosen;
    cleave_device_choice own = {.id = ""};
    error_clear(error);
    if (!choice)
        return error_set(error, CLEAVE_ERROR_ARGUMENT,
                         "choosing a device needs room for the choice");
    cleave_status status = registry_choose(&chosen, device, strict != 0, error);
    if (status == CLEAVE_OK) {
        snprintf(own.id, sizeof(own.id), "%s", chosen.device->info.id);
        snprintf(own.reason, sizeof(own.reason), "%s", chosen.reason);
    }
    struct_give(choice, choice_size, &own, sizeof(own));
    return status;
}
