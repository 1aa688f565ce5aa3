/* modules.c: the choice of a GPU's kernels, and unpacking them. */
#include "backend/cuda/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* what it reads is const */
#include <zlib.h>

#define OLDEST_DRIVER   12000 /* CUDA 12.0: the first of which all drivers take images of CUDA 12 */
#define IMAGE_BYTES_MAX ((size_t)1 << 30)
#define BEGINNING_BYTES                                                                       \
    4096                  /* in which the version of PTX stands: behind some lines of comment \
                           */
#define ELF_ABI_BYTE    7 /* EI_OSABI: which of NVIDIA's two forms machine code has */
#define ELF_ABI_CUDA_13 65
#define BLACKWELL       100 /* the first whose images have the new form from CUDA 12 on */
#define CUDA_13         13000

/* ---- The choice ---- */

static bool runs_as_it_is(const CudaImage *image, int capability) {
    return !image->ptx && image->capability / 10 == capability / 10 &&
           image->capability <= capability;
}

static bool can_be_compiled(const CudaImage *image, int capability) {
    return image->ptx && image->capability <= capability;
}

/* The fitting image for the highest capability. */
static const CudaImage *best_image(int capability,
                                   bool (*fits)(const CudaImage *image, int capability)) {
    const CudaImage *best = NULL;
    for (int i = 0; i < cuda_image_count; i++)
        if (fits(&cuda_images[i], capability) &&
            (!best || best->capability < cuda_images[i].capability))
            best = &cuda_images[i];
    return best;
}

const CudaImage *cuda_image_ptx_for(int capability) {
    return best_image(capability, can_be_compiled);
}

const CudaImage *cuda_image_for(int capability) {
    const CudaImage *image = best_image(capability, runs_as_it_is);
    return image ? image : cuda_image_ptx_for(capability);
}

/* ---- Unpacking ---- */

void *cuda_image_unpack(const CudaImage *image) {
    uLongf bytes = (uLongf)image->bytes;
    uLong packed_bytes = (uLong)image->packed_bytes;
    if (image->bytes == 0 || image->bytes > IMAGE_BYTES_MAX)
        return NULL;
    unsigned char *unpacked = malloc(image->bytes + 1);
    if (!unpacked)
        return NULL;
    if (uncompress2(unpacked, &bytes, image->packed, &packed_bytes) != Z_OK ||
        bytes != image->bytes || packed_bytes != image->packed_bytes) {
        free(unpacked);
        return NULL;
    }
    unpacked[bytes] = '\0';
    return unpacked;
}

/* The first `size` bytes at most, of which it returns the number. */
static size_t unpack_beginning(const CudaImage *image, unsigned char *beginning, size_t size) {
    z_stream stream = {.next_in = image->packed,
                       .avail_in = (uInt)image->packed_bytes,
                       .next_out = beginning,
                       .avail_out = (uInt)size};
    if (image->packed_bytes > IMAGE_BYTES_MAX || inflateInit(&stream) != Z_OK)
        return 0;
    inflate(&stream, Z_SYNC_FLUSH);
    inflateEnd(&stream);
    return size - stream.avail_out;
}

/* ---- What drivers take ---- */

/* Versions of PTX came with versions of CUDA: 8.0 with 12.0, but 8.6 with 12.7, and 9.0 with 13.0.
 */
static int cuda_of_ptx(int major, int minor) {
    int skipped = major == 8 && minor >= 6;
    return (major + 4) * 1000 + (minor + skipped) * 10;
}

/* 0: its version is not known. */
static int ptx_driver(const char *text) {
    int major = 0;
    int minor = 0;
    const char *line = strstr(text, ".version ");
    bool known = line && sscanf(line, ".version %2d.%2d", &major, &minor) == 2;
    return known ? cuda_of_ptx(major, minor) : 0;
}

/* Of CUDA 13, machine code has a form that older drivers do not know. */
static int cubin_driver(const CudaImage *image, const unsigned char *beginning, size_t size) {
    bool new = size > ELF_ABI_BYTE &&beginning[ELF_ABI_BYTE] == ELF_ABI_CUDA_13;
    return new && image->capability < BLACKWELL ? CUDA_13 : 0;
}

int cuda_image_driver(const CudaImage *image) {
    unsigned char beginning[BEGINNING_BYTES + 1];
    size_t size = unpack_beginning(image, beginning, BEGINNING_BYTES);
    beginning[size] = '\0';
    int version =
        image->ptx ? ptx_driver((const char *)beginning) : cubin_driver(image, beginning, size);
    return version > OLDEST_DRIVER ? version : OLDEST_DRIVER;
}

/* ---- Words ---- */

const char *cuda_image_list(char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < cuda_image_count && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s_%d%s", i > 0 ? ", " : "",
                                   cuda_images[i].ptx ? "compute" : "sm", cuda_images[i].capability,
                                   cuda_images[i].ptx ? " (PTX)" : "");
    return text;
}
