/* attention.c: softmax(scale · queries · keysᵀ) · values, one row of scores after the other. Scores
 * and their softmax are f32; the shares are rounded to the operands' type, as operands of the
 * second product. */
#include <math.h>
#include <stdlib.h>

#include "op.h"
#include "strict.h"

static void find_shares(const float *query, const float *keys, int64_t count, int64_t dim,
                        float scale, float *shares) {
    float most = -INFINITY;
    double sum = 0;
    for (int64_t key = 0; key < count; key++) {
        float score = 0;
        for (int64_t i = 0; i < dim; i++)
            score += query[i] * keys[key * dim + i];
        shares[key] = score * scale;
        most = shares[key] > most ? shares[key] : most;
    }
    for (int64_t key = 0; key < count; key++) {
        shares[key] = expf(shares[key] - most);
        sum += (double)shares[key];
    }
    for (int64_t key = 0; key < count; key++)
        shares[key] /= (float)sum;
}

static void weigh(const float *shares, const float *values, int64_t count, int64_t dim, float *to) {
    for (int64_t i = 0; i < dim; i++)
        to[i] = 0;
    for (int64_t key = 0; key < count; key++)
        for (int64_t i = 0; i < dim; i++)
            to[i] += shares[key] * values[key * dim + i];
}

void sim_compute_attention(const SimOp *op, const SimView *inputs, float *to) {
    const int64_t *queries = inputs[0].type->dims;
    const int64_t *keys = inputs[1].type->dims;
    int64_t out = op->type.dims[3];
    SimType row = {.element = op->type.element, .rank = 1, .dims = {keys[2]}};
    float *shares = sim_allocate((unsigned long)keys[2] * sizeof(float));
    for (int64_t head = 0; head < queries[0] * queries[1]; head++)
        for (int64_t i = 0; i < queries[2]; i++) {
            int64_t query = head * queries[2] + i;
            find_shares(inputs[0].values + query * queries[3],
                        inputs[1].values + head * keys[2] * keys[3], keys[2], keys[3], op->as.scale,
                        shares);
            sim_round(shares, &row);
            weigh(shares, inputs[2].values + head * keys[2] * out, keys[2], out, to + query * out);
        }
    free(shares);
}
