/* parse.h: reading the values of a simulator's settings. Each returns false for what is none. */
#ifndef SIMULATORS_PARSE_H
#define SIMULATORS_PARSE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole number that is not negative. */
static inline bool parse_count(const char *text, int64_t *count) {
    char *end = NULL;
    errno = 0;
    *count = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && *count >= 0;
}

/* The same up to `most`. */
static inline bool parse_number(const char *text, int most, int *number) {
    int64_t count = 0;
    bool good = parse_count(text, &count) && count <= most;
    *number = good ? (int)count : 0;
    return good;
}

/* "1000", "64K", "1.5G" */
static inline bool parse_bytes(const char *text, uint64_t *bytes) {
    char *end = NULL;
    double number = strtod(text, &end);
    int shift = 0;
    if (end == text || !(number >= 0 && number < 1e15))
        return false;
    if (*end != '\0') {
        const char *suffixes = "KMG";
        const char *suffix = strchr(suffixes, *end++);
        if (!suffix)
            return false;
        shift = 10 * (int)(suffix - suffixes + 1);
    }
    *bytes = (uint64_t)(number * (double)((uint64_t)1 << shift));
    return *end == '\0';
}

/* "0" or "1" */
static inline bool parse_flag(const char *text, bool *flag) {
    *flag = strcmp(text, "1") == 0;
    return *flag || strcmp(text, "0") == 0;
}

/* Any text that is not empty and fits. */
static inline bool parse_text(const char *text, char *to, size_t size) {
    int length = snprintf(to, size, "%s", text);
    return length > 0 && (size_t)length < size;
}

#endif
