/* layer_list.h: how the layers of a network are computed, as callers are shown it. Inside separate/
 * only. */
#ifndef CLEAVE_SESSION_LAYER_LIST_H
#define CLEAVE_SESSION_LAYER_LIST_H

#include "backend/layer_plan.h"
#include "cleave/extra.h"

/* *list must be empty. To be freed by cleave_layer_list_free(), also after a failure. */
cleave_status layer_list_fill(cleave_layer_list *list, const NetworkPlan *plan,
                              cleave_error *error);

#endif
