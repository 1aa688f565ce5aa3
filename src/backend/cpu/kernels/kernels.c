/* kernels.c: the tables of kernels, and which of them this processor can run. */
#include "backend/cpu/kernels/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels/processor.h"

const Kernels *const kernels_known[] = {
    &kernels_reference,
#if defined(__x86_64__)
    &kernels_avx2,
    &kernels_avx512,
    &kernels_avx512bf16,
    &kernels_amx,
#elif defined(__aarch64__)
    &kernels_neon,
    &kernels_neonfp16,
    &kernels_neonbf16,
#endif
    NULL,
};

#define KNOWN (sizeof(kernels_known) / sizeof(kernels_known[0]))

static const Kernels *available[KNOWN];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_available(void) {
    char lacking[8]; /* one character says enough */
    size_t count = 0;
    for (const Kernels *const *table = kernels_known; *table; table++) {
        processor_lacks((*table)->needs, lacking, sizeof(lacking));
        if (lacking[0] == '\0')
            available[count++] = *table;
    }
}

const Kernels *const *kernels_available(void) {
    pthread_once(&once, find_available);
    return available;
}

const Kernels *kernels_select(void) {
    const Kernels *const *table = kernels_available();
    const char *wanted = getenv("CLEAVE_KERNELS");
    const Kernels *best = table[0];
    for (; *table; table++) {
        best = *table;
        if (wanted && strcmp(wanted, best->name) == 0)
            break;
    }
    return best;
}
