/* reduce.c: sums over axes, in f64, and what is computed from them. */
#include <math.h>
#include <stdlib.h>

#include "op.h"
#include "strict.h"

/* Strides of the result along the operand's axes: 0 along those that are reduced. */
static void result_strides(const SimOp *op, const SimType *from, int64_t *strides) {
    int64_t own[SIM_MAX_RANK];
    sim_strides(&op->type, own);
    for (int i = 0; i < from->rank; i++)
        strides[i] = op->as.reduced[i] ? 0 : own[i];
}

/* What one element adds. */
static double term(const SimOp *op, double value, double mean) {
    if (op->kind == SIM_VARIANCE)
        return (value - mean) * (value - mean);
    return value;
}

/* Per element of the result: the sum of terms, or the maximum. */
static void accumulate(const SimOp *op, const SimView *from, const double *means, double *sums) {
    int64_t strides[3][SIM_MAX_RANK] = {{0}};
    SimCursor cursor = {{0}, {0}};
    int last = from->type->rank - 1;
    int64_t count = last >= 0 ? from->type->dims[last] : 1;
    int64_t rows = sim_elements(from->type) / count;
    result_strides(op, from->type, strides[0]);
    int64_t step = last >= 0 ? strides[0][last] : 0;
    for (int64_t row = 0; row < rows; row++) {
        const float *values = from->values + row * count;
        for (int64_t i = 0; i < count; i++) {
            int64_t to = cursor.from[0] + i * step;
            double value = (double)values[i];
            if (op->function == SIM_MAX)
                sums[to] = sums[to] > value ? sums[to] : value;
            else
                sums[to] += term(op, value, means ? means[to] : 0.0);
        }
        sim_advance(&cursor, from->type->dims, last, 1, strides);
    }
}

static double *filled(int64_t count, double value) {
    double *array = sim_allocate((unsigned long)count * sizeof(double));
    for (int64_t i = 0; i < count; i++)
        array[i] = value;
    return array;
}

static int64_t terms_of(const SimOp *op, const SimType *from) {
    return sim_elements(from) / sim_elements(&op->type);
}

/* Means of the operand, as given or computed. */
static double *find_means(const SimOp *op, const SimView *inputs, const SimType *mean_type) {
    int64_t results = sim_elements(&op->type);
    double *means = filled(results, 0.0);
    SimOp mean = *op;
    if (mean_type) {
        for (int64_t i = 0; i < results; i++)
            means[i] = (double)inputs[1].values[i];
        return means;
    }
    mean.kind = SIM_REDUCE;
    mean.function = SIM_MEAN;
    accumulate(&mean, inputs, NULL, means);
    for (int64_t i = 0; i < results; i++)
        means[i] /= (double)terms_of(op, inputs[0].type);
    return means;
}

void sim_compute_reduction(const SimOp *op, const SimView *inputs, float *to) {
    int64_t results = sim_elements(&op->type);
    bool mean = op->kind == SIM_VARIANCE || op->function == SIM_MEAN;
    double *sums = filled(results, op->function == SIM_MAX ? -INFINITY : 0.0);
    double *means = op->kind == SIM_VARIANCE ? find_means(op, inputs, inputs[1].type) : NULL;
    accumulate(op, inputs, means, sums);
    for (int64_t i = 0; i < results; i++)
        to[i] = (float)(mean ? sums[i] / (double)terms_of(op, inputs[0].type) : sums[i]);
    free(sums);
    free(means);
}

/* (x - mean) / sqrt(variance + epsilon) · gamma + beta */
void sim_compute_normalize(const SimOp *op, const SimView *inputs, int count, float *to) {
    int64_t strides[5][SIM_MAX_RANK] = {{0}};
    int64_t elements = sim_elements(&op->type);
    int64_t at[SIM_MAX_RANK] = {0};
    int64_t from[5] = {0};
    int last = op->type.rank - 1;
    for (int i = 0; i < count; i++)
        sim_broadcast_strides(inputs[i].type, &op->type, strides[i]);
    for (int64_t i = 0; i < elements; i++) {
        float root = sqrtf(inputs[2].values[from[2]] + op->as.normalize.epsilon);
        float value = (inputs[0].values[i] - inputs[1].values[from[1]]) / root;
        int next = 3;
        if (op->as.normalize.gamma) {
            value *= inputs[next].values[from[next]];
            next++;
        }
        if (op->as.normalize.beta)
            value += inputs[next].values[from[next]];
        to[i] = value;
        for (int axis = last; axis >= 0; axis--) {
            bool over = ++at[axis] == op->type.dims[axis];
            for (int k = 0; k < count; k++)
                from[k] += over ? -(op->type.dims[axis] - 1) * strides[k][axis] : strides[k][axis];
            if (!over)
                break;
            at[axis] = 0;
        }
    }
}
