/* fuzz_yaml.c: a model's configuration, and what follows from one that is accepted. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_config((const char *)data, size);
    return 0;
}
