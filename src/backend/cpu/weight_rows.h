/* weight_rows.h: rows of a weight of shape (out, in) as the gemm's broadcast operand. */
#ifndef CLEAVE_CPU_WEIGHT_ROWS_H
#define CLEAVE_CPU_WEIGHT_ROWS_H

#include "backend/cpu/tensor_layout.h"
#include "graph/tensor.h"

/* Some rows of a weight, (k_blocks, rows, CHANNEL_BLOCK) of the products' elements, where k_blocks
 * are the feature_blocks() of `in`; zero beyond it. */
typedef struct WeightPanel {
    void *data;
    size_t rows;
} WeightPanel;

/* Writes row `row` of a weight as row `at` of a panel. `scratch` holds a row in f32, padded to
 * k_blocks. Returns how many of its values are NaN or infinite. */
size_t weight_row_pack(const WeightPanel *panel, size_t at, const Tensor *weight, size_t row,
                       const ProductKernels *products, float *scratch);

/* Copies row `at` of a panel in f32 from `row`, which need not be aligned: `in` values of f32. */
void weight_row_copy(const WeightPanel *panel, size_t at, const unsigned char *row, size_t in);

/* pointers[block] becomes where block `block` of k begins: what GemmArguments wants. */
void weight_panel_point(const WeightPanel *panel, size_t k_blocks, size_t element,
                        const void **pointers);

#endif
