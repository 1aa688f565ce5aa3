/* test_reductions.m: sums, means, variances and what is normalised by them. */
#include <math.h>
#include <stdint.h>

#import "fixture.h"

static const float six[] = {1, 2, 3, 4, 6, 11};

static void expect(Fixture *f, MPSGraphTensor *tensor, NSArray *shape, const float *expected) {
    float result[16];
    CHECK([[tensor shape] isEqual:shape]);
    fixture_run(f, tensor, result);
    CHECK_CLOSE(result, expected, shape_elements(shape), 1e-6);
}

static void test_sums_keep_axes(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2, 3), six);
    MPSGraph *g = f.graph;
    expect(
        &f, [g reductionSumWithTensor : x axis : 1 name : nil], SHAPE(2, 1), (float[]) { 6, 21 });
    expect(
        &f, [g reductionSumWithTensor : x axis : -2 name : nil], SHAPE(1, 3),
        (float[]) { 5, 8, 14 });
    expect(
        &f, [g reductionSumWithTensor : x axes : SHAPE(0, 1) name : nil], SHAPE(1, 1),
        (float[]) { 27 });
    expect(
        &f, [g reductionSumWithTensor : x axes : nil name : nil], SHAPE(1, 1), (float[]) { 27 });
    expect(
        &f, [g reductionMaximumWithTensor : x axis : 0 name : nil], SHAPE(1, 3),
        (float[]) { 4, 6, 11 });
    expect(
        &f, [g reductionMaximumWithTensor : x axes : SHAPE(-1) name : nil], SHAPE(2, 1),
        (float[]) { 3, 11 });
    fixture_destroy(&f);
}

static void test_mean_and_variance(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2, 3), six);
    MPSGraphTensor *mean = [f.graph meanOfTensor:x axes:SHAPE(1) name:nil];
    expect(&f, mean, SHAPE(2, 1), (float[]){2, 7});
    const float expected[] = {2 / 3.0f, 26 / 3.0f};
    expect(&f, [f.graph varianceOfTensor:x axes:SHAPE(1) name:nil], SHAPE(2, 1), expected);
    expect(&f, [f.graph varianceOfTensor:x meanTensor:mean axes:SHAPE(-1) name:nil], SHAPE(2, 1),
           expected);
    MPSGraphTensor *zero = [f.graph subtractionWithPrimaryTensor:mean
                                                 secondaryTensor:mean
                                                            name:nil];
    expect(
        &f, [f.graph varianceOfTensor : x meanTensor : zero axes : SHAPE(1) name : nil],
        SHAPE(2, 1), (float[]) { 14 / 3.0f, 173 / 3.0f });
    fixture_destroy(&f);
}

static void test_normalization(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2, 3), six);
    MPSGraphTensor *mean = [f.graph meanOfTensor:x axes:SHAPE(1) name:nil];
    MPSGraphTensor *variance = [f.graph varianceOfTensor:x axes:SHAPE(1) name:nil];
    MPSGraphTensor *gamma = fixture_feed(&f, SHAPE(2, 1), (float[]){2, -1});
    MPSGraphTensor *beta = fixture_feed(&f, SHAPE(1, 3), (float[]){10, 20, 30});
    float plain[6], scaled[6], shifted[6];
    for (int i = 0; i < 6; i++) {
        double m = i < 3 ? 2 : 7, v = i < 3 ? 2 / 3.0 : 26 / 3.0;
        double value = ((double)six[i] - m) / sqrt(v + 0.5);
        plain[i] = (float)value;
        scaled[i] = (float)(value * (i < 3 ? 2 : -1));
        shifted[i] = (float)(value + 10 * (i % 3 + 1));
    }
    expect(&f,
           [f.graph normalizationWithTensor:x
                                 meanTensor:mean
                             varianceTensor:variance
                                gammaTensor:nil
                                 betaTensor:nil
                                    epsilon:0.5f
                                       name:nil],
           SHAPE(2, 3), plain);
    expect(&f,
           [f.graph normalizationWithTensor:x
                                 meanTensor:mean
                             varianceTensor:variance
                                gammaTensor:gamma
                                 betaTensor:nil
                                    epsilon:0.5f
                                       name:nil],
           SHAPE(2, 3), scaled);
    MPSGraphTensor *with_beta = [f.graph normalizationWithTensor:x
                                                      meanTensor:mean
                                                  varianceTensor:variance
                                                     gammaTensor:nil
                                                      betaTensor:beta
                                                         epsilon:0.5f
                                                            name:nil];
    float result[6];
    fixture_run(&f, with_beta, result);
    CHECK_CLOSE(result, shifted, 6, 5e-6);
    fixture_destroy(&f);
}

/* Of f16, the sum is found in more and rounded once: 4096 ones are not 2048. */
static void test_f16_sums(void) {
    static uint16_t ones[4096];
    uint16_t sum = 0;
    Fixture f = fixture_create();
    for (int i = 0; i < 4096; i++)
        ones[i] = 0x3c00;
    MPSGraphTensor *x = fixture_feed_as(&f, SHAPE(4096), MPSDataTypeFloat16, ones, sizeof(ones));
    fixture_run(&f, [f.graph reductionSumWithTensor:x axis:0 name:nil], &sum);
    CHECK(sum == 0x6c00);
    fixture_destroy(&f);
}

int main(void) {
    @autoreleasepool {
        test_sums_keep_axes();
        test_mean_and_variance();
        test_normalization();
        test_f16_sums();
    }
    return 0;
}
