/* checkpoint_safetensors.c: a safetensors file: the header's length in 8 bytes, a header in JSON,
 * then the data. jansson reads the header. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/checkpoint_private.h"
#include "model/refuse.h"
#include "model/yaml_tree.h"

/* A header has about a hundred bytes per tensor, and perhaps a configuration. */
#define MAX_HEADER ((size_t)8 << 20)

/* A tensor takes three, and each costs jansson a few hundred bytes. */
#define MAX_BRACKETS ((size_t)600000)

/* The data section. */
typedef struct DataSection {
    const unsigned char *data;
    size_t size;
} DataSection;

/* The bytes of one tensor, to find out whether two overlap. */
typedef struct Extent {
    size_t begin;
    size_t end;
} Extent;

typedef struct ElementType {
    const char *name;
    DType dtype;
    size_t size;
} ElementType;

static const ElementType element_types[] = {
    {"F32", DTYPE_F32, 4},    {"F16", DTYPE_F16, 2},       {"BF16", DTYPE_BF16, 2},
    {"F64", DTYPE_F64, 8},    {"I64", DTYPE_I64, 8},       {"I32", DTYPE_OTHER, 4},
    {"I16", DTYPE_OTHER, 2},  {"I8", DTYPE_OTHER, 1},      {"U64", DTYPE_OTHER, 8},
    {"U32", DTYPE_OTHER, 4},  {"U16", DTYPE_OTHER, 2},     {"U8", DTYPE_OTHER, 1},
    {"BOOL", DTYPE_OTHER, 1}, {"F8_E5M2", DTYPE_OTHER, 1}, {"F8_E4M3", DTYPE_OTHER, 1},
    {"C64", DTYPE_OTHER, 8},
};

static ElementType find_type(const char *name) {
    for (size_t i = 0; i < sizeof(element_types) / sizeof(element_types[0]); i++)
        if (strcmp(name, element_types[i].name) == 0)
            return element_types[i];
    return (ElementType){"", DTYPE_OTHER, 0};
}

/* Fills in dims and the strides of a contiguous tensor, and the number of elements. */
static bool read_shape(const json_t *shape, Tensor *tensor, size_t *elements) {
    size_t count = json_array_size(shape);
    *elements = 1;
    if (!json_is_array(shape) || count > TENSOR_MAX_DIMS)
        return false;
    tensor->dim_count = (int)count;
    for (size_t i = count; i-- > 0;) {
        const json_t *dim = json_array_get(shape, i);
        int64_t size = json_integer_value(dim);
        if (!json_is_integer(dim) || size < 0)
            return false;
        tensor->dims[i] = size;
        tensor->strides[i] = (int64_t)*elements;
        if (!size_multiply(*elements, (size_t)size, elements) || *elements > SIZE_MAX / 16)
            return false;
    }
    return true;
}

static bool read_extent(const json_t *offsets, Extent *extent) {
    const json_t *begin = json_array_get(offsets, 0);
    const json_t *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return false;
    extent->begin = (size_t)json_integer_value(begin);
    extent->end = (size_t)json_integer_value(end);
    return true;
}

static cleave_status refuse_tensor(const Checkpoint *checkpoint, const char *name, const char *why,
                                   cleave_error *error) {
    return model_refuse(error, checkpoint->source, ADVICE_DOWNLOAD,
                        UTF8_CUT(100) ": %s: the file is damaged or incomplete", name, why);
}

static cleave_status add_tensor(Checkpoint *checkpoint, const char *name, const json_t *entry,
                                const DataSection *section, Extent *extent, cleave_error *error) {
    Tensor tensor = {0};
    size_t elements = 0;
    size_t size = 0;
    const char *type_name = json_string_value(json_object_get(entry, "dtype"));
    if (!type_name)
        return refuse_tensor(checkpoint, name, "the header gives it no dtype", error);
    if (!read_shape(json_object_get(entry, "shape"), &tensor, &elements))
        return refuse_tensor(checkpoint, name, "the header gives it no usable shape", error);
    if (!read_extent(json_object_get(entry, "data_offsets"), extent))
        return refuse_tensor(checkpoint, name, "the header gives it no usable data_offsets", error);
    if (extent->end > section->size)
        return model_refuse(
            error, checkpoint->source, ADVICE_DOWNLOAD,
            "incomplete: " UTF8_CUT(100) " ends at byte %zu of the data, and the file has %zu",
            name, extent->end, section->size);
    ElementType type = find_type(type_name);
    if (type.size > 0 &&
        (!size_multiply(elements, type.size, &size) || size != extent->end - extent->begin))
        return refuse_tensor(checkpoint, name, "its shape and its data differ in size", error);
    tensor.dtype = type.dtype;
    tensor.data = section->data + extent->begin;
    return checkpoint_add(checkpoint, &tensor, name, strlen(name), error);
}

static int compare_extents(const void *a, const void *b) {
    const Extent *left = a;
    const Extent *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    return left->end < right->end ? -1 : left->end > right->end;
}

static cleave_status check_overlap(const Checkpoint *checkpoint, Extent *extents, size_t count,
                                   cleave_error *error) {
    qsort(extents, count, sizeof(*extents), compare_extents);
    for (size_t i = 1; i < count; i++)
        if (extents[i].begin < extents[i - 1].end)
            return model_refuse(error, checkpoint->source, ADVICE_DOWNLOAD,
                                "damaged: two tensors overlap at byte %zu of the data",
                                extents[i].begin);
    return CLEAVE_OK;
}

static cleave_status add_tensors(Checkpoint *checkpoint, json_t *header, const DataSection *section,
                                 cleave_error *error) {
    const char *name;
    json_t *entry;
    size_t count = 0;
    cleave_status status = CLEAVE_OK;
    size_t bytes = (json_object_size(header) + 1) * sizeof(Extent);
    Extent *extents = malloc(bytes);
    if (!extents)
        return error_memory(error, "the list of tensors", bytes);
    json_object_foreach(header, name, entry) {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        status = add_tensor(checkpoint, name, entry, section, &extents[count++], error);
        if (status != CLEAVE_OK)
            break;
    }
    if (status == CLEAVE_OK)
        status = check_overlap(checkpoint, extents, count, error);
    free(extents);
    return status;
}

/* ---- An embedded configuration ---- */

static bool is_config(const char *text) {
    YamlTree *tree = NULL;
    if (yaml_tree_parse(&tree, text, strlen(text), "", NULL) != CLEAVE_OK)
        return false;
    const YamlNode *root = yaml_root(tree);
    const YamlNode *audio = yaml_find(tree, root, "audio");
    const YamlNode *model = yaml_find(tree, root, "model");
    bool result = audio && audio->kind == YAML_MAP && model && model->kind == YAML_MAP;
    yaml_tree_free(tree);
    return result;
}

/* The value of one of the usual keys, or else any value that can be read as a configuration. */
static const char *find_config(json_t *metadata) {
    static const char *const usual[] = {"config", "yaml", "model_config", "config_yaml"};
    const char *key;
    json_t *value;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        const char *text = json_string_value(json_object_get(metadata, usual[i]));
        if (text && is_config(text))
            return text;
    }
    json_object_foreach(metadata, key, value) {
        const char *text = json_string_value(value);
        if (text && is_config(text))
            return text;
    }
    return NULL;
}

static cleave_status keep_config(Checkpoint *checkpoint, const json_t *header,
                                 cleave_error *error) {
    const char *text = find_config(json_object_get(header, "__metadata__"));
    if (!text)
        return CLEAVE_OK;
    checkpoint->config = string_copy(text);
    return checkpoint->config ? CLEAVE_OK
                              : error_memory(error, "the configuration", strlen(text) + 1);
}

static bool has_many_brackets(const char *text, size_t length) {
    size_t found = 0;
    for (size_t i = 0; i < length; i++)
        found += text[i] == '{' || text[i] == '[' ? 1 : 0;
    return found > MAX_BRACKETS;
}

cleave_status checkpoint_load_safetensors(Checkpoint *checkpoint, cleave_error *error) {
    uint64_t length = 0;
    for (size_t i = 0; i < 8 && checkpoint->size >= 8; i++)
        length |= (uint64_t)checkpoint->data[i] << (8 * i);
    if (checkpoint->size < 8 || length > checkpoint->size - 8)
        return model_refuse(error, checkpoint->source, ADVICE_DOWNLOAD,
                            "incomplete: its header has %" PRIu64 " bytes, the whole file %zu",
                            length, checkpoint->size);
    if (length > MAX_HEADER)
        return model_refuse(error, checkpoint->source, NULL,
                            "a safetensors header of %" PRIu64
                            " bytes, which no network for separation has",
                            length);
    const char *text = (const char *)checkpoint->data + 8;
    const DataSection section = {checkpoint->data + 8 + length,
                                 checkpoint->size - 8 - (size_t)length};
    if (has_many_brackets(text, (size_t)length))
        return model_refuse(error, checkpoint->source, NULL,
                            "a safetensors header with more than %zu lists and objects, which "
                            "no network for separation has",
                            MAX_BRACKETS);
    json_error_t problem;
    errno = 0;
    json_t *header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &problem);
    /* Jansson itself seldom says that memory ran out. */
    if (!header && (json_error_code(&problem) == json_error_out_of_memory || errno == ENOMEM))
        return error_memory(error, "a safetensors header", (size_t)length);
    if (!json_is_object(header)) {
        json_decref(header);
        return model_refuse(error, checkpoint->source, ADVICE_DOWNLOAD,
                            "the safetensors header is damaged: byte %d: %s", problem.position,
                            problem.text);
    }
    cleave_status status = add_tensors(checkpoint, header, &section, error);
    if (status == CLEAVE_OK)
        status = keep_config(checkpoint, header, error);
    json_decref(header);
    return status;
}
