/* weight_check.h: the error for weights that no network can be computed with. */
#ifndef CLEAVE_GRAPH_WEIGHT_CHECK_H
#define CLEAVE_GRAPH_WEIGHT_CHECK_H

#include "base/error.h"
#include "graph/tensor.h"

/* CLEAVE_ERROR_MODEL if some values of a weight are NaN or infinite: `not_finite` of them, as
 * tensor_read_f32() counts. */
cleave_status weight_check(const Tensor *weight, size_t not_finite, cleave_error *error);

#endif
