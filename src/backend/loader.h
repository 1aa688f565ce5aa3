/* loader.h: backends in shared objects of their own, so that a program does not depend on the
 * libraries of devices that it may never meet. */
#ifndef CLEAVE_BACKEND_LOADER_H
#define CLEAVE_BACKEND_LOADER_H

#include "backend/backend.h"

/* Loads libcleave-KIND.so (macOS: .dylib) from the folder that the environment variable
 * CLEAVE_BACKENDS names, or else from beside this library or program, or from the library folder of
 * the same installation. It stays loaded. NULL, and why in `reason`, where there is none that this
 * version of cleave can use. */
const Backend *loader_load(cleave_device_kind kind, char *reason, size_t size);

/* The absolute path of the library, or of the program that it is a part of, in PATH_MAX bytes;
 * false if it cannot be told. */
bool loader_own_path(char *path);

#endif
