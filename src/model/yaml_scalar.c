/* yaml_scalar.c: what the text of a scalar means: null, number, boolean. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/yaml_tree.h"

static bool is_one_of(const char *text, const char *const *words) {
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

bool yaml_is_null(const YamlNode *node) {
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return !node || (node->kind == YAML_SCALAR && node->plain && is_one_of(node->text, words));
}

bool yaml_boolean(const char *text, bool *value) {
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                      "on",   "On",   "ON",   "1",   NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No", "NO",
                                     "off",   "Off",   "OFF",   "0",  NULL};
    *value = is_one_of(text, yes);
    return *value || is_one_of(text, no);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Reads digits (and underscores between them, as in YAML 1.1) into a decimal mantissa. Digits
 * beyond the 18th only move the exponent. Returns the number of digits. */
static int read_digits(const char **text, uint64_t *mantissa, int *exponent, bool fraction) {
    int digits = 0;
    for (; is_digit(**text) || (**text == '_' && digits > 0); (*text)++) {
        if (**text == '_')
            continue;
        if (++digits > 1000)
            return 0;
        bool room = *mantissa < UINT64_C(100000000000000000);
        if (room)
            *mantissa = *mantissa * 10 + (uint64_t)(**text - '0');
        *exponent += (fraction ? -1 : 0) + (room ? 0 : 1);
    }
    return digits;
}

static bool read_exponent(const char **text, int *exponent) {
    if (**text != 'e' && **text != 'E')
        return true;
    (*text)++;
    int sign = **text == '-' ? -1 : 1;
    if (**text == '-' || **text == '+')
        (*text)++;
    uint64_t value = 0;
    int shift = 0;
    if (read_digits(text, &value, &shift, false) == 0 || shift != 0 || value > 10000)
        return false;
    *exponent += sign * (int)value;
    return true;
}

bool yaml_number(const char *text, double *value) {
    uint64_t mantissa = 0;
    int exponent = 0;
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    /* YAML 1.1 reads 010 as eight. People do not mean that, so it is refused. */
    bool octal = text[0] == '0' && is_digit(text[1]) && !strpbrk(text, ".eE");
    int digits = read_digits(&text, &mantissa, &exponent, false);
    if (*text == '.') {
        text++;
        digits += read_digits(&text, &mantissa, &exponent, true);
    }
    if (digits == 0 || octal || !read_exponent(&text, &exponent) || *text != '\0')
        return false;
    double result = (double)mantissa;
    result = exponent < 0 ? result / pow(10, -exponent) : result * pow(10, exponent);
    *value = negative ? -result : result;
    return isfinite(result);
}
