/* elementwise.c: ops that compute each element by itself, broadcasting. */
#include <math.h>

#include "op.h"
#include "strict.h"

static float unary(SimFunction function, float x) {
    switch (function) {
    case SIM_EXP:
        return expf(x);
    case SIM_SQRT:
        return sqrtf(x);
    case SIM_RSQRT:
        return 1.0f / sqrtf(x);
    case SIM_RECIPROCAL:
        return 1.0f / x;
    case SIM_SQUARE:
        return x * x;
    case SIM_NEGATIVE:
        return -x;
    case SIM_ABSOLUTE:
        return fabsf(x);
    case SIM_ROUND:
        return rintf(x);
    case SIM_TANH:
        return tanhf(x);
    case SIM_ERF:
        return erff(x);
    case SIM_RELU:
        return x < 0.0f ? 0.0f : x;
    case SIM_SIGMOID:
        return 1.0f / (1.0f + expf(-x));
    default:
        sim_abort("function %d of one operand", (int)function);
    }
}

/* Of NaN and a number, MPSGraph's maximum and minimum say nothing: NaN here. */
static float binary(SimFunction function, float a, float b) {
    switch (function) {
    case SIM_ADD:
        return a + b;
    case SIM_SUBTRACT:
        return a - b;
    case SIM_MULTIPLY:
        return a * b;
    case SIM_DIVIDE:
        return a / b;
    case SIM_MAXIMUM:
        return a != a || a > b ? a : b;
    case SIM_MINIMUM:
        return a != a || a < b ? a : b;
    case SIM_GREATER:
        return a > b ? 1.0f : 0.0f;
    case SIM_GREATER_EQUAL:
        return a >= b ? 1.0f : 0.0f;
    case SIM_LESS:
        return a < b ? 1.0f : 0.0f;
    case SIM_LESS_EQUAL:
        return a <= b ? 1.0f : 0.0f;
    default:
        sim_abort("function %d of two operands", (int)function);
    }
}

static void complex_binary(SimFunction function, const float *a, const float *b, float *to) {
    if (function == SIM_MULTIPLY) {
        float real = a[0] * b[0] - a[1] * b[1];
        to[1] = a[0] * b[1] + a[1] * b[0];
        to[0] = real;
        return;
    }
    to[0] = binary(function, a[0], b[0]);
    to[1] = binary(function, a[1], b[1]);
}

/* One row of the result: operands advance by steps of 0 or 1. */
static void binary_row(const SimOp *op, const float *a, int64_t step_a, const float *b,
                       int64_t step_b, int64_t count, float *to) {
    if (op->function == SIM_ADD)
        for (int64_t i = 0; i < count; i++)
            to[i] = a[i * step_a] + b[i * step_b];
    else if (op->function == SIM_MULTIPLY)
        for (int64_t i = 0; i < count; i++)
            to[i] = a[i * step_a] * b[i * step_b];
    else
        for (int64_t i = 0; i < count; i++)
            to[i] = binary(op->function, a[i * step_a], b[i * step_b]);
}

static void row(const SimOp *op, const SimView *inputs, const int64_t *from,
                int64_t strides[SIM_OPERANDS][SIM_MAX_RANK], int last, int64_t count, float *to) {
    const float *a = inputs[0].values;
    const float *b = inputs[1].values;
    int64_t step[SIM_OPERANDS] = {0};
    for (int i = 0; last >= 0 && i < SIM_OPERANDS; i++)
        step[i] = strides[i][last];
    if (op->kind == SIM_SELECT) {
        for (int64_t i = 0; i < count; i++)
            to[i] = a[from[0] + i * step[0]] != 0.0f ? b[from[1] + i * step[1]]
                                                     : inputs[2].values[from[2] + i * step[2]];
    } else if (op->kind == SIM_COMPLEX_OF) {
        for (int64_t i = 0; i < count; i++) {
            to[2 * i] = a[from[0] + i * step[0]];
            to[2 * i + 1] = b[from[1] + i * step[1]];
        }
    } else if (op->type.element == SIM_COMPLEX) {
        for (int64_t i = 0; i < count; i++)
            complex_binary(op->function, a + 2 * (from[0] + i * step[0]),
                           b + 2 * (from[1] + i * step[1]), to + 2 * i);
    } else {
        binary_row(op, a + from[0], step[0], b + from[1], step[1], count, to);
    }
}

static void broadcasting(const SimOp *op, const SimView *inputs, int operands, float *to) {
    int64_t strides[SIM_OPERANDS][SIM_MAX_RANK] = {{0}};
    SimCursor cursor = {{0}, {0}};
    int last = op->type.rank - 1;
    int64_t count = last >= 0 ? op->type.dims[last] : 1;
    int64_t rows = sim_elements(&op->type) / count;
    int floats = sim_element_floats(op->type.element);
    for (int i = 0; i < operands; i++)
        sim_broadcast_strides(inputs[i].type, &op->type, strides[i]);
    for (int64_t i = 0; i < rows; i++) {
        row(op, inputs, cursor.from, strides, last, count, to + i * count * floats);
        sim_advance(&cursor, op->type.dims, last, operands, strides);
    }
}

static void cast(const SimOp *op, const SimView *from, float *to) {
    int64_t count = sim_elements(&op->type) * sim_element_floats(op->type.element);
    bool integer = sim_element_is_integer(op->type.element);
    for (int64_t i = 0; i < count; i++) {
        float value = from->values[i];
        if (op->type.element == SIM_BOOL)
            value = value != 0.0f ? 1.0f : 0.0f;
        to[i] = integer ? truncf(value) : value;
    }
}

void sim_compute_elementwise(const SimOp *op, const SimView *inputs, float *to) {
    int64_t count = sim_elements(&op->type);
    switch (op->kind) {
    case SIM_UNARY:
        for (int64_t i = 0; i < count; i++)
            to[i] = unary(op->function, inputs[0].values[i]);
        break;
    case SIM_CAST:
        cast(op, &inputs[0], to);
        break;
    case SIM_REAL_PART:
    case SIM_IMAGINARY_PART:
        for (int64_t i = 0; i < count; i++)
            to[i] = inputs[0].values[2 * i + (op->kind == SIM_IMAGINARY_PART)];
        break;
    case SIM_SELECT:
        broadcasting(op, inputs, 3, to);
        break;
    default:
        broadcasting(op, inputs, 2, to);
    }
}
