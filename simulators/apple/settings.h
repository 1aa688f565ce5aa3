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

/* What newBufferWithBytesNoCopy… gives. */
typedef enum SimNoCopy {
    SIM_NO_COPY_WORKS,
    SIM_NO_COPY_GIVES_NIL,
    SIM_NO_COPY_GIVES_EMPTY /* a buffer of no bytes, as GPUs of virtual Macs do */
} SimNoCopy;

/* Values of fail_code beside Metal's: what the kernel's driver says goes through Metal, which has
 * no codes for these. */
enum { SIM_FAIL_INTERACTIVITY = 1014, SIM_FAIL_IGNORED = 1004 };

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
    SimNoCopy no_copy;
    SimCompileFailure fail_compile; /* the next one; then it works again */
    int64_t fail_at;                /* command buffers until one fails; 0: none does */
    int fail_code;
    int continues; /* 1: in another command buffer behind a graph; 2: and before it as well */
    bool handlers; /* completion handlers are called */
    bool cautious;
    int64_t assert_at; /* command buffers until one ends the process; 0: none does */
    int64_t hang_at;   /* until one never ends */
    double noise;
    int64_t watchdog; /* FLOP; 0: none */
    char report[1024];
} SimSettings;

/* The settings in force. */
SimSettings *sim_settings(void);

/* Whether the simulated macOS is at least that one. */
bool sim_macos_is(int major, int minor);

#endif
