/* json.c: building and printing jansson's values. */
#include "cli/console/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "cli/console/allocate.h"
#include "cli/console/terminal.h"
#include "cli/console/text.h"

/* Enough digits for nanoseconds, and few enough to hide rounding noise. */
#define REAL_DIGITS 9

static json_t *json_checked(json_t *value) {
    if (value == NULL)
        out_of_memory();
    return value;
}

json_t *json_new_object(void) {
    return json_checked(json_object());
}

json_t *json_new_array(void) {
    return json_checked(json_array());
}

static json_t *json_text_value(const char *text) {
    if (text == NULL)
        return json_null();
    char *valid = text_valid(text);
    json_t *value = json_checked(json_string(valid));
    free(valid);
    return value;
}

void json_put(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, json_checked(value)) != 0)
        out_of_memory();
}

void json_append(json_t *array, json_t *value) {
    if (json_array_append_new(array, json_checked(value)) != 0)
        out_of_memory();
}

void json_put_text(json_t *object, const char *key, const char *text) {
    json_put(object, key, json_text_value(text));
}

void json_append_text(json_t *array, const char *text) {
    json_append(array, json_text_value(text));
}

void json_put_integer(json_t *object, const char *key, int64_t value) {
    json_put(object, key, json_integer(value));
}

void json_put_bool(json_t *object, const char *key, int value) {
    json_put(object, key, json_boolean(value));
}

void json_put_number(json_t *object, const char *key, double value) {
    if (isnan(value))
        json_put(object, key, json_null());
    else if (isinf(value))
        json_put_text(object, key, value > 0 ? "inf" : "-inf");
    else
        json_put(object, key, json_real(value));
}

/* Jansson escapes only the control characters of ASCII. Other characters could also steer a
 * terminal; they occur only within strings, where an escape means the same. */
static void json_print_escaped(const char *text) {
    const char *plain = text; /* what is not written yet */
    while (*text != '\0') {
        uint32_t code;
        size_t step = utf8_decode(text, &code);
        if (code >= 0x7F && !utf8_is_harmless(code)) {
            fwrite(plain, 1, (size_t)(text - plain), stdout);
            printf("\\u%04x", (unsigned)code);
            plain = text + step;
        }
        text += step;
    }
    puts(plain);
}

static void json_print(json_t *object, size_t flags) {
    char *text = json_dumps(object, flags | JSON_REAL_PRECISION(REAL_DIGITS));
    json_decref(object);
    if (text != NULL)
        json_print_escaped(text);
    else
        out_of_memory();
    free(text);
    terminal_flush_output();
}

void json_print_line(json_t *object) {
    json_print(object, 0);
}

void json_print_indented(json_t *object) {
    json_print(object, JSON_INDENT(2));
}
