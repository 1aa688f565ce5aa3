/* cmd_doctor.c: `cleave doctor`: collects what a bug report needs, and tries what there is. The
 * separation is in doctor_separate.c, the page in doctor_output.c. */
#include <stdio.h>
#include <stdlib.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/show/devices.h"
#include "cli/trials/commands.h"
#include "cli/trials/doctor.h"

#define FINDINGS_MAX 192 /* of a topic */

static json_t *self_test_json(const cleave_finding *findings, int count) {
    json_t *list = json_new_array();
    for (int i = 0; i < count; i++) {
        json_t *test = json_new_object();
        json_put_text(test, "kernel", findings[i].name);
        json_put_bool(test, "ok", findings[i].state != CLEAVE_FINDING_FAILED);
        json_put_text(test, "text", findings[i].text);
        json_append(list, test);
    }
    return list;
}

static void put_version(json_t *report) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", CLEAVE_VERSION_MAJOR, CLEAVE_VERSION_MINOR,
             CLEAVE_VERSION_PATCH);
    json_put_text(report, "version", version);
}

static void put_topics(json_t *report) {
    cleave_finding *findings = allocate(FINDINGS_MAX, sizeof *findings);
    for (int topic = 0; topic < CLEAVE_TOPICS; topic++) {
        int count = cleave_finding_list((cleave_topic)topic, findings, FINDINGS_MAX);
        count = count < FINDINGS_MAX ? count : FINDINGS_MAX;
        if (topic == CLEAVE_TOPIC_SELF_TEST) {
            json_put(report, "self_test", self_test_json(findings, count));
            continue;
        }
        json_t *facts = json_new_object();
        for (int i = 0; i < count; i++)
            json_put_text(facts, findings[i].name, findings[i].text);
        json_put(report, cleave_topic_name((cleave_topic)topic), facts);
    }
    free(findings);
}

static void put_devices(json_t *report) {
    int count = cleave_device_list(NULL, 0);
    cleave_device_info *devices = allocate((size_t)count, sizeof *devices);
    cleave_device_choice choice = {.id = ""};
    json_t *list = json_new_array();
    int found = cleave_device_list(devices, count);
    for (int i = 0; i < found && i < count; i++) {
        json_append(list, device_json(&devices[i]));
        if (devices[i].kind == CLEAVE_DEVICE_CPU)
            json_put_text(json_object_get(report, "processor"), "name", devices[i].name);
    }
    cleave_device_choose(NULL, 0, &choice, NULL);
    json_put(report, "devices", list);
    json_put(report, "auto", device_choice_json(&choice));
    free(devices);
}

/* Of a list of what was tried. */
static int count_failures(const json_t *list) {
    int failures = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        failures += json_is_false(json_object_get(json_array_get(list, i), "ok"));
    return failures;
}

static int doctor_run(const void *arguments) {
    const DoctorOptions *options = arguments;
    json_t *report = json_new_object();
    signals_install();
    put_version(report);
    put_topics(report);
    put_devices(report);
    json_t *separation = doctor_separate(options, json_object_get(report, "devices"));
    int failures = count_failures(json_object_get(report, "self_test"));
    failures += count_failures(json_object_get(separation, "trials"));
    json_put(report, "separation", separation);
    json_put_integer(report, "failures", failures);
    int code = failures > 0 ? EXIT_INPUT : EXIT_DONE;
    if (signals_caught() != 0) {
        message_error("interrupted");
        code = EXIT_SIGNAL + signals_caught();
    } else if (options->line.json) {
        json_print_indented(json_incref(report));
    } else {
        doctor_print(report);
    }
    json_decref(report);
    return code;
}

static void doctor_set_defaults(void *options) {
    model_options_default(&((DoctorOptions *)options)->model);
}

static const Option doctor_rows[] = {
    {OPTION_GROUP, .rows = model_rows, .at = offsetof(DoctorOptions, model)},
    {OPTION_GROUP, .rows = telling_rows, .at = offsetof(DoctorOptions, line)},
    {OPTION_END}};

const Command command_doctor = {.name = "doctor",
                                .usage = "doctor [OPTION...]",
                                .summary = "see what works, for a bug report",
                                .rows = doctor_rows,
                                .options_size = sizeof(DoctorOptions),
                                .set_defaults = doctor_set_defaults,
                                .run = doctor_run};
