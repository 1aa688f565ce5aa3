/* utf8.c: decoding, replacing and cutting characters. It allocates nothing, since errors about
 * memory use it, too. */
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Longer than a line with two of the longest paths. */
#define LINE_SIZE 8192

/* Bytes of the character that begins with `first`; 0 where none does. */
static size_t announced_length(unsigned char first) {
    if (first < 0x80)
        return 1;
    if (first < 0xC2)
        return 0;
    if (first < 0xE0)
        return 2;
    if (first < 0xF0)
        return 3;
    return first < 0xF5 ? 4 : 0;
}

size_t utf8_decode(const char *text, uint32_t *code) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = announced_length(bytes[0]);
    *code = length == 1 ? bytes[0] : UTF8_REPLACEMENT;
    if (length <= 1)
        return 1;
    uint32_t value = bytes[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 1;
        value = value << 6 | (bytes[i] & 0x3Fu);
    }
    bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < smallest[length] || is_surrogate || value > 0x10FFFF)
        return 1;
    *code = value;
    return length;
}

bool utf8_is_harmless(uint32_t code) {
    bool is_control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    bool ends_line = code == 0x2028 || code == 0x2029;
    bool turns = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return !is_control && !ends_line && !turns;
}

/* Writes what fits and returns the length of all. */
static size_t utf8_write(char *out, size_t size, const char *text, const char *for_bytes) {
    size_t needed = 0;
    size_t kept = 0;
    while (*text != '\0') {
        uint32_t code;
        size_t step = utf8_decode(text, &code);
        bool is_byte = code == UTF8_REPLACEMENT && step == 1;
        const char *shown = is_byte ? for_bytes : utf8_is_harmless(code) ? text : "?";
        size_t length = shown == text ? step : strlen(shown);
        needed += length;
        if (needed < size) {
            memcpy(out + kept, shown, length);
            kept = needed;
        }
        text += step;
    }
    if (size > 0)
        out[kept] = '\0';
    return needed;
}

void utf8_show(char *out, size_t size, const char *text) {
    if (utf8_write(out, size, text, UTF8_REPLACEMENT_TEXT) >= size)
        utf8_write(out, size, text, "?");
}

/* Length of the text without the part of a character at its end. */
static size_t trimmed_length(const char *text, size_t length) {
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        unsigned char byte = (unsigned char)text[length - back];
        if ((byte & 0xC0) != 0x80)
            return announced_length(byte) > back ? length - back : length;
    }
    return length;
}

void utf8_trim(char *text) {
    text[trimmed_length(text, strlen(text))] = '\0';
}

/* Removes the marks of UTF8_CUT, and the part of a character that a cut between them left. A
 * shorter text was not cut, and may end in such a byte. */
static void finish_cuts(char *line) {
    char *to = line;
    const char *begin = line; /* of what stands between marks */
    for (const char *from = line; *from != '\0';) {
        char *end = NULL;
        if (text_begins_with(from, UTF8_CUT_BEGIN)) {
            begin = to;
            from += strlen(UTF8_CUT_BEGIN);
        } else if (text_begins_with(from, UTF8_CUT_END)) {
            unsigned long size = strtoul(from + strlen(UTF8_CUT_END), &end, 10);
            if ((size_t)(to - begin) >= size)
                to = line + trimmed_length(line, (size_t)(to - line));
            from = text_begins_with(end, UTF8_CUT_SIZE) ? end + strlen(UTF8_CUT_SIZE) : end;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

void utf8_show_format(char *out, size_t size, const char *format, va_list arguments) {
    char line[LINE_SIZE];
    int length = vsnprintf(line, sizeof(line), format, arguments);
    if (length < 0)
        line[0] = '\0';
    if (length >= (int)sizeof(line))
        utf8_trim(line);
    finish_cuts(line);
    utf8_show(out, size, line);
}
