/* registry.h: the devices of this machine, and the choice among them: the table of backends, built
 * in or loaded from a shared object, the devices of each, and whether these can be trusted
 * (trial.h). Probed once per process; thread-safe. */
#ifndef CLEAVE_BACKEND_REGISTRY_H
#define CLEAVE_BACKEND_REGISTRY_H

#include "backend/backend.h"

/* A device, or a kind without any device: then info.available is 0. Lives as long as the process.
 */
typedef struct Device {
    const Backend *backend;  /* NULL: no backend of this kind */
    int index;               /* among the backend's devices; -1: it has none */
    bool on_trial;           /* it must be tried before it counts as available */
    bool refused;            /* the trial failed, or could not be made */
    bool failed;             /* the trial failed */
    bool tried_anew;         /* in this process, not only by an earlier one */
    cleave_device_info info; /* as probed: its memory figures are old */
    cleave_capability capabilities[CLEAVE_CAPABILITIES]; /* by cleave_capability_kind */
} Device;

/* A choice made, and why; the reason follows the device's id in a sentence. */
typedef struct DeviceChoice {
    const Device *device;
    char reason[256];
    bool replaced;    /* the device that was asked for is absent: the reason says why */
    bool passed_over; /* a better device failed its trial: likewise */
} DeviceChoice;

/* Finds the device for a name: "auto" (or NULL), "cpu", "cuda:1" and so on. If it is absent, that
 * is an error where `strict`; else the best device present replaces it. */
cleave_status registry_choose(DeviceChoice *choice, const char *name, bool strict,
                              cleave_error *error);

/* The best available device that is not in the set `tried`; NULL if there is none. */
const Device *registry_next(unsigned tried);

/* The bit of a device in such a set. */
unsigned registry_bit(const Device *device);

/* Fills in the memory figures of `info` as they are now. */
void device_read_memory(const Device *device, cleave_device_info *info);

#endif
