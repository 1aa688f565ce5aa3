/* fixture.m: makes graphs and data for tests. */
#import "fixture.h"

NSArray *numbers(const NSInteger *values, size_t count) {
    NSMutableArray *array = [NSMutableArray arrayWithCapacity:count];
    for (size_t i = 0; i < count; i++)
        [array addObject:[NSNumber numberWithInteger:values[i]]];
    return array;
}

size_t shape_elements(NSArray *shape) {
    size_t elements = 1;
    for (NSNumber *size in shape)
        elements *= (size_t)[size integerValue];
    return elements;
}

Fixture fixture_create(void) {
    Fixture fixture = {.device = MTLCreateSystemDefaultDevice()};
    fixture.queue = [fixture.device newCommandQueue];
    fixture.graph = [[MPSGraph alloc] init];
    fixture.feeds = [[NSMutableDictionary alloc] init];
    return fixture;
}

void fixture_destroy(Fixture *fixture) {
    [fixture->feeds release];
    [fixture->graph release];
    [fixture->queue release];
    [fixture->device release];
}

MPSGraphTensor *fixture_placeholder(Fixture *fixture, NSArray *shape, MPSDataType type) {
    return [fixture->graph placeholderWithShape:shape dataType:type name:@"operand"];
}

MPSGraphTensor *fixture_feed_as(Fixture *fixture, NSArray *shape, MPSDataType type,
                                const void *values, size_t bytes) {
    MPSGraphTensor *tensor = fixture_placeholder(fixture, shape, type);
    MPSGraphDevice *device = [MPSGraphDevice deviceWithMTLDevice:fixture->device];
    MPSGraphTensorData *data =
        [[MPSGraphTensorData alloc] initWithDevice:device
                                              data:[NSData dataWithBytes:values length:bytes]
                                             shape:shape
                                          dataType:type];
    [fixture->feeds setObject:data forKey:tensor];
    [data release];
    return tensor;
}

MPSGraphTensor *fixture_feed(Fixture *fixture, NSArray *shape, const float *values) {
    return fixture_feed_as(fixture, shape, MPSDataTypeFloat32, values,
                           shape_elements(shape) * sizeof(float));
}

void fixture_run(Fixture *fixture, MPSGraphTensor *target, void *to) {
    NSDictionary *results = [fixture->graph runWithMTLCommandQueue:fixture->queue
                                                             feeds:fixture->feeds
                                                     targetTensors:[NSArray arrayWithObject:target]
                                                  targetOperations:nil];
    [[[results objectForKey:target] mpsndarray] readBytes:to strideBytes:NULL];
}
