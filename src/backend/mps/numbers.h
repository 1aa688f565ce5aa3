/* numbers.h: arrays of numbers; Objective-C's own literals box one by one. Inside backend/mps only.
 */
#ifndef CLEAVE_MPS_NUMBERS_H
#define CLEAVE_MPS_NUMBERS_H

#import <Foundation/Foundation.h>

NSArray *numbers(const NSInteger *values, size_t count);
#define NUMBERS(...)                          \
    numbers((const NSInteger[]){__VA_ARGS__}, \
            sizeof((const NSInteger[]){__VA_ARGS__}) / sizeof(NSInteger))

#endif
