/* executable.h: compiling, and encoding what is compiled or not. */
#ifndef APPLESIM_EXECUTABLE_H
#define APPLESIM_EXECUTABLE_H

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#import "program.h"
#import "queue.h"

/* nil, or an exception, where the next compilation is to fail. */
MPSGraphExecutable *sim_compile(MPSGraph *graph, NSDictionary *feeds, NSArray *targets);

/* Inputs and results (MPSGraphTensorData) must be checked. */
void sim_encode(id commands, SimProgram *program, BOOL compiled, NSArray *inputs, NSArray *results,
                SimHandler handler);

#endif
