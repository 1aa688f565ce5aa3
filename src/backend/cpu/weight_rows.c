/* weight_rows.c: reading rows of weights and cutting them into blocks of k. */
#include "backend/cpu/weight_rows.h"

#include <string.h>

#include "backend/cpu/elements.h"

size_t weight_row_pack(const WeightPanel *panel, size_t at, const Tensor *weight, size_t row,
                       const ProductKernels *products, float *scratch) {
    size_t in = (size_t)weight->dims[1];
    size_t k_blocks = feature_blocks(in);
    size_t bytes = CHANNEL_BLOCK * products->element;
    size_t not_finite = tensor_read_f32(weight, row * in, in, scratch);
    for (size_t k = in; k < k_blocks * CHANNEL_BLOCK; k++)
        scratch[k] = 0;
    for (size_t block = 0; block < k_blocks; block++) {
        unsigned char *to = (unsigned char *)panel->data + (block * panel->rows + at) * bytes;
        elements_copy(products, scratch + block * CHANNEL_BLOCK, to, 1);
    }
    return not_finite;
}

void weight_row_copy(const WeightPanel *panel, size_t at, const unsigned char *row, size_t in) {
    const size_t bytes = CHANNEL_BLOCK * sizeof(float);
    unsigned char *to = (unsigned char *)panel->data + at * bytes;
    size_t whole = in / CHANNEL_BLOCK;
    size_t rest = in % CHANNEL_BLOCK * sizeof(float);
    for (size_t block = 0; block < whole; block++)
        memcpy(to + block * panel->rows * bytes, row + block * bytes, bytes);
    if (rest == 0)
        return;
    to += whole * panel->rows * bytes;
    memset(to, 0, bytes);
    memcpy(to, row + whole * bytes, rest);
}

void weight_panel_point(const WeightPanel *panel, size_t k_blocks, size_t element,
                        const void **pointers) {
    const unsigned char *data = panel->data;
    for (size_t block = 0; block < k_blocks; block++)
        pointers[block] = data + block * panel->rows * CHANNEL_BLOCK * element;
}
