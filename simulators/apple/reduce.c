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

#define LANES 8 /* sums side by side, so that one need not wait for the other */

/* Of values that all belong to one element of the result: the sum of value - mean, or
 * of its square. */
static double row_sum(const float *values, int64_t count, bool squares, double mean) {
    double sums[LANES] = {0};
    double sum = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double off = (double)values[i + lane] - mean;
            sums[lane] += squares ? off * off : off;
        }
    for (; i < count; i++) {
        double off = (double)values[i] - mean;
        sum += squares ? off * off : off;
    }
    for (int lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    return sum;
}

/* Adds a row of values to the results at `to`, `step` apart. */
static void add_row(const SimOp *op, const float *values, int64_t count, int64_t step,
                    const double *means, double *to) {
    bool squares = op->kind == SIM_VARIANCE;
    if (op->function == SIM_MAX) {
        for (int64_t i = 0; i < count; i++)
            if (to[i * step] < (double)values[i])
                to[i * step] = (double)values[i];
    } else if (step == 0) {
        *to += row_sum(values, count, squares, means ? *means : 0.0);
    } else {
        for (int64_t i = 0; i < count; i++)
            to[i * step] += row_sum(&values[i], 1, squares, means ? means[i * step] : 0.0);
    }
}

/* Per element of the result: the sum of terms, or the maximum. */
static void accumulate(const SimOp *op, const SimView *from, const double *means, double *sums) {
    int64_t strides[SIM_OPERANDS][SIM_MAX_RANK] = {{0}};
    SimCursor cursor = {{0}, {0}};
    int last = from->type->rank - 1;
    int64_t count = last >= 0 ? from->type->dims[last] : 1;
    int64_t rows = sim_elements(from->type) / count;
    result_strides(op, from->type, strides[0]);
    int64_t step = last >= 0 ? strides[0][last] : 0;
    for (int64_t row = 0; row < rows; row++) {
        int64_t to = cursor.from[0];
        add_row(op, from->values + row * count, count, step, means ? means + to : NULL, sums + to);
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

/* Operands of a normalisation; gamma and beta may be missing. */
enum { X, MEAN, VARIANCE, GAMMA, BETA, OPERANDS };

/* Where each is read for a row of the result, and by how much it advances. */
typedef struct NormalizeRow {
    const float *from[OPERANDS]; /* NULL: missing */
    int64_t step[OPERANDS];
} NormalizeRow;

static float normalized(const NormalizeRow *row, float epsilon, int64_t i) {
    float root = sqrtf(row->from[VARIANCE][i * row->step[VARIANCE]] + epsilon);
    float value = (row->from[X][i] - row->from[MEAN][i * row->step[MEAN]]) / root;
    if (row->from[GAMMA])
        value *= row->from[GAMMA][i * row->step[GAMMA]];
    if (row->from[BETA])
        value += row->from[BETA][i * row->step[BETA]];
    return value;
}

/* The same where the row has one mean, variance, gamma and beta. */
static void normalize_even_row(const NormalizeRow *row, float epsilon, int64_t count, float *to) {
    float root = sqrtf(*row->from[VARIANCE] + epsilon);
    float mean = *row->from[MEAN];
    float gamma = row->from[GAMMA] ? *row->from[GAMMA] : 1.0f;
    float beta = row->from[BETA] ? *row->from[BETA] : 0.0f;
    for (int64_t i = 0; i < count; i++)
        to[i] = (row->from[X][i] - mean) / root * gamma + beta;
}

static void normalize_row(const NormalizeRow *row, float epsilon, int64_t count, float *to) {
    if (!row->step[MEAN] && !row->step[VARIANCE] && !row->step[GAMMA] && !row->step[BETA]) {
        normalize_even_row(row, epsilon, count, to);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        to[i] = normalized(row, epsilon, i);
}

/* (x - mean) / sqrt(variance + epsilon) · gamma + beta */
void sim_compute_normalize(const SimOp *op, const SimView *inputs, int count, float *to) {
    int64_t strides[SIM_OPERANDS][SIM_MAX_RANK] = {{0}};
    SimCursor cursor = {{0}, {0}};
    const float *values[OPERANDS] = {NULL};
    int last = op->type.rank - 1;
    int64_t width = last >= 0 ? op->type.dims[last] : 1;
    int64_t rows = sim_elements(&op->type) / width;
    for (int i = 0; i < count; i++) {
        int operand = i == GAMMA && !op->as.normalize.gamma ? BETA : i;
        values[operand] = inputs[i].values;
        sim_broadcast_strides(inputs[i].type, &op->type, strides[operand]);
    }
    for (int64_t i = 0; i < rows; i++) {
        NormalizeRow row = {{NULL}, {0}};
        for (int k = 0; k < OPERANDS; k++) {
            row.from[k] = values[k] ? values[k] + cursor.from[k] : NULL;
            row.step[k] = last >= 0 ? strides[k][last] : 0;
        }
        normalize_row(&row, op->as.normalize.epsilon, width, to + i * width);
        sim_advance(&cursor, op->type.dims, last, OPERANDS, strides);
    }
}
