/* cmd_doctor.c: `cleave doctor`: gathers what a bug report needs to say, and tries what there is.
 * The separation is doctor_separate.c's, the page doctor_output.c's. */
#include <stdlib.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/trials/commands.h"
#include "cli/trials/doctor.h"

static void find_devices(Doctor *doctor) {
    int count = cleave_device_list(NULL, 0);
    doctor->devices = allocate((size_t)(count > 0 ? count : 0) + 1, sizeof *doctor->devices);
    int found = cleave_device_list(doctor->devices, count);
    doctor->device_count = found < count ? found : count;
    if (cleave_device_choose(NULL, 0, &doctor->choice, NULL) != CLEAVE_OK)
        doctor->choice.id[0] = '\0';
}

static void find_all(Doctor *doctor) {
    for (int topic = 0; topic < CLEAVE_TOPICS; topic++) {
        cleave_finding *findings = allocate(DOCTOR_FINDINGS_MAX, sizeof *findings);
        int count = cleave_finding_list((cleave_topic)topic, findings, DOCTOR_FINDINGS_MAX);
        doctor->findings[topic] = findings;
        doctor->finding_counts[topic] = count < DOCTOR_FINDINGS_MAX ? count : DOCTOR_FINDINGS_MAX;
        for (int i = 0; i < doctor->finding_counts[topic]; i++)
            doctor->failures += findings[i].state == CLEAVE_FINDING_FAILED;
    }
}

static void free_doctor(Doctor *doctor) {
    for (int topic = 0; topic < CLEAVE_TOPICS; topic++)
        free(doctor->findings[topic]);
    for (int i = 0; i < doctor->trial_count; i++)
        free(doctor->trials[i].reason);
    free(doctor->trials);
    free(doctor->devices);
    free(doctor->model);
}

static int doctor_run(const void *arguments) {
    const DoctorOptions *options = arguments;
    Doctor doctor = {.options = options};
    signals_install();
    doctor.model = options->model.path != NULL ? doctor_without_home(options->model.path) : NULL;
    find_devices(&doctor);
    find_all(&doctor);
    int code = doctor_separate(&doctor) ? EXIT_DONE : EXIT_SIGNAL + signals_caught();
    if (code != EXIT_DONE)
        message_error("interrupted");
    else if (options->line.json)
        doctor_print_json(&doctor);
    else
        doctor_print(&doctor);
    if (code == EXIT_DONE && doctor.failures > 0)
        code = EXIT_INPUT;
    free_doctor(&doctor);
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
