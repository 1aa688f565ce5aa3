/* MetalPerformanceShadersGraph.h: what cleave uses of MPSGraph, with Apple's names, signatures and
 * values; see ../../applesim.h. */
#ifndef APPLESIM_METAL_PERFORMANCE_SHADERS_GRAPH_H
#define APPLESIM_METAL_PERFORMANCE_SHADERS_GRAPH_H

#import <MetalPerformanceShaders/MetalPerformanceShaders.h>

#import "MPSGraphDescriptors.h"
#import "MPSGraphTensors.h"

#import "MPSGraph.h"

#import "MPSGraphExecutable.h"

#endif
