/* fuzz_stream.c: the old stream of torch.save: pickles and storages. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_checkpoint(data, size, FORM_STREAM);
}
