/* cmd_devices.c: `cleave devices`: what networks can run on, and how much memory is free there. */
#include <stdio.h>
#include <stdlib.h>

#include "allocate.h"
#include "commands.h"
#include "exit_code.h"
#include "json.h"
#include "message.h"
#include "table.h"
#include "terminal.h"
#include "text.h"

#define NAME_COLUMNS 28

/* Of the total; negative where unknown. */
static double used_percent(const cleave_device_info *device) {
    if (device->memory_total <= 0 || device->memory_available < 0)
        return -1.0;
    return 100.0 * (1.0 - (double)device->memory_available / (double)device->memory_total);
}

static void print_json(const cleave_device_info *devices, int count) {
    json_t *list = json_new_array();
    for (int i = 0; i < count; i++) {
        const cleave_device_info *device = &devices[i];
        json_t *object = json_new_object();
        bool known = device->memory_total > 0;
        json_put_text(object, "id", device->id);
        json_put_text(object, "name", device->name);
        json_put_bool(object, "available", device->available);
        json_put_text(object, "reason", device->available ? NULL : device->reason);
        json_put_text(object, "kernels", device->kernels);
        json_put_integer(object, "threads", device->threads);
        json_put(object, "memory_total", known ? json_integer(device->memory_total) : json_null());
        json_put(object, "memory_available",
                 known ? json_integer(device->memory_available) : json_null());
        json_put(object, "memory_used_percent",
                 known ? json_real(used_percent(device)) : json_null());
        json_append(list, object);
    }
    json_t *object = json_new_object();
    json_put(object, "devices", list);
    json_print_indented(object);
}

/* Processors have long names: off the terminal, where nothing gives way by itself, the table keeps
 * to 80 columns all the same. JSON has them whole. */
static char *table_name(const cleave_device_info *device) {
    char *name = text_printable(device->available ? device->name : "not available");
    char *shown = terminal_is(stdout) ? copy_text(name) : text_shorten(name, NAME_COLUMNS);
    free(name);
    return shown;
}

static void add_row(Table *table, const cleave_device_info *device) {
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

static void print_table(const cleave_device_info *devices, int count) {
    static const char *const headers[] = {"device", "name", "kernels", "threads",
                                          "memory", "free", "used"};
    Table *table = table_new("lplrrrr", headers);
    for (int i = 0; i < count; i++)
        add_row(table, &devices[i]);
    table_print(table, stdout);
    table_free(table);
    for (int i = 0; i < count; i++) {
        if (devices[i].available || devices[i].reason[0] == '\0')
            continue;
        char *reason = text_printable(devices[i].reason);
        printf("%s: %s\n", devices[i].id, reason);
        free(reason);
    }
}

int command_devices(const Options *options) {
    int count = cleave_devices(NULL, 0);
    cleave_device_info *devices = allocate((size_t)(count > 0 ? count : 0), sizeof *devices);
    int found = cleave_devices(devices, count);
    count = found < count ? found : count;
    if (options->json)
        print_json(devices, count);
    else
        print_table(devices, count);
    free(devices);
    return EXIT_DONE;
}
