/* findings.h: how the files of this folder collect what cleave_finding_list() returns. */
#ifndef CLEAVE_DIAGNOSE_FINDINGS_H
#define CLEAVE_DIAGNOSE_FINDINGS_H

#include "cleave/extra.h"

/* Counts all, keeps as many as there is room for. */
typedef struct Findings {
    cleave_finding *items; /* the caller's, of item_size bytes each */
    size_t item_size;
    int capacity;
    int count;
} Findings;

void findings_add(Findings *findings, cleave_finding_state state, const char *name,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

#define findings_fact(findings, name, ...) \
    findings_add(findings, CLEAVE_FINDING_FACT, name, __VA_ARGS__)

/* One function for each topic. */
void find_build(Findings *findings);
void find_libraries(Findings *findings);
void find_system(Findings *findings);
void find_processor(Findings *findings);
void find_kernels(Findings *findings);
void find_memory(Findings *findings);
void find_self_test(Findings *findings);

#endif
