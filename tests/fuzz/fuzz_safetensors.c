/* fuzz_safetensors.c: safetensors, and the configuration in its header. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_checkpoint(data, size, FORM_SAFETENSORS);
}
