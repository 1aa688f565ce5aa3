/* test_arithmetic.m: ops of each element by itself, against the C library's functions. */
#include <math.h>
#include <stdint.h>

#import "fixture.h"

static void check_unary(SEL method, const float *values, const float *expected, size_t count,
                        double bound) {
    float result[16];
    Fixture f = fixture_create();
    MPSGraphTensor *operand = fixture_feed(&f, SHAPE((NSInteger)count), values);
    MPSGraphTensor *tensor = [f.graph performSelector:method withObject:operand withObject:nil];
    CHECK([[tensor shape] isEqual:[operand shape]] && [tensor dataType] == MPSDataTypeFloat32);
    fixture_run(&f, tensor, result);
    CHECK_CLOSE(result, expected, count, bound);
    fixture_destroy(&f);
}

static void test_unary(void) {
    float values[] = {-2, -0.5f, 0, 0.25f, 1, 3};
    float positive[] = {0.25f, 1, 2, 9};
    float of[6];
    for (int i = 0; i < 6; i++)
        of[i] = (float)exp((double)values[i]);
    check_unary(@selector(exponentWithTensor:name:), values, of, 6, 1e-5);
    for (int i = 0; i < 6; i++)
        of[i] = (float)erf((double)values[i]);
    check_unary(@selector(erfWithTensor:name:), values, of, 6, 1e-6);
    check_unary(@selector(roundWithTensor:name:), (float[]){-2.5f, -0.6f, 0, 0.5f, 1.5f, 8388609},
                (float[]){-2, -1, 0, 0, 2, 8388609}, 6, 0);
    for (int i = 0; i < 6; i++)
        of[i] = (float)tanh((double)values[i]);
    check_unary(@selector(tanhWithTensor:name:), values, of, 6, 1e-6);
    for (int i = 0; i < 6; i++)
        of[i] = (float)(1 / (1 + exp(-(double)values[i])));
    check_unary(@selector(sigmoidWithTensor:name:), values, of, 6, 1e-6);
    check_unary(@selector(reLUWithTensor:name:), values, (float[]){0, 0, 0, 0.25f, 1, 3}, 6, 0);
    check_unary(@selector(negativeWithTensor:name:), values, (float[]){2, 0.5f, 0, -0.25f, -1, -3},
                6, 0);
    check_unary(@selector(absoluteWithTensor:name:), values, (float[]){2, 0.5f, 0, 0.25f, 1, 3}, 6,
                0);
    check_unary(@selector(squareWithTensor:name:), values, (float[]){4, 0.25f, 0, 0.0625f, 1, 9}, 6,
                0);
    check_unary(@selector(identityWithTensor:name:), values, values, 6, 0);
    check_unary(@selector(squareRootWithTensor:name:), positive,
                (float[]){0.5f, 1, (float)M_SQRT2, 3}, 4, 1e-7);
    check_unary(@selector(reciprocalWithTensor:name:), positive, (float[]){4, 1, 0.5f, 1 / 9.0f}, 4,
                0);
    check_unary(@selector(reciprocalSquareRootWithTensor:name:), positive,
                (float[]){2, 1, (float)M_SQRT1_2, 1 / 3.0f}, 4, 1e-7);
    check_unary(@selector(reverseSquareRootWithTensor:name:), positive,
                (float[]){2, 1, (float)M_SQRT1_2, 1 / 3.0f}, 4, 1e-7);
}

/* (2, 1) and (3) broadcast to (2, 3). */
static void test_binary(void) {
    float a[] = {1, -2};
    float b[] = {4, 0.5f, -2};
    float result[6];
    Fixture f = fixture_create();
    MPSGraphTensor *left = fixture_feed(&f, SHAPE(2, 1), a);
    MPSGraphTensor *right = fixture_feed(&f, SHAPE(3), b);
    MPSGraphTensor *tensor = [f.graph additionWithPrimaryTensor:left
                                                secondaryTensor:right
                                                           name:nil];
    CHECK([[tensor shape] isEqual:SHAPE(2, 3)]);
    fixture_run(&f, tensor, result);
    CHECK_CLOSE(result, ((float[]){5, 1.5f, -1, 2, -1.5f, -4}), 6, 0);
    tensor = [f.graph subtractionWithPrimaryTensor:left secondaryTensor:right name:nil];
    fixture_run(&f, tensor, result);
    CHECK_CLOSE(result, ((float[]){-3, 0.5f, 3, -6, -2.5f, 0}), 6, 0);
    tensor = [f.graph multiplicationWithPrimaryTensor:left secondaryTensor:right name:nil];
    fixture_run(&f, tensor, result);
    CHECK_CLOSE(result, ((float[]){4, 0.5f, -2, -8, -1, 4}), 6, 0);
    tensor = [f.graph divisionWithPrimaryTensor:left secondaryTensor:right name:nil];
    fixture_run(&f, tensor, result);
    CHECK_CLOSE(result, ((float[]){0.25f, 2, -0.5f, -0.5f, -4, 1}), 6, 0);
    tensor = [f.graph maximumWithPrimaryTensor:left secondaryTensor:right name:nil];
    fixture_run(&f, tensor, result);
    CHECK_CLOSE(result, ((float[]){4, 1, 1, 4, 0.5f, -2}), 6, 0);
    tensor = [f.graph minimumWithPrimaryTensor:left secondaryTensor:right name:nil];
    fixture_run(&f, tensor, result);
    CHECK_CLOSE(result, ((float[]){1, 0.5f, -2, -2, -2, -2}), 6, 0);
    fixture_destroy(&f);
}

static void test_compare_and_select(void) {
    float a[] = {1, 2, 3};
    float b[] = {2, 2, 2};
    uint8_t truth[3];
    float result[3];
    Fixture f = fixture_create();
    MPSGraphTensor *left = fixture_feed(&f, SHAPE(3), a);
    MPSGraphTensor *right = fixture_feed(&f, SHAPE(3), b);
    MPSGraphTensor *more = [f.graph greaterThanWithPrimaryTensor:left
                                                 secondaryTensor:right
                                                            name:nil];
    CHECK([more dataType] == MPSDataTypeBool);
    fixture_run(&f, more, truth);
    CHECK(truth[0] == 0 && truth[1] == 0 && truth[2] == 1);
    fixture_run(&f,
                [f.graph greaterThanOrEqualToWithPrimaryTensor:left secondaryTensor:right name:nil],
                truth);
    CHECK(truth[0] == 0 && truth[1] == 1 && truth[2] == 1);
    fixture_run(&f, [f.graph lessThanWithPrimaryTensor:left secondaryTensor:right name:nil], truth);
    CHECK(truth[0] == 1 && truth[1] == 0 && truth[2] == 0);
    fixture_run(&f,
                [f.graph lessThanOrEqualToWithPrimaryTensor:left secondaryTensor:right name:nil],
                truth);
    CHECK(truth[0] == 1 && truth[1] == 1 && truth[2] == 0);
    MPSGraphTensor *chosen = [f.graph
        selectWithPredicateTensor:more
              truePredicateTensor:left
             falsePredicateTensor:[f.graph constantWithScalar:-7 dataType:MPSDataTypeFloat32]
                             name:nil];
    fixture_run(&f, chosen, result);
    CHECK_CLOSE(result, ((float[]){-7, -7, 3}), 3, 0);
    fixture_destroy(&f);
}

/* Each op's result is rounded to f16: 2048 + 1 is 2048, twice. */
static void test_f16_rounds_after_each_op(void) {
    uint16_t bits = 0;
    float value = 2048;
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(1), &value);
    MPSGraphTensor *half = [f.graph castTensor:x toType:MPSDataTypeFloat16 name:nil];
    MPSGraphTensor *one = [f.graph constantWithScalar:1 dataType:MPSDataTypeFloat16];
    MPSGraphTensor *sum = [f.graph additionWithPrimaryTensor:half secondaryTensor:one name:nil];
    sum = [f.graph additionWithPrimaryTensor:sum secondaryTensor:one name:nil];
    CHECK([sum dataType] == MPSDataTypeFloat16);
    fixture_run(&f, sum, &bits);
    CHECK(bits == 0x6800);
    MPSGraphTensor *square = [f.graph multiplicationWithPrimaryTensor:half
                                                      secondaryTensor:half
                                                                 name:nil];
    fixture_run(&f, [f.graph castTensor:square toType:MPSDataTypeFloat32 name:nil], &value);
    CHECK(isinf(value));
    fixture_destroy(&f);
}

static void test_casts(void) {
    float values[] = {-1.75f, 0, 2.5f, 1.0f + 0x1p-11f};
    int32_t integers[4];
    float result[4];
    uint8_t truth[4];
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(4), values);
    MPSGraphTensor *whole = [f.graph castTensor:x toType:MPSDataTypeInt32 name:nil];
    fixture_run(&f, whole, integers);
    CHECK(integers[0] == -1 && integers[1] == 0 && integers[2] == 2 && integers[3] == 1);
    fixture_run(&f, [f.graph castTensor:whole toType:MPSDataTypeFloat32 name:nil], result);
    CHECK_CLOSE(result, ((float[]){-1, 0, 2, 1}), 4, 0);
    fixture_run(&f, [f.graph castTensor:x toType:MPSDataTypeBool name:nil], truth);
    CHECK(truth[0] == 1 && truth[1] == 0 && truth[2] == 1 && truth[3] == 1);
    MPSGraphTensor *half = [f.graph castTensor:x toType:MPSDataTypeFloat16 name:nil];
    fixture_run(&f, [f.graph castTensor:half toType:MPSDataTypeFloat32 name:nil], result);
    CHECK_CLOSE(result, ((float[]){-1.75f, 0, 2.5f, 1}), 4, 0);
    MPSGraphTensor *brain = [f.graph castTensor:x toType:MPSDataTypeBFloat16 name:nil];
    fixture_run(&f, [f.graph castTensor:brain toType:MPSDataTypeFloat32 name:nil], result);
    CHECK_CLOSE(result, ((float[]){-1.75f, 0, 2.5f, 1}), 4, 0);
    fixture_destroy(&f);
}

static void test_complex_product(void) {
    float result[2];
    Fixture f = fixture_create();
    MPSGraphTensor *a = [f.graph
        complexTensorWithRealTensor:[f.graph constantWithScalar:1 dataType:MPSDataTypeFloat32]
                    imaginaryTensor:[f.graph constantWithScalar:2 dataType:MPSDataTypeFloat32]
                               name:nil];
    MPSGraphTensor *square = [f.graph multiplicationWithPrimaryTensor:a secondaryTensor:a name:nil];
    fixture_run(&f, square, result);
    CHECK_CLOSE(result, ((float[]){-3, 4}), 2, 0);
    fixture_destroy(&f);
}

int main(void) {
    @autoreleasepool {
        test_unary();
        test_binary();
        test_compare_and_select();
        test_f16_rounds_after_each_op();
        test_casts();
        test_complex_product();
    }
    return 0;
}
