/* arm_features.h: which of 64-bit ARM's optional half-precision instructions this processor has,
 * and the operating system lets programs use. NEON in 32-bit floats needs no question: it is part
 * of the architecture. On other processors the answer is no. */
#ifndef CLEAVE_CPU_ARM_FEATURES_H
#define CLEAVE_CPU_ARM_FEATURES_H

#include <stdbool.h>

typedef struct ArmFeatures {
    bool fp16; /* FEAT_FP16: arithmetic in f16 vectors (FMLA .8h), rounded to f16 at every step */
    bool fhm;  /* FEAT_FHM: FMLAL, f16 × f16 exactly, added to f32 and rounded once */
    bool bf16; /* FEAT_BF16: BFDOT and BFMMLA, sums of products of bf16 in f32; BFCVT */
} ArmFeatures;

ArmFeatures arm_features(void);

#endif
