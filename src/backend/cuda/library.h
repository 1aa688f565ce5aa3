/* library.h: the libraries that come with NVIDIA's driver: libcuda.so.1 and libnvidia-ml.so.1. */
#ifndef CLEAVE_BACKEND_CUDA_LIBRARY_H
#define CLEAVE_BACKEND_CUDA_LIBRARY_H

#include <stddef.h>

/* One of their calls, and where its address goes within a struct of function pointers. */
typedef struct LibraryCall {
    const char *name;
    size_t offset;
} LibraryCall;

/* Loads a library, from where the system finds libraries or else from where the drivers of WSL and
 * NixOS lie. It stays loaded. NULL: `reason` becomes the loader's, or "" if there is no such
 * library. */
void *library_open(const char *name, char *reason, size_t size);

/* Writes the addresses of all calls into the struct `table`. NULL, or the name of the first that
 * the library lacks. */
const char *library_find(void *library, const LibraryCall *calls, size_t count, void *table);

#endif
