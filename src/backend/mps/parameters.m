/* parameters.m: filling buffers with weights and tables, and feeding them to graphs. */
#include "backend/mps/parameters.h"

#include <stdlib.h>
#include <string.h>

#include "backend/mps/in_place.h"
#include "backend/mps/numbers.h"
#include "backend/mps/tables.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/text.h"
#include "graph/weight_check.h"

/* ---- Shapes and sizes ---- */

MPSDataType product_type(const Graph *network, int node, cleave_precision precision) {
    bool narrow = precision == CLEAVE_PRECISION_F16 && !graph_is_edge_conv(network, node);
    return narrow ? MPSDataTypeFloat16 : MPSDataTypeFloat32;
}

static size_t type_bytes(MPSDataType type) {
    return type == MPSDataTypeFloat16 ? sizeof(uint16_t) : sizeof(float);
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

static Description describe_table(const Graph *network, int node, int number) {
    static const MPSDataType types[] = {[TABLE_F32] = MPSDataTypeFloat32,
                                        [TABLE_F16] = MPSDataTypeFloat16,
                                        [TABLE_I32] = MPSDataTypeInt32};
    Table table = table_describe(network, node, number);
    Description d = {.dim_count = (size_t)table.dim_count, .type = types[table.type]};
    for (int i = 0; i < table.dim_count; i++)
        d.dims[i] = (NSInteger)table.dims[i];
    return d;
}

/* As they lie in the checkpoint. RoPE's frequencies are in its tables. */
static Description describe_token_weight(const Graph *network, int node, int slot,
                                         cleave_precision precision) {
    int64_t dims[4];
    Description d = {.dim_count = (size_t)graph_weight_shape(network, node, slot, dims),
                     .type = MPSDataTypeFloat32};
    for (size_t i = 0; i < d.dim_count; i++)
        d.dims[i] = (NSInteger)dims[i];
    if (d.dim_count == 2)
        d.type = product_type(network, node, precision);
    if (network->nodes[node].op == OP_ATTENTION && slot == ATTENTION_FREQUENCIES)
        d.dim_count = 0;
    return d;
}

static Description describe_parameter(const Graph *network, int node, int slot,
                                      cleave_precision precision) {
    const Node *n = &network->nodes[node];
    int weights = graph_weight_count(network, n);
    if (slot >= weights)
        return describe_table(network, node, slot - weights);
    if (graph_is_product(n))
        return describe_product(network, node, precision);
    if (n->op == OP_NORM)
        return (Description){{1, n->shape.channels, 1, 1}, 4, MPSDataTypeFloat32};
    return describe_token_weight(network, node, slot, precision);
}

static int parameter_count(const Graph *network, int node) {
    return graph_weight_count(network, &network->nodes[node]) + table_count(network, node);
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
        for (int slot = 0; slot < parameter_count(network, node); slot++) {
            Description d = describe_parameter(network, node, slot, precision);
            bytes += (int64_t)(description_elements(&d) * type_bytes(d.type));
        }
    return bytes;
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

static cleave_status fill_parameter(Parameter *parameter, const Graph *network, int node, int slot,
                                    cleave_error *error) {
    const Node *n = &network->nodes[node];
    int weights = graph_weight_count(network, n);
    if (slot < weights)
        return read_weight(parameter, network, n, slot, error);
    return table_fill(network, node, slot - weights, [parameter->buffer contents], error);
}

/* Weights of convolutions, and matrices of tokens, are kept as a checkpoint has them; those of an
 * OP_LINEAR are transposed. Vectors are smaller than a page. In f16 also the few that stay f32 are
 * copied: so all of f32 files goes one way in f32, the other in f16, which tells the two apart
 * where one fails. */
static bool may_stay(const Graph *network, const Node *node, int slot, const Description *d,
                     cleave_precision precision) {
    MPSDataType whole = precision == CLEAVE_PRECISION_F16 ? MPSDataTypeFloat16 : MPSDataTypeFloat32;
    bool matrix = slot < graph_weight_count(network, node) && d->dim_count > 1;
    return matrix && node->op != OP_LINEAR && node->op != OP_NORM && d->type == whole;
}

/* Takes the place of allocate_parameter() where the weight need not be copied. */
static bool leave_in_place(Parameter *parameter, const MpsDevice *device, const Description *d,
                           const Graph *network, const Node *node, int slot,
                           const CompileOptions *options) {
    if (!may_stay(network, node, slot, d, options->precision))
        return false;
    parameter->buffer =
        in_place_buffer(device, options->weights_file, graph_weight(network, node, slot), d->type,
                        &parameter->offset);
    parameter->in_place = parameter->buffer != nil;
    if (!parameter->in_place)
        return false;
    parameter->type = d->type;
    parameter->shape = [numbers(d->dims, d->dim_count) retain];
    return true;
}

static cleave_status create_parameter(Parameters *parameters, const MpsDevice *device,
                                      const Graph *network, int node, int slot,
                                      const CompileOptions *options, cleave_error *error) {
    Parameter *parameter = &parameters->items[parameters->first[node] + slot];
    const Node *n = &network->nodes[node];
    Description d = describe_parameter(network, node, slot, options->precision);
    cleave_status status = CLEAVE_OK;
    if (d.dim_count == 0)
        return CLEAVE_OK;
    if (leave_in_place(parameter, device, &d, network, n, slot, options))
        parameters->in_place_bytes += (int64_t)(description_elements(&d) * type_bytes(d.type));
    else
        status = allocate_parameter(parameter, device->device, &d, n->name, error);
    return status == CLEAVE_OK ? fill_parameter(parameter, network, node, slot, error) : status;
}

static cleave_status create_node(Parameters *parameters, const MpsDevice *device,
                                 const Graph *network, int node, const CompileOptions *options,
                                 cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    int count = parameters->first[node + 1] - parameters->first[node];
    for (int slot = 0; slot < count && status == CLEAVE_OK; slot++)
        status = create_parameter(parameters, device, network, node, slot, options, error);
    return status;
}

/* Room for all, and where each node's begin. */
static bool make_room(Parameters *parameters, const Graph *network) {
    parameters->first = calloc((size_t)network->count + 1, sizeof(*parameters->first));
    if (!parameters->first)
        return false;
    for (int node = 0; node < network->count; node++)
        parameters->first[node + 1] = parameters->first[node] + parameter_count(network, node);
    parameters->count = parameters->first[network->count];
    parameters->items = calloc((size_t)parameters->count + 1, sizeof(*parameters->items));
    return parameters->items != NULL;
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
    cleave_status status = CLEAVE_OK;
    *parameters = (Parameters){.bytes = parameters_bytes(network, options->precision)};
    if (!make_room(parameters, network))
        status = error_memory(error, "the network's parameters",
                              (size_t)network->weight_count * sizeof(Parameter));
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
    for (int i = 0; parameters->items && i < parameters->count; i++) {
        [parameters->items[i].buffer release];
        [parameters->items[i].shape release];
    }
    free(parameters->items);
    free(parameters->first);
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
    return &parameters->items[parameters->first[node] + slot];
}
