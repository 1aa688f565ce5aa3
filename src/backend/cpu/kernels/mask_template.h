/* mask_template.h: what the mask MLPs do behind their products. Vectors are rows of C: one output
 * feature of CHANNEL_BLOCK frames, so a bias is one number for a vector. */

/* tanh(x), with a relative error below 4e-7: x · P(x²) / Q(x²), a relative minimax fit of tanh(x)/x
 * over |x| ≤ 9 (made as that of erf was), beyond which tanh is 1 to within 3.1e-8. */
ALWAYS_INLINE Vector simd_tanh(Vector x) {
    static const float p[] = {1.3354811e-08f, 2.06092e-05f, 0.0034955959f, 0.13381033f, 1.0f};
    static const float q[] = {7.7766225e-07f, 0.0003285647f, 0.025877012f, 0.46714348f, 1.0f};
    return simd_odd_ratio(x, 9.0f, p, q, 5);
}

/* 1 / (1 + e^-x), with an exponential of -|x|, which cannot overflow. */
ALWAYS_INLINE Vector simd_sigmoid(Vector x) {
    Vector magnitude = simd_where_positive(x, x, simd_subtract(simd_set(0), x));
    Vector e = simd_exp2(simd_multiply(magnitude, simd_set(-1.44269504f)));
    Vector numerator = simd_where_positive(x, simd_set(1), e);
    return simd_divide(numerator, simd_add(e, simd_set(1)));
}

static void bias_tanh(float *to, const float *from, const float *bias, size_t positions) {
    for (size_t i = 0; i < positions; i++) {
        UNROLL
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            size_t at = i * CHANNEL_BLOCK + (size_t)(v * SIMD_LANES);
            simd_store(to + at, simd_tanh(simd_add(simd_load(from + at), simd_set(bias[i]))));
        }
    }
}

static void bias_gate(const GateArguments *g) {
    for (size_t i = 0; i < g->positions; i++) {
        UNROLL
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            size_t at = i * CHANNEL_BLOCK + (size_t)(v * SIMD_LANES);
            Vector value = simd_add(simd_load(g->values + at), simd_set(g->value_bias[i]));
            Vector gate = simd_add(simd_load(g->gates + at), simd_set(g->gate_bias[i]));
            simd_store(g->to + at, simd_multiply(value, simd_sigmoid(gate)));
        }
    }
}
