/* onnx_file.c: an ONNX model as messages, and writing it. The numbers of the fields are those of
 * the ONNX specification (onnx.proto). Readers accept fields in any order, so the weights come
 * last. */
#include "export/onnx_file.h"
#include "graph/weight_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/output_file.h"
#include "base/text.h"

enum ModelField {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_METADATA = 14
};
enum OpsetField { OPSET_VERSION = 2 };
enum EntryField { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum GraphField {
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_WEIGHT = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12
};
enum NodeField { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum AttributeField {
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_FLOAT = 2,
    ATTRIBUTE_INTEGER = 3,
    ATTRIBUTE_INTEGERS = 8,
    ATTRIBUTE_TYPE = 20
};
enum AttributeType { TYPE_FLOAT = 1, TYPE_INTEGER = 2, TYPE_INTEGERS = 7 };
enum TensorField {
    TENSOR_DIM = 1,
    TENSOR_TYPE = 2,
    TENSOR_FLOATS = 4,
    TENSOR_INTEGERS = 7,
    TENSOR_NAME = 8,
    TENSOR_DATA = 9
};
enum ElementType { ELEMENT_FLOAT = 1, ELEMENT_INT64 = 7 };
enum ValueField {
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    TYPE_TENSOR = 1,
    TENSOR_ELEMENT = 1,
    TENSOR_SHAPE = 2
};
enum ShapeField { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };

#define BLOCK        ((size_t)1 << 16)  /* values that are read and written at once */
#define PAGES_IN_USE ((size_t)64 << 20) /* bytes of weights after which their pages are let go */
#define NAME_SIZE    256

void onnx_free(OnnxModel *model) {
    message_free(&model->graph);
    message_free(&model->metadata);
    free(model->weights);
    *model = (OnnxModel){0};
}

/* ---- Nodes ---- */

Message onnx_node(const char *op, const char *output, const char *const inputs[], int input_count) {
    Message node = {0};
    for (int i = 0; i < input_count; i++)
        message_text(&node, NODE_INPUT, inputs[i] ? inputs[i] : "");
    message_text(&node, NODE_OUTPUT, output);
    message_text(&node, NODE_NAME, output);
    message_text(&node, NODE_OP, op);
    return node;
}

static Message onnx_attribute(const char *name, enum AttributeType type) {
    Message attribute = {0};
    message_text(&attribute, ATTRIBUTE_NAME, name);
    message_integer(&attribute, ATTRIBUTE_TYPE, type);
    return attribute;
}

void onnx_integer(Message *node, const char *name, int64_t value) {
    Message attribute = onnx_attribute(name, TYPE_INTEGER);
    message_integer(&attribute, ATTRIBUTE_INTEGER, value);
    message_nest(node, NODE_ATTRIBUTE, &attribute);
}

void onnx_float(Message *node, const char *name, float value) {
    Message attribute = onnx_attribute(name, TYPE_FLOAT);
    message_float(&attribute, ATTRIBUTE_FLOAT, value);
    message_nest(node, NODE_ATTRIBUTE, &attribute);
}

void onnx_integers(Message *node, const char *name, const int *values, int count) {
    Message attribute = onnx_attribute(name, TYPE_INTEGERS);
    for (int i = 0; i < count; i++)
        message_integer(&attribute, ATTRIBUTE_INTEGERS, values[i]);
    message_nest(node, NODE_ATTRIBUTE, &attribute);
}

void onnx_end(OnnxModel *model, Message *node) {
    message_nest(&model->graph, GRAPH_NODE, node);
}

/* ---- Values ---- */

void onnx_name(OnnxModel *model, const char *name) {
    message_text(&model->graph, GRAPH_NAME, name);
}

static Message onnx_shape(const int64_t *dims, int count) {
    Message shape = {0};
    for (int i = 0; i < count; i++) {
        Message dim = {0};
        if (dims[i] > 0)
            message_integer(&dim, DIM_VALUE, dims[i]);
        else
            message_text(&dim, DIM_NAME, "batch");
        message_nest(&shape, SHAPE_DIM, &dim);
    }
    return shape;
}

static void onnx_value(OnnxModel *model, enum GraphField field, const char *name,
                       const int64_t *dims, int count) {
    Message tensor = {0};
    Message type = {0};
    Message value = {0};
    Message shape = onnx_shape(dims, count);
    message_integer(&tensor, TENSOR_ELEMENT, ELEMENT_FLOAT);
    message_nest(&tensor, TENSOR_SHAPE, &shape);
    message_nest(&type, TYPE_TENSOR, &tensor);
    message_text(&value, VALUE_NAME, name);
    message_nest(&value, VALUE_TYPE, &type);
    message_nest(&model->graph, (int)field, &value);
}

void onnx_input(OnnxModel *model, const char *name, const int64_t *dims, int count) {
    onnx_value(model, GRAPH_INPUT, name, dims, count);
}

void onnx_output(OnnxModel *model, const char *name, const int64_t *dims, int count) {
    onnx_value(model, GRAPH_OUTPUT, name, dims, count);
}

void onnx_weight(OnnxModel *model, const Tensor *tensor, const char *suffix) {
    if (model->weight_count == model->weight_capacity) {
        size_t capacity = model->weight_capacity ? model->weight_capacity * 2 : 64;
        OnnxWeight *weights = realloc(model->weights, capacity * sizeof(*weights));
        model->failed = model->failed || !weights;
        if (!weights)
            return;
        model->weights = weights;
        model->weight_capacity = capacity;
    }
    model->weights[model->weight_count++] = (OnnxWeight){suffix, *tensor};
}

void onnx_constant_integers(OnnxModel *model, const char *name, const int64_t *values, int count) {
    Message tensor = {0};
    message_integer(&tensor, TENSOR_DIM, count);
    message_integer(&tensor, TENSOR_TYPE, ELEMENT_INT64);
    message_text(&tensor, TENSOR_NAME, name);
    for (int i = 0; i < count; i++)
        message_integer(&tensor, TENSOR_INTEGERS, values[i]);
    message_nest(&model->graph, GRAPH_WEIGHT, &tensor);
}

void onnx_constant_floats(OnnxModel *model, const char *name, float value, int count) {
    Message tensor = {0};
    message_integer(&tensor, TENSOR_DIM, count);
    message_integer(&tensor, TENSOR_TYPE, ELEMENT_FLOAT);
    message_text(&tensor, TENSOR_NAME, name);
    for (int i = 0; i < count; i++)
        message_float(&tensor, TENSOR_FLOATS, value);
    message_nest(&model->graph, GRAPH_WEIGHT, &tensor);
}

void onnx_constant_table(OnnxModel *model, const char *name, const float *values,
                         const int64_t *dims, int count) {
    Message tensor = {0};
    size_t bytes = sizeof(*values);
    for (int i = 0; i < count; i++) {
        message_integer(&tensor, TENSOR_DIM, dims[i]);
        bytes *= (size_t)dims[i];
    }
    message_integer(&tensor, TENSOR_TYPE, ELEMENT_FLOAT);
    message_text(&tensor, TENSOR_NAME, name);
    message_bytes(&tensor, TENSOR_DATA, values, bytes);
    message_nest(&model->graph, GRAPH_WEIGHT, &tensor);
}

void onnx_metadata(OnnxModel *model, const char *key, const char *value) {
    Message entry = {0};
    message_text(&entry, ENTRY_KEY, key);
    message_text(&entry, ENTRY_VALUE, value);
    message_nest(&model->metadata, MODEL_METADATA, &entry);
}

/* ---- The file ---- */

typedef struct Writer {
    OutputFile file;
    float *block; /* BLOCK values */
    void (*read)(void *context);
    void *context;
    size_t pages; /* bytes of weights read since `read` was called */
} Writer;

static uint64_t data_bytes(const OnnxWeight *weight) {
    return (uint64_t)tensor_elements(&weight->tensor) * sizeof(float);
}

/* A weight's field in the graph, up to its values. */
static Message weight_head(const OnnxWeight *weight) {
    Message head = {0};
    Message tensor = {0};
    char name[NAME_SIZE];
    snprintf(name, sizeof(name), "%s%s", weight->tensor.name, weight->suffix);
    for (int i = 0; i < weight->tensor.dim_count; i++)
        message_integer(&tensor, TENSOR_DIM, weight->tensor.dims[i]);
    message_integer(&tensor, TENSOR_TYPE, ELEMENT_FLOAT);
    message_text(&tensor, TENSOR_NAME, name);
    message_head(&tensor, TENSOR_DATA, data_bytes(weight));
    message_head(&head, GRAPH_WEIGHT, tensor.size + data_bytes(weight));
    message_append(&head, &tensor);
    return head;
}

/* All that comes before the first weight. *size becomes the size of the whole file. */
static Message model_head(const OnnxModel *model, uint64_t *size) {
    Message opset = {0};
    Message head = {0};
    uint64_t weight_bytes = 0;
    head.failed = model->failed || model->metadata.failed || model->graph.failed;
    for (size_t i = 0; i < model->weight_count; i++) {
        Message weight = weight_head(&model->weights[i]);
        head.failed = head.failed || weight.failed;
        weight_bytes += weight.size + data_bytes(&model->weights[i]);
        message_free(&weight);
    }
    message_integer(&opset, OPSET_VERSION, ONNX_OPSET);
    message_integer(&head, MODEL_IR_VERSION, ONNX_IR_VERSION);
    message_text(&head, MODEL_PRODUCER, "cleave");
    message_text(&head, MODEL_PRODUCER_VERSION, cleave_version());
    message_nest(&head, MODEL_OPSET, &opset);
    message_copy(&head, &model->metadata);
    message_head(&head, MODEL_GRAPH, model->graph.size + weight_bytes);
    message_copy(&head, &model->graph);
    *size = head.size + weight_bytes;
    return head;
}

/* The file remembers a failure until output_file_check(). */
static void writer_message(Writer *writer, const Message *message) {
    output_file_write(&writer->file, message->bytes, (int64_t)message->size);
}

static void writer_let_pages_go(Writer *writer, size_t bytes) {
    writer->pages += bytes;
    if (writer->pages < PAGES_IN_USE)
        return;
    writer->pages = 0;
    writer->read(writer->context);
}

static cleave_status writer_values(Writer *writer, const Tensor *tensor, cleave_error *error) {
    size_t count = tensor_elements(tensor);
    size_t not_finite = 0;
    for (size_t first = 0; first < count && writer->file.error == 0; first += BLOCK) {
        size_t part = size_min(BLOCK, count - first);
        not_finite += tensor_read_f32(tensor, first, part, writer->block);
        output_file_write(&writer->file, writer->block, (int64_t)(part * sizeof(float)));
        writer_let_pages_go(writer, part * sizeof(float));
    }
    return weight_check(tensor, not_finite, error);
}

static cleave_status writer_weight(Writer *writer, const OnnxWeight *weight, cleave_error *error) {
    Message head = weight_head(weight);
    cleave_status status = CLEAVE_OK;
    if (head.failed)
        status = error_memory(error, "an ONNX file", head.size);
    else
        writer_message(writer, &head);
    message_free(&head);
    if (status == CLEAVE_OK)
        status = writer_values(writer, &weight->tensor, error);
    return status == CLEAVE_OK ? output_file_check(&writer->file, error) : status;
}

static cleave_status writer_all(Writer *writer, const OnnxModel *model, const Message *head,
                                cleave_error *error) {
    writer_message(writer, head);
    cleave_status status = output_file_check(&writer->file, error);
    for (size_t i = 0; i < model->weight_count && status == CLEAVE_OK; i++)
        status = writer_weight(writer, &model->weights[i], error);
    if (status == CLEAVE_OK)
        status = output_file_finish(&writer->file, error);
    if (status == CLEAVE_OK)
        status = output_file_commit(&writer->file, error);
    return status;
}

static cleave_status writer_file(Writer *writer, const OnnxModel *model, const Message *head,
                                 const char *path, cleave_error *error) {
    cleave_status status = output_file_open(&writer->file, path, error);
    if (status != CLEAVE_OK)
        return status;
    writer->block = malloc(BLOCK * sizeof(float));
    status = writer->block ? writer_all(writer, model, head, error)
                           : error_memory(error, "weights", BLOCK * sizeof(float));
    free(writer->block);
    output_file_close(&writer->file);
    return status;
}

cleave_status onnx_write(const OnnxModel *model, const char *path, void (*read)(void *context),
                         void *context, int64_t *size, cleave_error *error) {
    Writer writer = {.read = read, .context = context};
    uint64_t bytes = 0;
    Message head = model_head(model, &bytes);
    cleave_status status = CLEAVE_OK;
    if (head.failed)
        status = error_memory(error, "an ONNX model", head.size);
    else if (bytes > ONNX_FILE_MAX)
        status =
            error_set(error, CLEAVE_ERROR_MODEL,
                      "as ONNX the network takes %s, and such a file cannot have 2 GiB or more",
                      size_text((int64_t)bytes).text);
    else
        status = writer_file(&writer, model, &head, path, error);
    message_free(&head);
    *size = (int64_t)bytes;
    return status;
}
