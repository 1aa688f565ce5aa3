/* versions.m: the table of what came when, as Apple's documentation states it, and what
 * NSProcessInfo answers. */
#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include <objc/runtime.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "strict.h"
#include "versions.h"

static const SimSince table[] = {
    {"MPSGraph", NULL, 11, 0},
    {"MPSGraphExecutable", NULL, 12, 0},
    {"MPSGraphCompilationDescriptor", NULL, 12, 0},
    {"MPSGraphExecutableExecutionDescriptor", NULL, 12, 0},
    {"MPSGraphFFTDescriptor", NULL, 14, 0},
    {"MPSGraphCompilationDescriptor", "setWaitForCompilationCompletion:", 13, 0},
    {"MPSGraphExecutionDescriptor", "setCompilationDescriptor:", 12, 3},
    {"MPSGraph",
     "compileWithDevice:feeds:targetTensors:targetOperations:compilationDescriptor:", 12, 0},
    {"MPSGraph", "transposeTensor:permutation:name:", 13, 0},
    {"MPSGraph", "reciprocalSquareRootWithTensor:name:", 14, 0},
    {"MPSGraph", "realToHermiteanFFTWithTensor:axes:descriptor:name:", 14, 0},
    {"MPSGraph", "HermiteanToRealFFTWithTensor:axes:descriptor:name:", 14, 0},
    {"MPSGraph", "fastFourierTransformWithTensor:axes:descriptor:name:", 14, 0},
    {"MPSGraph", "complexTensorWithRealTensor:imaginaryTensor:name:", 14, 0},
    {"MPSGraph", "realPartOfTensor:name:", 14, 0},
    {"MPSGraph", "imaginaryPartOfTensor:name:", 14, 0},
    {"MPSGraph", "scaledDotProductAttentionWithQueryTensor:keyTensor:valueTensor:scale:name:", 15,
     0},
    {"MPSNDArray", "initWithBuffer:offset:descriptor:", 15, 0},
    {"MPSNDArrayDescriptor", "setPreferPackedRows:", 15, 0},
    {"MPSNDArrayDescriptor", "preferPackedRows", 15, 0},
    {NULL, NULL, 0, 0},
};

#define ROWS (sizeof(table) / sizeof(*table))

static IMP originals[ROWS];

const SimSince *sim_since_table(void) {
    return table;
}

bool sim_version_has(const char *class_name, const char *selector) {
    for (const SimSince *row = table; row->class_name; row++) {
        bool same =
            selector ? row->selector && strcmp(row->selector, selector) == 0 : !row->selector;
        if (same && strcmp(row->class_name, class_name) == 0 &&
            !sim_macos_is(row->major, row->minor))
            return false;
    }
    return true;
}

/* What stands in for a method that is not there. */
static id missing(id object, SEL selector) {
    const int *macos = sim_settings()->macos;
    [NSException
         raise:NSInvalidArgumentException
        format:@"-[%s %s]: unrecognized selector (macOS %d.%d has no such method)",
               class_getName(object_getClass(object)), sel_getName(selector), macos[0], macos[1]];
    return nil;
}

static void apply_row(size_t i) {
    Class class = objc_lookUpClass(table[i].class_name);
    Method method = class_getInstanceMethod(class, sel_registerName(table[i].selector));
    if (!method)
        sim_abort("the simulator has no -[%s %s]", table[i].class_name, table[i].selector);
    if (!originals[i])
        originals[i] = method_getImplementation(method);
    bool there = sim_macos_is(table[i].major, table[i].minor);
    IMP wanted = there ? originals[i] : (IMP)missing;
    if (method_getImplementation(method) != wanted)
        method_setImplementation(method, wanted);
}

/* Not under sim_lock(): the run-time calls it, by +initialize, under a lock of its own. */
void sim_versions_apply(void) {
    for (size_t i = 0; table[i].class_name; i++)
        if (table[i].selector)
            apply_row(i);
}

@implementation NSProcessInfo (ApplesimVersion)
- (NSOperatingSystemVersion)operatingSystemVersion {
    const int *macos = sim_settings()->macos;
    return (NSOperatingSystemVersion){macos[0], macos[1], macos[2]};
}
- (BOOL)isOperatingSystemAtLeastVersion:(NSOperatingSystemVersion)version {
    const int *macos = sim_settings()->macos;
    NSInteger wanted[3] = {version.majorVersion, version.minorVersion, version.patchVersion};
    for (int i = 0; i < 3; i++)
        if (macos[i] != wanted[i])
            return macos[i] > wanted[i];
    return YES;
}
@end
