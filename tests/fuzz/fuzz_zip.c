/* fuzz_zip.c: the ZIP of torch.save, and the pickle in it. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_checkpoint(data, size, FORM_ZIP);
}
