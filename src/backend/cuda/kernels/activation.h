/* activation.h: the activations, in f32. */
#ifndef CLEAVE_BACKEND_CUDA_KERNELS_ACTIVATION_H
#define CLEAVE_BACKEND_CUDA_KERNELS_ACTIVATION_H

#include "arguments.h"
#include "kernel.h"

/* erf(x) = x · P(x²) / Q(x²) for |x| ≤ 3.95, with an absolute error below 4e-7; beyond, erf is 1 to
 * within 2.4e-8. The coefficients are those of the CPU's kernels, fitted there. */
FN float error_function(float x) {
    x = minimum(maximum(x, -3.95f), 3.95f);
    float s = x * x;
    float p = multiply_add(2.0258589756849688e-06f, s, 0.0002846666320692748f);
    p = multiply_add(p, s, 0.003807663219049573f);
    p = multiply_add(p, s, 0.0528738759458065f);
    p = multiply_add(p, s, 0.19154012203216553f);
    p = multiply_add(p, s, 1.1283791065216064f);
    float q = multiply_add(3.783018109970726e-05f, s, 0.0011705863289535046f);
    q = multiply_add(q, s, 0.015054099261760712f);
    q = multiply_add(q, s, 0.11455520987510681f);
    q = multiply_add(q, s, 0.5030807256698608f);
    q = multiply_add(q, s, 1.0f);
    return x * p * reciprocal(q);
}

FN float gelu(float x) {
    float half = 0.5f * x;
    return multiply_add(half, error_function(x * 0.70710678f), half);
}

/* exp(x) - 1 for x ≤ 0: x = n ln 2 + r, |r| ≤ ln 2 / 2; 2^n (exp(r) - 1) + (2^n - 1), with the
 * Taylor series of exp(r) - 1 to degree 7 (its remainder is below 6e-9 of r). */
FN float exponential_minus_1(float x) {
    x = maximum(x, -87.0f);
    int n = (int)multiply_add(x, 1.44269504f, -0.5f);
    float r = multiply_add((float)n, -0.693359375f, x);
    r = multiply_add((float)n, 2.12194440e-4f, r);
    float p = 1.0f / 5040;
    p = multiply_add(p, r, 1.0f / 720);
    p = multiply_add(p, r, 1.0f / 120);
    p = multiply_add(p, r, 1.0f / 24);
    p = multiply_add(p, r, 1.0f / 6);
    p = multiply_add(p, r, 0.5f);
    p = multiply_add(p * r, r, r);
    float power = as_float((uint32_t)(n + 127) << 23);
    return multiply_add(power, p, power - 1.0f);
}

/* 1 / (1 + exp(-x)); one that is no number stays so. */
FN float sigmoid(float x) {
    return reciprocal(1.0f + exponential2(-1.44269504f * x));
}

/* tanh(|x|) = (1 - e) / (1 + e) with e = exp(-2 |x|). One that is no number stays so. */
FN float hyperbolic_tangent(float x) {
    float e = exponential_minus_1(x < 0.0f ? 2.0f * x : -2.0f * x);
    float t = -e * reciprocal(e + 2.0f);
    return x != x ? x : x < 0.0f ? -t : t;
}

/* Activates W values. One that is no number stays so. */
template <int W> FN void activate(float (&v)[W], int act, float alpha) {
    if (act == APPLY_GELU) {
        UNROLL
        for (int i = 0; i < W; i++)
            v[i] = v[i] == v[i] ? gelu(v[i]) : v[i];
    } else if (act == APPLY_RELU) {
        UNROLL
        for (int i = 0; i < W; i++)
            v[i] = v[i] < 0.0f ? 0.0f : v[i];
    } else if (act == APPLY_ELU) {
        UNROLL
        for (int i = 0; i < W; i++)
            v[i] = v[i] < 0.0f ? alpha * exponential_minus_1(v[i]) : v[i];
    }
}

#endif
