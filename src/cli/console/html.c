/* html.c: escaping, relative links and base64. */
#include "cli/console/html.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/console/allocate.h"
#include "cli/console/text.h"

void html_text(FILE *page, const char *text) {
    char *printable = text_printable(text);
    for (const char *c = printable; *c != '\0'; c++) {
        switch (*c) {
        case '&':
            fputs("&amp;", page);
            break;
        case '<':
            fputs("&lt;", page);
            break;
        case '>':
            fputs("&gt;", page);
            break;
        case '"':
            fputs("&quot;", page);
            break;
        case '\'':
            fputs("&#39;", page);
            break;
        default:
            putc(*c, page);
        }
    }
    free(printable);
}

/* ---- Links ------------------------------------------------------------------------------- */

/* Encodes all bytes but the unreserved characters of RFC 3986 and the slash. */
static void html_write_encoded(FILE *page, const char *path) {
    for (const unsigned char *c = (const unsigned char *)path; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        bool plain = letter || (*c >= '0' && *c <= '9') || strchr("/-._~", *c) != NULL;
        if (plain)
            putc(*c, page);
        else
            fprintf(page, "%%%02X", *c);
    }
}

/* The path without symbolic links; as given if there is no such file. */
static char *html_resolve(const char *path) {
    char *real = realpath(path, NULL);
    return real != NULL ? real : copy_text(path);
}

void html_link(FILE *page, const char *folder, const char *path) {
    char *from = html_resolve(folder);
    char *to = html_resolve(path);
    size_t shared = 0; /* length of the folders that both have, with the slash behind them */
    for (size_t i = 0; from[i] == to[i] && to[i] != '\0'; i++)
        if (to[i] == '/')
            shared = i + 1;
    size_t length = strlen(from);
    if (strncmp(from, to, length) == 0 && to[length] == '/')
        shared = length + 1;
    bool related = from[0] == '/' && to[0] == '/';
    if (related && shared < length && strcmp(from, "/") != 0) {
        fputs("../", page);
        for (const char *c = from + shared; *c != '\0'; c++)
            if (*c == '/')
                fputs("../", page);
    } else if (to[0] != '/') {
        fputs("./", page); /* so that a name with a colon is not read as a scheme */
    }
    html_write_encoded(page, related ? to + shared : to);
    free(from);
    free(to);
}

/* ---- Files in the page ------------------------------------------------------------------- */

#define PIECE \
    (3 * 16384) /* bytes; a multiple of three, so that only the last piece needs padding */

static void html_write_base64(FILE *page, const unsigned char *bytes, size_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63], digits[three >> 6 & 63],
                        digits[three & 63]};
        for (size_t missing = left < 3 ? 3 - left : 0; missing > 0; missing--)
            four[4 - missing] = '=';
        fwrite(four, 1, sizeof four, page);
    }
}

bool html_data(FILE *page, const char *type, const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    unsigned char *piece = allocate(PIECE, 1);
    fprintf(page, "data:%s;base64,", type);
    size_t got = 0;
    while ((got = fread(piece, 1, PIECE, file)) > 0 && !ferror(page))
        html_write_base64(page, piece, got);
    bool good = !ferror(file);
    free(piece);
    fclose(file);
    return good;
}

const char *html_audio_type(const char *path) {
    static const char *const types[][2] = {
        {"wav", "audio/wav"},     {"flac", "audio/flac"}, {"aiff", "audio/aiff"},
        {"aif", "audio/aiff"},    {"mp3", "audio/mpeg"},  {"ogg", "audio/ogg"},
        {"oga", "audio/ogg"},     {"opus", "audio/ogg"},  {"m4a", "audio/mp4"},
        {"mp4", "audio/mp4"},     {"aac", "audio/aac"},   {"webm", "audio/webm"},
        {"wma", "audio/x-ms-wma"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot + 1, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}
