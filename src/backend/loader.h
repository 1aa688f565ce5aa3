/* loader.h: loads backends from shared objects, so that a program does not depend on the libraries
 * of devices that most machines lack. */
#ifndef CLEAVE_BACKEND_LOADER_H
#define CLEAVE_BACKEND_LOADER_H

#include "backend/backend.h"

/* Loads libcleave-KIND.so (macOS: .dylib) from the folder that the environment variable
 * CLEAVE_BACKENDS names; without it, from beside this library or program, or from the library
 * folder of the same installation. It stays loaded. NULL, with the reason: none that this version
 * of cleave can use. */
const Backend *loader_load(cleave_device_kind kind, char *reason, size_t size);

/* The absolute path of the library, or of the program that it is linked into, in PATH_MAX bytes;
 * false if that is not known. */
bool loader_own_path(char *path);

#endif
