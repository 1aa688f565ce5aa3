/* macos.c: see macos.h. Not compiled or tried so far: no such machine was at hand. */
#include "base/macos.h"

#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <stdio.h>
#include <sys/sysctl.h>

bool macos_processor_name(char *name, size_t size) {
    return sysctlbyname("machdep.cpu.brand_string", name, &size, NULL, 0) == 0;
}

bool macos_version(char *version, size_t size) {
    char number[32];
    size_t length = sizeof(number);
    if (sysctlbyname("kern.osproductversion", number, &length, NULL, 0) != 0)
        return false;
    snprintf(version, size, "macOS %s", number);
    return true;
}

int64_t macos_free_memory(void) {
    vm_statistics64_data_t statistics = {0};
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
    vm_size_t page = 0;
    if (host_page_size(mach_host_self(), &page) != KERN_SUCCESS ||
        host_statistics64(mach_host_self(), HOST_VM_INFO64, (host_info64_t)&statistics, &count) !=
            KERN_SUCCESS)
        return INT64_MAX;
    return ((int64_t)statistics.free_count + (int64_t)statistics.inactive_count +
            (int64_t)statistics.purgeable_count) *
           (int64_t)page;
}

bool macos_program_path(char *path, size_t size) {
    uint32_t room = (uint32_t)size;
    return _NSGetExecutablePath(path, &room) == 0 && path[0] == '/';
}
