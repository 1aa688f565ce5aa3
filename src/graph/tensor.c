/* tensor.c: element types, shapes as text, and reading elements as f32. */
#include "graph/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/half.h"

size_t dtype_size(DType dtype) {
    switch (dtype) {
    case DTYPE_F32:
        return 4;
    case DTYPE_F16:
    case DTYPE_BF16:
        return 2;
    case DTYPE_F64:
    case DTYPE_I64:
        return 8;
    case DTYPE_OTHER:
        break;
    }
    return 0;
}

const char *dtype_name(DType dtype) {
    switch (dtype) {
    case DTYPE_F32:
        return "f32";
    case DTYPE_F16:
        return "f16";
    case DTYPE_BF16:
        return "bf16";
    case DTYPE_F64:
        return "f64";
    case DTYPE_I64:
        return "i64";
    case DTYPE_OTHER:
        break;
    }
    return "other";
}

size_t tensor_elements(const Tensor *tensor) {
    size_t elements = 1;
    for (int i = 0; i < tensor->dim_count; i++)
        elements *= (size_t)tensor->dims[i];
    return elements;
}

bool tensor_is_contiguous(const Tensor *tensor) {
    int64_t expected = 1;
    if (tensor_elements(tensor) == 0)
        return true;
    for (int i = tensor->dim_count - 1; i >= 0; i--) {
        if (tensor->dims[i] != 1 && tensor->strides[i] != expected)
            return false;
        expected *= tensor->dims[i];
    }
    return true;
}

/* One run of `count` elements, `stride` elements apart; bytes need not be aligned. */
static void read_f32(const unsigned char *source, int64_t stride, size_t count,
                     float *destination) {
    if (stride == 1) {
        memcpy(destination, source, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(&destination[i], source + (int64_t)i * stride * 4, sizeof(float));
}

static void read_f16(const unsigned char *source, int64_t stride, size_t count,
                     float *destination) {
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, source + (int64_t)i * stride * 2, sizeof(bits));
        destination[i] = half_to_float(bits);
    }
}

static void read_bf16(const unsigned char *source, int64_t stride, size_t count,
                      float *destination) {
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, source + (int64_t)i * stride * 2, sizeof(bits));
        destination[i] = bf16_to_float(bits);
    }
}

static void read_f64(const unsigned char *source, int64_t stride, size_t count,
                     float *destination) {
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, source + (int64_t)i * stride * 8, sizeof(value));
        destination[i] = (float)value;
    }
}

static void read_run(DType dtype, const unsigned char *source, int64_t stride, size_t count,
                     float *destination) {
    switch (dtype) {
    case DTYPE_F32:
        read_f32(source, stride, count, destination);
        return;
    case DTYPE_F16:
        read_f16(source, stride, count, destination);
        return;
    case DTYPE_BF16:
        read_bf16(source, stride, count, destination);
        return;
    case DTYPE_F64:
        read_f64(source, stride, count, destination);
        return;
    case DTYPE_I64:
    case DTYPE_OTHER:
        break;
    }
    memset(destination, 0, count * sizeof(float)); /* network_check lets none of these pass */
}

/* Reads up to `count` elements from row-major position `first` to the end of its innermost row;
 * returns how many. */
static size_t read_row(const Tensor *tensor, size_t first, size_t count, float *destination) {
    int last = tensor->dim_count - 1;
    size_t row = (size_t)tensor->dims[last];
    size_t column = first % row;
    size_t rest = first / row;
    int64_t offset = (int64_t)column * tensor->strides[last];
    for (int i = last - 1; i >= 0; i--) {
        size_t dim = (size_t)tensor->dims[i];
        offset += (int64_t)(rest % dim) * tensor->strides[i];
        rest /= dim;
    }
    size_t run = row - column < count ? row - column : count;
    const unsigned char *source = tensor->data;
    read_run(tensor->dtype, source + offset * (int64_t)dtype_size(tensor->dtype),
             tensor->strides[last], run, destination);
    return run;
}

/* NaN and infinity have an exponent of all ones. */
static size_t count_not_finite(const float *values, size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        found += (bits & 0x7f800000u) == 0x7f800000u ? 1 : 0;
    }
    return found;
}

size_t tensor_read_f32(const Tensor *tensor, size_t first, size_t count, float *destination) {
    size_t found = 0;
    if (count == 0)
        return 0;
    if (tensor->dim_count == 0 || tensor_is_contiguous(tensor)) {
        const unsigned char *source = tensor->data;
        read_run(tensor->dtype, source + first * dtype_size(tensor->dtype), 1, count, destination);
        return count_not_finite(destination, count);
    }
    while (count > 0) {
        size_t run = read_row(tensor, first, count, destination);
        found += count_not_finite(destination, run);
        first += run;
        destination += run;
        count -= run;
    }
    return found;
}

const char *tensor_shape_text(const int64_t *dims, int dim_count, char *text, size_t size) {
    size_t used = 0;
    for (int i = 0; i < dim_count && used < size; i++) {
        int written =
            snprintf(text + used, size - used, "%s%" PRId64, i == 0 ? "(" : ", ", dims[i]);
        used += written > 0 ? (size_t)written : 0;
    }
    if (used < size)
        snprintf(text + used, size - used, dim_count == 0 ? "()" : ")");
    return text;
}
