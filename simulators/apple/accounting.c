/* accounting.c: memory, transfers and objects of the simulated GPU. */
#include "accounting.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "strict.h"

#define CLASSES 64

typedef struct LiveClass {
    char name[64]; /* "": free */
    int64_t live;
} LiveClass;

static applesim_counts counts;
static int pending; /* command buffers that are committed and not done */
static LiveClass classes[CLASSES];
static char report_path[1024];

applesim_counts *sim_counts(void) {
    return &counts;
}

applesim_counts applesim_count(void) {
    sim_lock();
    applesim_counts now = counts;
    sim_unlock();
    return now;
}

void sim_counts_reset(void) {
    sim_lock();
    counts = (applesim_counts){.live_bytes = counts.live_bytes,
                               .peak_bytes = counts.live_bytes,
                               .no_copy_bytes = counts.no_copy_bytes,
                               .peak_no_copy_bytes = counts.no_copy_bytes,
                               .live_objects = counts.live_objects};
    sim_unlock();
}

/* Adds to one of the two kinds of memory, whose sum has the limit. */
static bool take(int64_t bytes, int64_t *live, int64_t *peak) {
    sim_lock();
    uint64_t limit = sim_settings()->limit;
    int64_t all = counts.live_bytes + counts.no_copy_bytes + bytes;
    bool fits = limit == 0 || (uint64_t)all <= limit;
    if (fits)
        *live += bytes;
    if (*live > *peak)
        *peak = *live;
    sim_unlock();
    return fits;
}

bool sim_take_memory(int64_t bytes) {
    return take(bytes, &counts.live_bytes, &counts.peak_bytes);
}

bool sim_take_no_copy(int64_t bytes) {
    return take(bytes, &counts.no_copy_bytes, &counts.peak_no_copy_bytes);
}

void sim_give_no_copy(int64_t bytes) {
    sim_lock();
    counts.no_copy_bytes -= bytes;
    sim_unlock();
}

void sim_give_memory(int64_t bytes) {
    sim_lock();
    counts.live_bytes -= bytes;
    sim_unlock();
}

void sim_count_pending(int change) {
    pending += change;
}

void sim_count_access(void) {
    counts.overlaps += pending > 0;
}

static LiveClass *find_class(const char *name) {
    for (int i = 0; i < CLASSES; i++) {
        if (!*classes[i].name)
            snprintf(classes[i].name, sizeof(classes[i].name), "%s", name);
        if (strcmp(classes[i].name, name) == 0)
            return &classes[i];
    }
    sim_abort("more than %d classes", CLASSES);
}

void sim_count_object(const char *class_name, int change) {
    sim_lock();
    find_class(class_name)->live += change;
    counts.live_objects += change;
    sim_unlock();
}

int64_t applesim_live(const char *class_name) {
    sim_lock();
    int64_t live = class_name ? 0 : counts.live_objects;
    for (int i = 0; class_name && i < CLASSES && *classes[i].name; i++)
        if (strcmp(classes[i].name, class_name) == 0)
            live = classes[i].live;
    sim_unlock();
    return live;
}

void applesim_print_live(void) {
    sim_lock();
    for (int i = 0; i < CLASSES && *classes[i].name; i++)
        if (classes[i].live != 0)
            fprintf(stderr, "applesim: %" PRId64 " %s\n", classes[i].live, classes[i].name);
    sim_unlock();
}

static void write_report(void) {
    FILE *file = strcmp(report_path, "-") == 0 ? stderr : fopen(report_path, "w");
    applesim_counts now = applesim_count();
    if (!file)
        return;
    fprintf(file,
            "{\"uploads\": %" PRId64 ", \"upload_bytes\": %" PRId64 ", \"downloads\": %" PRId64
            ", \"download_bytes\": %" PRId64 ", \"overlaps\": %" PRId64
            ", \"command_buffers\": %" PRId64 ", \"graph_runs\": %" PRId64
            ", \"compilations\": %" PRId64 ", \"live_bytes\": %" PRId64 ", \"peak_bytes\": %" PRId64
            ", \"no_copy_bytes\": %" PRId64 ", \"peak_no_copy_bytes\": %" PRId64
            ", \"live_objects\": %" PRId64 "}\n",
            now.uploads, now.upload_bytes, now.downloads, now.download_bytes, now.overlaps,
            now.command_buffers, now.graph_runs, now.compilations, now.live_bytes, now.peak_bytes,
            now.no_copy_bytes, now.peak_no_copy_bytes, now.live_objects);
    if (file != stderr)
        fclose(file);
}

void sim_report_at_exit(const char *path) {
    bool first = *report_path == '\0';
    snprintf(report_path, sizeof(report_path), "%s", path);
    if (first)
        atexit(write_report);
}
