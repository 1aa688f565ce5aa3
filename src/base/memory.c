/* memory.c: sizes, aligned memory and copies of strings. */
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool size_multiply(size_t a, size_t b, size_t *product) {
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *product = a * b;
    return true;
}

bool size_add(size_t a, size_t b, size_t *sum) {
    if (a > SIZE_MAX - b)
        return false;
    *sum = a + b;
    return true;
}

void *memory_allocate_aligned(size_t bytes) {
    if (bytes > SIZE_MAX - MEMORY_ALIGNMENT)
        return NULL;
    size_t rounded = size_round_up(bytes ? bytes : 1, MEMORY_ALIGNMENT);
    return aligned_alloc(MEMORY_ALIGNMENT, rounded);
}

void memory_free_aligned(void *memory) {
    free(memory);
}

void *pointers_new(size_t count, size_t size) {
    size_t head = 0;
    size_t items = 0;
    size_t bytes = 0;
    if (!size_multiply(count, sizeof(void *), &head) || !size_multiply(count, size, &items) ||
        !size_add(head, items, &bytes) || !size_add(bytes, MEMORY_ALIGNMENT, &bytes))
        return NULL;
    void **pointers = calloc(1, bytes);
    if (!pointers)
        return NULL;
    char *item = (char *)pointers + size_round_up(head, _Alignof(max_align_t));
    for (size_t i = 0; i < count; i++, item += size)
        pointers[i] = item;
    return pointers;
}

char *string_copy(const char *text) {
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

char *string_format(const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return NULL;
    char *text = malloc((size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}
