/* weight_check.c: the text of that error. */
#include "graph/weight_check.h"

cleave_status weight_check(const Tensor *weight, size_t not_finite, cleave_error *error) {
    if (not_finite == 0)
        return CLEAVE_OK;
    error_set(error, CLEAVE_ERROR_MODEL, "weight %.128s: %zu of %zu values are NaN or infinite",
              weight->name, not_finite, tensor_elements(weight));
    return error_advise(error, CLEAVE_ERROR_MODEL, "the checkpoint is damaged, download it again");
}
