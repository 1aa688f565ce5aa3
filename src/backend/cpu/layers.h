/* layers.h: the algorithms of a network's layers, for people to read. */
#ifndef CLEAVE_CPU_LAYERS_H
#define CLEAVE_CPU_LAYERS_H

#include "backend/backend.h"

/* As Backend's `layers`. */
cleave_status cpu_layers(NetworkPlan *plan, const Graph *graph, const CompileOptions *options,
                         cleave_error *error);

#endif
