/* registry.h: the devices of this machine: which backends there are, built in or loaded from a
 * shared object, what devices each of them has, whether those can be trusted (trial.h), and the
 * choice among them. Probed once per process; thread-safe. */
#ifndef CLEAVE_BACKEND_REGISTRY_H
#define CLEAVE_BACKEND_REGISTRY_H

#include "backend/backend.h"

/* A device, or a kind of device of which there is none: then info.available is 0. Lives as long as
 * the process. */
typedef struct Device {
    const Backend *backend;  /* NULL: no backend of this kind */
    int index;               /* among the backend's devices; -1: it has none */
    bool on_trial;           /* it must be tried before it counts as available */
    bool refused;            /* the trial ended badly, or could not be made */
    bool failed;             /* it ended badly, */
    bool tried_anew;         /* and that was found now, not long ago */
    cleave_device_info info; /* as it was probed: its memory figures are old */
    cleave_capability capabilities[CLEAVE_CAPABILITIES]; /* by cleave_capability_kind */
} Device;

/* A choice made, and why; the reason follows the device's id in a sentence. */
typedef struct DeviceChoice {
    const Device *device;
    char reason[256];
    bool fallback;    /* what was asked for is absent: the reason says why */
    bool passed_over; /* a better one failed its trial: likewise */
} DeviceChoice;

/* Finds the device for a name ("auto", which NULL stands for, "cpu", "cuda:1", …). One that is
 * absent is an error where `strict`, else the best one present is taken. */
cleave_status registry_choose(DeviceChoice *choice, const char *name, bool strict,
                              cleave_error *error);

/* The best device that is present and for which bit `index in registry_devices()` of `tried` is not
 * set; NULL if there is none. */
const Device *registry_next(unsigned tried);

/* The bit of a device in such a set. */
unsigned registry_bit(const Device *device);

/* What the system has and leaves of the device's memory, read now. */
void device_read_memory(const Device *device, cleave_device_info *info);

#endif
