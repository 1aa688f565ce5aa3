/* calls.c: the table of calls, and their counts. */
#include "calls.h"

#include <string.h>

#include "settings.h"

static const struct {
    const char *name;
    SimNeeds needs;
    int code;
} calls[SIM_CALL_COUNT] = {
#define SIM_CALL_ROW(name, needs, code) [CALL_##name] = {#name, needs, code},
    SIM_DRIVER_CALLS(SIM_CALL_ROW)[SIM_DRIVER_CALL_COUNT] = {"", NEEDS_NOTHING, 0},
    SIM_NVML_CALLS(SIM_CALL_ROW)
#undef SIM_CALL_ROW
};

static int64_t made[SIM_CALL_COUNT];

const char *sim_call_name(SimCall call) {
    return calls[call].name;
}

SimNeeds sim_call_needs(SimCall call) {
    return calls[call].needs;
}

int sim_call_default_code(SimCall call) {
    return calls[call].code;
}

bool sim_call_find(const char *name, SimCall *call) {
    for (int i = 0; i < SIM_CALL_COUNT; i++) {
        *call = (SimCall)i;
        if (*calls[i].name && strcmp(calls[i].name, name) == 0)
            return true;
    }
    return false;
}

int sim_call_made(SimCall call) {
    const SimSettings *settings = sim_settings();
    made[call]++;
    for (int i = 0; i < settings->failure_count; i++)
        if (settings->failures[i].call == call && settings->failures[i].at == made[call])
            return settings->failures[i].code;
    return 0;
}

int64_t sim_calls_made(SimCall call) {
    return made[call];
}
