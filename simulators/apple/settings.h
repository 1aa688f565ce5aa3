/* settings.h: the settings that applesim_set() and CLEAVE_APPLESIM change; applesim.h explains
 * each. */
#ifndef APPLESIM_SETTINGS_H
#define APPLESIM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum SimCompileFailure {
    SIM_COMPILE_WORKS,
    SIM_COMPILE_GIVES_NIL,
    SIM_COMPILE_RAISES
} SimCompileFailure;

/* What newBufferWithBytesNoCopy… gives. */
typedef enum SimNoCopy {
    SIM_NO_COPY_WORKS,
    SIM_NO_COPY_GIVES_NIL,
    SIM_NO_COPY_GIVES_EMPTY /* a buffer of no bytes, as GPUs of virtual Macs do */
} SimNoCopy;

/* Values of fail_code beside Metal's: Metal passes on errors of the kernel's driver for which it
 * has no codes of its own. */
enum { SIM_FAIL_INTERACTIVITY = 1014, SIM_FAIL_IGNORED = 1004 };

typedef struct SimSettings {
    int macos[3];
    bool device;
    bool windowless; /* the device is not offered to a program without windows */
    char name[64];
    int family;
    bool unified;
    uint64_t memory;
    uint64_t limit;
    uint64_t max_buffer;
    SimNoCopy no_copy;
    SimCompileFailure fail_compile; /* the next one; then it works again */
    int64_t fail_at;                /* command buffers until one fails; 0: never */
    int fail_code;
    int continues; /* in another command buffer: 1: behind a graph; 2: before it as well */
    bool handlers; /* completion handlers are called */
    bool cautious;
    int64_t assert_at; /* command buffers until one ends the process; 0: never */
    int64_t hang_at;   /* command buffers until one never ends; 0: never */
    double noise;
    int64_t watchdog; /* FLOP; 0: no limit */
    char report[1024];
} SimSettings;

/* The settings in force. */
SimSettings *sim_settings(void);

/* Whether the simulated macOS is at least that one. */
bool sim_macos_is(int major, int minor);

#endif
