/* shape.c: ops that move elements and compute nothing. */
#include <inttypes.h>
#include <string.h>

#include "op.h"
#include "strict.h"

/* Copies `count` elements of `floats` floats that lie `step` elements apart. */
static void copy_row(const float *from, int64_t step, int64_t count, int floats, float *to) {
    if (step == 1) {
        memcpy(to, from, (size_t)(count * floats) * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        for (int part = 0; part < floats; part++)
            to[i * floats + part] = from[i * step * floats + part];
}

/* Every element of the result from where strides lead in the operand. */
static void copy_strided(const SimType *type, const float *from, const int64_t *strides,
                         float *to) {
    int64_t all[SIM_OPERANDS][SIM_MAX_RANK] = {{0}};
    SimCursor cursor = {{0}, {0}};
    int last = type->rank - 1;
    int floats = sim_element_floats(type->element);
    int64_t count = last >= 0 ? type->dims[last] : 1;
    int64_t step = last >= 0 ? strides[last] : 1;
    int64_t rows = sim_elements(type) / count;
    memcpy(all[0], strides, (size_t)type->rank * sizeof(*strides));
    for (int64_t i = 0; i < rows; i++) {
        copy_row(from + cursor.from[0] * floats, step, count, floats, to + i * count * floats);
        sim_advance(&cursor, type->dims, last, 1, all);
    }
}

static void permute(const SimOp *op, const SimView *from, float *to) {
    int64_t own[SIM_MAX_RANK];
    int64_t strides[SIM_MAX_RANK] = {0};
    sim_strides(from->type, own);
    for (int i = 0; i < op->type.rank; i++)
        strides[i] = own[op->as.order[i]];
    copy_strided(&op->type, from->values, strides, to);
}

static void slice(const SimOp *op, const SimView *from, float *to) {
    int64_t strides[SIM_MAX_RANK] = {0};
    int64_t first = 0;
    sim_strides(from->type, strides);
    for (int i = 0; i < op->type.rank; i++)
        first += op->as.starts[i] * strides[i];
    copy_strided(&op->type, from->values + first * sim_element_floats(op->type.element), strides,
                 to);
}

static void broadcast(const SimOp *op, const SimView *from, float *to) {
    int64_t strides[SIM_MAX_RANK] = {0};
    sim_broadcast_strides(from->type, &op->type, strides);
    copy_strided(&op->type, from->values, strides, to);
}

/* Where in [0, size) an index before or behind it is read; -1: the constant. */
static int64_t pad_index(SimPadMode mode, int64_t index, int64_t size) {
    if (index >= 0 && index < size)
        return index;
    switch (mode) {
    case SIM_PAD_REFLECT:
        return index < 0 ? -index : 2 * (size - 1) - index;
    case SIM_PAD_SYMMETRIC:
        return index < 0 ? -index - 1 : 2 * size - 1 - index;
    case SIM_PAD_CLAMP:
        return index < 0 ? 0 : size - 1;
    default:
        return -1;
    }
}

static void pad(const SimOp *op, const SimView *from, float *to) {
    int64_t strides[SIM_MAX_RANK] = {0};
    int64_t none[SIM_OPERANDS][SIM_MAX_RANK] = {{0}};
    SimCursor cursor = {{0}, {0}};
    int64_t count = sim_elements(&op->type);
    int floats = sim_element_floats(op->type.element);
    sim_strides(from->type, strides);
    for (int64_t i = 0; i < count; i++) {
        int64_t place = 0;
        for (int axis = 0; axis < op->type.rank && place >= 0; axis++) {
            int64_t index = pad_index(op->as.pad.mode, cursor.at[axis] - op->as.pad.before[axis],
                                      from->type->dims[axis]);
            place = index < 0 ? -1 : place + index * strides[axis];
        }
        for (int part = 0; part < floats; part++)
            to[i * floats + part] = place >= 0  ? from->values[place * floats + part]
                                    : part == 0 ? op->as.pad.value
                                                : 0.0f;
        sim_advance(&cursor, op->type.dims, op->type.rank, 0, none);
    }
}

static void concat(const SimOp *op, const SimView *inputs, int count, float *to) {
    int64_t inner = sim_element_floats(op->type.element);
    int64_t outer = 1;
    int64_t place = 0;
    for (int i = 0; i < op->type.rank; i++) {
        outer *= i < op->as.axis ? op->type.dims[i] : 1;
        inner *= i > op->as.axis ? op->type.dims[i] : 1;
    }
    for (int i = 0; i < count; i++) {
        int64_t part = inputs[i].type->dims[op->as.axis] * inner;
        for (int64_t row = 0; row < outer; row++)
            memcpy(to + row * op->type.dims[op->as.axis] * inner + place,
                   inputs[i].values + row * part, (size_t)part * sizeof(float));
        place += part;
    }
}

void sim_compute_shape(const SimOp *op, const SimView *inputs, int count, float *to) {
    int64_t elements = sim_elements(&op->type) * sim_element_floats(op->type.element);
    switch (op->kind) {
    case SIM_PERMUTE:
        permute(op, inputs, to);
        break;
    case SIM_SLICE:
        slice(op, inputs, to);
        break;
    case SIM_PAD:
        pad(op, inputs, to);
        break;
    case SIM_CONCAT:
        concat(op, inputs, count, to);
        break;
    case SIM_BROADCAST:
        broadcast(op, inputs, to);
        break;
    default:
        memcpy(to, inputs[0].values, (size_t)elements * sizeof(float));
    }
}

/* result[a, i, c] = values[a, indices[batch part of a, i], c] */
void sim_compute_gather(const SimOp *op, const SimView *inputs, float *to) {
    const SimType *values = inputs[0].type;
    const SimType *indices = inputs[1].type;
    int64_t batches = 1, outer = 1, inner = sim_element_floats(values->element), picks = 1;
    int axis = op->as.gather.axis;
    for (int i = 0; i < op->as.gather.batch; i++)
        batches *= values->dims[i];
    for (int i = op->as.gather.batch; i < axis; i++)
        outer *= values->dims[i];
    for (int i = axis + 1; i < values->rank; i++)
        inner *= values->dims[i];
    for (int i = op->as.gather.batch; i < indices->rank; i++)
        picks *= indices->dims[i];
    for (int64_t row = 0; row < batches * outer; row++) {
        const float *chosen = inputs[1].values + row / outer * picks;
        const float *from = inputs[0].values + row * values->dims[axis] * inner;
        for (int64_t i = 0; i < picks; i++, to += inner) {
            int64_t index = (int64_t)chosen[i];
            if (index < 0 || index >= values->dims[axis])
                sim_abort("gather: index %" PRId64 " along an axis of %" PRId64, index,
                          values->dims[axis]);
            if (inner == 1)
                *to = from[index];
            else
                memcpy(to, from + index * inner, (size_t)inner * sizeof(float));
        }
    }
}
