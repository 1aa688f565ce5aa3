/* system.c: see system.h. */
#include "base/system.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef __APPLE__
#include "base/macos.h"
#endif

/* The value of PRETTY_NAME="…" in os-release(5); "" where there is none. */
static void read_distribution(char *name, size_t size) {
    static const char key[] = "PRETTY_NAME=";
    char line[256];
    FILE *file = fopen("/etc/os-release", "re");
    name[0] = '\0';
    while (file && name[0] == '\0' && fgets(line, sizeof(line), file)) {
        const char *value = line + sizeof(key) - 1;
        if (strncmp(line, key, sizeof(key) - 1) != 0)
            continue;
        value += strspn(value, "\"'");
        snprintf(name, size, "%.*s", (int)strcspn(value, "\"'\n"), value);
    }
    if (file)
        fclose(file);
}

void system_name(char *name, size_t size) {
    struct utsname kernel;
    char distribution[64];
#ifdef __APPLE__
    if (macos_version(name, size))
        return;
#endif
    name[0] = '\0';
    if (uname(&kernel) != 0)
        return;
    read_distribution(distribution, sizeof(distribution));
    if (distribution[0])
        snprintf(name, size, "%.20s %.40s (%.60s)", kernel.sysname, kernel.release, distribution);
    else
        snprintf(name, size, "%.20s %.60s", kernel.sysname, kernel.release);
}

bool system_program_path(char *path, size_t size) {
#ifdef __APPLE__
    return macos_program_path(path, size);
#else
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length > 0)
        path[length] = '\0';
    return length > 0 && path[0] == '/';
#endif
}
