/* trial.c: starting the trial's program, and keeping its verdict in the cache folder. */
#include "backend/trial.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/loader.h"
#include "base/cache_file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "base/platform.h"

#define LARGEST_FILE 4096
#define DETAIL_SIZE  120 /* of what the program said at last */

static char own_program[PATH_MAX]; /* "": none was named */
static bool none_wanted;
static bool trusting;

void trial_set_program(const char *path) {
    none_wanted = path && !path[0];
    snprintf(own_program, sizeof(own_program), "%s", path ? path : "");
}

void trial_trust_all(void) {
    trusting = true;
}

/* ---- The program ---- */

/* Looks beside the library, as in a build folder, and where an installation has it. */
static bool find_program(char *path) {
    static const char *const places[] = {"", "../bin/", "../../bin/"};
    char own[PATH_MAX];
    if (own_program[0] || none_wanted)
        return snprintf(path, PATH_MAX, "%s", own_program) > 0;
    if (!loader_own_path(own))
        return false;
    char *slash = strrchr(own, '/');
    bool is_library = strncmp(slash + 1, "libcleave", 9) == 0;
    *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(*places) && is_library; i++) {
        int length = snprintf(path, PATH_MAX, "%s/%scleave", own, places[i]);
        if (length < PATH_MAX && access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* Tests with a simulated device need not wait for a minute. */
static double seconds_for(const cleave_device_info *device) {
    const char *text = device->simulated ? getenv("CLEAVE_TRIAL_SECONDS") : NULL;
    double seconds = text ? strtod(text, NULL) : 0;
    return seconds > 0 ? seconds : TRIAL_SECONDS;
}

static void run_trial(const cleave_device_info *device, TrialVerdict *verdict) {
    char program[PATH_MAX];
    char id[sizeof(device->id)];
    char version[64];
    char option[] = TRIAL_OPTION;
    char *const arguments[] = {program, option, id, version, NULL};
    ChildResult result;
    *verdict = (TrialVerdict){.outcome = TRIAL_UNKNOWN};
    if (!find_program(program)) {
        snprintf(verdict->reason, sizeof(verdict->reason),
                 "it was not tried on this system yet, which a program does that calls "
                 "cleave_trial_main(), as `cleave devices`; by its name it is taken untried");
        return;
    }
    snprintf(id, sizeof(id), "%s", device->id);
    snprintf(version, sizeof(version), "%s", cleave_version());
    child_run(program, arguments, seconds_for(device), &result);
    trial_judge(&result, seconds_for(device), verdict);
}

/* ---- Verdicts ---- */

static bool is_printable(char c) {
    return (unsigned char)c >= ' ' && c != 0x7f;
}

/* The last line that is not blank, with ? for what cannot be printed; "" if all are blank. */
static void trial_last_line(const char *text, char line[DETAIL_SIZE]) {
    size_t end = strlen(text);
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
        end--;
    size_t begin = end;
    while (begin > 0 && text[begin - 1] != '\n')
        begin--;
    size_t length = size_min(end - begin, DETAIL_SIZE - 1);
    memcpy(line, text + begin, length);
    line[length] = '\0';
    for (char *c = line; *c; c++)
        if (!is_printable(*c))
            *c = '?';
}

static const char *signal_name(int number) {
    const char *name = strsignal(number);
    return name ? name : "unknown";
}

static void judge_result(const ChildResult *result, TrialVerdict *verdict) {
    char detail[DETAIL_SIZE];
    int f32 = 0;
    int f16 = 0;
    const char *at = strstr(result->text, "cleave trial: ");
    bool whole = at && strchr(at, '\n') && sscanf(at, TRIAL_RESULT, &f32, &f16) == 2;
    if (result->number != 0 || !whole) {
        trial_last_line(result->text, detail);
        snprintf(verdict->reason, sizeof(verdict->reason),
                 "its trial ended without a result (exit status %d)%s%s", result->number,
                 detail[0] ? ": " : "", detail);
        return;
    }
    bool good = f32 / 10.0 >= TRIAL_SNR_F32 && f16 / 10.0 >= TRIAL_SNR_F16;
    verdict->outcome = good ? TRIAL_GOOD : TRIAL_BAD;
    if (!good)
        snprintf(
            verdict->reason, sizeof(verdict->reason),
            "it computes wrongly: in its trial f32 came to %.1f dB of the CPU (%.0f are needed), "
            "f16 to %.1f (%.0f)",
            f32 / 10.0, TRIAL_SNR_F32, f16 / 10.0, TRIAL_SNR_F16);
}

void trial_judge(const ChildResult *result, double seconds, TrialVerdict *verdict) {
    char detail[DETAIL_SIZE];
    *verdict = (TrialVerdict){.outcome = TRIAL_BAD};
    trial_last_line(result->text, detail);
    switch (result->ending) {
    case CHILD_NOT_STARTED:
        verdict->outcome = TRIAL_UNKNOWN;
        snprintf(verdict->reason, sizeof(verdict->reason), "its trial could not be started: %s",
                 strerror(result->number));
        break;
    case CHILD_EXITED:
        judge_result(result, verdict);
        break;
    case CHILD_KILLED:
        snprintf(verdict->reason, sizeof(verdict->reason), "its trial died of signal %d (%s)%s%s",
                 result->number, signal_name(result->number), detail[0] ? ": " : "", detail);
        break;
    case CHILD_TIMED_OUT:
        snprintf(verdict->reason, sizeof(verdict->reason),
                 "its trial hung: it was stopped after %.0f s%s%s", seconds, detail[0] ? ": " : "",
                 detail);
        break;
    }
}

/* ---- Files ---- */

static char *key_text(const cleave_device_info *device) {
    char build[64];
    platform_system_build(build, sizeof(build));
    return string_format("cleave trial %s of %s\n%s, %s, build %s\n", cleave_version(), device->id,
                         device->name, device->system, build);
}

char *trial_text(const cleave_device_info *device, const TrialVerdict *verdict) {
    bool good = verdict->outcome == TRIAL_GOOD;
    char *key = key_text(device);
    char *body =
        key ? string_format("%s%s%s\n", key, good ? "good" : "bad: ", good ? "" : verdict->reason)
            : NULL;
    char *text = body ? string_format("%scheck %016" PRIx64 "\n", body,
                                      hash_add(HASH_START, body, strlen(body)))
                      : NULL;
    free(key);
    free(body);
    return text;
}

bool trial_parse(const cleave_device_info *device, const char *text, TrialVerdict *verdict) {
    TrialVerdict found = {.outcome = TRIAL_GOOD, .kept = true};
    char *key = key_text(device);
    size_t length = key ? strlen(key) : 0;
    bool fits = key && strncmp(text, key, length) == 0;
    if (fits && strncmp(text + length, "bad: ", 5) == 0) {
        found.outcome = TRIAL_BAD;
        snprintf(found.reason, sizeof(found.reason), "%.*s", (int)strcspn(text + length + 5, "\n"),
                 text + length + 5);
    }
    char *again = fits ? trial_text(device, &found) : NULL;
    bool same = again && strcmp(again, text) == 0;
    for (const char *c = found.reason; *c && same; c++)
        same = is_printable(*c);
    if (same)
        *verdict = found;
    free(key);
    free(again);
    return same;
}

static char *path_for(const cleave_device_info *device) {
    char name[64];
    char *key = key_text(device);
    uint64_t hash = key ? hash_add(HASH_START, key, strlen(key)) : 0;
    free(key);
    snprintf(name, sizeof(name), "trial-%016" PRIx64 ".txt", hash);
    return key ? cache_file_path(name) : NULL;
}

static bool read_verdict(const cleave_device_info *device, const char *path,
                         TrialVerdict *verdict) {
    char *text = path ? cache_file_read(path, LARGEST_FILE) : NULL;
    bool good = text && trial_parse(device, text, verdict);
    free(text);
    return good;
}

/* The file is whole or missing, even if another process writes it at the same time. If it cannot be
 * written, the next process makes the trial again. */
static void keep_verdict(const cleave_device_info *device, const char *path,
                         const TrialVerdict *verdict) {
    OutputFile file;
    char *text = trial_text(device, verdict);
    if (text && output_file_open(&file, path, NULL) == CLEAVE_OK) {
        output_file_write(&file, text, (int64_t)strlen(text));
        if (output_file_finish(&file, NULL) == CLEAVE_OK)
            output_file_commit(&file, NULL);
        output_file_close(&file);
    }
    free(text);
}

void trial_ask(const cleave_device_info *device, bool anew, TrialVerdict *verdict) {
    const char *wish = getenv("CLEAVE_TRIAL");
    *verdict = (TrialVerdict){.outcome = TRIAL_GOOD};
    if (trusting || (wish && strcmp(wish, "skip") == 0))
        return;
    char *path = path_for(device);
    bool known = read_verdict(device, path, verdict);
    if (!known || (anew && verdict->outcome != TRIAL_GOOD)) {
        run_trial(device, verdict);
        if (path && verdict->outcome != TRIAL_UNKNOWN)
            keep_verdict(device, path, verdict);
    }
    free(path);
}
