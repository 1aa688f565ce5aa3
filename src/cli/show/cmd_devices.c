/* cmd_devices.c: `cleave devices`: the devices, what each can do and why not more, how much memory
 * is free, and which device "auto" chooses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave/extra.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/console/json.h"
#include "cli/console/message.h"
#include "cli/console/table.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"
#include "cli/show/commands.h"
#include "cli/show/devices.h"

#define NAME_COLUMNS  24
#define NOTE_INDENT   8 /* behind the ids; "cuda:1:" is among the longest */
#define NOTE_SIZE     320
#define TABLE_COLUMNS (2 + CLEAVE_CAPABILITIES)

/* ---- JSON -------------------------------------------------------------------------------- */

/* In percent of the total; negative if unknown. */
static double used_percent(const cleave_device_info *device) {
    if (device->memory_total <= 0 || device->memory_available < 0)
        return -1.0;
    return 100.0 * (1.0 - (double)device->memory_available / (double)device->memory_total);
}

static void put_known(json_t *object, const char *key, int64_t value, bool known) {
    json_put(object, key, known ? json_integer(value) : json_null());
}

static void put_memory(json_t *object, const cleave_device_info *device) {
    bool known = device->memory_total > 0;
    bool shared = device->system_memory_total > 0;
    put_known(object, "memory_total", device->memory_total, known);
    put_known(object, "memory_available", device->memory_available, known);
    json_put(object, "memory_used_percent", known ? json_real(used_percent(device)) : json_null());
    put_known(object, "system_memory_total", device->system_memory_total, shared);
    put_known(object, "system_memory_available", device->system_memory_available, shared);
}

/* NULL for "". */
static const char *or_null(const char *text) {
    return text[0] != '\0' ? text : NULL;
}

static json_t *capabilities_json(const cleave_device_info *device) {
    cleave_capability capabilities[CLEAVE_CAPABILITIES] = {{0}};
    json_t *object = json_new_object();
    cleave_device_capabilities(device->id, capabilities, CLEAVE_CAPABILITIES);
    for (int i = 0; i < CLEAVE_CAPABILITIES; i++) {
        const cleave_capability *capability = &capabilities[i];
        json_t *one = json_new_object();
        json_put_bool(one, "able", capability->able);
        json_put_text(one, "reason", or_null(capability->reason));
        char *key = copy_text(cleave_capability_name((cleave_capability_kind)i));
        for (char *blank = strchr(key, ' '); blank != NULL; blank = strchr(blank, ' '))
            *blank = '_';
        json_put(object, key, one);
        free(key);
    }
    return object;
}

json_t *device_json(const cleave_device_info *device) {
    json_t *object = json_new_object();
    json_put_text(object, "id", device->id);
    json_put_text(object, "kind", cleave_device_kind_name(device->kind));
    json_put_text(object, "name", device->name);
    json_put_bool(object, "available", device->available);
    json_put_bool(object, "simulated", device->simulated);
    json_put_text(object, "reason", device->available ? NULL : device->reason);
    json_put_text(object, "kernels", device->kernels);
    json_put_integer(object, "threads", device->threads);
    put_memory(object, device);
    json_put(object, "capabilities", device->available ? capabilities_json(device) : json_null());
    json_put_text(object, "system", or_null(device->system));
    json_put_text(object, "driver", or_null(device->driver));
    json_put_text(object, "runtime", or_null(device->runtime));
    json_put_text(object, "warning", or_null(device->warning));
    return object;
}

json_t *device_choice_json(const cleave_device_choice *choice) {
    json_t *object = json_new_object();
    json_put_text(object, "device", choice->id);
    json_put_text(object, "reason", choice->reason);
    return object;
}

static void devices_print_json(const cleave_device_info *devices, int count,
                               const cleave_device_choice *choice) {
    json_t *list = json_new_array();
    json_t *object = json_new_object();
    for (int i = 0; i < count; i++)
        json_append(list, device_json(&devices[i]));
    json_put(object, "devices", list);
    json_put(object, "auto", device_choice_json(choice));
    json_print_indented(object);
}

/* ---- Tables ------------------------------------------------------------------------------ */

/* Processors have long names. The table shortens them on a terminal; elsewhere this keeps it within
 * 80 columns. JSON has the whole name. */
static char *table_name(const cleave_device_info *device) {
    char *name = text_printable(device->available ? device->name : "not available");
    char *shown = terminal_is(stdout) ? copy_text(name) : text_shorten(name, NAME_COLUMNS);
    free(name);
    return shown;
}

static void devices_add_row(Table *table, const cleave_device_info *device) {
    bool known = device->available && device->memory_total > 0;
    ShortText total = text_bytes(device->memory_total);
    ShortText available = text_bytes(device->memory_available);
    char used[16] = "";
    char threads[16] = "";
    if (known)
        snprintf(used, sizeof used, "%.0f %%", used_percent(device));
    if (device->threads > 0)
        snprintf(threads, sizeof threads, "%d", device->threads);
    char *name = table_name(device);
    const char *row[] = {device->id,
                         name,
                         device->kernels,
                         threads,
                         known ? total.text : "",
                         known ? available.text : "",
                         used};
    table_row(table, row);
    free(name);
}

static void devices_print_memory(const cleave_device_info *devices, int count) {
    static const char *const headers[] = {"device", "name", "kernels", "threads",
                                          "memory", "free", "used"};
    Table *table = table_new("lplrrrr", headers);
    for (int i = 0; i < count; i++)
        devices_add_row(table, &devices[i]);
    table_print(table, stdout);
    table_free(table);
}

static void devices_print_capabilities(const cleave_device_info *devices, int count) {
    cleave_capability capabilities[CLEAVE_CAPABILITIES] = {{0}};
    const char *cells[TABLE_COLUMNS] = {"device", "kind"};
    for (int i = 0; i < CLEAVE_CAPABILITIES; i++)
        cells[2 + i] = cleave_capability_name((cleave_capability_kind)i);
    Table *table = table_new("lllllll", cells);
    for (int d = 0; d < count; d++) {
        if (!devices[d].available)
            continue;
        cells[0] = devices[d].id;
        cells[1] = cleave_device_kind_name(devices[d].kind);
        cleave_device_capabilities(devices[d].id, capabilities, CLEAVE_CAPABILITIES);
        for (int i = 0; i < CLEAVE_CAPABILITIES; i++)
            cells[2 + i] = capabilities[i].able ? "yes" : "no";
        table_row(table, cells);
    }
    table_print(table, stdout);
    table_free(table);
}

/* ---- Notes ------------------------------------------------------------------------------- */

/* The id is printed before the first note of a device only. */
static void devices_print_note(const char **id, const char *note) {
    char *printable = text_printable(note);
    int column = *id != NULL ? printf("%s:", *id) : 0;
    *id = NULL;
    text_print_wrapped(printable, column, NOTE_INDENT);
    free(printable);
}

static void note_capabilities(const char **id, const cleave_device_info *device) {
    cleave_capability capabilities[CLEAVE_CAPABILITIES] = {{0}};
    cleave_device_capabilities(device->id, capabilities, CLEAVE_CAPABILITIES);
    for (int i = 0; i < CLEAVE_CAPABILITIES; i++) {
        const cleave_capability *capability = &capabilities[i];
        if (capability->reason[0] == '\0')
            continue;
        char *note = format_text("%s: %s%s", cleave_capability_name((cleave_capability_kind)i),
                                 capability->able ? "yes, but " : "no: ", capability->reason);
        devices_print_note(id, note);
        free(note);
    }
}

static void note_system(const char **id, const cleave_device_info *device) {
    char note[NOTE_SIZE];
    snprintf(note, sizeof note, "%s%s%s%s%s", device->system,
             device->driver[0] != '\0' ? ", driver " : "", device->driver,
             device->runtime[0] != '\0' ? ", runtime " : "", device->runtime);
    if (note[0] != '\0')
        devices_print_note(id, note);
    if (device->simulated)
        devices_print_note(id, DEVICE_SIMULATED);
    if (device->system_memory_total > 0) {
        snprintf(note, sizeof note, "memory is the system's: %s, %s of it free",
                 text_bytes(device->system_memory_total).text,
                 text_bytes(device->system_memory_available).text);
        devices_print_note(id, note);
    }
    if (device->warning[0] != '\0') {
        snprintf(note, sizeof note, "warning: %s", device->warning);
        devices_print_note(id, note);
    }
}

static void devices_print_notes(const cleave_device_info *device) {
    const char *id = device->id;
    if (device->available) {
        note_system(&id, device);
        note_capabilities(&id, device);
    } else {
        devices_print_note(&id, device->reason);
    }
}

static void devices_print_choice(const cleave_device_choice *choice) {
    char *line = format_text("-d auto takes %s: %s", choice->id, choice->reason);
    text_print_wrapped(line, 0, 0);
    free(line);
}

static int devices_run(const void *arguments) {
    const CommandLine *line = arguments;
    cleave_device_choice choice;
    cleave_error error;
    int count = cleave_device_list(NULL, 0);
    cleave_device_info *devices = allocate((size_t)(count > 0 ? count : 0), sizeof *devices);
    int found = cleave_device_list(devices, count);
    count = found < count ? found : count;
    int code = EXIT_DONE;
    if (cleave_device_choose(NULL, 0, &choice, &error) != CLEAVE_OK) {
        message_error("%s", error.text);
        code = EXIT_DEVICE;
    }
    if (line->json) {
        devices_print_json(devices, count, &choice);
    } else {
        devices_print_memory(devices, count);
        putchar('\n');
        devices_print_capabilities(devices, count);
        putchar('\n');
        for (int i = 0; i < count; i++)
            devices_print_notes(&devices[i]);
        if (code == EXIT_DONE)
            devices_print_choice(&choice);
    }
    free(devices);
    return code;
}

const Command command_devices = {.name = "devices",
                                 .usage = "devices [OPTION...]",
                                 .summary = "list what networks can run on",
                                 .rows = telling_rows,
                                 .options_size = sizeof(CommandLine),
                                 .run = devices_run};
