/* public_struct.c: copying public structs of different lengths. */
#include "base/public_struct.h"

#include <string.h>

#include "base/memory.h"

#define SETTINGS_SIZE_MAX 4096 /* more is the content of memory that was never written to */

void struct_give(void *given, size_t given_size, const void *own, size_t own_size) {
    size_t common = size_min(given_size, own_size);
    if (!given)
        return;
    memcpy(given, own, common);
    memset((char *)given + common, 0, given_size - common);
}

void struct_give_item(void *array, int index, size_t given_size, const void *own, size_t own_size) {
    struct_give((char *)array + (size_t)index * given_size, given_size, own, own_size);
}

bool struct_take(void *own, size_t own_size, const void *given, size_t given_size) {
    const char *bytes = given;
    for (size_t i = own_size; i < given_size; i++)
        if (bytes[i] != 0)
            return false;
    memcpy(own, given, size_min(own_size, given_size));
    return true;
}

cleave_status settings_take(const SettingsType *type, void *own, const void *given,
                            cleave_error *error) {
    size_t size = 0;
    if (!given)
        return CLEAVE_OK;
    memcpy(&size, given, sizeof(size));
    if (size < type->first_size || size > SETTINGS_SIZE_MAX)
        return error_advise(
            error,
            error_set(error, CLEAVE_ERROR_ARGUMENT, "%s cannot have size %zu", type->name, size),
            "call %s_default() first", type->name);
    if (!struct_take(own, type->size, given, size))
        return error_advise(error,
                            error_set(error, CLEAVE_ERROR_ARGUMENT,
                                      "%s: a field is set that this library, version %s, lacks",
                                      type->name, cleave_version()),
                            "use a later version");
    memcpy(own, &type->size, sizeof(size));
    return CLEAVE_OK;
}

void settings_give(const SettingsType *type, void *given, size_t given_size, void *own) {
    memcpy(own, &given_size, sizeof(given_size));
    struct_give(given, given_size, own, type->size);
}
