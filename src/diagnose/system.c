/* system.c: the operating system, and how many processors it lets the process use. */
#include <limits.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/platform.h"
#include "base/processors.h"
#include "cleave/extra.h"
#include "diagnose/findings.h"

void find_system(Findings *findings) {
    char text[128];
    struct utsname name;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int quota = processors_quota("");
    platform_system_name(text, sizeof(text));
    findings_add(findings, CLEAVE_FINDING_FACT, "system", "%s", text);
    if (uname(&name) == 0)
        findings_add(findings, CLEAVE_FINDING_FACT, "machine", "%.60s", name.machine);
    findings_add(findings, CLEAVE_FINDING_FACT, "threads", "%d, of %ld processors online",
                 thread_available_processors(), online);
    if (quota < INT_MAX)
        findings_add(findings, CLEAVE_FINDING_FACT, "container",
                     "allows the time of %d processors (cgroup)", quota);
}
