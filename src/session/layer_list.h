/* layer_list.h: the algorithms of a network's layers, as callers see them. */
#ifndef CLEAVE_SESSION_LAYER_LIST_H
#define CLEAVE_SESSION_LAYER_LIST_H

#include "backend/layer_plan.h"
#include "cleave/extra.h"

/* *list must be empty. cleave_layer_list_free() frees it, also after a failure. */
cleave_status layer_list_fill(cleave_layer_list *list, const NetworkPlan *plan,
                              cleave_error *error);

#endif
