/* memory.c: what memory there is, and what limits how much of it the process may take. */
#include <inttypes.h>
#include <stdint.h>

#include "base/memory_limit.h"
#include "base/platform.h"
#include "cleave/extra.h"
#include "diagnose/findings.h"

/* In the units of `cleave devices`. */
static double gibibytes(int64_t bytes) {
    return (double)bytes / (double)(1 << 30);
}

static void find_limit(Findings *findings, const char *name, MemoryLimit limit) {
    if (limit.bytes == INT64_MAX)
        findings_add(findings, CLEAVE_FINDING_FACT, name, "none");
    else
        findings_add(findings, CLEAVE_FINDING_FACT, name, "%.2f GiB left (%s)",
                     gibibytes(limit.bytes), limit.source);
}

void find_memory(Findings *findings) {
    find_limit(findings, "machine", memory_limit_machine(""));
    find_limit(findings, "container", memory_limit_container(""));
    find_limit(findings, "ulimit", memory_limit_resources("", 0));
    find_limit(findings, "in all", memory_limit("", 0));
    findings_add(findings, CLEAVE_FINDING_FACT, "peak so far", "%.2f GiB",
                 gibibytes(platform_peak_resident()));
}
