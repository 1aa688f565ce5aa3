/* processor.c: asking the processor, or on ARM the system, for each feature once. */
#include "backend/cpu/kernels/processor.h"

#include <stdio.h>
#include <string.h>

#include "base/platform.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* A bit of CPUID's EDX, for features that the compiler has no name for. */
static bool has_edx(unsigned leaf, unsigned subleaf, int bit) {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid_count(leaf, subleaf, &a, &b, &c, &d) && (d >> bit & 1U) != 0;
}

static bool has_f16c(void) {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}

void processor_features(ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1]) {
    const ProcessorFeature known[] = {{"sse4.2", __builtin_cpu_supports("sse4.2") != 0},
                                      {"avx", __builtin_cpu_supports("avx") != 0},
                                      {"avx2", __builtin_cpu_supports("avx2") != 0},
                                      {"fma", __builtin_cpu_supports("fma") != 0},
                                      {"f16c", has_f16c()},
                                      {"avx512f", __builtin_cpu_supports("avx512f") != 0},
                                      {"avx512dq", __builtin_cpu_supports("avx512dq") != 0},
                                      {"avx512vl", __builtin_cpu_supports("avx512vl") != 0},
                                      {"avx512bw", __builtin_cpu_supports("avx512bw") != 0},
                                      {"avx512vnni", __builtin_cpu_supports("avx512vnni") != 0},
                                      {"avx512bf16", __builtin_cpu_supports("avx512bf16") != 0},
                                      {"avx512fp16", has_edx(7, 0, 23)},
                                      {"amx-tile", has_edx(7, 0, 24)},
                                      {"amx-bf16", has_edx(7, 0, 22)},
                                      {"amx-permission", platform_may_use_tiles()},
                                      {NULL, false}};
    memcpy(features, known, sizeof(known));
}
#elif defined(__aarch64__)
void processor_features(ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1]) {
    const ArmFeatures arm = platform_arm_features();
    const ProcessorFeature known[] = {
        {"neon", true}, {"fp16", arm.fp16}, {"fhm", arm.fhm}, {"bf16", arm.bf16}, {NULL, false}};
    memcpy(features, known, sizeof(known));
}
#else
void processor_features(ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1]) {
    features[0] = (ProcessorFeature){NULL, false};
}
#endif

static bool is_present(const ProcessorFeature *features, const char *name, size_t length) {
    for (; features->name; features++)
        if (strlen(features->name) == length && memcmp(features->name, name, length) == 0)
            return features->present;
    return false;
}

void processor_lacks(const char *needed, char *text, size_t size) {
    ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1];
    size_t used = 0;
    processor_features(features);
    text[0] = '\0';
    while (*needed != '\0') {
        size_t length = strcspn(needed, " ");
        if (!is_present(features, needed, length) && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%.*s", used > 0 ? " " : "",
                                     (int)length, needed);
        needed += length;
        needed += *needed == ' ';
    }
}
