/* pickle.c: the opcodes of pickle protocols 0 to 5, read as data. The objects that they construct
 * are in pickle_objects.c. */
#include "model/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/pickle_machine.h"
#include "model/refuse.h"

/* A checkpoint of a thousand tensors takes about 50 000 opcodes. */
#define MAX_OPCODES ((size_t)1 << 26)

/* ---- Input ---- */

static const unsigned char *machine_take(PickleMachine *m, size_t count) {
    if (count > m->size - m->position) {
        pickle_fail(m, "it ends in the middle");
        return NULL;
    }
    const unsigned char *bytes = m->data + m->position;
    m->position += count;
    return bytes;
}

/* A little-endian unsigned number of 1 to 8 bytes. */
static bool machine_take_number(PickleMachine *m, size_t bytes, uint64_t *number) {
    const unsigned char *source = machine_take(m, bytes);
    *number = 0;
    for (size_t i = 0; source && i < bytes; i++)
        *number |= (uint64_t)source[i] << (8 * i);
    return source != NULL;
}

/* Text of that many bytes. */
static bool machine_take_text(PickleMachine *m, uint64_t bytes, PickleText *text) {
    const unsigned char *source = bytes > SIZE_MAX ? NULL : machine_take(m, (size_t)bytes);
    *text = (PickleText){(const char *)source, (size_t)bytes};
    return source || pickle_fail(m, "it ends in the middle");
}

/* Text up to the next line feed, which is skipped. */
static bool machine_take_line(PickleMachine *m, PickleText *text) {
    const unsigned char *start = m->data + m->position;
    const unsigned char *end = memchr(start, '\n', m->size - m->position);
    if (!end)
        return pickle_fail(m, "it ends in the middle");
    *text = (PickleText){(const char *)start, (size_t)(end - start)};
    m->position += text->size + 1;
    return true;
}

/* ---- Stack ---- */

static bool machine_push(PickleMachine *m, PickleValue *value) {
    PickleStack *stack = &m->stack;
    PickleValue **values =
        value ? pickle_grow(m, stack->values, &stack->capacity, stack->count, sizeof(PickleValue *))
              : NULL;
    if (!values)
        return false;
    stack->values = values;
    stack->values[stack->count++] = value;
    return true;
}

static bool machine_push_text(PickleMachine *m, PickleKind kind, PickleText text) {
    PickleValue *value = pickle_new(m, kind);
    if (value)
        value->as.text = text;
    return machine_push(m, value);
}

static bool machine_push_integer(PickleMachine *m, int64_t number) {
    PickleValue *value = pickle_new(m, PICKLE_INTEGER);
    if (value)
        value->as.integer = number;
    return machine_push(m, value);
}

/* How many values can be popped: those below the last mark cannot until the mark is gone. */
static size_t machine_reachable(const PickleMachine *m) {
    size_t floor = m->mark_count > 0 ? m->marks[m->mark_count - 1] : 0;
    return m->stack.count - floor;
}

static PickleValue *machine_top(PickleMachine *m) {
    if (machine_reachable(m) > 0)
        return m->stack.values[m->stack.count - 1];
    pickle_fail(m, "it takes a value that is not there");
    return NULL;
}

static PickleValue *machine_pop(PickleMachine *m) {
    PickleValue *value = machine_top(m);
    if (value)
        m->stack.count--;
    return value;
}

/* Removes the last mark; the values above it are stack.values[*first …]. */
static bool machine_pop_mark(PickleMachine *m, size_t *first) {
    if (m->mark_count == 0)
        return pickle_fail(m, "it takes a mark that is not there");
    *first = m->marks[--m->mark_count];
    return true;
}

/* Takes the values from `first` up off the stack, into a new tuple or list. */
static PickleValue *machine_pop_items(PickleMachine *m, size_t first, PickleKind kind) {
    PickleValue *value = pickle_new(m, kind);
    for (size_t i = first; value && i < m->stack.count; i++)
        if (!pickle_append(m, &value->as.items, m->stack.values[i]))
            return NULL;
    m->stack.count = first;
    return value;
}

/* ---- Scalars ---- */

static bool op_constant(PickleMachine *m, unsigned char opcode) {
    if (opcode == 'N')
        return machine_push(m, m->none);
    return machine_push(m, opcode == 0x88 ? m->yes : m->no);
}

/* BININT, BININT1, BININT2 */
static bool op_binary_integer(PickleMachine *m, unsigned char opcode) {
    size_t bytes = opcode == 'J' ? 4 : opcode == 'M' ? 2 : 1;
    uint64_t number;
    if (!machine_take_number(m, bytes, &number))
        return false;
    return machine_push_integer(m, opcode == 'J' ? (int64_t)(int32_t)(uint32_t)number
                                                 : (int64_t)number);
}

/* LONG1, LONG4: a two's complement number of any length. */
static bool op_binary_long(PickleMachine *m, unsigned char opcode) {
    uint64_t size;
    PickleText text;
    if (!machine_take_number(m, opcode == 0x8a ? 1 : 4, &size) ||
        !machine_take_text(m, size, &text))
        return false;
    if (size > 8)
        return machine_push_text(m, PICKLE_NUMBER, text);
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)(unsigned char)text.data[i] << (8 * i);
    if (size > 0 && size < 8 && (number >> (8 * size - 1)) != 0)
        number |= UINT64_MAX << (8 * size);
    return machine_push_integer(m, (int64_t)number);
}

/* A decimal number; false if it is not one, or too large for 63 bits. */
static bool parse_integer(PickleText text, int64_t *number) {
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t i = negative ? 1 : 0;
    uint64_t value = 0;
    bool valid = i < text.size && text.size - i <= 18;
    for (; valid && i < text.size; i++) {
        valid = text.data[i] >= '0' && text.data[i] <= '9';
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *number = negative ? -(int64_t)value : (int64_t)value;
    return valid;
}

/* INT, LONG, FLOAT of protocol 0; booleans are 00 and 01. */
static bool op_text_number(PickleMachine *m, unsigned char opcode) {
    PickleText text;
    int64_t number;
    if (!machine_take_line(m, &text))
        return false;
    if (opcode == 'I' && text.size == 2 && text.data[0] == '0')
        return machine_push(m, text.data[1] == '1' ? m->yes : m->no);
    if (opcode == 'L' && text.size > 0 && text.data[text.size - 1] == 'L')
        text.size--;
    if (opcode != 'F' && parse_integer(text, &number))
        return machine_push_integer(m, number);
    return machine_push_text(m, PICKLE_NUMBER, text);
}

static bool op_binary_float(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    PickleText text;
    return machine_take_text(m, 8, &text) && machine_push_text(m, PICKLE_NUMBER, text);
}

/* Strings and byte strings with their length in front, in 1, 4 or 8 bytes. */
static bool op_sized_text(PickleMachine *m, unsigned char opcode) {
    bool is_short = opcode == 'U' || opcode == 'C' || opcode == 0x8c;
    bool is_long = opcode == 0x8d || opcode == 0x8e || opcode == 0x96;
    bool is_bytes = opcode == 'B' || opcode == 'C' || opcode == 0x8e || opcode == 0x96;
    uint64_t size;
    PickleText text;
    if (!machine_take_number(m,
                             is_short  ? 1
                             : is_long ? 8
                                       : 4,
                             &size) ||
        !machine_take_text(m, size, &text))
        return false;
    return machine_push_text(m, is_bytes ? PICKLE_BYTES : PICKLE_TEXT, text);
}

/* STRING and UNICODE of protocol 0. Escapes are not decoded: no name that matters needs one. */
static bool op_line_text(PickleMachine *m, unsigned char opcode) {
    PickleText text;
    if (!machine_take_line(m, &text))
        return false;
    if (opcode == 'S') {
        if (text.size < 2 || text.data[0] != text.data[text.size - 1])
            return pickle_fail(m, "a string without quotes");
        text = (PickleText){text.data + 1, text.size - 2};
    }
    return machine_push_text(m, PICKLE_TEXT, text);
}

/* ---- Stack and memo ---- */

static bool op_mark(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    size_t *marks = pickle_grow(m, m->marks, &m->mark_capacity, m->mark_count, sizeof(size_t));
    if (!marks)
        return false;
    m->marks = marks;
    m->marks[m->mark_count++] = m->stack.count;
    return true;
}

static bool op_pop(PickleMachine *m, unsigned char opcode) {
    size_t first;
    if (opcode == '1' || (machine_reachable(m) == 0 && m->mark_count > 0)) {
        if (!machine_pop_mark(m, &first))
            return false;
        m->stack.count = first;
        return true;
    }
    return machine_pop(m) != NULL;
}

static bool op_dup(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    return machine_push(m, machine_top(m));
}

static bool op_stop(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    m->stopped = true;
    return machine_top(m) != NULL;
}

/* PROTO, FRAME: a number that changes nothing here. */
static bool op_skip(PickleMachine *m, unsigned char opcode) {
    uint64_t number;
    if (!machine_take_number(m, opcode == 0x80 ? 1 : 8, &number))
        return false;
    if (opcode == 0x80 && number > 5)
        return pickle_fail(m, "its protocol is newer than 5");
    return true;
}

static bool machine_memo_index(PickleMachine *m, unsigned char opcode, uint64_t *index) {
    PickleText text;
    int64_t number;
    if (opcode == 'q' || opcode == 'h')
        return machine_take_number(m, 1, index);
    if (opcode == 'r' || opcode == 'j')
        return machine_take_number(m, 4, index);
    if (!machine_take_line(m, &text))
        return false;
    if (!parse_integer(text, &number) || number < 0)
        return pickle_fail(m, "a memo number that is none");
    *index = (uint64_t)number;
    return true;
}

/* PUT, BINPUT, LONG_BINPUT, MEMOIZE. Picklers number in sequence, so a number far above the opcodes
 * so far is a lie that would cost memory. */
static bool op_put(PickleMachine *m, unsigned char opcode) {
    uint64_t index = m->memo_count;
    PickleValue *value = machine_top(m);
    if (!value || (opcode != 0x94 && !machine_memo_index(m, opcode, &index)))
        return false;
    if (index > m->opcodes + 65536)
        return pickle_fail(m, "a memo number out of sequence");
    PickleValue **memo =
        pickle_grow(m, m->memo, &m->memo_capacity, (size_t)index, sizeof(PickleValue *));
    if (!memo)
        return false;
    m->memo = memo;
    m->memo_count += m->memo[index] ? 0 : 1;
    m->memo[index] = value;
    return true;
}

static bool op_get(PickleMachine *m, unsigned char opcode) {
    uint64_t index;
    if (!machine_memo_index(m, opcode, &index))
        return false;
    if (index >= m->memo_capacity || !m->memo[index])
        return pickle_fail(m, "it recalls what it never stored");
    return machine_push(m, m->memo[index]);
}

/* ---- Containers ---- */

static bool op_empty(PickleMachine *m, unsigned char opcode) {
    if (opcode == ')')
        return machine_push(m, m->empty_tuple);
    PickleKind kind = opcode == '}' ? PICKLE_DICT : opcode == ']' ? PICKLE_LIST : PICKLE_OPAQUE;
    return machine_push(m, pickle_new(m, kind));
}

/* TUPLE1, TUPLE2, TUPLE3 */
static bool op_short_tuple(PickleMachine *m, unsigned char opcode) {
    size_t count = (size_t)opcode - 0x84;
    if (machine_reachable(m) < count)
        return pickle_fail(m, "it takes a value that is not there");
    return machine_push(m, machine_pop_items(m, m->stack.count - count, PICKLE_TUPLE));
}

/* TUPLE, LIST */
static bool op_marked_items(PickleMachine *m, unsigned char opcode) {
    size_t first;
    if (!machine_pop_mark(m, &first))
        return false;
    return machine_push(m, machine_pop_items(m, first, opcode == 't' ? PICKLE_TUPLE : PICKLE_LIST));
}

/* DICT: the values above the mark are keys and values in turn. */
static bool op_marked_dict(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    size_t first;
    if (!machine_pop_mark(m, &first))
        return false;
    if ((m->stack.count - first) % 2 != 0)
        return pickle_fail(m, "a key without a value");
    return machine_push(m, machine_pop_items(m, first, PICKLE_DICT));
}

/* FROZENSET: no checkpoint keeps tensors in one. */
static bool op_marked_set(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    size_t first;
    if (!machine_pop_mark(m, &first))
        return false;
    m->stack.count = first;
    return machine_push(m, pickle_new(m, PICKLE_OPAQUE));
}

/* Puts the values from `first` up into the container below them. A list takes them one by one, a
 * dict in pairs. An opaque object keeps pairs and drops the rest. */
static bool machine_fill(PickleMachine *m, size_t first, bool in_pairs) {
    size_t end = m->stack.count;
    m->stack.count = first;
    PickleValue *target = machine_top(m);
    if (!target)
        return false;
    PickleItems *items = in_pairs ? pickle_pairs_of(target) : NULL;
    if (!in_pairs && target->kind == PICKLE_LIST)
        items = &target->as.items;
    if (!items && target->kind != PICKLE_OPAQUE)
        return pickle_fail(m, "it puts items into what is no container");
    if (in_pairs && (end - first) % 2 != 0)
        return pickle_fail(m, "a key without a value");
    for (size_t i = first; items && i < end; i++)
        if (!pickle_append(m, items, m->stack.values[i]))
            return false;
    return true;
}

/* APPEND, SETITEM */
static bool op_fill_one(PickleMachine *m, unsigned char opcode) {
    size_t count = opcode == 'a' ? 1 : 2;
    if (machine_reachable(m) < count)
        return pickle_fail(m, "it takes a value that is not there");
    return machine_fill(m, m->stack.count - count, opcode == 's');
}

/* APPENDS, SETITEMS, ADDITEMS */
static bool op_fill_many(PickleMachine *m, unsigned char opcode) {
    size_t first;
    return machine_pop_mark(m, &first) && machine_fill(m, first, opcode == 'u');
}

/* ---- Objects ---- */

static bool machine_push_global(PickleMachine *m, PickleText module, PickleText name) {
    PickleValue *value = pickle_new(m, PICKLE_GLOBAL);
    if (value) {
        value->as.global.module = module;
        value->as.global.name = name;
    }
    return machine_push(m, value);
}

static bool op_global(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    PickleText module;
    PickleText name;
    return machine_take_line(m, &module) && machine_take_line(m, &name) &&
           machine_push_global(m, module, name);
}

static bool op_stack_global(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    const PickleValue *name = machine_pop(m);
    const PickleValue *module = name ? machine_pop(m) : NULL;
    if (!module)
        return false;
    if (name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT)
        return pickle_fail(m, "the name of a class is no text");
    return machine_push_global(m, module->as.text, name->as.text);
}

/* EXT1, EXT2, EXT4: a class by its number in a registry that a file does not carry. */
static bool op_extension(PickleMachine *m, unsigned char opcode) {
    uint64_t number;
    size_t bytes = opcode == 0x82 ? 1 : opcode == 0x83 ? 2 : 4;
    return machine_take_number(m, bytes, &number) && machine_push(m, pickle_new(m, PICKLE_OPAQUE));
}

/* REDUCE, NEWOBJ, NEWOBJ_EX: callable, arguments and (the last one only) keyword arguments. */
static bool op_construct(PickleMachine *m, unsigned char opcode) {
    if (opcode == 0x92 && !machine_pop(m))
        return false;
    PickleValue *arguments = machine_pop(m);
    PickleValue *callable = arguments ? machine_pop(m) : NULL;
    if (!callable)
        return false;
    if (arguments->kind != PICKLE_TUPLE)
        return pickle_fail(m, "arguments that are no tuple");
    return machine_push(m, pickle_construct(m, callable, arguments));
}

/* INST: class name in lines, arguments above the mark. OBJ: class and arguments above it. */
static bool op_old_object(PickleMachine *m, unsigned char opcode) {
    size_t first;
    if (!machine_pop_mark(m, &first))
        return false;
    size_t arguments_at = opcode == 'o' ? first + 1 : first;
    if (arguments_at > m->stack.count)
        return pickle_fail(m, "an object without a class");
    PickleValue *arguments = machine_pop_items(m, arguments_at, PICKLE_TUPLE);
    if (!arguments || (opcode == 'i' && !op_global(m, opcode)))
        return false;
    PickleValue *callable = machine_pop(m);
    return callable && machine_push(m, pickle_construct(m, callable, arguments));
}

/* BUILD: an object's attributes, which no tensor needs. */
static bool op_build(PickleMachine *m, unsigned char opcode) {
    (void)opcode;
    return machine_pop(m) && machine_top(m);
}

static bool op_persistent(PickleMachine *m, unsigned char opcode) {
    PickleText line;
    if (opcode == 'P') /* as text: torch itself cannot read it back */
        return machine_take_line(m, &line) && machine_push(m, pickle_new(m, PICKLE_OPAQUE));
    const PickleValue *id = machine_pop(m);
    return id && machine_push(m, pickle_persistent(m, id));
}

/* NEXT_BUFFER: data that is not in the file. READONLY_BUFFER changes nothing. */
static bool op_buffer(PickleMachine *m, unsigned char opcode) {
    return opcode == 0x98 ? machine_top(m) != NULL : machine_push(m, pickle_new(m, PICKLE_OPAQUE));
}

typedef bool (*Opcode)(PickleMachine *m, unsigned char opcode);

static const Opcode opcodes[256] = {
    ['N'] = op_constant,
    [0x88] = op_constant,
    [0x89] = op_constant,
    ['J'] = op_binary_integer,
    ['K'] = op_binary_integer,
    ['M'] = op_binary_integer,
    [0x8a] = op_binary_long,
    [0x8b] = op_binary_long,
    ['I'] = op_text_number,
    ['L'] = op_text_number,
    ['F'] = op_text_number,
    ['G'] = op_binary_float,
    ['T'] = op_sized_text,
    ['U'] = op_sized_text,
    ['X'] = op_sized_text,
    ['B'] = op_sized_text,
    ['C'] = op_sized_text,
    [0x8c] = op_sized_text,
    [0x8d] = op_sized_text,
    [0x8e] = op_sized_text,
    [0x96] = op_sized_text,
    ['S'] = op_line_text,
    ['V'] = op_line_text,
    ['('] = op_mark,
    ['0'] = op_pop,
    ['1'] = op_pop,
    ['2'] = op_dup,
    ['.'] = op_stop,
    [0x80] = op_skip,
    [0x95] = op_skip,
    ['p'] = op_put,
    ['q'] = op_put,
    ['r'] = op_put,
    [0x94] = op_put,
    ['g'] = op_get,
    ['h'] = op_get,
    ['j'] = op_get,
    [')'] = op_empty,
    ['}'] = op_empty,
    [']'] = op_empty,
    [0x8f] = op_empty,
    [0x85] = op_short_tuple,
    [0x86] = op_short_tuple,
    [0x87] = op_short_tuple,
    ['t'] = op_marked_items,
    ['l'] = op_marked_items,
    ['d'] = op_marked_dict,
    [0x91] = op_marked_set,
    ['a'] = op_fill_one,
    ['s'] = op_fill_one,
    ['e'] = op_fill_many,
    ['u'] = op_fill_many,
    [0x90] = op_fill_many,
    ['c'] = op_global,
    [0x93] = op_stack_global,
    [0x82] = op_extension,
    [0x83] = op_extension,
    [0x84] = op_extension,
    ['R'] = op_construct,
    [0x81] = op_construct,
    [0x92] = op_construct,
    ['i'] = op_old_object,
    ['o'] = op_old_object,
    ['b'] = op_build,
    ['P'] = op_persistent,
    ['Q'] = op_persistent,
    [0x97] = op_buffer,
    [0x98] = op_buffer,
};

/* ---- The whole ---- */

static bool machine_run(PickleMachine *m) {
    m->none = pickle_new(m, PICKLE_NONE);
    m->yes = pickle_new(m, PICKLE_BOOL);
    m->no = pickle_new(m, PICKLE_BOOL);
    m->empty_tuple = pickle_new(m, PICKLE_TUPLE);
    if (m->problem)
        return false;
    m->yes->as.integer = 1;
    while (!m->stopped) {
        const unsigned char *opcode = machine_take(m, 1);
        if (!opcode)
            return false;
        if (++m->opcodes > MAX_OPCODES)
            return pickle_fail(m, "it holds more objects than any checkpoint has");
        if (!opcodes[*opcode])
            return pickle_fail(m, "a byte that is no pickle opcode");
        if (!opcodes[*opcode](m, *opcode))
            return false;
    }
    return true;
}

static cleave_status machine_report(const PickleMachine *m, const char *source,
                                    cleave_error *error) {
    if (m->out_of_memory)
        return error_memory(error, "the objects of a checkpoint", m->size);
    if (m->command) {
        PickleText module = m->command->as.global.module;
        PickleText name = m->command->as.global.name;
        return model_refuse(error, source, "delete it, and get the model from somebody you trust",
                            "whoever loads it with Python calls %.*s.%.*s, which no checkpoint "
                            "needs: it may do harm; nothing was run",
                            (int)size_min(module.size, 60), module.data,
                            (int)size_min(name.size, 60), name.data);
    }
    return model_refuse(error, source, "download or save the checkpoint again",
                        "damaged pickle at byte %zu: %s", m->position,
                        m->problem ? m->problem : "unreadable");
}

cleave_status pickle_read(Pickle *pickle, const unsigned char *data, size_t size,
                          const char *source, cleave_error *error) {
    PickleMachine machine = {.data = data, .size = size, .arena = pickle_arena_create()};
    cleave_status status = CLEAVE_OK;
    *pickle = (Pickle){0};
    if (!machine.arena)
        return error_memory(error, "the objects of a checkpoint", size);
    if (machine_run(&machine)) {
        *pickle = (Pickle){.root = machine_top(&machine),
                           .storages = machine.storages,
                           .storage_count = machine.storage_count,
                           .size = machine.position,
                           .arena = machine.arena};
    } else {
        status = machine_report(&machine, source, error);
        free(machine.storages);
        pickle_arena_destroy(machine.arena);
    }
    free(machine.stack.values);
    free(machine.marks);
    free(machine.memo);
    return status;
}

void pickle_free(Pickle *pickle) {
    free(pickle->storages);
    pickle_arena_destroy(pickle->arena);
    *pickle = (Pickle){0};
}
