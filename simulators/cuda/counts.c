/* counts.c: the report. */
#include "counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "contexts.h"
#include "memory.h"
#include "objects.h"
#include "order.h"
#include "strict.h"

static SimCounts counts;
static const char *report_path;

SimCounts *sim_counts(void) {
    return &counts;
}

static void write_number(FILE *file, const char *name, int64_t number) {
    fprintf(file, "\"%s\": %" PRId64 ", ", name, number);
}

static void write_calls(FILE *file) {
    const char *comma = "";
    fputs("\"calls\": {", file);
    for (int i = 0; i < SIM_DRIVER_CALL_COUNT; i++) {
        if (sim_calls_made((SimCall)i) == 0)
            continue;
        fprintf(file, "%s\"%s\": %" PRId64, comma, sim_call_name((SimCall)i),
                sim_calls_made((SimCall)i));
        comma = ", ";
    }
    fputs("}", file);
}

/* What is alive, contexts aside. */
static int64_t live_objects(const SimMemoryCounts *memory) {
    int64_t live = memory->pinned;
    static const SimKind kinds[] = {SIM_MODULE, SIM_STREAM, SIM_EVENT, SIM_GRAPH, SIM_GRAPH_EXEC};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        live += sim_objects_live(kinds[i]);
    return live;
}

static void write_all(FILE *file) {
    SimMemoryCounts memory = sim_memory_counts();
    fputc('{', file);
    write_number(file, "uploads", counts.uploads);
    write_number(file, "upload_bytes", counts.upload_bytes);
    write_number(file, "downloads", counts.downloads);
    write_number(file, "download_bytes", counts.download_bytes);
    write_number(file, "overlaps", sim_order_overlaps());
    write_number(file, "launches", counts.launches);
    write_number(file, "graph_launches", counts.graph_launches);
    write_number(file, "captures", counts.captures);
    write_number(file, "instantiations", counts.instantiations);
    write_number(file, "shared_attributes", counts.shared_attributes);
    write_number(file, "allocations", memory.allocations);
    write_number(file, "live_bytes", memory.live_bytes);
    write_number(file, "peak_bytes", memory.peak_bytes);
    write_number(file, "pinned_bytes", memory.pinned_bytes);
    write_number(file, "live_objects", live_objects(&memory));
    write_number(file, "contexts_created", sim_contexts_created());
    write_number(file, "contexts_active", sim_objects_live(SIM_CONTEXT));
    write_calls(file);
    fputs("}\n", file);
}

static void write_report(void) {
    FILE *file = strcmp(report_path, "-") == 0 ? stderr : fopen(report_path, "w");
    if (!file)
        return;
    sim_lock();
    write_all(file);
    sim_unlock();
    if (file != stderr)
        fclose(file);
}

void sim_report_at_exit(const char *path) {
    if (!report_path && *path)
        atexit(write_report);
    if (*path)
        report_path = path;
}
