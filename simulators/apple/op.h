/* op.h: one op of a graph, without Objective-C: what it is, the type of its result, and how it is
 * computed. Axes are counted from 0 here; those that count from the end are resolved before. */
#ifndef APPLESIM_OP_H
#define APPLESIM_OP_H

#include "types.h"

typedef enum SimKind {
    SIM_PLACEHOLDER,
    SIM_CONSTANT,
    SIM_UNARY,
    SIM_BINARY,
    SIM_COMPARE,
    SIM_SELECT,
    SIM_CAST,
    SIM_RESHAPE, /* identity too */
    SIM_PERMUTE,
    SIM_SLICE,
    SIM_PAD,
    SIM_CONCAT,
    SIM_BROADCAST,
    SIM_GATHER,
    SIM_REDUCE,
    SIM_VARIANCE,
    SIM_NORMALIZE,
    SIM_MATMUL,
    SIM_ATTENTION, /* of queries, keys and values */
    SIM_CONV,
    SIM_CONV_GRADIENT, /* of the data: a transposed convolution */
    SIM_REAL_TO_HERMITEAN,
    SIM_HERMITEAN_TO_REAL,
    SIM_FFT,
    SIM_COMPLEX_OF,
    SIM_REAL_PART,
    SIM_IMAGINARY_PART
} SimKind;

typedef enum SimFunction {
    /* SIM_UNARY */
    SIM_EXP,
    SIM_SQRT,
    SIM_RSQRT,
    SIM_RECIPROCAL,
    SIM_SQUARE,
    SIM_NEGATIVE,
    SIM_ABSOLUTE,
    SIM_ROUND, /* to the nearest whole number, of two the even one */
    SIM_TANH,
    SIM_ERF,
    SIM_RELU,
    SIM_SIGMOID,
    /* SIM_BINARY */
    SIM_ADD,
    SIM_SUBTRACT,
    SIM_MULTIPLY,
    SIM_DIVIDE,
    SIM_MAXIMUM,
    SIM_MINIMUM,
    /* SIM_COMPARE */
    SIM_GREATER,
    SIM_GREATER_EQUAL,
    SIM_LESS,
    SIM_LESS_EQUAL,
    /* SIM_REDUCE */
    SIM_SUM,
    SIM_MEAN,
    SIM_MAX
} SimFunction;

typedef enum SimPadMode {
    SIM_PAD_CONSTANT,
    SIM_PAD_REFLECT,
    SIM_PAD_SYMMETRIC,
    SIM_PAD_CLAMP
} SimPadMode;

/* Index 0: height, y; 1: width, x. */
typedef struct SimConv {
    int64_t stride[2], dilation[2];
    int64_t before[2], after[2]; /* padding */
    bool same;                   /* padding as TensorFlow's SAME: before, after are found */
    int64_t groups;
    bool channels_last; /* NHWC, else NCHW */
    bool weights_last;  /* HWIO, else OIHW */
} SimConv;

typedef enum SimScaling { SIM_SCALE_NONE, SIM_SCALE_SIZE, SIM_SCALE_UNITARY } SimScaling;

typedef struct SimFourier {
    int axes[SIM_MAX_RANK];
    int axis_count;
    bool inverse; /* the exponent's sign is + */
    bool odd;     /* of a Hermitean-to-real transform */
    SimScaling scaling;
} SimFourier;

typedef struct SimOp {
    SimKind kind;
    SimFunction function;
    SimType type; /* the result's */
    union {
        float *constant;              /* SIM_CONSTANT, owned */
        int order[SIM_MAX_RANK];      /* SIM_PERMUTE: result's axis i is the operand's order[i] */
        int64_t starts[SIM_MAX_RANK]; /* SIM_SLICE */
        struct {
            int64_t before[SIM_MAX_RANK], after[SIM_MAX_RANK];
            SimPadMode mode;
            float value;
        } pad;
        int axis; /* SIM_CONCAT */
        struct {
            int axis, batch;
        } gather;
        bool reduced[SIM_MAX_RANK]; /* SIM_REDUCE, SIM_VARIANCE: per axis */
        struct {
            float epsilon;
            bool gamma, beta; /* operands after mean and variance */
        } normalize;
        float scale; /* SIM_ATTENTION */
        SimConv conv;
        SimFourier fourier;
    } as;
} SimOp;

/* An operand's value. */
typedef struct SimView {
    const SimType *type;
    const float *values;
} SimView;

/* Sets op->type from the operands' types, where the op does not say it (cast, reshape, broadcast,
 * placeholder, constant and gradients say their shape), and aborts, naming `what`, where they do
 * not fit. */
void sim_infer(SimOp *op, const char *what, const SimType *const *inputs, int count);

/* Computes the result, rounded to its type. */
void sim_compute(const SimOp *op, const SimView *inputs, int count, float *to);

void sim_compute_elementwise(const SimOp *op, const SimView *inputs, float *to);
void sim_compute_shape(const SimOp *op, const SimView *inputs, int count, float *to);
void sim_compute_gather(const SimOp *op, const SimView *inputs, float *to);
void sim_compute_reduction(const SimOp *op, const SimView *inputs, float *to);
void sim_compute_normalize(const SimOp *op, const SimView *inputs, int count, float *to);
void sim_compute_matmul(const SimOp *op, const SimView *inputs, float *to);
void sim_compute_attention(const SimOp *op, const SimView *inputs, float *to);
void sim_compute_conv(const SimOp *op, const SimView *inputs, float *to);
void sim_compute_conv_gradient(const SimOp *op, const SimView *inputs, float *to);
void sim_compute_fourier(const SimOp *op, const SimView *inputs, float *to);

/* ---- Shared by the above ---- */

/* Strides in elements of a contiguous array. */
void sim_strides(const SimType *type, int64_t *strides);

/* Strides with which an operand is read along the axes of a result that it is broadcast to: 0 where
 * it repeats. */
void sim_broadcast_strides(const SimType *from, const SimType *to, int64_t *strides);

/* The shape that operands broadcast to; false where they do not. */
bool sim_broadcast(const SimType *a, const SimType *b, SimType *to);

#define SIM_OPERANDS 5 /* of an op that reads them side by side, at most */

/* A place in an array, counted up like an odometer, and where operands are read. */
typedef struct SimCursor {
    int64_t at[SIM_MAX_RANK];
    int64_t from[SIM_OPERANDS];
} SimCursor;

/* Next place along axes [0, rank). */
void sim_advance(SimCursor *cursor, const int64_t *dims, int rank, int operands,
                 int64_t strides[SIM_OPERANDS][SIM_MAX_RANK]);

/* A convolution's sizes, without layouts. */
typedef struct SimConvSizes {
    int64_t batch, groups;
    int64_t in, out; /* channels per group */
    int64_t from[2], to[2], kernel[2];
    int64_t before[2]; /* padding */
} SimConvSizes;

/* From the types of source (the forward convolution's), result and weights. */
SimConvSizes sim_conv_sizes(const SimConv *conv, const SimType *source, const SimType *result,
                            const SimType *weights);

#endif
