/* probed_backend.c: the cuda backend as far as asking for GPUs goes, with the table of kernels that
 * a release has, in name only. It computes nothing. */
#include "backend/backend.h"
#include "backend/cuda/device.h"
#include "backend/cuda/modules.h"

/* The beginning of ".version 8.8", packed by zlib without being compressed: length, and the length
 * inverted. It is text of CUDA 12.9. */
#define PTX_VERSION  "\x78\x01\x01\x0d\x00\xf2\xff.version 8.8\n"
#define PACKED(text) .packed_bytes = sizeof(text) - 1, .packed = (const unsigned char *)(text)

const CudaImage cuda_images[] = {
    {.capability = 75},  {.capability = 80},
    {.capability = 86},  {.capability = 89},
    {.capability = 90},  {.capability = 100},
    {.capability = 120}, {.capability = 80, .ptx = true, PACKED(PTX_VERSION)}};
const int cuda_image_count = sizeof(cuda_images) / sizeof(cuda_images[0]);

static cleave_status refuse(cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_DEVICE, "this backend of a test computes nothing");
}

static cleave_status memory(const Graph *graph, const CompileOptions *options,
                            ExecutableMemory *needed, cleave_error *error) {
    (void)graph, (void)options, (void)needed;
    return refuse(error);
}

static cleave_status compile(Executable **executable, const Graph *graph,
                             const CompileOptions *options, cleave_error *error) {
    (void)executable, (void)graph, (void)options;
    return refuse(error);
}

BackendEntry cleave_backend_entry;

__attribute__((visibility("default"))) const Backend *cleave_backend_entry(void) {
    static const Backend backend = {.abi = BACKEND_ABI,
                                    .version = CLEAVE_VERSION,
                                    .kind = CLEAVE_DEVICE_CUDA,
                                    .alignment = sizeof(float),
                                    .count = cuda_count,
                                    .describe = cuda_describe,
                                    .describe_capabilities = cuda_describe_capabilities,
                                    .read_memory = cuda_read_memory,
                                    .supports = cuda_supports,
                                    .memory = memory,
                                    .compile = compile};
    return &backend;
}
