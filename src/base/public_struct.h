/* public_struct.h: copies structs of the public header between the library and a program that may
 * have been built against an older or a newer header, in which they are shorter or longer.
 *
 * To add a field to a public struct: put it at the end, behind the padding if there is any, and in
 * settings let 0 mean what the library did before. Nothing else changes: neither SettingsType's
 * first_size nor the soname. */
#ifndef CLEAVE_BASE_PUBLIC_STRUCT_H
#define CLEAVE_BASE_PUBLIC_STRUCT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The bytes of a struct up to the end of a field. */
#define STRUCT_UP_TO(type, field) (offsetof(type, field) + sizeof(((type *)NULL)->field))

/* Copies `own`, a struct of the library, to the caller's of given_size bytes, and zeroes the rest
 * of that. `given` may be NULL. */
void struct_give(void *given, size_t given_size, const void *own, size_t own_size);

/* The same for element `index` of a caller's array, whose elements have given_size bytes. */
void struct_give_item(void *array, int index, size_t given_size, const void *own, size_t own_size);

/* Copies the caller's struct over the library's. False if the caller has set a field that this
 * library does not know. */
bool struct_take(void *own, size_t own_size, const void *given, size_t given_size);

/* A settings struct, which begins with its size. */
typedef struct SettingsType {
    const char *name;
    size_t size;
    size_t first_size; /* up to the last field that it had in the first version */
} SettingsType;

/* Copies the caller's settings over `own`, which holds the defaults; given == NULL leaves those.
 * Settings of a size that makes no sense, because *_default() was not called, and fields that this
 * library does not know are CLEAVE_ERROR_ARGUMENT. */
cleave_status settings_take(const SettingsType *type, void *own, const void *given,
                            cleave_error *error);

/* Writes the defaults `own` to the caller's settings of given_size bytes, and that size to both. */
void settings_give(const SettingsType *type, void *given, size_t given_size, void *own);

#endif
