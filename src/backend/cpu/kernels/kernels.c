/* kernels.c: which kernel tables this processor can run. */
#include "backend/cpu/kernels/kernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/platform.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Half floats: of another year than AVX2, though every processor with the one has the other. */
static bool cpu_has_f16c(void) {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static bool cpu_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpu_has_f16c();
}

static bool cpu_has_avx512(void) {
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw");
}

static bool cpu_has_avx512bf16(void) {
    return cpu_has_avx512() && __builtin_cpu_supports("avx512bf16");
}

static bool cpu_has_amx(void) {
    enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24 };
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return cpu_has_avx512bf16() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & AMX_BF16) &&
           (d & AMX_TILE) && platform_may_use_tiles();
}
#elif defined(__aarch64__)
static bool cpu_has_neonfp16(const ArmFeatures *features) {
    return features->fp16 && features->fhm;
}

/* No known processor has products of bf16 without those of f16. */
static bool cpu_has_neonbf16(const ArmFeatures *features) {
    return cpu_has_neonfp16(features) && features->bf16;
}
#endif

#define TABLES_MAX 5

static const Kernels *available[TABLES_MAX + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void detect(void) {
    int count = 0;
    available[count++] = &kernels_reference;
#if defined(__x86_64__)
    if (cpu_has_avx2())
        available[count++] = &kernels_avx2;
    if (cpu_has_avx512())
        available[count++] = &kernels_avx512;
    if (cpu_has_avx512bf16())
        available[count++] = &kernels_avx512bf16;
    if (cpu_has_amx())
        available[count++] = &kernels_amx;
#elif defined(__aarch64__)
    ArmFeatures features = platform_arm_features();
    available[count++] = &kernels_neon; /* part of the architecture */
    if (cpu_has_neonfp16(&features))
        available[count++] = &kernels_neonfp16;
    if (cpu_has_neonbf16(&features))
        available[count++] = &kernels_neonbf16;
#endif
    available[count] = NULL;
}

const Kernels *const *kernels_available(void) {
    pthread_once(&once, detect);
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
