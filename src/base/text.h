/* text.h: small questions about texts, and sizes as people read them. Text that may be shown to
 * people is made harmless in utf8.h. */
#ifndef CLEAVE_BASE_TEXT_H
#define CLEAVE_BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

bool text_begins_with(const char *text, const char *start);
bool text_ends_with(const char *text, const char *end);

/* Bytes in powers of 1024, as people read them: "600 B", "7.6 GiB", "112 MiB". By value. */
typedef struct SizeText {
    char text[24];
} SizeText;

SizeText size_text(int64_t bytes);

#endif
