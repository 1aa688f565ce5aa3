/* image.c: images of modules. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "strict.h"

SimImageFunction *sim_image_add(SimImage *image, const char *name, size_t length) {
    image->functions = sim_grow(image->functions, image->count, sizeof(*image->functions));
    SimImageFunction *function = &image->functions[image->count++];
    *function = (SimImageFunction){.name = sim_allocate(length + 1), .argument_bytes = -1};
    memcpy(function->name, name, length);
    return function;
}

void sim_image_free(SimImage *image) {
    for (size_t i = 0; i < image->count; i++)
        free(image->functions[i].name);
    free(image->functions);
    *image = (SimImage){0};
}

const SimImageFunction *sim_image_find(const SimImage *image, const char *name) {
    for (size_t i = 0; i < image->count; i++)
        if (strcmp(image->functions[i].name, name) == 0)
            return &image->functions[i];
    return NULL;
}

CUresult sim_image_read(const void *data, int capability, int driver, SimImage *image) {
    *image = (SimImage){0};
    if (!data)
        return CUDA_ERROR_INVALID_VALUE;
    bool is_elf = strncmp(data, "\177ELF", 4) == 0;
    CUresult status = is_elf ? sim_cubin_read(data, capability, driver, image)
                             : sim_ptx_read(data, capability, driver, image);
    if (status != CUDA_SUCCESS)
        sim_image_free(image);
    return status;
}
