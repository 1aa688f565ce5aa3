/* loader.c: a defective file must do no harm but that its devices are absent. A good
 * file's code runs, so only folders of the installation, or that the user names, are searched. */
#include "backend/loader.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/platform.h"
#include "base/utf8.h"

#ifndef CLEAVE_LIBRARY_FOLDER
#define CLEAVE_LIBRARY_FOLDER "lib"
#endif

/* ---- Where ---- */

/* For a program, dladdr() may give only the word by which it was started, which is not a path. */
bool loader_own_path(char *path) {
    Dl_info object = {0};
    if (dladdr((const void *)loader_load, &object) == 0 || !object.dli_fname)
        return false;
    if (object.dli_fname[0] == '/')
        return snprintf(path, PATH_MAX, "%s", object.dli_fname) < PATH_MAX;
    return platform_program_path(path, PATH_MAX);
}

/* Tries FOLDER/BELOW/libcleave-KIND.so; false if there is no such file. */
static bool find_in(const char *folder, const char *below, const char *kind, char *path) {
    int length = snprintf(path, PATH_MAX, "%s/%slibcleave-%s.%s", folder, below, kind,
                          platform_object_extension);
    return length > 0 && length < PATH_MAX && access(path, F_OK) == 0;
}

static bool find_object(const char *kind, char *path) {
    char own[PATH_MAX];
    const char *wanted = getenv("CLEAVE_BACKENDS");
    if (wanted && wanted[0])
        return find_in(wanted, "", kind, path);
    if (!loader_own_path(own))
        return false;
    *strrchr(own, '/') = '\0';
    return find_in(own, "", kind, path) ||
           find_in(own, "../" CLEAVE_LIBRARY_FOLDER "/", kind, path);
}

/* ---- Whether it is whole ---- */

static bool is_whole(const char *path) {
    struct stat info;
    FILE *file = fopen(path, "re");
    bool whole = file && fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode) &&
                 platform_holds_segments(file, (int64_t)info.st_size);
    if (file)
        fclose(file);
    return whole;
}

/* ---- What ---- */

static bool is_complete(const Backend *backend) {
    return backend->count && backend->describe && backend->describe_capabilities &&
           backend->read_memory && backend->supports && backend->memory && backend->compile;
}

/* Why a backend cannot be used; NULL if it can. The version comes first: nothing else of another
 * version may be read. */
static const char *loader_fault(const Backend *backend, cleave_device_kind kind) {
    if (!backend)
        return "it offers no backend on this system";
    if (backend->abi != BACKEND_ABI || strcmp(backend->version, cleave_version()) != 0)
        return "it belongs to another version of cleave";
    if (backend->kind != kind)
        return "it holds a backend for devices of another kind";
    return is_complete(backend) ? NULL : "its backend is not complete";
}

__attribute__((format(printf, 3, 4))) static void loader_explain(char *reason, size_t size,
                                                                 const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    utf8_show_format(reason, size, format, arguments);
    va_end(arguments);
}

const Backend *loader_load(cleave_device_kind kind, char *reason, size_t size) {
    char path[PATH_MAX];
    const char *word = cleave_device_kind_name(kind);
    if (!find_object(word, path)) {
        loader_explain(reason, size, "this installation has no %s backend (libcleave-%s.%s)", word,
                       word, platform_object_extension);
        return NULL;
    }
    if (!is_whole(path)) {
        loader_explain(reason, size, "its backend cannot be loaded: %s is not whole", path);
        return NULL;
    }
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        loader_explain(reason, size, "its backend cannot be loaded: %s", dlerror());
        return NULL;
    }
    BackendEntry *entry = NULL;
    void *symbol = dlsym(object, BACKEND_ENTRY);
    memcpy(&entry, &symbol, sizeof(entry)); /* ISO C does not cast to function pointers */
    if (!entry) {
        loader_explain(reason, size, "%s is no backend of cleave: it has no " BACKEND_ENTRY, path);
        dlclose(object);
        return NULL;
    }
    const Backend *backend = entry();
    const char *fault = loader_fault(backend, kind);
    if (!fault)
        return backend;
    loader_explain(reason, size, "%s cannot be used: %s", path, fault);
    dlclose(object);
    return NULL;
}
