/* random.h: repeatable random numbers for tests and tools: those of the library. */
#ifndef CLEAVE_TESTS_RANDOM_H
#define CLEAVE_TESTS_RANDOM_H

#include "src/base/random.h"

#endif
