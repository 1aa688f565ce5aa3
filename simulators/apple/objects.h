/* objects.h: life and death of the simulator's objects. What is dead stays in memory as a zombie: a
 * message to it names what it was, and aborts. */
#ifndef APPLESIM_OBJECTS_H
#define APPLESIM_OBJECTS_H

#import <Foundation/Foundation.h>

/* Counts a new object; nil where the simulated macOS has no such class. */
id sim_born(Class class, id object);

/* Makes a zombie of it. */
void sim_bury(id object);

/* Whether the simulated macOS has the class. */
BOOL sim_class_exists(Class class);

/* Whether it has the method. */
BOOL sim_method_exists(Class class, SEL selector);

/* What each class without an ancestor of the simulator's begins with; `release` gives up what it
 * owns. */
#define SIM_TRACKED SIM_TRACKED_WITH((void)0)
#define SIM_TRACKED_WITH(release)                                                                \
    +(Class) class {                                                                             \
        return sim_class_exists(self) ? self : Nil;                                              \
    } + (id)allocWithZone : (NSZone *)zone {                                                     \
        return sim_class_exists(self) ? sim_born(self, [super allocWithZone:zone]) : nil;        \
    }                                                                                            \
    +(BOOL)instancesRespondToSelector : (SEL)selector {                                          \
        return [super instancesRespondToSelector:selector] && sim_method_exists(self, selector); \
    }                                                                                            \
    -(BOOL)respondsToSelector : (SEL)selector {                                                  \
        return [super respondsToSelector:selector] &&                                            \
               sim_method_exists(object_getClass(self), selector);                               \
    }                                                                                            \
    -(void)dealloc {                                                                             \
        if (object_getClass(self) == Nil) /* for the compiler */                                 \
            [super dealloc];                                                                     \
        release;                                                                                 \
        sim_bury(self);                                                                          \
    }

/* The mother of what has only a protocol: SimBuffer is counted as MTLBuffer. */
@interface SimObject : NSObject
@end

#endif
