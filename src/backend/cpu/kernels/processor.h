/* processor.h: what the processor can do, by name: the one list that the choice of kernels
 * (kernels.c) and people read. */
#ifndef CLEAVE_CPU_PROCESSOR_H
#define CLEAVE_CPU_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>

/* The instruction sets of this architecture that kernels use, or might use. */
typedef struct ProcessorFeature {
    const char *name; /* static; NULL ends the list */
    bool present;
} ProcessorFeature;

#define PROCESSOR_FEATURES_MAX 24

/* Fills the list and its end. */
void processor_features(ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1]);

/* Writes those of the blank-separated `needed` that are not present, with blanks between: "" if
 * none is missing. */
void processor_lacks(const char *needed, char *text, size_t size);

#endif
