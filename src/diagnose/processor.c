/* processor.c: what the CPU can do, the tables of kernels that it can run, and whether they compute
 * right. */
#include "backend/cpu/kernels/processor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/selftest.h"
#include "diagnose/findings.h"

/* The features that are present, or those that are not. */
static void find_features(Findings *findings, const char *name, bool present) {
    ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1];
    char text[sizeof(findings->items->text)] = "none";
    size_t used = 0;
    processor_features(features);
    for (const ProcessorFeature *f = features; f->name; f++)
        if (f->present == present && used < sizeof(text))
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? " " : "",
                                     f->name);
    findings_fact(findings, name, "%s", text);
}

void find_processor(Findings *findings) {
    find_features(findings, "has", true);
    find_features(findings, "lacks", false);
}

/* A table that the processor can run. */
static void find_table(Findings *findings, const char *table) {
    const char *chosen = kernels_select()->name;
    const char *wanted = getenv("CLEAVE_KERNELS");
    bool asked_for = wanted && strcmp(wanted, chosen) == 0;
    bool in_use = strcmp(table, chosen) == 0;
    if (asked_for && in_use)
        findings_fact(findings, table, "in use: CLEAVE_KERNELS asks for it");
    else if (asked_for)
        findings_fact(findings, table, "not in use: CLEAVE_KERNELS asks for %s", chosen);
    else if (!in_use)
        findings_fact(findings, table, "not in use: %s is faster", chosen);
    else if (wanted)
        findings_fact(findings, table,
                      "in use: the fastest that the processor can run; CLEAVE_KERNELS asks for "
                      "'%.64s', which it cannot",
                      wanted);
    else
        findings_fact(findings, table, "in use: the fastest that the processor can run");
}

void find_kernels(Findings *findings) {
    char lacking[sizeof(findings->items->text) - 32];
    for (const Kernels *const *table = kernels_available(); *table; table++)
        find_table(findings, (*table)->name);
    for (const Kernels *const *table = kernels_known; *table; table++) {
        processor_lacks((*table)->needs, lacking, sizeof(lacking));
        if (*lacking)
            findings_fact(findings, (*table)->name, "not in use: no %s", lacking);
    }
}

void find_self_test(Findings *findings) {
    KernelTest tests[KERNEL_TESTS_MAX];
    char name[sizeof(findings->items->name)];
    for (const Kernels *const *table = kernels_available(); *table; table++) {
        int count = kernels_self_test(*table, tests);
        if (count == 0)
            findings_add(findings, CLEAVE_FINDING_FAILED, (*table)->name, "out of memory");
        for (int i = 0; i < count; i++) {
            snprintf(name, sizeof(name), "%.16s %.24s", (*table)->name, tests[i].name);
            findings_add(findings,
                         tests[i].error <= 1.0 ? CLEAVE_FINDING_OK : CLEAVE_FINDING_FAILED, name,
                         "%.3g of the allowed error", tests[i].error);
        }
    }
}
