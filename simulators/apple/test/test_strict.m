/* test_strict.m: every rule, broken in a process of its own, which must abort and say why. */
#include <stdlib.h>
#include <string.h>

#import "fixture.h"

static Fixture f; /* of the process that is to abort */

static MPSGraphTensor *f32(NSArray *shape) {
    return fixture_placeholder(&f, shape, MPSDataTypeFloat32);
}

static MPSGraphTensor *f16(NSArray *shape) {
    return fixture_placeholder(&f, shape, MPSDataTypeFloat16);
}

static MPSGraphTensor *add(MPSGraphTensor *a, MPSGraphTensor *b) {
    return [f.graph additionWithPrimaryTensor:a secondaryTensor:b name:nil];
}

/* ---- Building ---- */

static void types_differ(void) {
    add(f32(SHAPE(2)), f16(SHAPE(2)));
}

static void shapes_differ(void) {
    add(f32(SHAPE(2, 3)), f32(SHAPE(2)));
}

static void operand_is_nil(void) {
    add(f32(SHAPE(2, 3)), nil);
}

static void of_another_graph(void) {
    MPSGraph *other = [[MPSGraph alloc] init];
    add(f32(SHAPE(2)), [other placeholderWithShape:SHAPE(2) dataType:MPSDataTypeFloat32 name:nil]);
}

static void reshape_of_another_count(void) {
    [f.graph reshapeTensor:f32(SHAPE(2, 3)) withShape:SHAPE(4) name:nil];
}

static void no_permutation(void) {
    [f.graph transposeTensor:f32(SHAPE(2, 3)) permutation:SHAPE(0, 0) name:nil];
}

static void slice_out_of_range(void) {
    [f.graph sliceTensor:f32(SHAPE(2, 3)) dimension:1 start:2 length:2 name:nil];
}

static void concat_does_not_fit(void) {
    [f.graph concatTensor:f32(SHAPE(2, 3)) withTensor:f32(SHAPE(2, 2)) dimension:0 name:nil];
}

static void reflection_too_wide(void) {
    [f.graph padTensor:f32(SHAPE(3))
        withPaddingMode:MPSGraphPaddingModeReflect
            leftPadding:SHAPE(3)
           rightPadding:SHAPE(0)
          constantValue:0
                   name:nil];
}

static void indices_are_floats(void) {
    [f.graph gatherWithUpdatesTensor:f32(SHAPE(3))
                       indicesTensor:f32(SHAPE(2))
                                axis:0
                     batchDimensions:0
                                name:nil];
}

static void axis_out_of_range(void) {
    [f.graph reductionSumWithTensor:f32(SHAPE(3)) axis:1 name:nil];
}

static void mean_of_another_shape(void) {
    [f.graph varianceOfTensor:f32(SHAPE(2, 3)) meanTensor:f32(SHAPE(2, 3)) axes:SHAPE(1) name:nil];
}

static void matrices_do_not_fit(void) {
    [f.graph matrixMultiplicationWithPrimaryTensor:f32(SHAPE(2, 3))
                                   secondaryTensor:f32(SHAPE(2, 3))
                                              name:nil];
}

static MPSGraphConvolution2DOpDescriptor *plain_descriptor(void) {
    MPSGraphConvolution2DOpDescriptor *descriptor =
        [[[MPSGraphConvolution2DOpDescriptor alloc] init] autorelease];
    [descriptor setWeightsLayout:MPSGraphTensorNamedDataLayoutOIHW];
    return descriptor;
}

static void convolution_of_other_channels(void) {
    [f.graph convolution2DWithSourceTensor:f32(SHAPE(1, 3, 8, 8))
                             weightsTensor:f32(SHAPE(4, 2, 3, 3))
                                descriptor:plain_descriptor()
                                      name:nil];
}

static void convolution_of_mixed_types(void) {
    [f.graph convolution2DWithSourceTensor:f16(SHAPE(1, 3, 8, 8))
                             weightsTensor:f32(SHAPE(4, 3, 3, 3))
                                descriptor:plain_descriptor()
                                      name:nil];
}

/* As a checkpoint's transposed convolution has it would be (3, 4, 3, 3). */
static void transposed_weights_swapped(void) {
    [f.graph convolutionTranspose2DWithSourceTensor:f32(SHAPE(1, 3, 6, 6))
                                      weightsTensor:f32(SHAPE(4, 3, 3, 3))
                                        outputShape:SHAPE(1, 4, 8, 8)
                                         descriptor:plain_descriptor()
                                               name:nil];
}

static void transposed_to_wrong_size(void) {
    [f.graph convolutionTranspose2DWithSourceTensor:f32(SHAPE(1, 3, 6, 6))
                                      weightsTensor:f32(SHAPE(3, 4, 3, 3))
                                        outputShape:SHAPE(1, 4, 9, 8)
                                         descriptor:plain_descriptor()
                                               name:nil];
}

static void transform_of_f16(void) {
    [f.graph realToHermiteanFFTWithTensor:f16(SHAPE(8))
                                     axes:SHAPE(0)
                               descriptor:[MPSGraphFFTDescriptor descriptor]
                                     name:nil];
}

static void complex_of_f16(void) {
    [f.graph complexTensorWithRealTensor:f16(SHAPE(8)) imaginaryTensor:f16(SHAPE(8)) name:nil];
}

static void inverse_of_real(void) {
    [f.graph HermiteanToRealFFTWithTensor:f32(SHAPE(8))
                                     axes:SHAPE(0)
                               descriptor:[MPSGraphFFTDescriptor descriptor]
                                     name:nil];
}

static void dynamic_shape(void) {
    f32(SHAPE(-1, 3));
}

static void too_many_elements(void) {
    fixture_placeholder(&f, SHAPE(65536, 32769), MPSDataTypeUInt8);
}

static void too_many_bytes(void) {
    f32(SHAPE(1 << 20, 1025));
}

static void constant_of_wrong_size(void) {
    [f.graph constantWithData:[NSData dataWithBytes:"1234567" length:7]
                        shape:SHAPE(2)
                     dataType:MPSDataTypeFloat32];
}

/* ---- Running ---- */

static id<MTLBuffer> new_buffer(NSUInteger length) {
    return [f.device newBufferWithLength:length options:MTLResourceStorageModeShared];
}

static MPSGraphTensorData *data_in(id<MTLBuffer> buffer, NSArray *shape, MPSDataType type) {
    return [[[MPSGraphTensorData alloc] initWithMTLBuffer:buffer shape:shape
                                                 dataType:type] autorelease];
}

static MPSGraphTensorData *zeros(NSArray *shape, MPSDataType type) {
    id<MTLBuffer> buffer = new_buffer(64);
    memset([buffer contents], 0, 64);
    return data_in([buffer autorelease], shape, type);
}

static MPSGraphExecutable *compile(NSArray *feeds, MPSGraphTensor *target) {
    NSMutableDictionary *types = [NSMutableDictionary dictionary];
    for (MPSGraphTensor *feed in feeds)
        [types setObject:[[[MPSGraphShapedType alloc] initWithShape:[feed shape]
                                                           dataType:[feed dataType]] autorelease]
                  forKey:feed];
    return [f.graph compileWithDevice:nil
                                feeds:types
                        targetTensors:[NSArray arrayWithObject:target]
                     targetOperations:nil
                compilationDescriptor:nil];
}

static void missing_feed_to_graph(void) {
    MPSGraphTensor *a = f32(SHAPE(2));
    NSDictionary *feeds = [NSDictionary dictionaryWithObject:zeros(SHAPE(2), MPSDataTypeFloat32)
                                                      forKey:a];
    [f.graph runWithMTLCommandQueue:f.queue
                              feeds:feeds
                      targetTensors:[NSArray arrayWithObject:add(a, f32(SHAPE(2)))]
                   targetOperations:nil];
}

static void missing_feed_to_compiler(void) {
    MPSGraphTensor *a = f32(SHAPE(2));
    compile([NSArray arrayWithObject:a], add(a, f32(SHAPE(2))));
}

static void missing_input(void) {
    MPSGraphTensor *a = f32(SHAPE(2));
    MPSGraphTensor *b = f32(SHAPE(2));
    MPSGraphExecutable *executable = compile([NSArray arrayWithObjects:a, b, nil], add(a, b));
    [executable runWithMTLCommandQueue:f.queue
                           inputsArray:[NSArray arrayWithObject:zeros(SHAPE(2), MPSDataTypeFloat32)]
                          resultsArray:nil
                   executionDescriptor:nil];
}

/* As the placeholders were made, which is not the executable's order. */
static void inputs_in_wrong_order(void) {
    MPSGraphTensor *a = f32(SHAPE(2, 1));
    MPSGraphTensor *b = f32(SHAPE(3));
    MPSGraphExecutable *executable = compile([NSArray arrayWithObjects:a, b, nil], add(a, b));
    [executable
        runWithMTLCommandQueue:f.queue
                   inputsArray:[NSArray arrayWithObjects:zeros(SHAPE(2, 1), MPSDataTypeFloat32),
                                                         zeros(SHAPE(3), MPSDataTypeFloat32), nil]
                  resultsArray:nil
           executionDescriptor:nil];
}

static void run_one(NSArray *placeholder_shape, MPSGraphTensorData *input,
                    MPSGraphTensorData *result) {
    MPSGraphTensor *a = f32(placeholder_shape);
    MPSGraphExecutable *executable =
        compile([NSArray arrayWithObject:a], [f.graph reLUWithTensor:a name:nil]);
    [executable runWithMTLCommandQueue:f.queue
                           inputsArray:[NSArray arrayWithObject:input]
                          resultsArray:result ? [NSArray arrayWithObject:result] : nil
                   executionDescriptor:nil];
}

static void input_of_wrong_shape(void) {
    run_one(SHAPE(2, 2), zeros(SHAPE(4), MPSDataTypeFloat32), nil);
}

static void input_of_wrong_type(void) {
    run_one(SHAPE(4), zeros(SHAPE(4), MPSDataTypeInt32), nil);
}

static void result_of_wrong_shape(void) {
    run_one(SHAPE(4), zeros(SHAPE(4), MPSDataTypeFloat32), zeros(SHAPE(3), MPSDataTypeFloat32));
}

static void graph_fed_with_wrong_type(void) {
    MPSGraphTensor *a = f32(SHAPE(4));
    [f.graph runWithMTLCommandQueue:f.queue
                              feeds:[NSDictionary
                                        dictionaryWithObject:zeros(SHAPE(4), MPSDataTypeFloat16)
                                                      forKey:a]
                      targetTensors:[NSArray arrayWithObject:[f.graph reLUWithTensor:a name:nil]]
                   targetOperations:nil];
}

static void placeholder_and_type_differ(void) {
    MPSGraphTensor *a = f32(SHAPE(4));
    MPSGraphShapedType *type =
        [[[MPSGraphShapedType alloc] initWithShape:SHAPE(5)
                                          dataType:MPSDataTypeFloat32] autorelease];
    [f.graph compileWithDevice:nil
                         feeds:[NSDictionary dictionaryWithObject:type forKey:a]
                 targetTensors:[NSArray arrayWithObject:[f.graph reLUWithTensor:a name:nil]]
              targetOperations:nil
         compilationDescriptor:nil];
}

static void buffer_too_small(void) {
    data_in(new_buffer(15), SHAPE(4), MPSDataTypeFloat32);
}

static void index_out_of_range(void) {
    const int32_t places[] = {0, 3};
    float values[] = {1, 2, 3};
    float result[2];
    MPSGraphTensor *picked =
        [f.graph gatherWithUpdatesTensor:fixture_feed(&f, SHAPE(3), values)
                           indicesTensor:fixture_feed_as(&f, SHAPE(2), MPSDataTypeInt32, places, 8)
                                    axis:0
                         batchDimensions:0
                                    name:nil];
    fixture_run(&f, picked, result);
}

static void first_bin_is_complex(void) {
    float real[] = {1, 2, 3}, imaginary[] = {0.5f, 1, 0};
    float result[4];
    MPSGraphTensor *bins =
        [f.graph complexTensorWithRealTensor:fixture_feed(&f, SHAPE(3), real)
                             imaginaryTensor:fixture_feed(&f, SHAPE(3), imaginary)
                                        name:nil];
    fixture_run(&f,
                [f.graph HermiteanToRealFFTWithTensor:bins
                                                 axes:SHAPE(0)
                                           descriptor:[MPSGraphFFTDescriptor descriptor]
                                                 name:nil],
                result);
}

/* ---- Buffers in use ---- */

static id<MTLBuffer> from, to;

static MPSCommandBuffer *commit_relu(id<MTLCommandQueue> queue) {
    MPSGraphTensor *a = f32(SHAPE(4));
    MPSCommandBuffer *commands = [MPSCommandBuffer commandBufferFromCommandQueue:queue];
    if (!from) {
        from = new_buffer(16);
        to = new_buffer(16);
        memset([from contents], 0, 16);
    }
    NSDictionary *feeds =
        [NSDictionary dictionaryWithObject:data_in(from, SHAPE(4), MPSDataTypeFloat32) forKey:a];
    NSDictionary *results =
        [NSDictionary dictionaryWithObject:data_in(to, SHAPE(4), MPSDataTypeFloat32)
                                    forKey:[f.graph reLUWithTensor:a name:nil]];
    [f.graph encodeToCommandBuffer:commands
                             feeds:feeds
                  targetOperations:nil
                 resultsDictionary:results
               executionDescriptor:nil];
    [commands commit];
    return commands;
}

static void host_writes_input(void) {
    MPSCommandBuffer *commands = commit_relu(f.queue);
    ((float *)[from contents])[3] = 1;
    [commands waitUntilCompleted];
}

static void host_writes_result(void) {
    MPSCommandBuffer *commands = commit_relu(f.queue);
    ((float *)[to contents])[0] = 1;
    [commands waitUntilCompleted];
}

static void used_by_two_queues(void) {
    commit_relu(f.queue);
    commit_relu([f.device newCommandQueue]);
}

static void reads_without_waiting(void) {
    float result[4];
    commit_relu(f.queue);
    [[data_in(to, SHAPE(4), MPSDataTypeFloat32) mpsndarray] readBytes:result strideBytes:NULL];
}

static void committed_twice(void) {
    [commit_relu(f.queue) commit];
}

static void waits_without_commit(void) {
    [[MPSCommandBuffer commandBufferFromCommandQueue:f.queue] waitUntilCompleted];
}

static void encodes_after_commit(void) {
    MPSCommandBuffer *commands = commit_relu(f.queue);
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2), (float[]){1, 2});
    [f.graph encodeToCommandBuffer:commands
                             feeds:f.feeds
                     targetTensors:[NSArray arrayWithObject:[f.graph reLUWithTensor:x name:nil]]
                  targetOperations:nil
               executionDescriptor:nil];
}

static void encodes_to_plain_command_buffer(void) {
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2), (float[]){1, 2});
    [f.graph encodeToCommandBuffer:(id)[f.queue commandBuffer]
                             feeds:f.feeds
                     targetTensors:[NSArray arrayWithObject:[f.graph reLUWithTensor:x name:nil]]
                  targetOperations:nil
               executionDescriptor:nil];
}

/* ---- Others ---- */

static void unknown_setting(void) {
    applesim_set("mcaos=13");
}

static void setting_does_not_parse(void) {
    applesim_set("memory=8Q");
}

static void careless_transposition(void) {
    applesim_set("cautious=1");
    [f.graph transposeTensor:f32(SHAPE(1, 2, 3, 4, 5)) permutation:SHAPE(0, 2, 1, 3, 4) name:nil];
}

static void careless_product(void) {
    applesim_set("cautious=1");
    [f.graph matrixMultiplicationWithPrimaryTensor:f32(SHAPE(2, 3, 4))
                                   secondaryTensor:f32(SHAPE(4, 5))
                                              name:nil];
}

static void product_of_four_axes(void) {
    applesim_set("cautious=1");
    [f.graph matrixMultiplicationWithPrimaryTensor:f32(SHAPE(1, 2, 3, 4))
                                   secondaryTensor:f32(SHAPE(1, 2, 4, 5))
                                              name:nil];
}

static void attend(MPSGraphTensor *queries, MPSGraphTensor *keys) {
    applesim_set("macos=15.0");
    [f.graph scaledDotProductAttentionWithQueryTensor:queries
                                            keyTensor:keys
                                          valueTensor:keys
                                                scale:1
                                                 name:nil];
}

static void attention_of_other_heads(void) {
    attend(f32(SHAPE(1, 2, 3, 4)), f32(SHAPE(1, 3, 3, 4)));
}

static void attention_of_three_axes(void) {
    attend(f32(SHAPE(2, 3, 4)), f32(SHAPE(2, 3, 4)));
}

static void attention_of_mixed_types(void) {
    attend(f32(SHAPE(1, 2, 3, 4)), f16(SHAPE(1, 2, 3, 4)));
}

static void told_to_assert(void) {
    float result[2];
    applesim_set("assert_at=2");
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(2), (float[]){-1, 2});
    MPSGraphTensor *y = [f.graph reLUWithTensor:x name:nil];
    fixture_run(&f, y, result);
    CHECK(result[1] == 2);
    fixture_run(&f, y, result);
}

static const struct {
    void (*body)(void);
    const char *text;
} rules[] = {
    {types_differ, "operands of different types, f32 (2) and f16 (2)"},
    {shapes_differ, "shapes do not broadcast, f32 (2, 3) and f32 (2)"},
    {operand_is_nil, "an operand is nil"},
    {of_another_graph, "a tensor of another graph"},
    {reshape_of_another_count, "another count of elements"},
    {no_permutation, "no permutation"},
    {slice_out_of_range, "elements 2 to 3 of axis 1 of f32 (2, 3)"},
    {concat_does_not_fit, "along axis 0"},
    {reflection_too_wide, "padding of 3 and 0 along axis 0"},
    {indices_are_floats, "indices are f32 (2), not int32"},
    {axis_out_of_range, "axis 1 of a tensor of rank 1"},
    {mean_of_another_shape, "the mean is f32 (2, 3), not f32 (2, 1)"},
    {matrices_do_not_fit, "f32 (2, 3) times f32 (2, 3)"},
    {convolution_of_other_channels, "weights f32 (4, 2, 3, 3) for a source of f32 (1, 3, 8, 8)"},
    {convolution_of_mixed_types, "operands of different types"},
    {transposed_weights_swapped, "weights f32 (4, 3, 3, 3) for a source of f32 (1, 4, 8, 8)"},
    {transposed_to_wrong_size, "gives f32 (1, 3, 7, 6), but the source is f32 (1, 3, 6, 6)"},
    {transform_of_f16, "of f32, not f16 (8)"},
    {complex_of_f16, "of f32, not f16 (8)"},
    {inverse_of_real, "of complex f32, not f32 (8)"},
    {dynamic_shape, "only sizes that are known"},
    {too_many_elements, "uint8 (65536, 32769) is larger than 2^31 elements or 2^32 bytes"},
    {too_many_bytes, "larger than 2^31 elements or 2^32 bytes"},
    {constant_of_wrong_size, "7 bytes for f32 (2)"},
    {missing_feed_to_graph, "placeholder 'operand' has no feed"},
    {missing_feed_to_compiler, "placeholder 'operand' has no feed"},
    {missing_input, "1 inputs for an executable that has 2"},
    {inputs_in_wrong_order, "input 0 of an executable is f32 (2, 1), and must be f32 (3)"},
    {input_of_wrong_shape, "is f32 (4), and must be f32 (2, 2)"},
    {input_of_wrong_type, "is int32 (4), and must be f32 (4)"},
    {result_of_wrong_shape, "result 0 of an executable is f32 (3), and must be f32 (4)"},
    {graph_fed_with_wrong_type, "a feed is f16 (4), and must be f32 (4)"},
    {placeholder_and_type_differ, "feed 'operand' is f32 (5), and its placeholder f32 (4)"},
    {buffer_too_small, "f32 (4) in a buffer of 15 bytes"},
    {index_out_of_range, "index 3 along an axis of 3"},
    {first_bin_is_complex, "the imaginary part of bin 0"},
    {host_writes_input, "the host wrote to input 0"},
    {host_writes_result, "the host wrote byte 0"},
    {used_by_two_queues, "another queue"},
    {reads_without_waiting, "nobody waited for"},
    {committed_twice, "committed twice"},
    {waits_without_commit, "that was not committed"},
    {encodes_after_commit, "committed before"},
    {encodes_to_plain_command_buffer, "graphs are encoded to a MPSCommandBuffer"},
    {careless_transposition, "a transposition of 5 axes"},
    {careless_product, "a product that broadcasts an axis"},
    {product_of_four_axes, "a product that broadcasts an axis"},
    {attention_of_other_heads, "queries f32 (1, 2, 3, 4), keys f32 (1, 3, 3, 4)"},
    {attention_of_three_axes, "queries f32 (2, 3, 4)"},
    {attention_of_mixed_types, "operands of different types"},
    {told_to_assert, "failed assertion"},
    {unknown_setting, "there is no setting 'mcaos'"},
    {setting_does_not_parse, "does not take '8Q'"},
};

int main(void) {
    @autoreleasepool {
        f = fixture_create();
        for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
            check_aborts(rules[i].body, rules[i].text);
    }
    return 0;
}
