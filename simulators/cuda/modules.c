/* modules.c: loading modules, and finding the emulated twins of their functions. */
#include "modules.h"

#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "strict.h"
#include "work.h"

#define SHARED_DEFAULT (48 * 1024)

static SimFunction *unloaded; /* kept, since graphs may hold them */

const EmuKernel *sim_kernel_of(const SimFunction *function) {
    return function->kernel;
}

size_t sim_argument_bytes(const SimFunction *function) {
    return function->kernel->argument_bytes;
}

void sim_check_loaded(const SimFunction *function) {
    if (function && function->unloaded)
        sim_abort("a graph launches kernel %s, whose module is unloaded", function->kernel->name);
}

/* ---- Modules ---- */

static bool launches(const SimWork *work, const void *function) {
    return work->kind == SIM_LAUNCH && work->function == function;
}

static void unload(SimObject *object) {
    SimModule *module = (SimModule *)object;
    for (SimFunction *function = module->functions, *next = NULL; function; function = next) {
        next = function->next;
        if (sim_work_any(launches, function))
            sim_abort("a module is unloaded while its kernel %s is in flight",
                      function->kernel->name);
        sim_object_remove(&function->object);
        function->unloaded = true;
        function->next = unloaded;
        unloaded = function;
    }
    sim_object_remove(object);
    sim_image_free(&module->image);
    free(module);
}

static CUresult load(SimContext *context, CUmodule *module, const void *image) {
    SimModule *loaded = sim_allocate(sizeof(*loaded));
    CUresult status = sim_image_read(image, sim_device_of(context)->capability,
                                     sim_settings()->driver, &loaded->image);
    if (status != CUDA_SUCCESS) {
        free(loaded);
        return status;
    }
    sim_object_add(&loaded->object, SIM_MODULE, context, unload);
    *module = (CUmodule)loaded->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuModuleLoadData, &status);
    return context ? sim_end(load(context, module, image)) : status;
}

CUresult cuModuleUnload(CUmodule module) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuModuleUnload, &status);
    if (!context)
        return status;
    unload(sim_object_find(module, SIM_MODULE, context));
    return sim_end(CUDA_SUCCESS);
}

/* ---- Functions ---- */

/* Whether what the image says of a kernel is what its twin is. */
static void check_twin(const SimImageFunction *found, const EmuKernel *twin, int capability) {
    if (twin->capability > capability)
        sim_abort("kernel %s is in an image for compute capability %d.%d, but needs %d.%d",
                  twin->name, capability / 10, capability % 10, twin->capability / 10,
                  twin->capability % 10);
    if (found->argument_bytes >= 0 && (size_t)found->argument_bytes != twin->argument_bytes)
        sim_abort("kernel %s takes %d bytes of arguments in the image, and %zu in the host's code",
                  twin->name, found->argument_bytes, twin->argument_bytes);
    if (found->threads > 0 && found->threads < twin->threads)
        sim_abort("kernel %s takes %d threads at most in the image, and %d in the host's code",
                  twin->name, found->threads, twin->threads);
}

static SimFunction *find_asked(const SimModule *module, const char *name) {
    SimFunction *function = module->functions;
    while (function && strcmp(function->kernel->name, name) != 0)
        function = function->next;
    return function;
}

static CUresult get_function(SimContext *context, CUfunction *function, CUmodule handle,
                             const char *name) {
    SimModule *module = sim_object_find(handle, SIM_MODULE, context);
    const SimImageFunction *found = sim_image_find(&module->image, name);
    SimFunction *asked = find_asked(module, name);
    if (!found)
        return CUDA_ERROR_NOT_FOUND;
    if (!asked) {
        const EmuKernel *twin = emu_find(name);
        if (!twin)
            sim_abort("kernel %s is in the image, but is not emulated", name);
        check_twin(found, twin, module->image.capability);
        asked = sim_allocate(sizeof(*asked));
        asked->kernel = twin;
        asked->registers = found->registers;
        asked->shared_max = SHARED_DEFAULT;
        asked->next = module->functions;
        module->functions = asked;
        sim_object_add(&asked->object, SIM_FUNCTION, context, NULL);
    }
    *function = (CUfunction)asked->object.handle;
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuModuleGetFunction, &status);
    return context ? sim_end(get_function(context, function, module, name)) : status;
}

static CUresult set_attribute(SimContext *context, CUfunction handle, int attribute, int value) {
    SimFunction *function = sim_object_find(handle, SIM_FUNCTION, context);
    if (attribute != CU_FUNCTION_MAX_DYNAMIC_SHARED)
        sim_abort("attribute %d of functions is not simulated", attribute);
    if (value < 0 || value > sim_shared_opt_in(sim_device_of(context)->capability))
        return CUDA_ERROR_INVALID_VALUE;
    function->shared_max = value;
    sim_counts()->shared_attributes++;
    return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
    CUresult status;
    SimContext *context = sim_enter(CALL_cuFuncSetAttribute, &status);
    return context ? sim_end(set_attribute(context, function, attribute, value)) : status;
}
