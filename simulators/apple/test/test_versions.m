/* test_versions.m: what each version of macOS lacks, and how that shows. */
#include <objc/runtime.h>
#include <stdio.h>
#include <string.h>

#import "fixture.h"
#include "versions.h"

static void set_version(int major, int minor) {
    char text[64];
    snprintf(text, sizeof(text), "macos=%d.%d", major, minor);
    applesim_set(text);
}

static BOOL at_least(NSInteger major, NSInteger minor, NSInteger patch) {
    NSOperatingSystemVersion version = {major, minor, patch};
    return [[NSProcessInfo processInfo] isOperatingSystemAtLeastVersion:version];
}

static void test_version_is_told(void) {
    applesim_set("macos=13.2.1");
    NSOperatingSystemVersion version = [[NSProcessInfo processInfo] operatingSystemVersion];
    CHECK(version.majorVersion == 13 && version.minorVersion == 2 && version.patchVersion == 1);
    CHECK(at_least(13, 2, 1));
    CHECK(at_least(12, 9, 9));
    CHECK(!at_least(13, 2, 2));
    CHECK(!at_least(14, 0, 0));
}

/* Every row of the table: there from its version on, not before. */
static void test_methods(void) {
    for (const SimSince *row = sim_since_table(); row->class_name; row++) {
        if (!row->selector)
            continue;
        Class class = objc_lookUpClass(row->class_name);
        SEL selector = sel_registerName(row->selector);
        BOOL raised = NO;
        set_version(row->major, row->minor);
        id object = [[[class alloc] init] autorelease];
        CHECK([object respondsToSelector:selector]);
        CHECK([class instancesRespondToSelector:selector]);
        set_version(row->major - 1, 9);
        CHECK(![object respondsToSelector:selector]);
        CHECK(![class instancesRespondToSelector:selector]);
        CHECK([object respondsToSelector:@selector(hash)]);
        @try {
            [object performSelector:selector withObject:nil withObject:nil];
        } @catch (NSException *exception) {
            raised = [[exception name] isEqual:NSInvalidArgumentException];
        }
        CHECK(raised);
    }
}

/* A class that is not there is nil, and so is what it is asked. */
static void test_classes(void) {
    applesim_set("macos=11.6");
    CHECK(![MPSGraphExecutable class] && [MPSGraph class]);
    CHECK(![[MPSGraphCompilationDescriptor alloc] init]);
    applesim_set("macos=12.0");
    CHECK([MPSGraphExecutable class] && ![MPSGraphFFTDescriptor class]);
    applesim_set("macos=10.15");
    CHECK(![MPSGraph class] && ![[MPSGraph alloc] init]);
    applesim_set("macos=14.0");
    CHECK([MPSGraph class] && [MPSGraphFFTDescriptor class]);
}

static void test_types(void) {
    BOOL raised = NO;
    applesim_set("macos=13.6");
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_placeholder(&f, SHAPE(2), MPSDataTypeFloat16);
    @try {
        [f.graph castTensor:x toType:MPSDataTypeBFloat16 name:nil];
    } @catch (NSException *exception) {
        raised = YES;
    }
    CHECK(raised);
    applesim_set("macos=14.0");
    CHECK([[f.graph castTensor:x toType:MPSDataTypeBFloat16
                          name:nil] dataType] == MPSDataTypeBFloat16);
    fixture_destroy(&f);
}

/* After all that, methods work as before. */
static void test_methods_come_back(void) {
    float values[] = {1, 2};
    float result[2];
    applesim_reset();
    Fixture f = fixture_create();
    MPSGraphTensor *x = fixture_feed(&f, SHAPE(1, 2), values);
    fixture_run(&f, [f.graph transposeTensor:x permutation:SHAPE(1, 0) name:nil], result);
    CHECK_CLOSE(result, values, 2, 0);
    fixture_destroy(&f);
}

int main(void) {
    @autoreleasepool {
        test_version_is_told();
        test_methods();
        test_classes();
        test_types();
        test_methods_come_back();
    }
    return 0;
}
