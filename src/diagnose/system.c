/* system.c: the operating system. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "diagnose/findings.h"

#ifdef __APPLE__
static void find_release(Findings *findings) {
    char version[64] = "";
    size_t size = sizeof(version);
    if (sysctlbyname("kern.osproductversion", version, &size, NULL, 0) == 0)
        findings_add(findings, CLEAVE_FINDING_FACT, "release", "macOS %.60s", version);
}
#else
/* What stands in quotes behind PRETTY_NAME=. */
static void find_release(Findings *findings) {
    static const char key[] = "PRETTY_NAME=";
    char line[256];
    FILE *file = fopen("/etc/os-release", "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, sizeof(key) - 1) != 0)
            continue;
        const char *name = line + sizeof(key) - 1;
        name += strspn(name, "\"'");
        findings_add(findings, CLEAVE_FINDING_FACT, "release", "%.*s", (int)strcspn(name, "\"'\n"),
                     name);
        break;
    }
    if (file)
        fclose(file);
}
#endif

void find_system(Findings *findings) {
    struct utsname name;
    if (uname(&name) == 0)
        findings_add(findings, CLEAVE_FINDING_FACT, "system", "%.60s %.60s, %.30s", name.sysname,
                     name.release, name.machine);
    find_release(findings);
}
