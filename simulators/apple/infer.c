/* infer.c: shapes and types of ops' results, and all that they ask of their operands. */
#include <inttypes.h>

#include "op.h"
#include "settings.h"
#include "strict.h"

void sim_strides(const SimType *type, int64_t *strides) {
    int64_t stride = 1;
    for (int i = type->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= type->dims[i];
    }
}

void sim_broadcast_strides(const SimType *from, const SimType *to, int64_t *strides) {
    int64_t own[SIM_MAX_RANK] = {0};
    int shift = to->rank - from->rank;
    sim_strides(from, own);
    for (int i = 0; i < to->rank; i++)
        strides[i] = i < shift || from->dims[i - shift] == 1 ? 0 : own[i - shift];
}

bool sim_broadcast(const SimType *a, const SimType *b, SimType *to) {
    to->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < to->rank; i++) {
        int in_a = i - (to->rank - a->rank);
        int in_b = i - (to->rank - b->rank);
        int64_t size_a = in_a < 0 ? 1 : a->dims[in_a];
        int64_t size_b = in_b < 0 ? 1 : b->dims[in_b];
        if (size_a != size_b && size_a != 1 && size_b != 1)
            return false;
        to->dims[i] = size_a == 1 ? size_b : size_a;
    }
    return true;
}

static void same_elements(const char *what, const SimType *a, const SimType *b) {
    if (a->element != b->element)
        sim_abort("%s: operands of different types, %s and %s", what, sim_type_text(a),
                  sim_type_text(b));
}

static void must_broadcast(const char *what, const SimType *a, const SimType *b, SimType *to) {
    if (!sim_broadcast(a, b, to))
        sim_abort("%s: shapes do not broadcast, %s and %s", what, sim_type_text(a),
                  sim_type_text(b));
}

/* What has these dims already must fit into `to`. */
static void must_broadcast_to(const char *what, const SimType *from, const SimType *to) {
    SimType both = {.rank = 0};
    if (sim_broadcast(from, to, &both)) {
        both.element = to->element;
        if (sim_types_equal(&both, to))
            return;
    }
    sim_abort("%s: %s does not broadcast to %s", what, sim_type_text(from), sim_type_text(to));
}

static void must_be_real(const char *what, const SimType *type) {
    if (!sim_element_is_real(type->element))
        sim_abort("%s: takes floats, not %s", what, sim_type_text(type));
}

static void infer_unary(SimOp *op, const char *what, const SimType *from) {
    bool exact = op->function == SIM_NEGATIVE || op->function == SIM_ABSOLUTE ||
                 op->function == SIM_SQUARE || op->function == SIM_RELU;
    if (!exact || !sim_element_is_integer(from->element))
        must_be_real(what, from);
    op->type = *from;
}

static void infer_binary(SimOp *op, const char *what, const SimType *const *inputs) {
    bool linear = op->function <= SIM_MULTIPLY;
    same_elements(what, inputs[0], inputs[1]);
    if (inputs[0]->element == SIM_BOOL || (inputs[0]->element == SIM_COMPLEX && !linear))
        sim_abort("%s: not of %s", what, sim_element_name(inputs[0]->element));
    must_broadcast(what, inputs[0], inputs[1], &op->type);
    op->type.element = op->kind == SIM_COMPARE ? SIM_BOOL : inputs[0]->element;
}

static void infer_select(SimOp *op, const char *what, const SimType *const *inputs) {
    SimType values = {.element = inputs[1]->element};
    if (inputs[0]->element != SIM_BOOL)
        sim_abort("%s: the predicate is %s, not bool", what, sim_type_text(inputs[0]));
    same_elements(what, inputs[1], inputs[2]);
    must_broadcast(what, inputs[1], inputs[2], &values);
    must_broadcast(what, inputs[0], &values, &op->type);
    op->type.element = values.element;
}

static void infer_reshape(SimOp *op, const char *what, const SimType *from) {
    op->type.element = from->element;
    if (sim_elements(&op->type) != sim_elements(from))
        sim_abort("%s: %s has another count of elements than %s", what, sim_type_text(from),
                  sim_type_text(&op->type));
}

static void infer_permute(SimOp *op, const char *what, const SimType *from) {
    bool seen[SIM_MAX_RANK] = {false};
    if (sim_settings()->cautious && from->rank > 4)
        sim_abort("%s: a transposition of %d axes", what, from->rank);
    if (op->type.rank != from->rank)
        sim_abort("%s: a permutation of %d axes for %s", what, op->type.rank, sim_type_text(from));
    op->type.element = from->element;
    for (int i = 0; i < from->rank; i++) {
        int axis = op->as.order[i];
        if (axis < 0 || axis >= from->rank || seen[axis])
            sim_abort("%s: no permutation of the axes of %s", what, sim_type_text(from));
        seen[axis] = true;
        op->type.dims[i] = from->dims[axis];
    }
}

/* op->type's dims are the lengths. */
static void infer_slice(SimOp *op, const char *what, const SimType *from) {
    op->type.element = from->element;
    for (int i = 0; i < from->rank; i++)
        if (op->as.starts[i] < 0 || op->type.dims[i] < 1 ||
            op->as.starts[i] + op->type.dims[i] > from->dims[i])
            sim_abort("%s: elements %" PRId64 " to %" PRId64 " of axis %d of %s", what,
                      op->as.starts[i], op->as.starts[i] + op->type.dims[i] - 1, i,
                      sim_type_text(from));
}

static void infer_pad(SimOp *op, const char *what, const SimType *from) {
    op->type = *from;
    for (int i = 0; i < from->rank; i++) {
        int64_t before = op->as.pad.before[i];
        int64_t after = op->as.pad.after[i];
        int64_t most = before > after ? before : after;
        int64_t least = before < after ? before : after;
        int64_t mirror = from->dims[i] - (op->as.pad.mode == SIM_PAD_REFLECT);
        bool mirrors = op->as.pad.mode == SIM_PAD_REFLECT || op->as.pad.mode == SIM_PAD_SYMMETRIC;
        if (least < 0 || (mirrors && most > mirror))
            sim_abort("%s: padding of %" PRId64 " and %" PRId64 " along axis %d of %s", what,
                      before, after, i, sim_type_text(from));
        op->type.dims[i] += before + after;
    }
}

static void infer_concat(SimOp *op, const char *what, const SimType *const *inputs, int count) {
    op->type = *inputs[0];
    for (int i = 1; i < count; i++) {
        same_elements(what, inputs[0], inputs[i]);
        bool fits = inputs[i]->rank == op->type.rank;
        for (int axis = 0; fits && axis < op->type.rank; axis++)
            fits = axis == op->as.axis || inputs[i]->dims[axis] == op->type.dims[axis];
        if (!fits)
            sim_abort("%s: %s and %s along axis %d", what, sim_type_text(inputs[0]),
                      sim_type_text(inputs[i]), op->as.axis);
        op->type.dims[op->as.axis] += inputs[i]->dims[op->as.axis];
    }
}

static void infer_gather(SimOp *op, const char *what, const SimType *values,
                         const SimType *indices) {
    int axis = op->as.gather.axis;
    int batch = op->as.gather.batch;
    int rank = 0;
    if (indices->element != SIM_INT32 && indices->element != SIM_INT64 &&
        indices->element != SIM_UINT32)
        sim_abort("%s: indices are %s, not int32", what, sim_type_text(indices));
    if (axis < 0 || axis >= values->rank || batch < 0 || batch > axis || batch > indices->rank ||
        values->rank - 1 + indices->rank - batch > SIM_MAX_RANK)
        sim_abort("%s: axis %d, %d batch dimensions of %s by %s", what, axis, batch,
                  sim_type_text(values), sim_type_text(indices));
    for (int i = 0; i < batch; i++)
        if (values->dims[i] != indices->dims[i])
            sim_abort("%s: batch dimensions differ, %s and %s", what, sim_type_text(values),
                      sim_type_text(indices));
    for (int i = 0; i < axis; i++)
        op->type.dims[rank++] = values->dims[i];
    for (int i = batch; i < indices->rank; i++)
        op->type.dims[rank++] = indices->dims[i];
    for (int i = axis + 1; i < values->rank; i++)
        op->type.dims[rank++] = values->dims[i];
    op->type.rank = rank;
    op->type.element = values->element;
}

static void infer_reduction(SimOp *op, const char *what, const SimType *const *inputs, int count) {
    bool integers = op->kind == SIM_REDUCE && op->function != SIM_MEAN &&
                    sim_element_is_integer(inputs[0]->element);
    if (!integers)
        must_be_real(what, inputs[0]);
    op->type = *inputs[0];
    for (int i = 0; i < op->type.rank; i++)
        if (op->as.reduced[i])
            op->type.dims[i] = 1;
    if (count < 2)
        return;
    if (!sim_types_equal(inputs[1], &op->type))
        sim_abort("%s: the mean is %s, not %s", what, sim_type_text(inputs[1]),
                  sim_type_text(&op->type));
}

static void infer_normalize(SimOp *op, const char *what, const SimType *const *inputs, int count) {
    must_be_real(what, inputs[0]);
    op->type = *inputs[0];
    for (int i = 1; i < count; i++) {
        same_elements(what, inputs[0], inputs[i]);
        must_broadcast_to(what, inputs[i], &op->type);
    }
}

/* Whether both are as many matrices along one axis, or one matrix each. */
static bool same_batches(const SimType *a, const SimType *b) {
    return a->rank == b->rank && (a->rank <= 2 || (a->rank == 3 && a->dims[0] == b->dims[0]));
}

static void infer_matmul(SimOp *op, const char *what, const SimType *a, const SimType *b) {
    SimType batch_a = *a;
    SimType batch_b = *b;
    must_be_real(what, a);
    same_elements(what, a, b);
    if (sim_settings()->cautious && !same_batches(a, b))
        sim_abort("%s: a product that broadcasts an axis, %s times %s", what, sim_type_text(a),
                  sim_type_text(b));
    if (a->rank < 2 || b->rank < 2 || a->dims[a->rank - 1] != b->dims[b->rank - 2])
        sim_abort("%s: %s times %s", what, sim_type_text(a), sim_type_text(b));
    batch_a.rank -= 2;
    batch_b.rank -= 2;
    must_broadcast(what, &batch_a, &batch_b, &op->type);
    op->type.dims[op->type.rank++] = a->dims[a->rank - 2];
    op->type.dims[op->type.rank++] = b->dims[b->rank - 1];
    op->type.element = a->element;
}

/* (batch, heads, queries or keys, features): values may have other features. */
static void infer_attention(SimOp *op, const char *what, const SimType *const *inputs) {
    const SimType *queries = inputs[0];
    const SimType *keys = inputs[1];
    const SimType *values = inputs[2];
    must_be_real(what, queries);
    same_elements(what, queries, keys);
    same_elements(what, queries, values);
    bool fits = queries->rank == 4 && keys->rank == 4 && values->rank == 4;
    for (int i = 0; fits && i < 2; i++)
        fits = queries->dims[i] == keys->dims[i] && keys->dims[i] == values->dims[i];
    if (!fits || queries->dims[3] != keys->dims[3] || keys->dims[2] != values->dims[2])
        sim_abort("%s: queries %s, keys %s, values %s", what, sim_type_text(queries),
                  sim_type_text(keys), sim_type_text(values));
    op->type = *queries;
    op->type.dims[3] = values->dims[3];
}

/* ---- Convolutions ---- */

/* Places of N, C, H, W in data; of O, I, H, W in weights. */
static const int data_axes[2][4] = {{0, 1, 2, 3}, {0, 3, 1, 2}};
static const int weight_axes[2][4] = {{0, 1, 2, 3}, {3, 2, 0, 1}};

static int64_t data_dim(const SimConv *conv, const SimType *type, int which) {
    return type->dims[data_axes[conv->channels_last][which]];
}

static int64_t weight_dim(const SimConv *conv, const SimType *type, int which) {
    return type->dims[weight_axes[conv->weights_last][which]];
}

static int64_t reach(const SimConv *conv, const SimType *weights, int side) {
    return (weight_dim(conv, weights, 2 + side) - 1) * conv->dilation[side] + 1;
}

/* Padding in total, as SAME has it. */
static int64_t same_padding(const SimConv *conv, const SimType *weights, int64_t from, int side) {
    int64_t to = (from + conv->stride[side] - 1) / conv->stride[side];
    int64_t needed = (to - 1) * conv->stride[side] + reach(conv, weights, side) - from;
    return needed > 0 ? needed : 0;
}

SimConvSizes sim_conv_sizes(const SimConv *conv, const SimType *source, const SimType *result,
                            const SimType *weights) {
    SimConvSizes sizes = {.batch = data_dim(conv, source, 0),
                          .groups = conv->groups,
                          .in = weight_dim(conv, weights, 1),
                          .out = weight_dim(conv, weights, 0) / conv->groups};
    for (int side = 0; side < 2; side++) {
        sizes.from[side] = data_dim(conv, source, 2 + side);
        sizes.to[side] = data_dim(conv, result, 2 + side);
        sizes.kernel[side] = weight_dim(conv, weights, 2 + side);
        sizes.before[side] = conv->same ? same_padding(conv, weights, sizes.from[side], side) / 2
                                        : conv->before[side];
    }
    return sizes;
}

static void check_conv(const SimConv *conv, const char *what, const SimType *source,
                       const SimType *weights) {
    must_be_real(what, source);
    same_elements(what, source, weights);
    if (source->rank != 4 || weights->rank != 4)
        sim_abort("%s: ranks must be 4, not %s, %s", what, sim_type_text(source),
                  sim_type_text(weights));
    if (conv->groups < 1 || conv->stride[0] < 1 || conv->stride[1] < 1 || conv->dilation[0] < 1 ||
        conv->dilation[1] < 1)
        sim_abort("%s: strides, dilations and groups must be 1 or more", what);
    if (data_dim(conv, source, 1) != weight_dim(conv, weights, 1) * conv->groups ||
        weight_dim(conv, weights, 0) % conv->groups != 0)
        sim_abort("%s: weights %s for a source of %s in %" PRId64 " groups", what,
                  sim_type_text(weights), sim_type_text(source), conv->groups);
}

/* The forward convolution's result. */
static SimType conv_result(const SimConv *conv, const char *what, const SimType *source,
                           const SimType *weights) {
    SimType to = *source;
    check_conv(conv, what, source, weights);
    to.dims[data_axes[conv->channels_last][1]] = weight_dim(conv, weights, 0);
    for (int side = 0; side < 2; side++) {
        int64_t from = data_dim(conv, source, 2 + side);
        int64_t padding = conv->same ? same_padding(conv, weights, from, side)
                                     : conv->before[side] + conv->after[side];
        int64_t room = from + padding - reach(conv, weights, side);
        if (room < 0)
            sim_abort("%s: weights %s are larger than %s, padded", what, sim_type_text(weights),
                      sim_type_text(source));
        to.dims[data_axes[conv->channels_last][2 + side]] = room / conv->stride[side] + 1;
    }
    return to;
}

/* op->type's shape is given: it must be one that the forward convolution makes the gradient of. */
static void infer_conv_gradient(SimOp *op, const char *what, const SimType *gradient,
                                const SimType *weights) {
    op->type.element = gradient->element;
    SimType forward = conv_result(&op->as.conv, what, &op->type, weights);
    if (!sim_types_equal(&forward, gradient))
        sim_abort("%s: a convolution of %s with weights %s gives %s, but the source is %s", what,
                  sim_type_text(&op->type), sim_type_text(weights), sim_type_text(&forward),
                  sim_type_text(gradient));
}

/* ---- Fourier transforms ---- */

static void infer_fourier(SimOp *op, const char *what, const SimType *from) {
    const SimFourier *fourier = &op->as.fourier;
    bool from_real = op->kind == SIM_REAL_TO_HERMITEAN;
    bool seen[SIM_MAX_RANK] = {false};
    if (from->element != (from_real ? SIM_F32 : SIM_COMPLEX))
        sim_abort("%s: of %s, not %s", what, from_real ? "f32" : "complex f32",
                  sim_type_text(from));
    if (fourier->axis_count < 1)
        sim_abort("%s: no axes", what);
    for (int i = 0; i < fourier->axis_count; i++) {
        int axis = fourier->axes[i];
        if (axis < 0 || axis >= from->rank || seen[axis])
            sim_abort("%s: axis %d of %s", what, axis, sim_type_text(from));
        seen[axis] = true;
    }
    int last = fourier->axes[fourier->axis_count - 1];
    op->type = *from;
    op->type.element = op->kind == SIM_HERMITEAN_TO_REAL ? SIM_F32 : SIM_COMPLEX;
    if (from_real)
        op->type.dims[last] = from->dims[last] / 2 + 1;
    else if (op->kind == SIM_HERMITEAN_TO_REAL)
        op->type.dims[last] = 2 * (from->dims[last] - 1) + fourier->odd;
    if (op->type.dims[last] < 1)
        sim_abort("%s: of one bin, an even size is 0", what);
}

static void infer_complex(SimOp *op, const char *what, const SimType *const *inputs) {
    same_elements(what, inputs[0], inputs[1]);
    if (inputs[0]->element != SIM_F32)
        sim_abort("%s: of f32, not %s", what, sim_type_text(inputs[0]));
    must_broadcast(what, inputs[0], inputs[1], &op->type);
    op->type.element = SIM_COMPLEX;
}

static void infer_part(SimOp *op, const char *what, const SimType *from) {
    if (from->element != SIM_COMPLEX)
        sim_abort("%s: of complex tensors, not %s", what, sim_type_text(from));
    op->type = *from;
    op->type.element = SIM_F32;
}

static void infer_cast(SimOp *op, const char *what, const SimType *from) {
    SimElement to = op->type.element;
    if ((from->element == SIM_COMPLEX) != (to == SIM_COMPLEX))
        sim_abort("%s: %s to %s", what, sim_type_text(from), sim_element_name(to));
    op->type = *from;
    op->type.element = to;
}

void sim_infer(SimOp *op, const char *what, const SimType *const *inputs, int count) {
    switch (op->kind) {
    case SIM_PLACEHOLDER:
    case SIM_CONSTANT:
        break;
    case SIM_UNARY:
        infer_unary(op, what, inputs[0]);
        break;
    case SIM_BINARY:
    case SIM_COMPARE:
        infer_binary(op, what, inputs);
        break;
    case SIM_SELECT:
        infer_select(op, what, inputs);
        break;
    case SIM_CAST:
        infer_cast(op, what, inputs[0]);
        break;
    case SIM_RESHAPE:
        infer_reshape(op, what, inputs[0]);
        break;
    case SIM_PERMUTE:
        infer_permute(op, what, inputs[0]);
        break;
    case SIM_SLICE:
        infer_slice(op, what, inputs[0]);
        break;
    case SIM_PAD:
        infer_pad(op, what, inputs[0]);
        break;
    case SIM_CONCAT:
        infer_concat(op, what, inputs, count);
        break;
    case SIM_BROADCAST:
        op->type.element = inputs[0]->element;
        must_broadcast_to(what, inputs[0], &op->type);
        break;
    case SIM_GATHER:
        infer_gather(op, what, inputs[0], inputs[1]);
        break;
    case SIM_REDUCE:
    case SIM_VARIANCE:
        infer_reduction(op, what, inputs, count);
        break;
    case SIM_NORMALIZE:
        infer_normalize(op, what, inputs, count);
        break;
    case SIM_MATMUL:
        infer_matmul(op, what, inputs[0], inputs[1]);
        break;
    case SIM_ATTENTION:
        infer_attention(op, what, inputs);
        break;
    case SIM_CONV:
        op->type = conv_result(&op->as.conv, what, inputs[0], inputs[1]);
        break;
    case SIM_CONV_GRADIENT:
        infer_conv_gradient(op, what, inputs[0], inputs[1]);
        break;
    case SIM_REAL_TO_HERMITEAN:
    case SIM_HERMITEAN_TO_REAL:
    case SIM_FFT:
        infer_fourier(op, what, inputs[0]);
        break;
    case SIM_COMPLEX_OF:
        infer_complex(op, what, inputs);
        break;
    case SIM_REAL_PART:
    case SIM_IMAGINARY_PART:
        infer_part(op, what, inputs[0]);
        break;
    }
    sim_check_size(what, &op->type);
}
