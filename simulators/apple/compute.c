/* compute.c: which file computes an op. */
#include <string.h>

#include "op.h"
#include "strict.h"

void sim_advance(SimCursor *cursor, const int64_t *dims, int rank, int operands,
                 int64_t strides[SIM_OPERANDS][SIM_MAX_RANK]) {
    for (int axis = rank - 1; axis >= 0; axis--) {
        bool over = ++cursor->at[axis] == dims[axis];
        for (int i = 0; i < operands; i++)
            cursor->from[i] += over ? -(dims[axis] - 1) * strides[i][axis] : strides[i][axis];
        if (!over)
            return;
        cursor->at[axis] = 0;
    }
}

void sim_compute(const SimOp *op, const SimView *inputs, int count, float *to) {
    switch (op->kind) {
    case SIM_PLACEHOLDER:
        sim_abort("a placeholder without a feed is computed");
    case SIM_CONSTANT:
        memcpy(to, op->as.constant,
               (size_t)sim_elements(&op->type) * sizeof(float) *
                   (size_t)sim_element_floats(op->type.element));
        return;
    case SIM_UNARY:
    case SIM_BINARY:
    case SIM_COMPARE:
    case SIM_SELECT:
    case SIM_CAST:
    case SIM_COMPLEX_OF:
    case SIM_REAL_PART:
    case SIM_IMAGINARY_PART:
        sim_compute_elementwise(op, inputs, to);
        break;
    case SIM_RESHAPE:
    case SIM_PERMUTE:
    case SIM_SLICE:
    case SIM_PAD:
    case SIM_CONCAT:
    case SIM_BROADCAST:
        sim_compute_shape(op, inputs, count, to);
        return;
    case SIM_GATHER:
        sim_compute_gather(op, inputs, to);
        return;
    case SIM_REDUCE:
    case SIM_VARIANCE:
        sim_compute_reduction(op, inputs, to);
        break;
    case SIM_NORMALIZE:
        sim_compute_normalize(op, inputs, count, to);
        break;
    case SIM_MATMUL:
        sim_compute_matmul(op, inputs, to);
        break;
    case SIM_ATTENTION:
        sim_compute_attention(op, inputs, to);
        break;
    case SIM_CONV:
        sim_compute_conv(op, inputs, to);
        break;
    case SIM_CONV_GRADIENT:
        sim_compute_conv_gradient(op, inputs, to);
        break;
    case SIM_REAL_TO_HERMITEAN:
    case SIM_HERMITEAN_TO_REAL:
    case SIM_FFT:
        sim_compute_fourier(op, inputs, to);
        break;
    }
    sim_round(to, &op->type);
}
