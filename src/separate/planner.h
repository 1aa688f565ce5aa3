/* planner.h: how the layers of a network are to be computed: as estimated, as the cache has it, or
 * as measured now. Inside separate/ only. */
#ifndef CLEAVE_SEPARATE_PLANNER_H
#define CLEAVE_SEPARATE_PLANNER_H

#include "backend/registry.h"
#include "cleave/extra.h"

/* *plan becomes what the settings ask for, to be freed; *source where it comes from, as in
 * cleave_layer_list. After a failure the plan is empty. The options' own plan is not looked at. */
cleave_status planner_plan(NetworkPlan *plan, const char **source, const Device *device,
                           const Graph *graph, const CompileOptions *options,
                           const cleave_separator_settings *settings, cleave_error *error);

/* The same, but measures nothing: what was not measured before is taken as estimated. */
cleave_status planner_recall(NetworkPlan *plan, const Device *device, const Graph *graph,
                             const CompileOptions *options,
                             const cleave_separator_settings *settings, cleave_error *error);

/* The same for people to look at. */
cleave_status planner_list(cleave_layer_list *list, const NetworkPlan *plan, const char *source,
                           cleave_error *error);

#endif
