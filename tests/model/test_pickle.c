/* test_pickle.c: opcodes byte by byte, well formed and not. */
#include "tests/support/files.h"
#include "tests/support/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/pickle.h"

/* Bytes with a string literal's length, embedded NULs included. */
typedef struct Bytes {
    const char *data;
    size_t size;
} Bytes;

#define BYTES(literal)               \
    (Bytes) {                        \
        literal, sizeof(literal) - 1 \
    }

static cleave_status read_pickle(Pickle *pickle, Bytes bytes, unsigned char **copy,
                                 cleave_error *error) {
    *copy = malloc(bytes.size ? bytes.size : 1);
    assert_non_null(*copy);
    memcpy(*copy, bytes.data, bytes.size);
    return pickle_read(pickle, *copy, bytes.size, "x.ckpt", error);
}

/* Reads bytes that must be right; free both with done(). */
static const PickleValue *read_well(Pickle *pickle, Bytes bytes, unsigned char **copy) {
    cleave_error error = {0};
    if (read_pickle(pickle, bytes, copy, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    assert_non_null(pickle->root);
    return pickle->root;
}

static void done(Pickle *pickle, unsigned char *copy) {
    pickle_free(pickle);
    free(copy);
}

static void refuse(Bytes bytes, const char *fragment) {
    Pickle pickle;
    unsigned char *copy;
    cleave_error error = {0};
    if (read_pickle(&pickle, bytes, &copy, &error) == CLEAVE_OK)
        fail_msg("accepted what should fail with '%s'", fragment);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
    assert_null(pickle.arena);
    free(copy);
}

static void expect_integer(Bytes bytes, int64_t expected) {
    Pickle pickle;
    unsigned char *copy;
    const PickleValue *root = read_well(&pickle, bytes, &copy);
    assert_int_equal(root->kind, PICKLE_INTEGER);
    assert_true(root->as.integer == expected);
    done(&pickle, copy);
}

static void integers_of_all_protocols(void **state) {
    (void)state;
    expect_integer(BYTES("I12\n."), 12);
    expect_integer(BYTES("I-12\n."), -12);
    expect_integer(BYTES("L123L\n."), 123);
    expect_integer(BYTES("J\xfe\xff\xff\xff."), -2);
    expect_integer(BYTES("K\xff."), 255);
    expect_integer(BYTES("M\x01\x02."), 513);
    expect_integer(BYTES("\x8a\x00."), 0);
    expect_integer(BYTES("\x8a\x01\xff."), -1);
    expect_integer(BYTES("\x8a\x02\x00\x80."), -32768);
    expect_integer(BYTES("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."), INT64_MAX);
    expect_integer(BYTES("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."), INT64_MIN);
    expect_integer(BYTES("\x8b\x01\x00\x00\x00\x05."), 5);
}

static void expect_kind(Bytes bytes, PickleKind kind) {
    Pickle pickle;
    unsigned char *copy;
    const PickleValue *root = read_well(&pickle, bytes, &copy);
    assert_int_equal(root->kind, kind);
    done(&pickle, copy);
}

static void other_scalars_of_all_protocols(void **state) {
    (void)state;
    expect_kind(BYTES("N."), PICKLE_NONE);
    expect_kind(BYTES("\x88."), PICKLE_BOOL);
    expect_kind(BYTES("I01\n."), PICKLE_BOOL);
    expect_kind(BYTES("F1.5\n."), PICKLE_NUMBER);
    expect_kind(BYTES("G\x00\x00\x00\x00\x00\x00\x00\x00."), PICKLE_NUMBER);
    expect_kind(BYTES("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."), PICKLE_NUMBER);
    expect_kind(BYTES("L99999999999999999999L\n."), PICKLE_NUMBER);
    expect_kind(BYTES("S'text'\n."), PICKLE_TEXT);
    expect_kind(BYTES("Vtext\n."), PICKLE_TEXT);
    expect_kind(BYTES("U\x02xy."), PICKLE_TEXT);
    expect_kind(BYTES("T\x02\x00\x00\x00xy."), PICKLE_TEXT);
    expect_kind(BYTES("X\x02\x00\x00\x00xy."), PICKLE_TEXT);
    expect_kind(BYTES("\x8c\x02xy."), PICKLE_TEXT);
    expect_kind(BYTES("\x8d\x02\x00\x00\x00\x00\x00\x00\x00xy."), PICKLE_TEXT);
    expect_kind(BYTES("C\x02xy."), PICKLE_BYTES);
    expect_kind(BYTES("B\x02\x00\x00\x00xy."), PICKLE_BYTES);
    expect_kind(BYTES("\x8e\x02\x00\x00\x00\x00\x00\x00\x00xy."), PICKLE_BYTES);
    expect_kind(BYTES("\x96\x02\x00\x00\x00\x00\x00\x00\x00xy."), PICKLE_BYTES);
}

static void containers_nest(void **state) {
    (void)state;
    Pickle pickle;
    unsigned char *copy;
    /* {'a': [1, (2, 3)], 'b': {}, 'a': 9} */
    const PickleValue *root = read_well(&pickle,
                                        BYTES("\x80\x02}(U\x01"
                                              "a](K\x01K\x02K\x03\x86"
                                              "eU\x01"
                                              "b}U\x01"
                                              "aK\x09u."),
                                        &copy);
    assert_int_equal(root->kind, PICKLE_DICT);
    assert_int_equal(root->as.items.count, 6);
    const PickleValue *last = pickle_find(root, "a");
    assert_true(last && last->kind == PICKLE_INTEGER && last->as.integer == 9);
    const PickleValue *list = root->as.items.values[1];
    assert_int_equal(list->kind, PICKLE_LIST);
    assert_int_equal(list->as.items.count, 2);
    assert_int_equal(list->as.items.values[1]->as.items.values[1]->as.integer, 3);
    assert_int_equal(pickle_find(root, "b")->kind, PICKLE_DICT);
    assert_null(pickle_find(root, "c"));
    assert_null(pickle_find(list, "a"));
    assert_null(pickle_find(NULL, "a"));
    done(&pickle, copy);
    expect_kind(BYTES("(K\x01K\x02t."), PICKLE_TUPLE);
    expect_kind(BYTES("(K\x01K\x02l."), PICKLE_LIST);
    expect_kind(BYTES("(K\x01K\x02"
                      "d."),
                PICKLE_DICT);
    expect_kind(BYTES("]K\x01"
                      "a."),
                PICKLE_LIST);
    expect_kind(BYTES("}K\x01K\x02s."), PICKLE_DICT);
    expect_kind(BYTES(")."), PICKLE_TUPLE);
    expect_kind(BYTES("\x8f(K\x01\x90."), PICKLE_OPAQUE);
    expect_kind(BYTES("(K\x01\x91."), PICKLE_OPAQUE);
}

static void memo_and_stack_opcodes(void **state) {
    (void)state;
    expect_integer(BYTES("K\x05q\x00"
                         "0h\x00."),
                   5);
    expect_integer(BYTES("K\x05r\x01\x00\x00\x00"
                         "0j\x01\x00\x00\x00."),
                   5);
    expect_integer(BYTES("K\x05p7\n0g7\n."), 5);
    expect_integer(BYTES("K\x05\x94"
                         "0K\x06\x94"
                         "0h\x00."),
                   5);
    expect_integer(BYTES("K\x05K\x06"
                         "0."),
                   5);
    expect_integer(BYTES("K\x05"
                         "20."),
                   5);
    expect_integer(BYTES("K\x05(K\x06"
                         "1."),
                   5);
    expect_integer(BYTES("K\x05(0."), 5);
    expect_integer(BYTES("\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00K\x05."), 5);
}

static void the_pickle_ends_at_its_stop(void **state) {
    (void)state;
    Pickle pickle;
    unsigned char *copy;
    read_well(&pickle, BYTES("K\x05.K\x06."), &copy);
    assert_int_equal(pickle.size, 3);
    done(&pickle, copy);
}

static void unknown_objects_are_opaque_and_take_what_they_are_given(void **state) {
    (void)state;
    expect_kind(BYTES("ca\nsystem\n(S'touch x'\ntR."), PICKLE_OPAQUE);
    expect_kind(BYTES("\x8c\x02xy\x8c\x06system\x93\x8c\x01x\x85R}(K\x01K\x02ub."), PICKLE_OPAQUE);
    expect_kind(BYTES("ca\nB\n)\x81}b."), PICKLE_OPAQUE);
    expect_kind(BYTES("ca\nB\n)}\x92."), PICKLE_OPAQUE);
    expect_kind(BYTES("ca\nB\n)\x81K\x01"
                      "a(K\x01K\x02"
                      "e."),
                PICKLE_OPAQUE);
    expect_kind(BYTES("(ia\nB\n."), PICKLE_OPAQUE);
    expect_kind(BYTES("(ca\nB\nK\x01o."), PICKLE_OPAQUE);
    expect_kind(BYTES("ca\nB\n)R)R."), PICKLE_OPAQUE); /* calling what a call gave */
    expect_kind(BYTES("\x82\x01."), PICKLE_OPAQUE);
    expect_kind(BYTES("Pid\n."), PICKLE_OPAQUE);
    expect_kind(BYTES("K\x01Q."), PICKLE_OPAQUE);
    expect_kind(BYTES("\x97\x98."), PICKLE_OPAQUE);
    expect_kind(BYTES("ca\nB\n."), PICKLE_GLOBAL);
    Pickle pickle;
    unsigned char *copy;
    const PickleValue *root =
        read_well(&pickle, BYTES("ca\nB\n)\x81(U\x01xK\x07u."), &copy); /* a subclass of dict */
    const PickleValue *item = pickle_find(root, "x");
    assert_true(item && item->as.integer == 7);
    assert_true(pickle_text_is(root->as.opaque.type->as.global.name, "B"));
    done(&pickle, copy);
}

static void ordered_dicts_of_python_2_and_3(void **state) {
    (void)state;
    expect_kind(BYTES("ccollections\nOrderedDict\n)R(U\x01"
                      "aK\x01u."),
                PICKLE_DICT);
    Pickle pickle;
    unsigned char *copy;
    const PickleValue *root = read_well(
        &pickle, BYTES("ccollections\nOrderedDict\n((l(lS'a'\naI1\naa(S'b'\nI2\ntatR."), &copy);
    assert_int_equal(root->kind, PICKLE_DICT);
    assert_int_equal(root->as.items.count, 4);
    assert_true(pickle_find(root, "b")->as.integer == 2);
    done(&pickle, copy);
}

#define STORAGE                               \
    "(U\x07storagectorch\nHalfStorage\nU\x01" \
    "7U\x03"                                  \
    "cpuK\x14tQ"

static void tensors_keep_what_their_constructor_was_told(void **state) {
    (void)state;
    Pickle pickle;
    unsigned char *copy;
    const PickleValue *root = read_well(&pickle,
                                        BYTES("ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE
                                              "K\x03K\x02K\x05\x86K\x05K\x01\x86\x89"
                                              "NtR."),
                                        &copy);
    assert_int_equal(root->kind, PICKLE_TENSOR);
    const PickleTensor *tensor = root->as.tensor;
    assert_true(tensor->dtype == DTYPE_F16 && tensor->element_size == 2 && tensor->offset == 3);
    assert_true(tensor->dim_count == 2 && tensor->dims[0] == 2 && tensor->dims[1] == 5);
    assert_true(tensor->strides[0] == 5 && tensor->strides[1] == 1);
    assert_true(tensor->storage->elements == 20 && pickle_text_is(tensor->storage->key, "7"));
    assert_int_equal(pickle.storage_count, 1);
    done(&pickle, copy);
    expect_kind(BYTES("ctorch._utils\n_rebuild_tensor\n(" STORAGE "K\x00))tR."), PICKLE_TENSOR);
    expect_kind(BYTES("ctorch._utils\n_rebuild_parameter\n(ctorch._utils\n_rebuild_tensor\n"
                      "(" STORAGE "K\x00))tR\x88NtR."),
                PICKLE_TENSOR);
    expect_kind(BYTES("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor\n"
                      "ctorch\nTensor\n(" STORAGE "K\x00))t}tR."),
                PICKLE_TENSOR);
    root = read_well(&pickle,
                     BYTES("ctorch._utils\n_rebuild_tensor_v3\n((U\x07storagectorch.storage\n"
                           "UntypedStorage\nU\x01"
                           "0U\x03"
                           "cpuK\x28tQK\x00))\x89Nctorch\nbfloat16\n"
                           "tR."),
                     &copy);
    assert_int_equal(root->as.tensor->dtype, DTYPE_BF16);
    assert_int_equal(root->as.tensor->element_size, 2);
    assert_int_equal(root->as.tensor->storage->element_size, 1);
    done(&pickle, copy);
}

static void tensors_that_make_no_sense_are_opaque(void **state) {
    (void)state;
    expect_kind(BYTES("ctorch._utils\n_rebuild_tensor\n)R."), PICKLE_OPAQUE);
    expect_kind(BYTES("ctorch._utils\n_rebuild_tensor\n(NK\x00))tR."), PICKLE_OPAQUE);
    expect_kind(BYTES("ctorch._utils\n_rebuild_tensor\n(" STORAGE "NK\x00))tR."), PICKLE_OPAQUE);
    expect_kind(BYTES("ctorch._utils\n_rebuild_tensor\n(" STORAGE "K\x00(Nt)tR."), PICKLE_OPAQUE);
    expect_kind(BYTES("ctorch._utils\n_rebuild_tensor\n(" STORAGE "K\x00(K\x01t)tR."),
                PICKLE_OPAQUE);
    expect_kind(BYTES("ctorch._utils\n_rebuild_tensor\n(" STORAGE
                      "K\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t)tR."),
                PICKLE_OPAQUE);
    expect_kind(BYTES("(U\x07storageNU\x01"
                      "7U\x03"
                      "cpuK\x14tQ."),
                PICKLE_OPAQUE);
    expect_kind(BYTES("(U\x06module)tQ."), PICKLE_OPAQUE);
    expect_kind(BYTES(")Q."), PICKLE_OPAQUE);
}

/* Whichever opcode calls them. What is only named, or bears a similar name, is nobody's harm. */
static void commands_are_refused(void **state) {
    (void)state;
    refuse(BYTES("cos\nsystem\n(S'touch x'\ntR."), "calls os.system,");
    refuse(BYTES("\x8c\x05posix\x8c\x06system\x93\x8c\x01x\x85R."), "calls posix.system,");
    refuse(BYTES("(S'x'\nios\npopen\n."), "calls os.popen,");
    refuse(BYTES("(cnt\nexecv\nS'x'\no."), "calls nt.execv,");
    refuse(BYTES("csubprocess\nPopen\n)\x81."), "calls subprocess.Popen,");
    refuse(BYTES("csubprocess\nrun\n)}\x92."), "calls subprocess.run,");
    refuse(BYTES("c__builtin__\neval\n(S'1'\ntR."), "calls __builtin__.eval,");
    refuse(BYTES("cbuiltins\nexec\n)R."), "nothing was run");
    refuse(BYTES("ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nN)}tR."),
           "calls os.system,");
    expect_kind(BYTES("cos\nsystem\n."), PICKLE_GLOBAL);
    expect_kind(BYTES("cos\nstat_result\n)R."), PICKLE_OPAQUE);
    expect_kind(BYTES("cbuiltins\ngetattr\n)R."), PICKLE_OPAQUE);
    expect_kind(BYTES("cpos\nsystem\n)R."), PICKLE_OPAQUE);
    expect_kind(BYTES("cos x\nsystem\n)R."), PICKLE_OPAQUE);
    expect_kind(BYTES("c\nsystem\n)R."), PICKLE_OPAQUE);
}

static void damage_is_refused(void **state) {
    (void)state;
    refuse(BYTES(""), "ends in the middle");
    refuse(BYTES("K"), "ends in the middle");
    refuse(BYTES("K\x05"), "ends in the middle");
    refuse(BYTES("U\x05xy"), "ends in the middle");
    refuse(BYTES("X\xff\xff\xff\xffxy"), "ends in the middle");
    refuse(BYTES("\x8d\xff\xff\xff\xff\xff\xff\xff\xffxy"), "ends in the middle");
    refuse(BYTES("\x8b\xff\xff\xff\xff"), "ends in the middle");
    refuse(BYTES("cos"), "ends in the middle");
    refuse(BYTES("cos\nsystem"), "ends in the middle");
    refuse(BYTES("."), "not there");
    refuse(BYTES("0."), "not there");
    refuse(BYTES("2."), "not there");
    refuse(BYTES("t."), "mark");
    refuse(BYTES("1."), "mark");
    refuse(BYTES("K\x01\x86."), "not there");
    refuse(BYTES("K\x01(\x85."), "not there"); /* what lies below a mark is out of reach */
    refuse(BYTES("K\x01(."), "not there");
    refuse(BYTES("h\x00."), "never stored");
    refuse(BYTES("K\x01q\x00h\x01."), "never stored");
    refuse(BYTES("K\x01r\xff\xff\xff\xff."), "out of sequence");
    refuse(BYTES("K\x01p-1\n."), "memo number");
    refuse(BYTES("K\x01p99999999999999999999\n."), "memo number");
    refuse(BYTES("}(K\x02u."), "key without a value");
    refuse(BYTES("(K\x01"
                 "d."),
           "key without a value");
    refuse(BYTES("K\x01K\x02"
                 "a."),
           "no container");
    refuse(BYTES("]K\x01K\x02s."), "no container");
    refuse(BYTES("(K\x02u."), "not there");
    refuse(BYTES("ca\nB\nK\x01R."), "no tuple");
    refuse(BYTES("(o."), "without a class");
    refuse(BYTES("K\x01K\x02\x93."), "no text");
    refuse(BYTES("S'a\n."), "quotes");
    refuse(BYTES("S\n."), "quotes");
    refuse(BYTES("\x80\x06N."), "newer than 5");
    refuse(BYTES("\xff."), "no pickle opcode");
    refuse(BYTES("\x00."), "no pickle opcode");
    refuse(BYTES("<html>"), "no pickle opcode");
}

/* `start`, `part` n times, `end`. */
static cleave_status read_repeated(const char *start, Bytes part, size_t times, Bytes end,
                                   cleave_error *error) {
    size_t size = strlen(start) + part.size * times + end.size;
    unsigned char *data = malloc(size);
    assert_non_null(data);
    unsigned char *p = data;
    memcpy(p, start, strlen(start));
    p += strlen(start);
    for (size_t i = 0; i < times; i++, p += part.size)
        memcpy(p, part.data, part.size);
    memcpy(p, end.data, end.size);
    Pickle pickle;
    cleave_status status = pickle_read(&pickle, data, size, "x.ckpt", error);
    if (status == CLEAVE_OK)
        pickle_free(&pickle);
    free(data);
    return status;
}

static void hostile_nesting_needs_no_stack(void **state) {
    (void)state;
    cleave_error error = {0};
    const size_t deep = 1000000;
    assert_int_equal(read_repeated("N", BYTES("\x85"), deep, BYTES("."), &error), CLEAVE_OK);
    assert_int_equal(read_repeated("", BYTES("]"), deep, BYTES("."), &error), CLEAVE_OK);
    assert_int_equal(read_repeated("N", BYTES("]2a"), deep, BYTES("."), &error), CLEAVE_OK);
    assert_int_not_equal(read_repeated("", BYTES("("), deep, BYTES("."), &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "not there");
}

static void memory_is_bounded(void **state) {
    (void)state;
    cleave_error error = {0};
    /* Marks, stack and values each beyond their limit. */
    assert_int_not_equal(read_repeated("", BYTES("("), 5000000, BYTES("."), &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "more objects");
    assert_int_not_equal(read_repeated("", BYTES("N"), 5000000, BYTES("."), &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "more objects");
    assert_int_not_equal(read_repeated("",
                                       BYTES("K\x01"
                                             "0"),
                                       8000000, BYTES("N."), &error),
                         CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "more objects");
    /* A dict made again and again from one long list of pairs. */
    static const char pair[3] = {'N', 'N', '\x86'};
    static char start[30100] = "(";
    for (int i = 0; i < 10000; i++)
        memcpy(start + 1 + i * 3, pair, sizeof(pair));
    memcpy(start + 1 + 30000,
           "lq\x01"
           "0",
           5);
    assert_int_not_equal(read_repeated(start, BYTES("ccollections\nOrderedDict\nh\x01\x85R0"),
                                       100000, BYTES("N."), &error),
                         CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "more objects");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_all_protocols),
        cmocka_unit_test(other_scalars_of_all_protocols),
        cmocka_unit_test(containers_nest),
        cmocka_unit_test(memo_and_stack_opcodes),
        cmocka_unit_test(the_pickle_ends_at_its_stop),
        cmocka_unit_test(unknown_objects_are_opaque_and_take_what_they_are_given),
        cmocka_unit_test(ordered_dicts_of_python_2_and_3),
        cmocka_unit_test(tensors_keep_what_their_constructor_was_told),
        cmocka_unit_test(tensors_that_make_no_sense_are_opaque),
        cmocka_unit_test(commands_are_refused),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(hostile_nesting_needs_no_stack),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
