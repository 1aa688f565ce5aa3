/* fixture.h: what tests of kernels share: numbers as the device stores them, random values, what an
 * operand is in float64, and launches on the emulator. */
#ifndef CLEAVE_TESTS_CUDA_KERNELS_FIXTURE_H
#define CLEAVE_TESTS_CUDA_KERNELS_FIXTURE_H

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/cuda/kernels/arguments.h"

/* Under a sanitizer everything takes ten to a hundred times as long. A race shows in any order of
 * threads, so ThreadSanitizer needs no second run. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#if defined(WITH_TSAN) || defined(__SANITIZE_THREAD__)
#define CASES  1 /* random ones, of each kernel */
#define REPEAT false
#elif defined(WITH_ASAN) || defined(__SANITIZE_ADDRESS__)
#define CASES  2
#define REPEAT true
#else
#define CASES  6
#define REPEAT true
#endif

/* ---- Random numbers ---- */

typedef struct Random {
    uint64_t state;
} Random;

int random_between(Random *random, int least, int most);
bool random_chance(Random *random, int percent);
double random_real(Random *random); /* in [-1, 1) */

/* ---- Numbers as they are stored ---- */

size_t stored_bytes(int stored);
double stored_round(int stored, double value);
double stored_read(int stored, const void *memory, size_t element);
void stored_write(int stored, void *memory, size_t element, double value);

/* The step between 1 and the next number. */
double stored_step(int stored);

int padded(int channels);

/* ---- Memory ---- */

/* To be freed. Of bytes 0xff, which every type takes for NaN. */
void *allocate(size_t bytes);

/* ---- Values ---- */

/* (sample, height, width, channels), in memory of exactly that size. */
typedef struct Value {
    int samples;
    int height;
    int width;
    int channels; /* padded */
    int stored;
    void *memory;
} Value;

/* Random numbers, also in the padding; or none at all, which every kernel overwrites. */
Value value_random(Random *random, int samples, int height, int width, int channels, int stored);
Value value_blank(int samples, int height, int width, int channels, int stored);
void value_free(Value *value);

size_t value_count(const Value *value);
size_t value_bytes(const Value *value);
double value_at(const Value *value, int sample, int y, int x, int channel);

/* As kernels see it, from this sample on. */
ValueView value_view(const Value *value, int sample);

/* ---- Operands ---- */

typedef struct TestOperand {
    Value sources[2];
    Value times[2]; /* without memory: no factor */
    int count;      /* of sources */
    float *norm;    /* NULL: none */
    int norm_stride;
    int act;
    float alpha;
    int channels;
    int height;
    int width;
} TestOperand;

typedef struct OperandSize {
    int samples;
    int height;
    int width;
    int channels; /* of each source, at most */
} OperandSize;

/* One source or two of random channels, each stored in a way of its own, with and without norm and
 * activation; and with factors where `times` allows them. */
TestOperand operand_random(Random *random, OperandSize size, bool times);
void operand_free(TestOperand *operand);

/* Whether kernels do nothing to it but round. */
bool operand_is_plain(const TestOperand *operand);

/* A number of it after all that is done to it, in float64 and not rounded. */
double operand_at(const TestOperand *operand, int sample, int y, int x, int channel);

Operand operand_arguments(const TestOperand *operand, int sample);

/* ---- Launches ---- */

typedef struct Grid {
    int x;
    int y;
    int z;
} Grid;

/* How a kernel is run, none of which may change its results. */
typedef struct Way {
    int capability;
    unsigned seed;
} Way;

/* Fails with what the emulator says, if it says anything. */
void run_kernel(const char *name, const void *arguments, Grid grid, size_t shared_bytes, Way way);

int divide_up(int size, int unit);

/* ---- Comparing ---- */

/* A result against what is expected: each number within its bound, and all of them together. */
typedef struct Comparison {
    const char *what;
    double error;
    double power;
} Comparison;

void compare(Comparison *comparison, double got, double want, double bound);

/* Fails below this ratio of signal to error, in dB. */
void compare_end(const Comparison *comparison, double least);

/* Moments of one channel of one part, in float64. `bound` is the error of a number. */
typedef struct Tally {
    int count;
    double sum;
    double squares; /* of the numbers, times themselves */
    double size;    /* sum of absolute numbers */
    double bound;   /* sum of bounds */
    double worst;   /* largest bound */
} Tally;

void tally_add(Tally *tally, double value, double bound);
void tally_compare(const Tally *tally, const Moments *moments);

#endif
