/* text.c: comparing the ends of texts, and writing sizes. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

bool text_begins_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

bool text_ends_with(const char *text, const char *end) {
    size_t size = strlen(text);
    size_t end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

SizeText size_text(int64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    SizeText result;
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1024.0 && unit < 6) {
        value /= 1024.0;
        unit++;
    }
    snprintf(result.text, sizeof(result.text), "%.*f %s", unit == 0 || value >= 100.0 ? 0 : 1,
             value, units[unit]);
    return result;
}
