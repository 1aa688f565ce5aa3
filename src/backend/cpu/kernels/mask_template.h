/* mask_template.h: what the mask MLPs do behind their products. Vectors are rows of C: one output
 * feature of CHANNEL_BLOCK frames, so a bias is one number for a vector. */

/* e^x for x ≤ 0, to a few units in the last place: 2^n + 2^n (exp(r) - 1), as in simd_expm1(). At
 * -87 and below it is e^-87. */
ALWAYS_INLINE Vector simd_exp_negative(Vector x) {
    x = simd_clamp(x, -87.0f, 0.0f);
    Vector n = simd_round(simd_multiply(x, simd_set(1.44269504f)));
    Vector power = simd_power_of_two(n);
    return simd_fma(power, simd_expm1_rest(x, n), power);
}

ALWAYS_INLINE Vector simd_negate(Vector x) {
    return simd_subtract(simd_set(0), x);
}

/* -|x|; a NaN stays one. */
ALWAYS_INLINE Vector simd_negative_magnitude(Vector x) {
    return simd_where_positive(x, simd_negate(x), x);
}

/* tanh |x| = -e / (e + 2) with e = exp(-2 |x|) - 1, which is accurate near 0, too. */
ALWAYS_INLINE Vector simd_tanh(Vector x) {
    Vector e = simd_expm1(simd_multiply(simd_set(2), simd_negative_magnitude(x)));
    Vector negative = simd_divide(e, simd_add(e, simd_set(2)));
    return simd_where_positive(x, simd_negate(negative), negative);
}

/* 1 / (1 + e^-x), with an exponential that cannot overflow. */
ALWAYS_INLINE Vector simd_sigmoid(Vector x) {
    Vector e = simd_exp_negative(simd_negative_magnitude(x));
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
