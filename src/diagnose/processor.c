/* processor.c: the CPU, the tables of kernels that it can run, and whether they compute right. */
#include "backend/cpu/kernels/processor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/kernels/kernels.h"
#include "backend/cpu/selftest.h"
#include "cleave/extra.h"
#include "diagnose/findings.h"

/* The names of the features that are there, or that are not. */
static void list_features(char *text, size_t size, bool present) {
    ProcessorFeature features[PROCESSOR_FEATURES_MAX + 1];
    size_t used = 0;
    processor_features(features);
    snprintf(text, size, "none");
    for (const ProcessorFeature *f = features; f->name; f++)
        if (f->present == present && used < size)
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "", f->name);
}

void find_processor(Findings *findings) {
    char text[sizeof(findings->items->text)];
    list_features(text, sizeof(text), true);
    findings_add(findings, CLEAVE_FINDING_FACT, "has", "%s", text);
    list_features(text, sizeof(text), false);
    findings_add(findings, CLEAVE_FINDING_FACT, "lacks", "%s", text);
}

static void find_able(Findings *findings, const Kernels *table, const Kernels *chosen) {
    const char *wanted = getenv("CLEAVE_KERNELS");
    bool asked_for = wanted && strcmp(wanted, chosen->name) == 0;
    if (table != chosen && asked_for)
        findings_add(findings, CLEAVE_FINDING_FACT, table->name,
                     "not in use: CLEAVE_KERNELS asks for %s", chosen->name);
    else if (table != chosen)
        findings_add(findings, CLEAVE_FINDING_FACT, table->name, "not in use: %s is faster",
                     chosen->name);
    else if (asked_for)
        findings_add(findings, CLEAVE_FINDING_FACT, table->name,
                     "in use: CLEAVE_KERNELS asks for it");
    else
        findings_add(findings, CLEAVE_FINDING_FACT, table->name,
                     "in use: the fastest that the processor can run%s%.64s%s",
                     wanted ? "; CLEAVE_KERNELS asks for '" : "", wanted ? wanted : "",
                     wanted ? "', which it cannot" : "");
}

void find_kernels(Findings *findings) {
    const Kernels *chosen = kernels_select();
    char lacking[sizeof(findings->items->text) - 32];
    for (const Kernels *const *table = kernels_available(); *table; table++)
        find_able(findings, *table, chosen);
    for (const Kernels *const *table = kernels_known; *table; table++) {
        processor_lacks((*table)->needs, lacking, sizeof(lacking));
        if (lacking[0] != '\0')
            findings_add(findings, CLEAVE_FINDING_FACT, (*table)->name, "not in use: no %s",
                         lacking);
    }
}

static void test_table(Findings *findings, const Kernels *kernels) {
    KernelTest tests[KERNEL_TESTS_MAX];
    int count = kernels_self_test(kernels, tests);
    if (count == 0)
        findings_add(findings, CLEAVE_FINDING_FAILED, kernels->name, "out of memory");
    for (int i = 0; i < count; i++) {
        char name[sizeof(findings->items->name)];
        bool good = tests[i].error <= 1.0;
        snprintf(name, sizeof(name), "%.16s %.24s", kernels->name, tests[i].name);
        findings_add(findings, good ? CLEAVE_FINDING_OK : CLEAVE_FINDING_FAILED, name,
                     "%.3g of the error that it may have", tests[i].error);
    }
}

void find_self_test(Findings *findings) {
    for (const Kernels *const *table = kernels_available(); *table; table++)
        test_table(findings, *table);
}
