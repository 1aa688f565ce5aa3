/* arm_features.c: asks the operating system about the processor. */
#include "backend/cpu/kernels/arm_features.h"

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#if defined(__aarch64__) && defined(__linux__)

ArmFeatures arm_features(void) {
    unsigned long bits = getauxval(AT_HWCAP);
    unsigned long more_bits = getauxval(AT_HWCAP2);
    return (ArmFeatures){.fp16 = (bits & HWCAP_ASIMDHP) != 0,
                         .fhm = (bits & HWCAP_ASIMDFHM) != 0,
                         .bf16 = (more_bits & HWCAP2_BF16) != 0};
}

#elif defined(__aarch64__) && defined(__APPLE__)

/* A name that the system does not know is a feature that it does not offer. */
static bool has(const char *name) {
    int value = 0;
    size_t size = sizeof(value);
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}

ArmFeatures arm_features(void) {
    return (ArmFeatures){.fp16 = has("hw.optional.arm.FEAT_FP16"),
                         .fhm = has("hw.optional.arm.FEAT_FHM"),
                         .bf16 = has("hw.optional.arm.FEAT_BF16")};
}

#else

ArmFeatures arm_features(void) {
    return (ArmFeatures){.fp16 = false};
}

#endif
