/* settings.h: the settings in CLEAVE_CUDASIM; cudasim.h explains each. */
#ifndef CUDASIM_SETTINGS_H
#define CUDASIM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "calls.h"

#define SIM_DEVICES_MAX  8
#define SIM_FAILURES_MAX 32

typedef struct SimDeviceSettings {
    int capability;      /* 89: 8.9 */
    int multiprocessors; /* 0: as many as a usual GPU of that capability has */
    uint64_t memory;
    uint64_t used;  /* by other programs */
    uint64_t limit; /* 0: no limit but what is free */
    char name[96];
    unsigned char uuid[16];
    char bus[16];
    int mode;
    bool ecc;
    bool integrated;
} SimDeviceSettings;

/* The at-th call fails. */
typedef struct SimFailure {
    SimCall call;
    int64_t at;
    int code;
} SimFailure;

typedef enum SimSticky { SIM_STICKY_LAUNCH, SIM_STICKY_COPY, SIM_STICKY_KINDS } SimSticky;

typedef struct SimSettings {
    int device_count;
    SimDeviceSettings devices[SIM_DEVICES_MAX];
    int driver; /* 12080: CUDA 12.8 */
    char driver_version[64];
    bool nvml;
    uint64_t seed;
    int failure_count;
    SimFailure failures[SIM_FAILURES_MAX];
    /* The at-th piece of work of a kind, as the device does it, is its last: 0: never. */
    int64_t sticky_at[SIM_STICKY_KINDS];
    int sticky_code[SIM_STICKY_KINDS];
    char report[1024];
} SimSettings;

/* Read from the environment when first asked for. */
const SimSettings *sim_settings(void);

/* Bytes of shared memory that one block can have on a device of that capability. */
int sim_shared_opt_in(int capability);

#endif
