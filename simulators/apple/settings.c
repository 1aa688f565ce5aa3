/* settings.c: parses settings. */
#include "settings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../parse.h"
#include "accounting.h"
#include "applesim.h"
#include "strict.h"
#include "versions.h"

#define OUT_OF_MEMORY 8 /* MTLCommandBufferErrorOutOfMemory */

static SimSettings settings;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const SimSettings defaults = {.macos = {14, 0, 0},
                                     .device = true,
                                     .name = "Apple M1",
                                     .family = 7,
                                     .unified = true,
                                     .memory = (uint64_t)8 << 30,
                                     .max_buffer = (uint64_t)4 << 30,
                                     .fail_code = 1,
                                     .handlers = true};

static bool parse_fraction(const char *text, double *number) {
    char *end = NULL;
    *number = strtod(text, &end);
    return end != text && *end == '\0' && *number >= 0 && *number <= 1;
}

static bool parse_version(const char *text, int version[3]) {
    memset(version, 0, 3 * sizeof(*version));
    return sscanf(text, "%d.%d.%d", &version[0], &version[1], &version[2]) >= 1;
}

static bool parse_failure(const char *text, SimCompileFailure *failure) {
    bool raises = strcmp(text, "exception") == 0;
    *failure = raises ? SIM_COMPILE_RAISES : SIM_COMPILE_GIVES_NIL;
    return raises || strcmp(text, "nil") == 0 || strcmp(text, "1") == 0;
}

static bool parse_no_copy(const char *text, SimNoCopy *no_copy) {
    static const char *const names[] = {"works", "nil", "empty"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *no_copy = (SimNoCopy)i;
            return true;
        }
    }
    return false;
}

static bool parse_fail_with(const char *text, int *code) {
    bool ignored = strcmp(text, "ignored") == 0;
    *code = ignored ? SIM_FAIL_IGNORED : SIM_FAIL_INTERACTIVITY;
    return ignored || strcmp(text, "interactivity") == 0;
}

static bool set_one(SimSettings *to, const char *key, const char *value) {
    if (strcmp(key, "macos") == 0)
        return parse_version(value, to->macos);
    if (strcmp(key, "device") == 0)
        return parse_flag(value, &to->device);
    if (strcmp(key, "windowless") == 0)
        return parse_flag(value, &to->windowless);
    if (strcmp(key, "name") == 0)
        return parse_text(value, to->name, sizeof(to->name));
    if (strcmp(key, "family") == 0)
        return parse_number(value, 999999, &to->family);
    if (strcmp(key, "unified") == 0)
        return parse_flag(value, &to->unified);
    if (strcmp(key, "memory") == 0)
        return parse_bytes(value, &to->memory);
    if (strcmp(key, "limit") == 0)
        return parse_bytes(value, &to->limit);
    if (strcmp(key, "max_buffer") == 0)
        return parse_bytes(value, &to->max_buffer);
    if (strcmp(key, "no_copy") == 0)
        return parse_no_copy(value, &to->no_copy);
    if (strcmp(key, "fail_compile") == 0)
        return parse_failure(value, &to->fail_compile);
    if (strcmp(key, "continue") == 0)
        return parse_number(value, 2, &to->continues);
    if (strcmp(key, "handlers") == 0)
        return parse_flag(value, &to->handlers);
    if (strcmp(key, "cautious") == 0)
        return parse_flag(value, &to->cautious);
    if (strcmp(key, "assert_at") == 0)
        return parse_count(value, &to->assert_at);
    if (strcmp(key, "hang_at") == 0)
        return parse_count(value, &to->hang_at);
    if (strcmp(key, "noise") == 0)
        return parse_fraction(value, &to->noise);
    if (strcmp(key, "watchdog") == 0)
        return parse_count(value, &to->watchdog);
    if (strcmp(key, "fail_with") == 0)
        return parse_fail_with(value, &to->fail_code);
    if (strcmp(key, "report") == 0)
        return parse_text(value, to->report, sizeof(to->report));
    if (strcmp(key, "fail_code") == 0)
        return parse_number(value, 999999, &to->fail_code);
    if (strcmp(key, "fail_at") == 0)
        return parse_count(value, &to->fail_at);
    if (strcmp(key, "oom_at") != 0)
        return false;
    to->fail_code = OUT_OF_MEMORY;
    return parse_count(value, &to->fail_at);
}

static void set_all(SimSettings *to, const char *text) {
    char *copy = strdup(text);
    char *rest = copy;
    for (char *item = NULL; copy && (item = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(item, '=');
        if (*item == '\0')
            continue;
        if (!value)
            sim_abort("setting '%s' has no value", item);
        *value++ = '\0';
        if (!set_one(to, item, value))
            sim_abort("there is no setting '%s', or it does not take '%s'", item, value);
    }
    free(copy);
}

static void read_environment(void) {
    const char *text = getenv("CLEAVE_APPLESIM");
    settings = defaults;
    if (text)
        set_all(&settings, text);
    if (*settings.report)
        sim_report_at_exit(settings.report);
}

SimSettings *sim_settings(void) {
    pthread_once(&once, read_environment);
    return &settings;
}

bool sim_macos_is(int major, int minor) {
    const int *macos = sim_settings()->macos;
    return macos[0] > major || (macos[0] == major && macos[1] >= minor);
}

void applesim_set(const char *text) {
    set_all(sim_settings(), text);
    sim_versions_apply();
}

void applesim_reset(void) {
    sim_settings();
    read_environment();
    sim_counts_reset();
    sim_versions_apply();
}
