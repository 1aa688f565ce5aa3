/* memory.h: allocation and size arithmetic that cannot overflow unnoticed. */
#ifndef CLEAVE_BASE_MEMORY_H
#define CLEAVE_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Alignment of every buffer that kernels touch: a cache line, and one AVX-512 vector. */
#define MEMORY_ALIGNMENT 64

/* *product = a * b; false, and *product untouched, if that does not fit. */
bool size_multiply(size_t a, size_t b, size_t *product);

/* *sum = a + b; false, and *sum untouched, if that does not fit. */
bool size_add(size_t a, size_t b, size_t *sum);

/* a · b and a + b of numbers of bytes, which are not negative; at most INT64_MAX. */
static inline int64_t bytes_multiply(int64_t a, int64_t b) {
    return b > 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
}

static inline int64_t bytes_add(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static inline size_t size_round_up(size_t value, size_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

static inline size_t size_divide_up(size_t value, size_t divisor) {
    return (value + divisor - 1) / divisor;
}

static inline int64_t int64_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline size_t size_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b) {
    return a > b ? a : b;
}

/* MEMORY_ALIGNMENT-aligned memory, uninitialised; NULL on failure. Free with memory_free_aligned.
 */
void *memory_allocate_aligned(size_t bytes);
void memory_free_aligned(void *memory);

/* An array of `count` pointers to zeroed items of `size` bytes, all in one block, which one free()
 * frees; NULL on failure. */
void *pointers_new(size_t count, size_t size);

/* Copies of strings; NULL on failure (and for NULL). Free with free(). */
char *string_copy(const char *text);
char *string_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
