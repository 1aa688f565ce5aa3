/* forced_plan.h: networks computed in ways that nobody would choose, for the tests: by a cache in
 * which those stand as measured. */
#ifndef CLEAVE_TESTS_SEPARATE_FORCED_PLAN_H
#define CLEAVE_TESTS_SEPARATE_FORCED_PLAN_H

#include "backend/layer_plan.h"
#include "separate/plan_cache.h"

/* What a separator of these settings would look up in the cache. Free the plan and the path. */
typedef struct CacheEntry {
    NetworkPlan plan; /* as estimated */
    PlanKey key;
    char *path; /* below XDG_CACHE_HOME */
    cleave_device_info device;
} CacheEntry;

cleave_status cache_entry(CacheEntry *entry, const cleave_model *model,
                          const cleave_separator_settings *settings, cleave_error *error);
void cache_entry_free(CacheEntry *entry);

/* The plan `wanted` in each layer that can be computed so, with patches cut to its size. */
void force_plan(CacheEntry *entry, const ConvPlan *wanted);

/* Writes such a plan below XDG_CACHE_HOME and has the settings ask for it. */
cleave_status force_cached_plan(const cleave_model *model, cleave_separator_settings *settings,
                                const ConvPlan *wanted, cleave_error *error);

#endif
