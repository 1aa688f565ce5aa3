/* doctor_output.c: the page of `cleave doctor`, and the same as JSON. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocate.h"
#include "cleave/extra.h"
#include "devices.h"
#include "doctor.h"
#include "json.h"
#include "terminal.h"
#include "text.h"

#define INDENT 15 /* where the texts begin */

/* ---- The page ---------------------------------------------------------------------------- */

static void print_line(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print_line(const char *name, const char *format, ...) {
    char line[1536];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char *text = text_printable(line);
    char *shown = text_printable(name);
    int column = printf("  %s", shown);
    if (column >= INDENT)
        column = printf(" ") + column;
    text_print_wrapped(text, column < INDENT ? column : INDENT - 1, INDENT);
    free(shown);
    free(text);
}

static void print_heading(const char *heading) {
    const char *style = terminal_style(stdout, STYLE_BOLD);
    printf("\n%s%s%s\n", style, heading, *style != '\0' ? STYLE_PLAIN : "");
}

static void print_facts(const Doctor *doctor, cleave_topic topic) {
    for (int i = 0; i < doctor->finding_counts[topic]; i++) {
        const cleave_finding *finding = &doctor->findings[topic][i];
        print_line(finding->name, "%s", finding->text);
    }
}

/* In running text: ten lines would be many for what is seldom looked at. */
static void print_libraries(const Doctor *doctor) {
    char *list = copy_text("");
    for (int i = 0; i < doctor->finding_counts[CLEAVE_TOPIC_LIBRARIES]; i++) {
        const cleave_finding *finding = &doctor->findings[CLEAVE_TOPIC_LIBRARIES][i];
        char *longer =
            format_text("%s%s%s %s", list, i > 0 ? ", " : "", finding->name, finding->text);
        free(list);
        list = longer;
    }
    print_line("libraries", "%s", list);
    free(list);
}

static const cleave_device_info *cpu_of(const Doctor *doctor) {
    for (int i = 0; i < doctor->device_count; i++)
        if (doctor->devices[i].kind == CLEAVE_DEVICE_CPU)
            return &doctor->devices[i];
    return NULL;
}

static void print_capabilities(const cleave_device_info *device) {
    cleave_capability capabilities[CLEAVE_CAPABILITIES] = {{0}};
    cleave_device_capabilities(device->id, capabilities, CLEAVE_CAPABILITIES);
    for (int c = 0; c < CLEAVE_CAPABILITIES; c++) {
        const cleave_capability *capability = &capabilities[c];
        const char *name = cleave_capability_name((cleave_capability_kind)c);
        print_line("", "%s: %s%s%s", name, capability->able ? "yes" : "no",
                   capability->reason[0] != '\0' ? ", " : "", capability->reason);
    }
}

static void print_device(const Doctor *doctor, const cleave_device_info *device) {
    if (!device->available) {
        print_line(device->id, "not available: %s", device->reason);
        return;
    }
    bool chosen = strcmp(device->id, doctor->choice.id) == 0;
    print_line(device->id, "%s%s%s", device->name, chosen ? "; auto takes it: " : "",
               chosen ? doctor->choice.reason : "");
    if (device->simulated)
        print_line("", "%s", DEVICE_SIMULATED);
    if (device->memory_total > 0)
        print_line("", "memory: %s, of which %s are free", text_bytes(device->memory_total).text,
                   text_bytes(device->memory_available).text);
    print_capabilities(device);
    if (device->driver[0] != '\0' || device->runtime[0] != '\0')
        print_line("", "driver: %s; runtime: %s", device->driver, device->runtime);
    if (device->warning[0] != '\0')
        print_line("", "warning: %s", device->warning);
}

/* "avx2" of "avx2 gemm f32". */
static size_t table_length(const cleave_finding *finding) {
    return strcspn(finding->name, " ");
}

static bool same_table(const cleave_finding *one, const cleave_finding *other) {
    size_t length = table_length(one);
    return length == table_length(other) && memcmp(one->name, other->name, length) == 0;
}

/* The kernels of a table, from `first` on, in one line if they are right, and one more for each
 * that is not. Returns the first of the next table. */
static int print_table_test(const Doctor *doctor, int first) {
    const cleave_finding *findings = doctor->findings[CLEAVE_TOPIC_SELF_TEST];
    int end = first;
    int failed = 0;
    char *name = copy_bytes(findings[first].name, table_length(&findings[first]));
    for (; end < doctor->finding_counts[CLEAVE_TOPIC_SELF_TEST] &&
           same_table(&findings[first], &findings[end]);
         end++)
        failed += findings[end].state == CLEAVE_FINDING_FAILED;
    if (failed == 0)
        print_line(name, "ok: %d kernels", end - first);
    else
        print_line(name, "FAILED: %d of %d kernels", failed, end - first);
    for (int i = first; i < end; i++) {
        const char *kernel = findings[i].name + table_length(&findings[i]);
        if (findings[i].state == CLEAVE_FINDING_FAILED)
            print_line("", "%s: %s", kernel + strspn(kernel, " "), findings[i].text);
    }
    free(name);
    return end;
}

static void print_trial(const Trial *trial) {
    if (!trial->good && isnan(trial->snr))
        print_line(trial->device, "FAILED: %s", trial->reason);
    else if (!trial->good)
        print_line(trial->device, "FAILED: %s (SNR %.1f dB)", trial->reason, trial->snr);
    else if (isinf(trial->snr))
        print_line(trial->device, "ok, in %.2f s; as on the CPU op by op", trial->seconds);
    else
        print_line(trial->device, "ok, in %.2f s; SNR %.1f dB against the CPU op by op",
                   trial->seconds, trial->snr);
}

static void print_conclusion(const Doctor *doctor) {
    if (doctor->failures == 0)
        printf("\nEverything works.\n");
    else
        printf("\n%d %s not work: look for FAILED above.\n", doctor->failures,
               doctor->failures == 1 ? "thing does" : "things do");
}

void doctor_print(const Doctor *doctor) {
    const cleave_device_info *cpu = cpu_of(doctor);
    printf("cleave %d.%d.%d, to paste into a bug report\n", CLEAVE_VERSION_MAJOR,
           CLEAVE_VERSION_MINOR, CLEAVE_VERSION_PATCH);
    print_heading("Program");
    print_facts(doctor, CLEAVE_TOPIC_BUILD);
    print_libraries(doctor);
    print_heading("Machine");
    print_facts(doctor, CLEAVE_TOPIC_SYSTEM);
    if (cpu != NULL)
        print_line("processor", "%s", cpu->name);
    print_facts(doctor, CLEAVE_TOPIC_PROCESSOR);
    print_heading("Memory");
    print_facts(doctor, CLEAVE_TOPIC_MEMORY);
    print_heading("Devices");
    for (int i = 0; i < doctor->device_count; i++)
        print_device(doctor, &doctor->devices[i]);
    print_heading("Kernels of the CPU");
    print_facts(doctor, CLEAVE_TOPIC_KERNELS);
    print_heading("Self-test of the kernels");
    for (int i = 0; i < doctor->finding_counts[CLEAVE_TOPIC_SELF_TEST];)
        i = print_table_test(doctor, i);
    print_heading("Separation of 2 s, f32");
    print_line("model", "%s", doctor->model != NULL ? doctor->model : "built in, random weights");
    for (int i = 0; i < doctor->trial_count; i++)
        print_trial(&doctor->trials[i]);
    print_conclusion(doctor);
    terminal_flush_output();
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *facts_json(const Doctor *doctor, cleave_topic topic) {
    json_t *object = json_new_object();
    for (int i = 0; i < doctor->finding_counts[topic]; i++)
        json_put_text(object, doctor->findings[topic][i].name, doctor->findings[topic][i].text);
    return object;
}

static json_t *self_test_json(const Doctor *doctor) {
    json_t *list = json_new_array();
    for (int i = 0; i < doctor->finding_counts[CLEAVE_TOPIC_SELF_TEST]; i++) {
        const cleave_finding *finding = &doctor->findings[CLEAVE_TOPIC_SELF_TEST][i];
        json_t *object = json_new_object();
        json_put_text(object, "kernel", finding->name);
        json_put_bool(object, "ok", finding->state != CLEAVE_FINDING_FAILED);
        json_put_text(object, "text", finding->text);
        json_append(list, object);
    }
    return list;
}

static json_t *separation_json(const Doctor *doctor) {
    json_t *object = json_new_object();
    json_t *list = json_new_array();
    for (int i = 0; i < doctor->trial_count; i++) {
        const Trial *trial = &doctor->trials[i];
        json_t *entry = json_new_object();
        json_put_text(entry, "device", trial->device);
        json_put_bool(entry, "ok", trial->good);
        json_put_text(entry, "error", trial->reason);
        json_put_number(entry, "seconds", trial->seconds);
        json_put_number(entry, "snr", trial->snr);
        json_append(list, entry);
    }
    json_put_text(object, "model", doctor->model);
    json_put(object, "trials", list);
    return object;
}

void doctor_print_json(const Doctor *doctor) {
    const cleave_device_info *cpu = cpu_of(doctor);
    json_t *object = json_new_object();
    json_t *processor = facts_json(doctor, CLEAVE_TOPIC_PROCESSOR);
    json_t *devices = json_new_array();
    char *version =
        format_text("%d.%d.%d", CLEAVE_VERSION_MAJOR, CLEAVE_VERSION_MINOR, CLEAVE_VERSION_PATCH);
    if (cpu != NULL)
        json_put_text(processor, "name", cpu->name);
    for (int i = 0; i < doctor->device_count; i++)
        json_append(devices, device_json(&doctor->devices[i]));
    json_put_text(object, "version", version);
    json_put(object, "build", facts_json(doctor, CLEAVE_TOPIC_BUILD));
    json_put(object, "libraries", facts_json(doctor, CLEAVE_TOPIC_LIBRARIES));
    json_put(object, "system", facts_json(doctor, CLEAVE_TOPIC_SYSTEM));
    json_put(object, "processor", processor);
    json_put(object, "memory", facts_json(doctor, CLEAVE_TOPIC_MEMORY));
    json_put(object, "devices", devices);
    json_put(object, "auto", device_choice_json(&doctor->choice));
    json_put(object, "kernels", facts_json(doctor, CLEAVE_TOPIC_KERNELS));
    json_put(object, "self_test", self_test_json(doctor));
    json_put(object, "separation", separation_json(doctor));
    json_put_integer(object, "failures", doctor->failures);
    free(version);
    json_print_indented(object);
}
