/* objects.m: counts objects, and turns dead ones into zombies. */
#import "objects.h"

#import <MetalPerformanceShadersGraph/MetalPerformanceShadersGraph.h>

#include <objc/runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting.h"
#include "strict.h"
#include "versions.h"

#define GONE " that is gone"

__attribute__((objc_root_class))
@interface SimZombie {
    Class isa;
}
@end

static _Noreturn void complain(id zombie, SEL selector) {
    const char *name = class_getName(object_getClass(zombie));
    sim_abort("message '%s' to a %s; was it released too often, or not retained?",
              sel_getName(selector), name);
}

@implementation SimZombie
+ (void)initialize {
}
- (void)forwardInvocation:(NSInvocation *)invocation {
    complain((id)self, [invocation selector]);
}
- (NSMethodSignature *)methodSignatureForSelector:(SEL)selector {
    complain((id)self, selector);
}
- (id)retain {
    complain((id)self, _cmd);
}
- (void)release {
    complain((id)self, _cmd);
}
- (id)autorelease {
    complain((id)self, _cmd);
}
@end

/* What an object counts as. */
static void name_of(Class class, char *name, size_t size) {
    const char *own = class_getName(class);
    if (strncmp(own, "Sim", 3) == 0)
        snprintf(name, size, "MTL%s", own + 3);
    else
        snprintf(name, size, "%s", own);
}

/* "MPSGraphTensor that is gone". */
static Class zombie_class(Class class) {
    char name[128];
    name_of(class, name, sizeof(name) - sizeof(GONE));
    strcat(name, GONE);
    Class zombie = objc_lookUpClass(name);
    if (!zombie) {
        zombie = objc_allocateClassPair(objc_lookUpClass("SimZombie"), name, 0);
        objc_registerClassPair(zombie);
    }
    return zombie;
}

static void count(Class class, int change) {
    char name[128];
    name_of(class, name, sizeof(name));
    sim_count_object(name, change);
}

id sim_born(Class class, id object) {
    if (object)
        count(class, 1);
    return object;
}

void sim_bury(id object) {
    Class class = object_getClass(object);
    sim_lock();
    count(class, -1);
    object_setClass(object, zombie_class(class));
    sim_unlock();
}

BOOL sim_class_exists(Class class) {
    return sim_version_has(class_getName(class), NULL);
}

BOOL sim_method_exists(Class class, SEL selector) {
    for (Class c = class; c; c = class_getSuperclass(c))
        if (!sim_version_has(class_getName(c), sel_getName(selector)))
            return NO;
    return YES;
}

/* GNUstep's classes are not initialised safely by several threads at once: one may use a class that
 * another is still initialising. Those that are used here, and by programs, are all initialised
 * before there are threads. */
static void initialize_foundation(void) {
    @autoreleasepool {
        NSNumber *number = [NSNumber numberWithLongLong:1];
        NSMutableArray *array = [NSMutableArray arrayWithObject:number];
        NSMutableDictionary *dictionary = [NSMutableDictionary dictionaryWithObject:array
                                                                             forKey:number];
        NSString *text = [NSString stringWithFormat:@"%@ %s", array, "text"];
        [NSData dataWithBytes:"" length:1];
        [NSError errorWithDomain:text code:1 userInfo:[[dictionary copy] autorelease]];
        for (NSNumber *key in [dictionary allKeys])
            [[dictionary objectForKey:key] objectEnumerator];
        [[array reverseObjectEnumerator] nextObject];
        [NSArray arrayWithObjects:number, text, nil];
        [NSDictionary dictionaryWithObjectsAndKeys:number, text, nil];
        [text UTF8String];
        [NSProcessInfo processInfo];
        [NSThread currentThread];
        @try {
            [NSException raise:NSGenericException format:@"first of %@", text];
        } @catch (NSException *exception) {
            [exception reason];
        }
    }
}

@implementation SimObject
SIM_TRACKED
+ (void)load {
    initialize_foundation();
}
@end

@implementation MPSGraphObject
SIM_TRACKED
+ (void)initialize {
    sim_versions_apply();
}
@end
