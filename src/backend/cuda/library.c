/* library.c: the libraries of NVIDIA's driver, by dlopen(). */
#include "backend/cuda/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* Where the loader does not look by itself. */
static const char *const folders[] = {"/usr/lib/wsl/lib", "/run/opengl-driver/lib"};

static void *open_in(const char *folder, const char *name) {
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof(path) || access(path, F_OK) != 0)
        return NULL;
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* What the loader says of a file that is there; of one that it does not find, nothing. */
static void explain(const char *name, const char *said, char *reason, size_t size) {
    bool absent = text_begins_with(said, name) && text_ends_with(said, strerror(ENOENT));
    snprintf(reason, size, "%s", absent ? "" : said);
}

void *library_open(const char *name, char *reason, size_t size) {
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    const char *said = library ? "" : dlerror();
    explain(name, said ? said : "no reason given", reason, size);
    for (size_t i = 0; !library && i < sizeof(folders) / sizeof(folders[0]); i++)
        library = open_in(folders[i], name);
    return library;
}

const char *library_find(void *library, const LibraryCall *calls, size_t count, void *table) {
    for (size_t i = 0; i < count; i++) {
        void *address = dlsym(library, calls[i].name);
        if (!address)
            return calls[i].name;
        /* ISO C does not cast to function pointers. */
        memcpy((char *)table + calls[i].offset, &address, sizeof(address));
    }
    return NULL;
}
