/* types.c: sizes and names of types, and conversions. */
#include "types.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "half.h"
#include "strict.h"

#define EXACT 16777216.0 /* 2^24: integers beyond are not exact in f32 */

static const struct {
    const char *name;
    size_t bytes;
} elements[] = {
    [SIM_NONE] = {"no type", 0},  [SIM_F32] = {"f32", 4},         [SIM_F16] = {"f16", 2},
    [SIM_BF16] = {"bf16", 2},     [SIM_COMPLEX] = {"complex", 8}, [SIM_INT8] = {"int8", 1},
    [SIM_INT16] = {"int16", 2},   [SIM_INT32] = {"int32", 4},     [SIM_INT64] = {"int64", 8},
    [SIM_UINT8] = {"uint8", 1},   [SIM_UINT16] = {"uint16", 2},   [SIM_UINT32] = {"uint32", 4},
    [SIM_UINT64] = {"uint64", 8}, [SIM_BOOL] = {"bool", 1},
};

const char *sim_element_name(SimElement element) {
    return elements[element].name;
}

size_t sim_element_bytes(SimElement element) {
    return elements[element].bytes;
}

bool sim_element_is_real(SimElement element) {
    return element == SIM_F32 || element == SIM_F16 || element == SIM_BF16;
}

bool sim_element_is_integer(SimElement element) {
    return element >= SIM_INT8 && element <= SIM_UINT64;
}

int sim_element_floats(SimElement element) {
    return element == SIM_COMPLEX ? 2 : 1;
}

int64_t sim_elements(const SimType *type) {
    int64_t count = 1;
    for (int i = 0; i < type->rank; i++)
        count *= type->dims[i];
    return count;
}

size_t sim_bytes(const SimType *type) {
    return (size_t)sim_elements(type) * sim_element_bytes(type->element);
}

bool sim_types_equal(const SimType *a, const SimType *b) {
    bool equal = a->element == b->element && a->rank == b->rank;
    for (int i = 0; equal && i < a->rank; i++)
        equal = a->dims[i] == b->dims[i];
    return equal;
}

const char *sim_type_text(const SimType *type) {
    static _Thread_local char texts[4][256];
    static _Thread_local unsigned next;
    char *text = texts[next++ % 4];
    int at = snprintf(text, sizeof(texts[0]), "%s (", sim_element_name(type->element));
    for (int i = 0; i < type->rank && at < 220; i++)
        at += snprintf(text + at, sizeof(texts[0]) - (size_t)at, "%s%" PRId64, i > 0 ? ", " : "",
                       type->dims[i]);
    snprintf(text + at, sizeof(texts[0]) - (size_t)at, ")");
    return text;
}

void sim_check_size(const char *what, const SimType *type) {
    double count = 1;
    for (int i = 0; i < type->rank; i++) {
        if (type->dims[i] <= 0)
            sim_abort("%s: dimension %d of %s: only sizes that are known and positive", what, i,
                      sim_type_text(type));
        count *= (double)type->dims[i];
    }
    if (count > ldexp(1, 31) || count * (double)sim_element_bytes(type->element) > ldexp(1, 32))
        sim_abort("%s: %s is larger than 2^31 elements or 2^32 bytes", what, sim_type_text(type));
}

/* Integers in a buffer, as int64_t. */
static int64_t integer_at(const void *bytes, SimElement element, int64_t i) {
    switch (element) {
    case SIM_INT8:
        return ((const int8_t *)bytes)[i];
    case SIM_INT16:
        return ((const int16_t *)bytes)[i];
    case SIM_INT32:
        return ((const int32_t *)bytes)[i];
    case SIM_UINT8:
        return ((const uint8_t *)bytes)[i];
    case SIM_UINT16:
        return ((const uint16_t *)bytes)[i];
    case SIM_UINT32:
        return ((const uint32_t *)bytes)[i];
    case SIM_BOOL:
        return ((const uint8_t *)bytes)[i] != 0;
    default:
        return ((const int64_t *)bytes)[i];
    }
}

static void load_integers(const void *bytes, const SimType *type, float *to) {
    int64_t count = sim_elements(type);
    for (int64_t i = 0; i < count; i++) {
        int64_t value = integer_at(bytes, type->element, i);
        if (fabs((double)value) > EXACT)
            sim_abort("an integer of %" PRId64 ": beyond 2^24 they are not simulated", value);
        to[i] = (float)value;
    }
}

void sim_load(const void *bytes, const SimType *type, float *to) {
    int64_t count = sim_elements(type);
    const uint16_t *narrow = bytes;
    switch (type->element) {
    case SIM_F32:
    case SIM_COMPLEX:
        memcpy(to, bytes, sim_bytes(type));
        break;
    case SIM_F16:
        for (int64_t i = 0; i < count; i++)
            to[i] = sim_f16_value(narrow[i]);
        break;
    case SIM_BF16:
        for (int64_t i = 0; i < count; i++)
            to[i] = sim_bf16_value(narrow[i]);
        break;
    default:
        load_integers(bytes, type, to);
    }
}

static void store_integer(void *bytes, SimElement element, int64_t i, int64_t value) {
    switch (sim_element_bytes(element)) {
    case 1:
        ((uint8_t *)bytes)[i] = (uint8_t)value;
        break;
    case 2:
        ((uint16_t *)bytes)[i] = (uint16_t)value;
        break;
    case 4:
        ((uint32_t *)bytes)[i] = (uint32_t)value;
        break;
    default:
        ((uint64_t *)bytes)[i] = (uint64_t)value;
    }
}

void sim_store(const float *values, const SimType *type, void *bytes) {
    int64_t count = sim_elements(type);
    uint16_t *narrow = bytes;
    switch (type->element) {
    case SIM_F32:
    case SIM_COMPLEX:
        memcpy(bytes, values, sim_bytes(type));
        break;
    case SIM_F16:
        for (int64_t i = 0; i < count; i++)
            narrow[i] = sim_f16_bits(values[i]);
        break;
    case SIM_BF16:
        for (int64_t i = 0; i < count; i++)
            narrow[i] = sim_bf16_bits(values[i]);
        break;
    default:
        for (int64_t i = 0; i < count; i++)
            store_integer(bytes, type->element, i, (int64_t)values[i]);
    }
}

void sim_round(float *values, const SimType *type) {
    size_t count = (size_t)sim_elements(type);
    if (type->element == SIM_F16) {
        sim_round_f16(values, count);
    } else if (type->element == SIM_BF16) {
        sim_round_bf16(values, count);
    } else if (sim_element_is_integer(type->element)) {
        for (size_t i = 0; i < count; i++)
            if (!(fabsf(values[i]) <= (float)EXACT))
                sim_abort("an integer of %g: beyond 2^24 they are not simulated",
                          (double)values[i]);
    }
}
