/* fixture.h: a graph, a queue, and data for both. */
#ifndef APPLESIM_FIXTURE_H
#define APPLESIM_FIXTURE_H

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include "applesim.h"
#include "check.h"

#define SHAPE(...)                            \
    numbers((const NSInteger[]){__VA_ARGS__}, \
            sizeof((const NSInteger[]){__VA_ARGS__}) / sizeof(NSInteger))
NSArray *numbers(const NSInteger *values, size_t count);

typedef struct Fixture {
    id<MTLDevice> device;
    id<MTLCommandQueue> queue;
    MPSGraph *graph;
    NSMutableDictionary *feeds;
} Fixture;

Fixture fixture_create(void);
void fixture_destroy(Fixture *fixture);

/* A placeholder, fed with values; those of f16 are given by their bits. */
MPSGraphTensor *fixture_feed(Fixture *fixture, NSArray *shape, const float *values);
MPSGraphTensor *fixture_feed_as(Fixture *fixture, NSArray *shape, MPSDataType type,
                                const void *values, size_t bytes);

/* A placeholder of a type for shapes that need no values: not fed. */
MPSGraphTensor *fixture_placeholder(Fixture *fixture, NSArray *shape, MPSDataType type);

/* Runs the graph and reads the target's bytes. */
void fixture_run(Fixture *fixture, MPSGraphTensor *target, void *to);

size_t shape_elements(NSArray *shape);

#endif
