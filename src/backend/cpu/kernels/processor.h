/* processor.h: what the processor can do, by name, and what a table of kernels would need of it:
 * for people to read. The choice itself is kernels/kernels.c's. */
#ifndef CLEAVE_CPU_PROCESSOR_H
#define CLEAVE_CPU_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>

/* The instruction sets that kernels use, or might, of this architecture. */
typedef struct ProcessorFeature {
    const char *name; /* static; NULL ends the list */
    bool present;
} ProcessorFeature;

#define PROCESSOR_FEATURES_MAX 24

/* Fills the list and its end. */
void processor_features(ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1]);

/* A table of kernels, slowest first, and the features it needs, with blanks between. */
typedef struct TableNeeds {
    const char *table; /* NULL ends the list */
    const char *features;
} TableNeeds;

extern const TableNeeds processor_table_needs[];

/* Writes those of the blank-separated `needed` that are not present, with blanks between: "" where
 * there are none. */
void processor_lacks(const char *needed, char *text, size_t size);

#endif
