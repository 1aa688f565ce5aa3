/* objects.h: life and death of the simulator's objects. A dead one stays in memory as a zombie: a
 * message to it prints its class, and aborts. */
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

/* Begins each class that inherits from no class of the simulator. `release` gives up what an object
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

/* Base of classes that programs know by a protocol only: SimBuffer is counted as MTLBuffer. */
@interface SimObject : NSObject
@end

#endif
