/* ptx.c: reads as much of PTX as tells for which GPU it is, and which kernels it has. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "strict.h"

/* Which CUDA (12080: 12.8) brought a version of PTX (87: 8.7). */
static const struct {
    int ptx;
    int cuda;
} versions[] = {{63, 10000}, {64, 10010}, {65, 10020}, {70, 11000}, {71, 11010}, {72, 11020},
                {73, 11030}, {74, 11040}, {75, 11050}, {76, 11060}, {77, 11070}, {78, 11080},
                {80, 12000}, {81, 12010}, {82, 12020}, {83, 12030}, {84, 12040}, {85, 12050},
                {86, 12070}, {87, 12080}, {88, 12090}, {90, 13000}};

static int cuda_of(int ptx) {
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
        if (versions[i].ptx == ptx)
            return versions[i].cuda;
    return 1 << 30;
}

static const char *skip_comment(const char *at) {
    const char *end = at[1] == '/' ? strchr(at, '\n') : strstr(at + 2, "*/");
    if (!end)
        return at + strlen(at);
    return at[1] == '/' ? end : end + 2;
}

static const char *skip_space(const char *at) {
    for (;;) {
        if (isspace((unsigned char)*at))
            at++;
        else if (*at == '/' && (at[1] == '/' || at[1] == '*'))
            at = skip_comment(at);
        else
            return at;
    }
}

static bool is_part_of_name(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '.';
}

/* A name, a number, or one other character; empty at the end. */
typedef struct Token {
    const char *text;
    size_t length;
} Token;

static Token next_token(const char **at) {
    Token token = {skip_space(*at), 0};
    while (is_part_of_name(token.text[token.length]))
        token.length++;
    if (token.length == 0 && *token.text)
        token.length = 1;
    *at = token.text + token.length;
    return token;
}

static bool is_word(Token token, const char *word) {
    return token.length == strlen(word) && memcmp(token.text, word, token.length) == 0;
}

static int number_of(Token token) {
    char digits[12] = "";
    if (token.length >= sizeof(digits))
        return -1;
    memcpy(digits, token.text, token.length);
    return atoi(digits);
}

/* Behind ".entry": NAME ( .param .align 8 .b8 NAME_param_0[40] ) .maxntid 256, 1, 1 { */
static bool read_entry(const char **at, SimImage *image) {
    Token name = next_token(at);
    int parameters = 0, bytes = -1;
    if (name.length == 0 || !(isalpha((unsigned char)*name.text) || *name.text == '_'))
        return false;
    SimImageFunction *function = sim_image_add(image, name.text, name.length);
    for (Token token = next_token(at); token.length && *token.text != '{'; token = next_token(at)) {
        if (is_word(token, ".param"))
            parameters++;
        if (*token.text == '[')
            bytes = number_of(next_token(at));
        if (is_word(token, ".maxntid"))
            function->threads = number_of(next_token(at));
    }
    if (parameters == 1)
        function->argument_bytes = bytes;
    return true;
}

static bool read_entries(const char *at, SimImage *image) {
    for (Token token = next_token(&at); token.length; token = next_token(&at))
        if (is_word(token, ".entry") && !read_entry(&at, image))
            return false;
    return true;
}

CUresult sim_ptx_read(const char *text, int capability, int driver, SimImage *image) {
    const char *at = text;
    int major = 0, minor = 0;
    if (!is_word(next_token(&at), ".version") ||
        sscanf(next_token(&at).text, "%d.%d", &major, &minor) != 2)
        return CUDA_ERROR_INVALID_PTX;
    if (cuda_of(10 * major + minor) > driver)
        return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
    if (!is_word(next_token(&at), ".target") ||
        sscanf(next_token(&at).text, "sm_%d", &image->capability) != 1 ||
        image->capability > capability)
        return CUDA_ERROR_INVALID_PTX;
    return read_entries(at, image) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_PTX;
}
