/* settings.h: what applesim_set() and CLEAVE_APPLESIM say. */
#ifndef APPLESIM_SETTINGS_H
#define APPLESIM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum SimCompileFailure {
    SIM_COMPILE_WORKS,
    SIM_COMPILE_GIVES_NIL,
    SIM_COMPILE_RAISES
} SimCompileFailure;

typedef struct SimSettings {
    int macos[3];
    bool device;
    bool windowless; /* the device is none that a program without windows is offered */
    char name[64];
    int family;
    bool unified;
    uint64_t memory;
    uint64_t limit;
    uint64_t max_buffer;
    SimCompileFailure fail_compile; /* the next one; then it works again */
    int64_t fail_at;                /* command buffers until one fails; 0: none does */
    int fail_code;
    bool continues;
    char report[1024];
} SimSettings;

/* The settings in force. */
SimSettings *sim_settings(void);

/* Whether the simulated macOS is at least that one. */
bool sim_macos_is(int major, int minor);

#endif
