/* numbers.m: making NSArrays of numbers. */
#include "backend/mps/numbers.h"

NSArray *numbers(const NSInteger *values, size_t count) {
    NSMutableArray *array = [NSMutableArray arrayWithCapacity:count];
    for (size_t i = 0; i < count; i++)
        [array addObject:[NSNumber numberWithInteger:values[i]]];
    return array;
}
