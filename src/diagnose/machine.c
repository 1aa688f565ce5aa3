/* machine.c: the operating system, the processors and the memory that it lets the process use. */
#include <inttypes.h>
#include <limits.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/memory_limit.h"
#include "base/platform.h"
#include "base/processors.h"
#include "diagnose/findings.h"

void find_system(Findings *findings) {
    char text[128];
    struct utsname name;
    int quota = processors_quota("");
    platform_system_name(text, sizeof(text));
    findings_fact(findings, "system", "%s", text);
    if (uname(&name) == 0)
        findings_fact(findings, "machine", "%.60s", name.machine);
    findings_fact(findings, "threads", "%d, of %ld processors online",
                  thread_available_processors(), sysconf(_SC_NPROCESSORS_ONLN));
    if (quota < INT_MAX)
        findings_fact(findings, "container", "allows the time of %d processors (cgroup)", quota);
}

/* In the units of `cleave devices`. */
static double gibibytes(int64_t bytes) {
    return (double)bytes / (double)(1 << 30);
}

void find_memory(Findings *findings) {
    const struct {
        const char *name;
        MemoryLimit limit;
    } limits[] = {{"machine", memory_limit_machine("")},
                  {"container", memory_limit_container("")},
                  {"ulimit", memory_limit_resources("", 0)},
                  {"in all", memory_limit("", 0)}};
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        MemoryLimit limit = limits[i].limit;
        if (limit.bytes == INT64_MAX)
            findings_fact(findings, limits[i].name, "none");
        else
            findings_fact(findings, limits[i].name, "%.2f GiB left (%s)", gibibytes(limit.bytes),
                          limit.source);
    }
    findings_fact(findings, "peak so far", "%.2f GiB", gibibytes(platform_peak_resident()));
}
