/* names.c: tables from numbers to words. */
#include "backend/names.h"
#include "cleave/extra.h"

#include <stdio.h>

const char *cleave_device_kind_name(cleave_device_kind kind) {
    switch (kind) {
    case CLEAVE_DEVICE_CPU:
        return "cpu";
    case CLEAVE_DEVICE_MPS:
        return "mps";
    case CLEAVE_DEVICE_CUDA:
        return "cuda";
    }
    return "unknown";
}

const char *cleave_capability_name(cleave_capability_kind kind) {
    switch (kind) {
    case CLEAVE_CAPABILITY_F16:
        return "f16";
    case CLEAVE_CAPABILITY_BF16:
        return "bf16";
    case CLEAVE_CAPABILITY_STFT:
        return "stft";
    case CLEAVE_CAPABILITY_COMPILE:
        return "compile";
    case CLEAVE_CAPABILITY_UNIFIED_MEMORY:
        return "unified memory";
    case CLEAVE_CAPABILITIES:
        break;
    }
    return "unknown";
}

bool device_kind_is_numbered(cleave_device_kind kind) {
    return kind == CLEAVE_DEVICE_CUDA;
}

void device_id(cleave_device_kind kind, int index, char *id, size_t size) {
    const char *word = cleave_device_kind_name(kind);
    if (device_kind_is_numbered(kind))
        snprintf(id, size, "%s:%d", word, index);
    else
        snprintf(id, size, "%s", word);
}

const char *precision_name(cleave_precision precision) {
    switch (precision) {
    case CLEAVE_PRECISION_AUTO:
        return "auto";
    case CLEAVE_PRECISION_F32:
        return "f32";
    case CLEAVE_PRECISION_F16:
        return "f16";
    case CLEAVE_PRECISION_BF16:
        return "bf16";
    }
    return "unknown";
}
