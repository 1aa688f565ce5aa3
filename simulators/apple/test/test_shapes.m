/* test_shapes.m: ops that move elements, by hand. */
#include <stdint.h>

#import "fixture.h"

static const float six[] = {1, 2, 3, 4, 5, 6};

static void expect(Fixture *f, MPSGraphTensor *tensor, NSArray *shape, const float *expected) {
    float result[64];
    CHECK([[tensor shape] isEqual:shape]);
    fixture_run(f, tensor, result);
    CHECK_CLOSE(result, expected, shape_elements(shape), 0);
}

static void test_reshape_and_transpose(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2, 3), six);
    expect(&f, [f.graph reshapeTensor:x withShape:SHAPE(3, 1, 2) name:nil], SHAPE(3, 1, 2), six);
    expect(&f, [f.graph reshapeTensor:x withShape:SHAPE(-1, 2) name:nil], SHAPE(3, 2), six);
    const float turned[] = {1, 4, 2, 5, 3, 6};
    expect(&f, [f.graph transposeTensor:x dimension:0 withDimension:1 name:nil], SHAPE(3, 2),
           turned);
    expect(&f, [f.graph transposeTensor:x permutation:SHAPE(1, 0) name:nil], SHAPE(3, 2), turned);
    MPSGraphTensor *cube = [f.graph reshapeTensor:x withShape:SHAPE(1, 2, 3) name:nil];
    expect(&f, [f.graph transposeTensor:cube permutation:SHAPE(2, 0, 1) name:nil], SHAPE(3, 1, 2),
           turned);
    fixture_destroy(&f);
}

static void test_slice_and_concat(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2, 3), six);
    MPSGraphTensor *right = [f.graph sliceTensor:x dimension:1 start:1 length:2 name:nil];
    MPSGraphTensor *left = [f.graph sliceTensor:x dimension:1 start:0 length:1 name:nil];
    expect(&f, right, SHAPE(2, 2), (float[]){2, 3, 5, 6});
    expect(
        &f, [f.graph concatTensor : right withTensor : left dimension : -1 name : nil], SHAPE(2, 3),
        (float[]) { 2, 3, 1, 5, 6, 4 });
    NSArray *three = [NSArray arrayWithObjects:x, x, x, nil];
    expect(
        &f, [f.graph concatTensors : three dimension : 0 name : nil], SHAPE(6, 3),
        (float[]) { 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6 });
    fixture_destroy(&f);
}

static void test_broadcast(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2, 1), six);
    expect(
        &f, [f.graph broadcastTensor : x toShape : SHAPE(2, 2, 2) name : nil], SHAPE(2, 2, 2),
        (float[]) { 1, 1, 2, 2, 1, 1, 2, 2 });
    fixture_destroy(&f);
}

static MPSGraphTensor *pad(Fixture *f, MPSGraphTensor *x, MPSGraphPaddingMode mode, NSArray *left,
                           NSArray *right) {
    return [f->graph padTensor:x
               withPaddingMode:mode
                   leftPadding:left
                  rightPadding:right
                 constantValue:9
                          name:nil];
}

static void test_padding(void) {
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(3), six);
    MPSGraphTensor *matrix = fixture_feed(&f, SHAPE(2, 2), six);
    expect(&f, pad(&f, x, MPSGraphPaddingModeConstant, SHAPE(1), SHAPE(2)), SHAPE(6),
           (float[]){9, 1, 2, 3, 9, 9});
    expect(&f, pad(&f, x, MPSGraphPaddingModeZero, SHAPE(0), SHAPE(1)), SHAPE(4),
           (float[]){1, 2, 3, 0});
    expect(&f, pad(&f, x, MPSGraphPaddingModeReflect, SHAPE(2), SHAPE(1)), SHAPE(6),
           (float[]){3, 2, 1, 2, 3, 2});
    expect(&f, pad(&f, x, MPSGraphPaddingModeSymmetric, SHAPE(2), SHAPE(3)), SHAPE(8),
           (float[]){2, 1, 1, 2, 3, 3, 2, 1});
    expect(&f, pad(&f, x, MPSGraphPaddingModeClampToEdge, SHAPE(2), SHAPE(1)), SHAPE(6),
           (float[]){1, 1, 1, 2, 3, 3});
    expect(&f, pad(&f, matrix, MPSGraphPaddingModeZero, SHAPE(1, 0), SHAPE(0, 1)), SHAPE(3, 3),
           (float[]){0, 0, 0, 1, 2, 0, 3, 4, 0});
    fixture_destroy(&f);
}

static void test_gather(void) {
    const int32_t places[] = {2, 0, 2, 1};
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2, 3), six);
    MPSGraphTensor *indices =
        fixture_feed_as(&f, SHAPE(2, 2), MPSDataTypeInt32, places, sizeof(places));
    MPSGraphTensor *picked = [f.graph gatherWithUpdatesTensor:x
                                                indicesTensor:indices
                                                         axis:1
                                              batchDimensions:0
                                                         name:nil];
    expect(&f, picked, SHAPE(2, 2, 2), (float[]){3, 1, 3, 2, 6, 4, 6, 5});
    MPSGraphTensor *batched = [f.graph gatherWithUpdatesTensor:x
                                                 indicesTensor:indices
                                                          axis:1
                                               batchDimensions:1
                                                          name:nil];
    expect(&f, batched, SHAPE(2, 2), (float[]){3, 1, 6, 5});
    MPSGraphTensor *rows = [f.graph gatherWithUpdatesTensor:[f.graph transposeTensor:x
                                                                         permutation:SHAPE(1, 0)
                                                                                name:nil]
                                              indicesTensor:indices
                                                       axis:0
                                            batchDimensions:0
                                                       name:nil];
    expect(&f, rows, SHAPE(2, 2, 2), (float[]){3, 6, 1, 4, 3, 6, 2, 5});
    fixture_destroy(&f);
}

static void test_constants(void) {
    Fixture f = fixture_create();
    NSData *data = [NSData dataWithBytes:six length:sizeof(six)];
    expect(&f, [f.graph constantWithData:data shape:SHAPE(3, 2) dataType:MPSDataTypeFloat32],
           SHAPE(3, 2), six);
    expect(
        &f, [f.graph constantWithScalar : 0.5 shape : SHAPE(2, 1) dataType : MPSDataTypeFloat32],
        SHAPE(2, 1), (float[]) { 0.5f, 0.5f });
    fixture_destroy(&f);
}

int main(void) {
    @autoreleasepool {
        test_reshape_and_transpose();
        test_slice_and_concat();
        test_broadcast();
        test_padding();
        test_gather();
        test_constants();
    }
    return 0;
}
