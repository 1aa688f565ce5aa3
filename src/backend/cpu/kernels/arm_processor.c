/* arm_processor.c: see arm_processor.h. The features are what the operating system says. */
#include "backend/cpu/kernels/arm_processor.h"

#include <stddef.h>
#include <stdlib.h>

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

/* Processors of servers, small boards and laptops that run Linux. */
static const struct {
    unsigned implementer;
    unsigned part;
    const char *name;
} names[] = {
    {0x41, 0xd03, "Arm Cortex-A53"},  {0x41, 0xd04, "Arm Cortex-A35"},
    {0x41, 0xd05, "Arm Cortex-A55"},  {0x41, 0xd07, "Arm Cortex-A57"},
    {0x41, 0xd08, "Arm Cortex-A72"},  {0x41, 0xd09, "Arm Cortex-A73"},
    {0x41, 0xd0a, "Arm Cortex-A75"},  {0x41, 0xd0b, "Arm Cortex-A76"},
    {0x41, 0xd0c, "Arm Neoverse N1"}, {0x41, 0xd0d, "Arm Cortex-A77"},
    {0x41, 0xd40, "Arm Neoverse V1"}, {0x41, 0xd41, "Arm Cortex-A78"},
    {0x41, 0xd44, "Arm Cortex-X1"},   {0x41, 0xd49, "Arm Neoverse N2"},
    {0x41, 0xd4f, "Arm Neoverse V2"}, {0x46, 0x001, "Fujitsu A64FX"},
    {0x61, 0x022, "Apple M1"},        {0x61, 0x023, "Apple M1"},
    {0xc0, 0xac3, "Ampere-1"},
};

const char *arm_processor_name(const char *implementer, const char *part) {
    unsigned long implementer_number = strtoul(implementer, NULL, 0);
    unsigned long part_number = strtoul(part, NULL, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].implementer == implementer_number && names[i].part == part_number)
            return names[i].name;
    return NULL;
}
