/* json.h: jansson's objects for this program: text of any bytes, numbers that JSON cannot write,
 * and one object on standard output, in which what could steer a terminal is escaped. Running out
 * of memory ends the program. */
#ifndef CLEAVE_CLI_JSON_H
#define CLEAVE_CLI_JSON_H

#include <jansson.h>
#include <stdint.h>

json_t *json_new_object(void);
json_t *json_new_array(void);

/* Bytes that are not UTF-8 become U+FFFD. NULL text becomes null. */
void json_put_text(json_t *object, const char *key, const char *text);
void json_put_integer(json_t *object, const char *key, int64_t value);
void json_put_bool(json_t *object, const char *key, int value);

/* NaN becomes null, and infinity the string "inf" or "-inf": JSON has no numbers for them. */
void json_put_number(json_t *object, const char *key, double value);

/* These take ownership of `value`. */
void json_put(json_t *object, const char *key, json_t *value);
void json_append(json_t *array, json_t *value);

/* The same for an array of text. */
void json_append_text(json_t *array, const char *text);

/* Write and free `object`: on one line, or indented for people. */
void json_print_line(json_t *object);
void json_print_indented(json_t *object);

#endif
