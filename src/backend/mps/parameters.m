/* parameters.m: filling buffers with weights and tables, and feeding them to graphs. */
#include "backend/mps/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "backend/mps/in_place.h"
#include "backend/mps/numbers.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/text.h"
#include "dsp/stft.h"
#include "graph/weight_check.h"

/* ---- Shapes and sizes ---- */

MPSDataType product_type(const Graph *network, int node, cleave_precision precision) {
    bool narrow = precision == CLEAVE_PRECISION_F16 && !graph_is_edge_conv(network, node);
    return narrow ? MPSDataTypeFloat16 : MPSDataTypeFloat32;
}

static size_t type_bytes(MPSDataType type) {
    return type == MPSDataTypeFloat16 ? sizeof(uint16_t) : sizeof(float);
}

/* Frames that cover a sample, at most. */
static int overlapping(const StftAttributes *stft) {
    return (stft->n_fft + stft->hop - 1) / stft->hop;
}

/* What a parameter is: its dims and type; dim_count 0 where the node has none. */
typedef struct Description {
    NSInteger dims[4];
    size_t dim_count;
    MPSDataType type;
} Description;

static Description describe_product(const Graph *network, int node, cleave_precision precision) {
    const Node *product = &network->nodes[node];
    Shape from = network->nodes[product->inputs[0]].shape;
    Description d = {.dim_count = 4, .type = product_type(network, node, precision)};
    bool transposed = product->op == OP_CONV_TRANSPOSED;
    if (product->op == OP_LINEAR) {
        d.dim_count = 2;
        d.dims[0] = from.width;
        d.dims[1] = product->shape.width;
        return d;
    }
    d.dims[0] = transposed ? from.channels : product->shape.channels;
    d.dims[1] = transposed ? product->shape.channels : from.channels;
    d.dims[2] = product->as.conv.kernel[0];
    d.dims[3] = product->as.conv.kernel[1];
    return d;
}

static Description describe_stft(const Node *node, int slot) {
    const StftAttributes *stft = &node->as.stft;
    if (slot == PARAMETER_FRAMES)
        return (Description){{node->shape.height, stft->n_fft}, 2, MPSDataTypeInt32};
    if (slot == PARAMETER_WINDOW)
        return (Description){{stft->n_fft}, 1, MPSDataTypeFloat32};
    return (Description){{0}, 0, MPSDataTypeFloat32};
}

static Description describe_istft(const Node *node, int slot) {
    const StftAttributes *stft = &node->as.stft;
    if (slot == PARAMETER_IMAGINARY)
        return (Description){{stft->n_fft / 2 + 1}, 1, MPSDataTypeFloat32};
    if (slot == PARAMETER_OVERLAP)
        return (Description){{overlapping(stft), node->shape.width}, 2, MPSDataTypeInt32};
    if (slot == PARAMETER_COMPENSATION)
        return (Description){{overlapping(stft), node->shape.width}, 2, MPSDataTypeFloat32};
    return (Description){{0}, 0, MPSDataTypeFloat32};
}

static Description describe_parameter(const Graph *network, int node, int slot,
                                      cleave_precision precision) {
    const Node *n = &network->nodes[node];
    Description none = {{0}, 0, MPSDataTypeFloat32};
    if (n->op == OP_STFT)
        return describe_stft(n, slot);
    if (n->op == OP_ISTFT)
        return describe_istft(n, slot);
    if (graph_is_product(n))
        return slot == PARAMETER_WEIGHT ? describe_product(network, node, precision) : none;
    if (n->op == OP_NORM && n->as.norm.kind != NORM_NONE &&
        slot < (n->as.norm.kind == NORM_BATCH ? 4 : 2))
        return (Description){{1, n->shape.channels, 1, 1}, 4, MPSDataTypeFloat32};
    return none;
}

static size_t description_elements(const Description *d) {
    size_t elements = d->dim_count > 0;
    for (size_t i = 0; i < d->dim_count; i++)
        elements *= (size_t)d->dims[i];
    return elements;
}

int64_t parameters_bytes(const Graph *network, cleave_precision precision) {
    int64_t bytes = 0;
    for (int node = 0; node < network->count; node++)
        for (int slot = 0; slot < PARAMETERS_PER_NODE; slot++) {
            Description d = describe_parameter(network, node, slot, precision);
            bytes += (int64_t)(description_elements(&d) * type_bytes(d.type));
        }
    return bytes;
}

/* ---- Tables ---- */

static void fill_frames(int32_t *to, const Node *stft, int samples) {
    int n_fft = stft->as.stft.n_fft;
    for (int frame = 0; frame < stft->shape.height; frame++)
        for (int i = 0; i < n_fft; i++)
            *to++ = stft_reflect(frame * stft->as.stft.hop - n_fft / 2 + i, samples);
}

static void fill_window(float *to, int n_fft) {
    for (int i = 0; i < n_fft; i++)
        to[i] = (float)hann_window(i, n_fft);
}

/* Of the first bin, and where there is a Nyquist bin of that, the imaginary part does not count. */
static void fill_imaginary(float *to, int n_fft) {
    int bins = n_fft / 2 + 1;
    for (int i = 0; i < bins; i++)
        to[i] = i == 0 || 2 * i == n_fft ? 0.0f : 1.0f;
}

/* The frames that cover a sample of the inverse STFT. */
typedef struct Cover {
    int first; /* frame; the others come before it, down to frame 0 */
    int at;    /* place in that frame; in each one before it is a hop more */
} Cover;

static Cover find_cover(const Node *istft, int frames, int sample) {
    int position = sample + istft->as.stft.n_fft / 2;
    int first = position / istft->as.stft.hop;
    if (first > frames - 1)
        first = frames - 1;
    return (Cover){first, position - first * istft->as.stft.hop};
}

/* Places and factors of one sample; its factors share out 1 over the sum of squared windows. Beyond
 * the last frame all factors are 0. */
static void fill_sample(int32_t *places, float *factors, const Node *istft, int frames,
                        int sample) {
    int n_fft = istft->as.stft.n_fft;
    size_t samples = (size_t)istft->shape.width;
    Cover cover = find_cover(istft, frames, sample);
    double sum = 0;
    for (int r = 0, at = cover.at; r <= cover.first && at < n_fft; r++, at += istft->as.stft.hop)
        sum += hann_window(at, n_fft) * hann_window(at, n_fft);
    for (int r = 0; r < overlapping(&istft->as.stft); r++) {
        int at = cover.at + r * istft->as.stft.hop;
        bool covered = r <= cover.first && at < n_fft && sum > 0;
        size_t to = (size_t)r * samples + (size_t)sample;
        places[to] = covered ? (cover.first - r) * n_fft + at : 0;
        factors[to] = covered ? (float)(hann_window(at, n_fft) / sum) : 0.0f;
    }
}

static void fill_overlap(Parameter *items, const Node *istft, int frames) {
    int32_t *places = [items[PARAMETER_OVERLAP].buffer contents];
    float *factors = [items[PARAMETER_COMPENSATION].buffer contents];
    memset(places, 0, [items[PARAMETER_OVERLAP].buffer length]);
    memset(factors, 0, [items[PARAMETER_COMPENSATION].buffer length]);
    const StftAttributes *stft = &istft->as.stft;
    int length = istft_length(stft->n_fft, stft->hop, frames, istft->shape.width);
    for (int sample = 0; sample < length; sample++)
        fill_sample(places, factors, istft, frames, sample);
}

/* ---- Weights ---- */

typedef struct Reader {
    const Tensor *tensor;
    const Node *node;
    size_t not_finite;
    float *row; /* of the largest row that is converted */
} Reader;

/* Elements [first, first + count) of the tensor, in the parameter's type; where they stay in place
 * they are only looked at. */
static void read_elements(Reader *reader, size_t first, size_t count, const Parameter *parameter) {
    if (parameter->type == MPSDataTypeFloat32 && !parameter->in_place) {
        float *to = (float *)[parameter->buffer contents] + first;
        reader->not_finite += tensor_read_f32(reader->tensor, first, count, to);
        return;
    }
    reader->not_finite += tensor_read_f32(reader->tensor, first, count, reader->row);
    if (parameter->in_place)
        return;
    uint16_t *to = (uint16_t *)[parameter->buffer contents] + first;
    for (size_t i = 0; i < count; i++)
        to[i] = half_from_float(reader->row[i]);
}

/* (out, in) → (in, out). */
static void read_transposed(Reader *reader, const Parameter *parameter) {
    size_t rows = (size_t)reader->tensor->dims[0];
    size_t columns = (size_t)reader->tensor->dims[1];
    void *contents = [parameter->buffer contents];
    for (size_t row = 0; row < rows; row++) {
        reader->not_finite += tensor_read_f32(reader->tensor, row * columns, columns, reader->row);
        for (size_t column = 0; column < columns; column++) {
            size_t to = column * rows + row;
            if (parameter->type == MPSDataTypeFloat32)
                ((float *)contents)[to] = reader->row[column];
            else
                ((uint16_t *)contents)[to] = half_from_float(reader->row[column]);
        }
    }
}

#define READ_ELEMENTS ((size_t)65536)

static cleave_status read_weight(const Parameter *parameter, const Graph *network, const Node *node,
                                 int slot, cleave_error *error) {
    Reader reader = {.tensor = graph_weight(network, node, slot), .node = node};
    size_t elements = tensor_elements(reader.tensor);
    size_t row = node->op == OP_LINEAR ? (size_t)reader.tensor->dims[1] : READ_ELEMENTS;
    reader.row = malloc(row * sizeof(float));
    if (!reader.row)
        return error_memory(error, node->name, row * sizeof(float));
    if (node->op == OP_LINEAR)
        read_transposed(&reader, parameter);
    else
        for (size_t first = 0; first < elements; first += READ_ELEMENTS)
            read_elements(&reader, first, size_min(READ_ELEMENTS, elements - first), parameter);
    free(reader.row);
    return weight_check(reader.tensor, reader.not_finite, error);
}

/* ---- All ---- */

static cleave_status allocate_parameter(Parameter *parameter, id<MTLDevice> device,
                                        const Description *d, const char *name,
                                        cleave_error *error) {
    size_t bytes = description_elements(d) * type_bytes(d->type);
    parameter->type = d->type;
    parameter->shape = [numbers(d->dims, d->dim_count) retain];
    parameter->buffer = [device newBufferWithLength:bytes options:MTLResourceStorageModeShared];
    return parameter->buffer ? CLEAVE_OK : error_memory(error, name, bytes);
}

static cleave_status fill_parameters(Parameter *items, const Graph *network, int node,
                                     cleave_error *error) {
    const Node *n = &network->nodes[node];
    cleave_status status = CLEAVE_OK;
    if (n->op == OP_STFT) {
        fill_frames([items[PARAMETER_FRAMES].buffer contents], n,
                    network -> nodes[n->inputs[0]].shape.width);
        fill_window([items[PARAMETER_WINDOW].buffer contents], n -> as.stft.n_fft);
    } else if (n->op == OP_ISTFT) {
        fill_imaginary([items[PARAMETER_IMAGINARY].buffer contents], n -> as.stft.n_fft);
        fill_overlap(items, n, network->nodes[n->inputs[0]].shape.height);
    } else {
        for (int slot = 0; slot < PARAMETERS_PER_NODE && status == CLEAVE_OK; slot++)
            if (items[slot].buffer)
                status = read_weight(&items[slot], network, n, slot, error);
    }
    return status;
}

/* A convolution's weights are kept as a checkpoint has them; a linear's are transposed. In f16 also
 * the few that stay f32 are copied: so all of f32 files goes one way in f32, the other in f16,
 * which tells the two apart where one fails. */
static bool may_stay(const Node *node, MPSDataType type, cleave_precision precision) {
    MPSDataType whole = precision == CLEAVE_PRECISION_F16 ? MPSDataTypeFloat16 : MPSDataTypeFloat32;
    return graph_is_product(node) && node->op != OP_LINEAR && type == whole;
}

/* Takes the place of allocate_parameter() where the weight need not be copied. */
static bool leave_in_place(Parameter *parameter, const MpsDevice *device, const Description *d,
                           const Graph *network, const Node *node,
                           const CompileOptions *options) {
    if (!may_stay(node, d->type, options->precision))
        return false;
    parameter->buffer =
        in_place_buffer(device, options->weights_file,
                        graph_weight(network, node, PARAMETER_WEIGHT), d->type,
                        &parameter->offset);
    parameter->in_place = parameter->buffer != nil;
    if (!parameter->in_place)
        return false;
    parameter->type = d->type;
    parameter->shape = [numbers(d->dims, d->dim_count) retain];
    return true;
}

static cleave_status create_node(Parameters *parameters, const MpsDevice *device,
                                 const Graph *network, int node, const CompileOptions *options,
                                 cleave_error *error) {
    Parameter *items = &parameters->items[node * PARAMETERS_PER_NODE];
    const Node *n = &network->nodes[node];
    cleave_status status = CLEAVE_OK;
    for (int slot = 0; slot < PARAMETERS_PER_NODE && status == CLEAVE_OK; slot++) {
        Description d = describe_parameter(network, node, slot, options->precision);
        if (d.dim_count == 0)
            continue;
        if (leave_in_place(&items[slot], device, &d, network, n, options))
            parameters->in_place_bytes += (int64_t)(description_elements(&d) * type_bytes(d.type));
        else
            status = allocate_parameter(&items[slot], device->device, &d, n->name, error);
    }
    return status == CLEAVE_OK ? fill_parameters(items, network, node, error) : status;
}

static void log_bytes(const Parameters *parameters, const CompileOptions *options) {
    log_write(options->log, CLEAVE_LOG_INFO,
              "weights and tables: %s copied for the GPU, %s read where they lie in the checkpoint",
              size_text(parameters->bytes - parameters->in_place_bytes).text,
              size_text(parameters->in_place_bytes).text);
}

cleave_status parameters_create(Parameters *parameters, const MpsDevice *device,
                                const Graph *network, const CompileOptions *options,
                                cleave_error *error) {
    size_t count = (size_t)network->count * PARAMETERS_PER_NODE;
    *parameters = (Parameters){.items = calloc(count, sizeof(*parameters->items)),
                               .nodes = network->count,
                               .bytes = parameters_bytes(network, options->precision)};
    if (!parameters->items)
        return error_memory(error, "the network's parameters", count * sizeof(Parameter));
    cleave_status status = CLEAVE_OK;
    for (int node = 0; node < network->count && status == CLEAVE_OK; node++) {
        @autoreleasepool {
            status = create_node(parameters, device, network, node, options, error);
        }
        if (options->weights_read)
            options->weights_read(options->weights_context);
    }
    if (status == CLEAVE_OK)
        log_bytes(parameters, options);
    else
        parameters_free(parameters);
    return status;
}

void parameters_free(Parameters *parameters) {
    for (int i = 0; i < parameters->nodes * PARAMETERS_PER_NODE; i++) {
        [parameters->items[i].buffer release];
        [parameters->items[i].shape release];
    }
    free(parameters->items);
    *parameters = (Parameters){0};
}

MPSGraphTensorData *parameter_data(const Parameter *parameter) {
    if (parameter->in_place)
        return in_place_data(parameter->buffer, parameter->offset, parameter->shape,
                             parameter->type);
    return [[MPSGraphTensorData alloc] initWithMTLBuffer:parameter->buffer
                                                   shape:parameter->shape
                                                dataType:parameter->type];
}

const Parameter *parameters_of(const Parameters *parameters, int node, int slot) {
    return &parameters->items[node * PARAMETERS_PER_NODE + slot];
}
