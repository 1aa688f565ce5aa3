/* doctor_output.c: the page of `cleave doctor`, made from the object that --json prints. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/console/allocate.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"
#include "cli/show/devices.h"
#include "cli/trials/doctor.h"

#define INDENT 15 /* where the texts begin */

/* ---- Lines ------------------------------------------------------------------------------- */

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

/* "" for what is null. */
static const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool is_true_at(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

static ShortText bytes_at(const json_t *object, const char *key) {
    return text_bytes(json_integer_value(json_object_get(object, key)));
}

/* ---- Parts of the page ------------------------------------------------------------------- */

static void print_facts(json_t *facts) {
    const char *name;
    json_t *text;
    json_object_foreach(facts, name, text) {
        print_line(name, "%s", json_string_value(text));
    }
}

/* In running text: ten lines would be many for what is seldom looked at. */
static void print_libraries(json_t *libraries) {
    const char *name;
    json_t *version;
    char *list = NULL;
    json_object_foreach(libraries, name, version) {
        char *longer = format_text("%s%s%s %s", list != NULL ? list : "", list != NULL ? ", " : "",
                                   name, json_string_value(version));
        free(list);
        list = longer;
    }
    print_line("libraries", "%s", list != NULL ? list : "");
    free(list);
}

static void print_processor(json_t *processor) {
    print_line("processor", "%s", text_at(processor, "name"));
    print_line("has", "%s", text_at(processor, "has"));
    print_line("lacks", "%s", text_at(processor, "lacks"));
}

static void print_capabilities(json_t *capabilities) {
    const char *key;
    json_t *capability;
    json_object_foreach(capabilities, key, capability) {
        char *name = copy_text(key);
        for (char *blank = strchr(name, '_'); blank != NULL; blank = strchr(blank, '_'))
            *blank = ' ';
        const char *reason = text_at(capability, "reason");
        print_line("", "%s: %s%s%s", name, is_true_at(capability, "able") ? "yes" : "no",
                   reason[0] != '\0' ? ", " : "", reason);
        free(name);
    }
}

/* `choice` is what auto takes. */
static void print_device(const json_t *device, const json_t *choice) {
    const char *id = text_at(device, "id");
    const char *driver = text_at(device, "driver");
    const char *runtime = text_at(device, "runtime");
    if (!is_true_at(device, "available")) {
        print_line(id, "not available: %s", text_at(device, "reason"));
        return;
    }
    bool chosen = strcmp(id, text_at(choice, "device")) == 0;
    print_line(id, "%s%s%s", text_at(device, "name"), chosen ? "; auto takes it: " : "",
               chosen ? text_at(choice, "reason") : "");
    if (is_true_at(device, "simulated"))
        print_line("", "%s", DEVICE_SIMULATED);
    if (json_is_integer(json_object_get(device, "memory_total")))
        print_line("", "memory: %s, of which %s are free", bytes_at(device, "memory_total").text,
                   bytes_at(device, "memory_available").text);
    print_capabilities(json_object_get(device, "capabilities"));
    if (driver[0] != '\0' || runtime[0] != '\0')
        print_line("", "driver: %s; runtime: %s", driver, runtime);
    if (text_at(device, "warning")[0] != '\0')
        print_line("", "warning: %s", text_at(device, "warning"));
}

/* A test's kernel, "gemm f32", if it is one of the table; or else NULL. */
static const char *kernel_of(const json_t *test, const char *table) {
    const char *kernel = text_at(test, "kernel");
    size_t length = strlen(table);
    if (strncmp(kernel, table, length) != 0 || strchr(" ", kernel[length]) == NULL)
        return NULL;
    return kernel + length + strspn(kernel + length, " ");
}

/* One line, and one more for each kernel that is wrong. */
static void print_table_test(json_t *tests, const char *table) {
    size_t i;
    json_t *test;
    int count = 0;
    int failed = 0;
    json_array_foreach(tests, i, test) {
        bool counts = kernel_of(test, table) != NULL;
        count += counts;
        failed += counts && !is_true_at(test, "ok");
    }
    if (failed > 0)
        print_line(table, "FAILED: %d of %d kernels", failed, count);
    else if (count > 0)
        print_line(table, "ok: %d kernels", count);
    json_array_foreach(tests, i, test) {
        if (kernel_of(test, table) != NULL && !is_true_at(test, "ok"))
            print_line("", "%s: %s", kernel_of(test, table), text_at(test, "text"));
    }
}

static void print_self_test(json_t *report) {
    const char *table;
    json_t *use;
    json_object_foreach(json_object_get(report, "kernels"), table, use) {
        print_table_test(json_object_get(report, "self_test"), table);
    }
}

static void print_trial(const json_t *trial) {
    const char *device = text_at(trial, "device");
    const json_t *snr = json_object_get(trial, "snr");
    double seconds = json_number_value(json_object_get(trial, "seconds"));
    if (!is_true_at(trial, "ok"))
        print_line(device, "FAILED: %s", text_at(trial, "error"));
    else if (json_is_string(snr)) /* infinite */
        print_line(device, "ok, in %.2f s; as on the CPU op by op", seconds);
    else
        print_line(device, "ok, in %.2f s; SNR %.1f dB against the CPU op by op", seconds,
                   json_number_value(snr));
}

static void print_separation(json_t *separation) {
    const char *model = text_at(separation, "model");
    size_t i;
    json_t *trial;
    print_line("model", "%s", model[0] != '\0' ? model : "built in, random weights");
    json_array_foreach(json_object_get(separation, "trials"), i, trial) {
        print_trial(trial);
    }
}

/* ---- The page ---------------------------------------------------------------------------- */

static void print_heading(const char *heading) {
    const char *style = terminal_style(stdout, STYLE_BOLD);
    printf("\n%s%s%s\n", style, heading, *style != '\0' ? STYLE_PLAIN : "");
}

static void print_devices(json_t *report) {
    size_t i;
    json_t *device;
    json_array_foreach(json_object_get(report, "devices"), i, device) {
        print_device(device, json_object_get(report, "auto"));
    }
}

static const struct {
    const char *heading; /* NULL: under that of the part before */
    const char *key;     /* in the report; NULL: the whole report */
    void (*print)(json_t *part);
} parts[] = {
    {"Program", "build", print_facts},
    {NULL, "libraries", print_libraries},
    {"Machine", "system", print_facts},
    {NULL, "processor", print_processor},
    {"Memory", "memory", print_facts},
    {"Devices", NULL, print_devices},
    {"Kernels of the CPU", "kernels", print_facts},
    {"Self-test of the kernels", NULL, print_self_test},
    {"Separation of 2 s, f32", "separation", print_separation},
};

void doctor_print(json_t *report) {
    int failures = (int)json_integer_value(json_object_get(report, "failures"));
    printf("cleave %s, to paste into a bug report\n", text_at(report, "version"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].heading != NULL)
            print_heading(parts[i].heading);
        parts[i].print(parts[i].key != NULL ? json_object_get(report, parts[i].key) : report);
    }
    if (failures == 0)
        printf("\nEverything works.\n");
    else
        printf("\n%d %s not work: look for FAILED above.\n", failures,
               failures == 1 ? "thing does" : "things do");
    terminal_flush_output();
}
