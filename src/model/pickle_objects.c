/* pickle_objects.c: the constructors and persistent ids that torch.save's pickles use, by name. The
 * opcodes are in pickle.c. */
#include <stdio.h>
#include <string.h>

#include "model/pickle_machine.h"

/* ---- Names of element types ---- */

typedef struct ElementType {
    const char *name;
    DType dtype;
    size_t size;
} ElementType;

/* torch.NAMEStorage */
static const ElementType storage_types[] = {
    {"FloatStorage", DTYPE_F32, 4},          {"HalfStorage", DTYPE_F16, 2},
    {"BFloat16Storage", DTYPE_BF16, 2},      {"DoubleStorage", DTYPE_F64, 8},
    {"LongStorage", DTYPE_I64, 8},           {"IntStorage", DTYPE_OTHER, 4},
    {"ShortStorage", DTYPE_OTHER, 2},        {"CharStorage", DTYPE_OTHER, 1},
    {"ByteStorage", DTYPE_OTHER, 1},         {"BoolStorage", DTYPE_OTHER, 1},
    {"ComplexFloatStorage", DTYPE_OTHER, 8}, {"ComplexDoubleStorage", DTYPE_OTHER, 16},
    {"QInt8Storage", DTYPE_OTHER, 1},        {"QUInt8Storage", DTYPE_OTHER, 1},
    {"QInt32Storage", DTYPE_OTHER, 4},       {"QUInt4x2Storage", DTYPE_OTHER, 1},
    {"QUInt2x4Storage", DTYPE_OTHER, 1},     {"UntypedStorage", DTYPE_OTHER, 1},
    {"_UntypedStorage", DTYPE_OTHER, 1},
};

/* torch.NAME */
static const ElementType dtype_names[] = {
    {"float32", DTYPE_F32, 4},       {"float", DTYPE_F32, 4},     {"float16", DTYPE_F16, 2},
    {"half", DTYPE_F16, 2},          {"bfloat16", DTYPE_BF16, 2}, {"float64", DTYPE_F64, 8},
    {"double", DTYPE_F64, 8},        {"int64", DTYPE_I64, 8},     {"long", DTYPE_I64, 8},
    {"int32", DTYPE_OTHER, 4},       {"int16", DTYPE_OTHER, 2},   {"int8", DTYPE_OTHER, 1},
    {"uint8", DTYPE_OTHER, 1},       {"uint16", DTYPE_OTHER, 2},  {"uint32", DTYPE_OTHER, 4},
    {"uint64", DTYPE_OTHER, 8},      {"bool", DTYPE_OTHER, 1},    {"complex64", DTYPE_OTHER, 8},
    {"complex128", DTYPE_OTHER, 16},
};

static ElementType find_type(const ElementType *types, size_t count, PickleText name) {
    for (size_t i = 0; i < count; i++)
        if (pickle_text_is(name, types[i].name))
            return types[i];
    return (ElementType){"", DTYPE_OTHER, 0};
}

static ElementType find_storage_type(PickleText name) {
    return find_type(storage_types, sizeof(storage_types) / sizeof(storage_types[0]), name);
}

static ElementType find_dtype(PickleText name) {
    return find_type(dtype_names, sizeof(dtype_names) / sizeof(dtype_names[0]), name);
}

/* ---- Arguments ---- */

static const PickleValue *tuple_item(const PickleValue *arguments, size_t index) {
    const PickleItems *items = &arguments->as.items;
    return index < items->count ? items->values[index] : NULL;
}

static bool is_kind(const PickleValue *value, PickleKind kind) {
    return value && value->kind == kind;
}

static PickleValue *make_opaque(PickleMachine *m, const PickleValue *type) {
    PickleValue *value = pickle_new(m, PICKLE_OPAQUE);
    if (value)
        value->as.opaque.type = is_kind(type, PICKLE_GLOBAL) ? type : NULL;
    return value;
}

/* ---- Persistent ids ---- */

/* ('storage', type, key, location, elements[, (view key, offset, elements)]) */
static bool read_storage(const PickleValue *id, PickleStorage *storage) {
    const PickleValue *type = tuple_item(id, 1);
    const PickleValue *key = tuple_item(id, 2);
    const PickleValue *elements = tuple_item(id, 4);
    const PickleValue *view = tuple_item(id, 5);
    const PickleValue *tag = tuple_item(id, 0);
    if (!is_kind(tag, PICKLE_TEXT) || !pickle_text_is(tag->as.text, "storage") ||
        !is_kind(type, PICKLE_GLOBAL) || !is_kind(key, PICKLE_TEXT) ||
        !is_kind(elements, PICKLE_INTEGER))
        return false;
    ElementType element = find_storage_type(type->as.global.name);
    *storage = (PickleStorage){.key = key->as.text,
                               .dtype = element.dtype,
                               .element_size = element.size,
                               .elements = elements->as.integer,
                               .view_elements = elements->as.integer};
    if (!is_kind(view, PICKLE_TUPLE))
        return true;
    const PickleValue *offset = tuple_item(view, 1);
    const PickleValue *view_elements = tuple_item(view, 2);
    if (!is_kind(offset, PICKLE_INTEGER) || !is_kind(view_elements, PICKLE_INTEGER))
        return false;
    storage->view_offset = offset->as.integer;
    storage->view_elements = view_elements->as.integer;
    return true;
}

PickleValue *pickle_persistent(PickleMachine *m, const PickleValue *id) {
    PickleStorage storage;
    if (id->kind != PICKLE_TUPLE || !read_storage(id, &storage))
        return make_opaque(m, NULL);
    PickleStorage *kept = pickle_arena_allocate(m->arena, sizeof(*kept));
    if (!kept) {
        pickle_fail_memory(m);
        return NULL;
    }
    *kept = storage;
    PickleValue *value = pickle_new(m, PICKLE_STORAGE);
    PickleStorage *storages =
        pickle_grow(m, m->storages, &m->storage_capacity, m->storage_count, sizeof(*storages));
    if (!value || !storages)
        return NULL;
    value->as.storage = kept;
    m->storages = storages;
    m->storages[m->storage_count++] = storage;
    return value;
}

/* ---- Constructors ---- */

/* Reads a tuple or list of whole numbers; false if it is something else, or longer than a tensor
 * has dimensions. */
static bool read_integers(const PickleValue *value, int64_t *numbers, int *count) {
    if (!is_kind(value, PICKLE_TUPLE) && !is_kind(value, PICKLE_LIST))
        return false;
    const PickleItems *items = &value->as.items;
    if (items->count > TENSOR_MAX_DIMS)
        return false;
    for (size_t i = 0; i < items->count; i++) {
        if (items->values[i]->kind != PICKLE_INTEGER)
            return false;
        numbers[i] = items->values[i]->as.integer;
    }
    *count = (int)items->count;
    return true;
}

/* (storage, offset, sizes, strides, …) */
static PickleValue *make_tensor(PickleMachine *m, const PickleValue *type,
                                const PickleValue *arguments) {
    const PickleValue *storage = tuple_item(arguments, 0);
    const PickleValue *offset = tuple_item(arguments, 1);
    int stride_count = 0;
    PickleTensor tensor = {0};
    if (!is_kind(storage, PICKLE_STORAGE) || !is_kind(offset, PICKLE_INTEGER) ||
        !read_integers(tuple_item(arguments, 2), tensor.dims, &tensor.dim_count) ||
        !read_integers(tuple_item(arguments, 3), tensor.strides, &stride_count) ||
        stride_count != tensor.dim_count)
        return make_opaque(m, type);
    tensor.storage = storage->as.storage;
    tensor.dtype = tensor.storage->dtype;
    tensor.element_size = tensor.storage->element_size;
    tensor.offset = offset->as.integer;
    PickleTensor *kept = pickle_arena_allocate(m->arena, sizeof(*kept));
    if (!kept) {
        pickle_fail_memory(m);
        return NULL;
    }
    *kept = tensor;
    PickleValue *value = pickle_new(m, PICKLE_TENSOR);
    if (value)
        value->as.tensor = kept;
    return value;
}

/* As above, over an untyped storage: the seventh argument is the element type. */
static PickleValue *make_tensor_v3(PickleMachine *m, const PickleValue *type,
                                   const PickleValue *arguments) {
    const PickleValue *dtype = tuple_item(arguments, 6);
    PickleValue *value = make_tensor(m, type, arguments);
    if (!is_kind(value, PICKLE_TENSOR) || !is_kind(dtype, PICKLE_GLOBAL))
        return value;
    ElementType element = find_dtype(dtype->as.global.name);
    PickleTensor *tensor = (PickleTensor *)value->as.tensor;
    tensor->dtype = element.dtype;
    tensor->element_size = element.size;
    return value;
}

/* (tensor, requires_grad, hooks): the tensor. */
static PickleValue *make_parameter(PickleMachine *m, const PickleValue *type,
                                   const PickleValue *arguments) {
    const PickleItems *items = &arguments->as.items;
    if (items->count > 0 && items->values[0]->kind == PICKLE_TENSOR)
        return items->values[0];
    return make_opaque(m, type);
}

/* (): empty; ([(key, value), …],): with these pairs, as Python 2 wrote an OrderedDict. */
static PickleValue *make_dict(PickleMachine *m, const PickleValue *type,
                              const PickleValue *arguments) {
    PickleValue *dict = pickle_new(m, PICKLE_DICT);
    const PickleValue *pairs = tuple_item(arguments, 0);
    if (!dict || (!is_kind(pairs, PICKLE_LIST) && !is_kind(pairs, PICKLE_TUPLE)))
        return dict;
    for (size_t i = 0; i < pairs->as.items.count; i++) {
        const PickleValue *pair = pairs->as.items.values[i];
        if ((pair->kind != PICKLE_LIST && pair->kind != PICKLE_TUPLE) || pair->as.items.count != 2)
            return make_opaque(m, type); /* at once: going on could take very long */
        if (!pickle_append(m, &dict->as.items, pair->as.items.values[0]) ||
            !pickle_append(m, &dict->as.items, pair->as.items.values[1]))
            return NULL;
    }
    return dict;
}

/* ((sizes),): the tuple of sizes. */
static PickleValue *make_size(PickleMachine *m, const PickleValue *type,
                              const PickleValue *arguments) {
    const PickleItems *items = &arguments->as.items;
    if (items->count == 1 &&
        (items->values[0]->kind == PICKLE_TUPLE || items->values[0]->kind == PICKLE_LIST))
        return items->values[0];
    return make_opaque(m, type);
}

typedef PickleValue *(*Constructor)(PickleMachine *m, const PickleValue *type,
                                    const PickleValue *arguments);

static const struct {
    const char *module;
    const char *name;
    Constructor construct;
} constructors[] = {
    {"collections", "OrderedDict", make_dict},
    {"builtins", "dict", make_dict},
    {"__builtin__", "dict", make_dict},
    {"torch._utils", "_rebuild_tensor", make_tensor},
    {"torch._utils", "_rebuild_tensor_v2", make_tensor},
    {"torch._utils", "_rebuild_tensor_v3", make_tensor_v3},
    {"torch._utils", "_rebuild_parameter", make_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", make_parameter},
    {"torch.nn.parameter", "Parameter", make_parameter},
    {"torch", "Size", make_size},
};

static Constructor find_constructor(const PickleValue *callable) {
    if (!is_kind(callable, PICKLE_GLOBAL))
        return NULL;
    for (size_t i = 0; i < sizeof(constructors) / sizeof(constructors[0]); i++)
        if (pickle_text_is(callable->as.global.module, constructors[i].module) &&
            pickle_text_is(callable->as.global.name, constructors[i].name))
            return constructors[i].construct;
    return NULL;
}

/* ---- Commands ---- */

/* Functions that attacks by pickles call, and checkpoints never do: beginnings of names. */
static const struct {
    const char *modules; /* separated by spaces */
    const char *name;
} commands[] = {
    {" os posix nt ", "system"},
    {" os posix nt ", "popen"},
    {" os posix nt ", "exec"},
    {" os posix nt ", "spawn"},
    {" os posix nt ", "posix_spawn"},
    {" os posix nt ", "startfile"},
    {" os posix nt ", "remove"},
    {" os posix nt ", "unlink"},
    {" os posix nt ", "rename"},
    {" os posix nt ", "rmdir"},
    {" subprocess pty runpy shutil socket webbrowser importlib commands popen2 ", ""},
    {" builtins __builtin__ ", "eval"},
    {" builtins __builtin__ ", "exec"},
    {" builtins __builtin__ ", "compile"},
    {" builtins __builtin__ ", "__import__"},
    {" builtins __builtin__ ", "open"},
};

static bool is_command(const PickleValue *callable) {
    char module[32];
    if (!is_kind(callable, PICKLE_GLOBAL))
        return false;
    PickleText name = callable->as.global.name;
    PickleText in = callable->as.global.module;
    if (in.size > sizeof(module) - 3 || memchr(in.data, ' ', in.size))
        return false;
    snprintf(module, sizeof(module), " %.*s ", (int)in.size, in.data);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        size_t length = strlen(commands[i].name);
        if (strstr(commands[i].modules, module) && name.size >= length &&
            memcmp(name.data, commands[i].name, length) == 0)
            return true;
    }
    return false;
}

static PickleValue *refuse_command(PickleMachine *m, const PickleValue *callable) {
    m->command = callable;
    pickle_fail(m, "it calls a command");
    return NULL;
}

/* torch._tensor._rebuild_from_type_v2(constructor, type, arguments, state): a tensor of a subclass,
 * or with attributes. */
static bool is_rebuild_from_type(const PickleValue *callable) {
    return is_kind(callable, PICKLE_GLOBAL) &&
           pickle_text_is(callable->as.global.module, "torch._tensor") &&
           pickle_text_is(callable->as.global.name, "_rebuild_from_type_v2");
}

PickleValue *pickle_construct(PickleMachine *m, PickleValue *callable, PickleValue *arguments) {
    const PickleValue *type = callable;
    const PickleValue *values = arguments;
    if (is_rebuild_from_type(callable) && is_kind(tuple_item(arguments, 2), PICKLE_TUPLE)) {
        type = tuple_item(arguments, 0);
        values = tuple_item(arguments, 2);
    }
    if (is_command(callable) || is_command(type))
        return refuse_command(m, is_command(type) ? type : callable);
    Constructor construct = find_constructor(type);
    return construct ? construct(m, type, values) : make_opaque(m, callable);
}
