/* layer_text.c: names, sizes and shapes of layers. */
#include "cli/show/layer_text.h"

#include <stdbool.h>
#include <string.h>

#include "cli/console/allocate.h"

char *layer_name(const char *op, const int *kernel) {
    if (kernel[0] == 0)
        return copy_text(op);
    bool transposed = strcmp(op, "conv_transposed") == 0;
    return format_text("%s %dx%d", transposed ? "up" : op, kernel[0], kernel[1]);
}

char *layer_size(const int *shape) {
    return shape[2] > 1 ? format_text("%dx%d", shape[1], shape[2]) : format_text("%d", shape[1]);
}

json_t *layer_pair_json(const int *values) {
    json_t *array = json_new_array();
    for (int i = 0; i < 2; i++)
        json_append(array, json_integer(values[i]));
    return array;
}

json_t *layer_shape_json(const int *shape) {
    json_t *array = json_new_array();
    for (int i = 0; i < (shape[2] > 1 ? 3 : 2); i++)
        json_append(array, json_integer(shape[i]));
    return array;
}
