/* arm_processor.h: what a 64-bit ARM processor is called, and what it can do beyond the NEON of
 * 32-bit floats, which is part of the architecture. */
#ifndef CLEAVE_CPU_ARM_PROCESSOR_H
#define CLEAVE_CPU_ARM_PROCESSOR_H

#include <stdbool.h>

typedef struct ArmFeatures {
    bool fp16; /* FEAT_FP16: arithmetic in f16 vectors, rounded to f16 at every step */
    bool fhm;  /* FEAT_FHM: FMLAL, f16 × f16 + f32, rounded once, to f32 */
    bool bf16; /* FEAT_BF16: BFDOT and BFMMLA, bf16 × bf16 + bf16 × bf16 + f32, and BFCVT */
} ArmFeatures;

/* Those that this processor has and the operating system lets programs use; on other processors
 * none. */
ArmFeatures arm_features(void);

/* The name behind the numbers that /proc/cpuinfo has for "CPU implementer" and "CPU part", such as
 * "0x41" and "0xd0c"; NULL if they are not known. */
const char *arm_processor_name(const char *implementer, const char *part);

#endif
