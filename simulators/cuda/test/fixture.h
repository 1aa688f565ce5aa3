/* fixture.h: what most tests begin with: a device, its context made current, a module, and data on
 * the device. Every call is checked. */
#ifndef CUDASIM_FIXTURE_H
#define CUDASIM_FIXTURE_H

#include <stdbool.h>

#include "abi.h"
#include "check.h"
#include "kernels.h"

typedef struct Fixture {
    CUcontext context;
    CUmodule module;
    CUfunction add;
    CUfunction scale;
    CUfunction move;
    CUstream stream;
} Fixture;

/* Context and stream only. */
Fixture fixture_open_bare(int device);

Fixture fixture_open(void);

/* Leaves nothing behind. */
void fixture_close(Fixture *f);

CUfunction fixture_function(const Fixture *f, const char *name);
CUstream new_stream(void);
CUevent new_event(void);
CUdeviceptr new_memory(size_t bytes);

/* Pinned memory of floats, all of them `value`. */
float *new_pinned(size_t count, float value);

/* In device memory: adds to, multiplies, copies 32-bit words. */
CUresult add(const Fixture *f, CUdeviceptr to, int count, float value, CUstream stream);
CUresult scale(const Fixture *f, CUdeviceptr to, int count, float value, CUstream stream);
CUresult move(const Fixture *f, CUdeviceptr to, CUdeviceptr from, int count, CUstream stream);

/* One number from pinned memory to the device, and back. */
void put(CUdeviceptr to, const float *pinned, CUstream stream);
void get(float *pinned, CUdeviceptr from, CUstream stream);

/* event recorded in `first`, for which `second` waits. */
void order(CUstream first, CUstream second);

#endif
