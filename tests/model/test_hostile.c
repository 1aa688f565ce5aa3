/* test_hostile.c: checkpoints cut at every byte, with bits flipped, and with numbers that lie. Each
 * must end as an error of one line or as a checkpoint whose every tensor can be read; a sanitizer
 * watches for the rest. */
#include "base/random.h"
#include "tests/support/files.h"
#include "tests/support/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint.h"
#include "model/checkpoint_private.h"

static const char *const fixtures[] = {
    "zip_f32.ckpt",          "zip_protocol5.ckpt",   "zip_zip64.ckpt",       "zip_training.ckpt",
    "zip_deflated.ckpt",     "zip_views.ckpt",       "stream_f32.ckpt",      "stream_views.ckpt",
    "plain_f16.safetensors", "stream_training.ckpt", "stream_protocol4.ckpt"};
#define FIXTURES (sizeof(fixtures) / sizeof(fixtures[0]))

static unsigned char *read_fixture(const char *name, size_t *size) {
    char relative[256];
    snprintf(relative, sizeof(relative), "model/%s", name);
    return read_bytes(test_data(relative).text, size);
}

/* Reads some of every tensor, first and last element included. */
static void touch_tensors(const Checkpoint *checkpoint) {
    size_t count;
    const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
    for (size_t i = 0; i < count; i++) {
        size_t elements = tensor_elements(&tensors[i]);
        float value = 0;
        if (elements == 0 || dtype_size(tensors[i].dtype) == 0)
            continue;
        for (size_t j = 0; j < elements && j < 5000; j++)
            tensor_read_f32(&tensors[i], j, 1, &value);
        tensor_read_f32(&tensors[i], elements - 1, 1, &value);
        assert_ptr_equal(checkpoint_find(checkpoint, tensors[i].name), &tensors[i]);
    }
}

/* Opens bytes that lie in memory of exactly their size. */
static void survive(const unsigned char *data, size_t size) {
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    if (checkpoint_open_memory(&checkpoint, data, size, "x.ckpt", NULL, &error) == CLEAVE_OK) {
        touch_tensors(checkpoint);
        checkpoint_close(checkpoint);
    } else {
        assert_null(checkpoint);
        test_assert_error(&error, CLEAVE_ERROR_MODEL, "x.ckpt");
    }
}

static void every_truncation_is_an_error(void **state) {
    (void)state;
    for (size_t i = 0; i < FIXTURES; i++) {
        size_t size;
        unsigned char *data = read_fixture(fixtures[i], &size);
        for (size_t cut = 0; cut < size; cut++) {
            Checkpoint *checkpoint = NULL;
            cleave_error error = {0};
            unsigned char *copy = malloc(cut ? cut : 1);
            assert_non_null(copy);
            memcpy(copy, data, cut);
            if (checkpoint_open_memory(&checkpoint, copy, cut, "x.ckpt", NULL, &error) == CLEAVE_OK)
                fail_msg("%s without its last %zu bytes was accepted", fixtures[i], size - cut);
            test_assert_error(&error, CLEAVE_ERROR_MODEL, "x.ckpt");
            free(copy);
        }
        free(data);
    }
}

static void flipped_bits_are_survived(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (size_t i = 0; i < FIXTURES; i++) {
        size_t size;
        unsigned char *data = read_fixture(fixtures[i], &size);
        for (int round = 0; round < 1500; round++) {
            size_t places[4];
            unsigned char masks[4];
            int flips = 1 + (int)(random_next(&seed) % 4);
            for (int j = 0; j < flips; j++) {
                places[j] = random_next(&seed) % size;
                masks[j] = (unsigned char)(1u << (random_next(&seed) % 8));
                data[places[j]] ^= masks[j];
            }
            survive(data, size);
            for (int j = 0; j < flips; j++)
                data[places[j]] ^= masks[j];
        }
        free(data);
    }
}

/* Runs of 0xff, 0x00 and 0x80 make sizes and counts that bit flips hardly reach. */
static void extreme_numbers_everywhere_are_survived(void **state) {
    (void)state;
    static const unsigned char fills[] = {0xff, 0x00, 0x80, 0x7f};
    for (size_t i = 0; i < FIXTURES; i++) {
        size_t size;
        unsigned char *data = read_fixture(fixtures[i], &size);
        for (size_t place = 0; place + 8 <= size; place += 3) {
            unsigned char saved[8];
            size_t width = (size_t)1 << (place % 4);
            memcpy(saved, data + place, 8);
            memset(data + place, fills[place / 3 % 4], width);
            survive(data, size);
            memcpy(data + place, saved, 8);
        }
        free(data);
    }
}

/* ---- Streams by hand: what a tensor's constructor is told ---- */

#define PREAMBLE \
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}."
#define TENSOR_START                                                   \
    "\x80\x02}X\x11\x00\x00\x00"                                       \
    "first_conv.weightctorch._utils\n_rebuild_tensor_v2\n("            \
    "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00" \
    "0X\x03\x00\x00\x00"                                               \
    "cpu"
#define TENSOR_END \
    "\x89Nt"       \
    "Rs."
#define KEYS                     \
    "\x80\x02]X\x01\x00\x00\x00" \
    "0a."
#define FOUR                           \
    "\x04\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40"

/* A stream with one f32 tensor: the storage's declared elements and view, then offset, sizes and
 * strides, as opcodes; and the storage's data. */
static cleave_status open_stream(const char *storage, size_t storage_size, const char *tensor,
                                 size_t tensor_size, cleave_error *error, float *first) {
    unsigned char data[1024];
    size_t size = 0;
    Checkpoint *checkpoint = NULL;
    const struct {
        const char *bytes;
        size_t size;
    } parts[] = {{PREAMBLE TENSOR_START, sizeof(PREAMBLE TENSOR_START) - 1},
                 {storage, storage_size},
                 {"tQ", 2},
                 {tensor, tensor_size},
                 {TENSOR_END KEYS FOUR, sizeof(TENSOR_END KEYS FOUR) - 1}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        memcpy(data + size, parts[i].bytes, parts[i].size);
        size += parts[i].size;
    }
    unsigned char *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, data, size);
    cleave_status status = checkpoint_open_memory(&checkpoint, copy, size, "x.ckpt", NULL, error);
    if (status == CLEAVE_OK) {
        const Tensor *found = checkpoint_find(checkpoint, "first_conv.weight");
        *first = 0;
        if (found && tensor_elements(found) > 0)
            tensor_read_f32(found, 0, 1, first);
        touch_tensors(checkpoint);
        checkpoint_close(checkpoint);
    }
    free(copy);
    return status;
}

#define OPEN(storage, tensor) \
    open_stream(storage, sizeof(storage) - 1, tensor, sizeof(tensor) - 1, &error, &first)

static void honest_views_of_a_stream_are_read(void **state) {
    (void)state;
    cleave_error error = {0};
    float first;
    assert_int_equal(OPEN("K\x04N", "K\x00K\x04\x85K\x01\x85"), CLEAVE_OK);
    assert_true(first == 1);
    assert_int_equal(OPEN("K\x04", "K\x03K\x01\x85K\x01\x85"), CLEAVE_OK);
    assert_true(first == 4);
    assert_int_equal(OPEN("K\x04N", "K\x01K\x02\x85K\x02\x85"), CLEAVE_OK);
    assert_true(first == 2);
    /* A storage that is itself a view of the stored one: elements 2 and 3 of it. */
    assert_int_equal(OPEN("K\x04(X\x01\x00\x00\x00vK\x02K\x02t", "K\x01K\x01\x85K\x01\x85"),
                     CLEAVE_OK);
    assert_true(first == 4);
    assert_int_equal(OPEN("K\x04N", "K\x00))"), CLEAVE_OK); /* a scalar */
    assert_true(first == 1);
    assert_int_equal(OPEN("K\x04N", "K\x00K\x00\x85K\x01\x85"), CLEAVE_OK); /* nothing */
    assert_int_equal(
        OPEN("K\x04N", "K\x00(K\x00J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft(K\x01K\x01K\x01t"),
        CLEAVE_OK);
}

static void tensors_outside_their_storage_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *storage;
        size_t storage_size;
        const char *tensor;
        size_t tensor_size;
    } lies[] = {
#define LIE(storage, tensor) {storage, sizeof(storage) - 1, tensor, sizeof(tensor) - 1}
        LIE("K\x04N", "K\x01K\x04\x85K\x01\x85"),             /* one too far */
        LIE("K\x04N", "K\x04K\x01\x85K\x01\x85"),             /* offset behind the end */
        LIE("K\x04N", "J\xff\xff\xff\xffK\x01\x85K\x01\x85"), /* negative offset */
        LIE("K\x04N", "K\x00J\xff\xff\xff\xff\x85K\x01\x85"), /* negative size */
        LIE("K\x04N", "K\x03K\x02\x85J\xff\xff\xff\xff\x85"), /* negative stride */
        LIE("K\x05N", "K\x00K\x04\x85K\x01\x85"),             /* storage declared longer */
        LIE("J\xff\xff\xff\xffN", "K\x00K\x01\x85K\x01\x85"), /* storage of -1 elements */
        LIE("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10N", "K\x00K\x01\x85K\x01\x85"), /* 2^60 */
        LIE("K\x04N", "K\x00\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10\x85K\x01\x85"),
        LIE("K\x04N", "K\x00\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x7f\x85K\x00\x85"),
        LIE("K\x04N", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x02\x85K\x01\x85"),
        LIE("K\x04N",
            "K\x00(\x8a\x05\x00\x00\x00\x00\x01\x8a\x05\x00\x00\x00\x00\x01t(K\x00K\x00t"),
        LIE("K\x04N", "K\x00K\x03\x85\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40\x85"),
        LIE("K\x04(X\x01\x00\x00\x00vK\x02K\x03t", "K\x00K\x01\x85K\x01\x85"),
        LIE("K\x04(X\x01\x00\x00\x00vK\x02K\x02t", "K\x02K\x01\x85K\x01\x85"),
        LIE("K\x04(X\x01\x00\x00\x00vJ\xff\xff\xff\xffK\x02t", "K\x00K\x01\x85K\x01\x85"),
        LIE("K\x04(X\x01\x00\x00\x00vK\x00J\xff\xff\xff\xfft", "K\x00K\x01\x85K\x01\x85"),
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        cleave_error error = {0};
        float first;
        if (open_stream(lies[i].storage, lies[i].storage_size, lies[i].tensor, lies[i].tensor_size,
                        &error, &first) == CLEAVE_OK)
            fail_msg("lie %zu was believed", i);
        test_assert_error(&error, CLEAVE_ERROR_MODEL, "first_conv.weight");
        assert_non_null(strstr(error.text, "storage"));
    }
}

static void streams_whose_storages_lie_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *fragment;
    } files[] = {
#define FILE_OF(bytes, fragment) {bytes, sizeof(bytes) - 1, fragment}
#define OBJECT                   TENSOR_START "K\x04NtQK\x00K\x04\x85K\x01\x85" TENSOR_END
        FILE_OF(PREAMBLE OBJECT KEYS "\x04\x00\x00\x00\x00\x00\x00\x00", "incomplete"),
        FILE_OF(PREAMBLE OBJECT KEYS "\x04\x00\x00", "incomplete"),
        FILE_OF(PREAMBLE OBJECT KEYS "\x00\x00\x00\x00\x00\x00\x00\x10" FOUR, "incomplete"),
        FILE_OF(PREAMBLE OBJECT KEYS "\xff\xff\xff\xff\xff\xff\xff\xff" FOUR, "incomplete"),
        FILE_OF(PREAMBLE OBJECT "\x80\x02]." FOUR, "storage '0' is not in the file"),
        FILE_OF(PREAMBLE OBJECT "\x80\x02]X\x01\x00\x00\x00"
                                "7a." FOUR,
                "storage '7' is of a type"),
        FILE_OF(PREAMBLE OBJECT "\x80\x02}." FOUR, "list of storages"),
        FILE_OF(PREAMBLE OBJECT "\x80\x02]Na." FOUR, "list of storages"),
        FILE_OF(PREAMBLE OBJECT "\x80\x02", "damaged pickle"),
        FILE_OF(PREAMBLE "\x80\x02N."
                         "\x80\x02].",
                "no state dict"),
        FILE_OF("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02K\x01.",
                "unknown version"),
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        Checkpoint *checkpoint = NULL;
        cleave_error error = {0};
        unsigned char *copy = malloc(files[i].size);
        assert_non_null(copy);
        memcpy(copy, files[i].bytes, files[i].size);
        assert_int_not_equal(
            checkpoint_open_memory(&checkpoint, copy, files[i].size, "x.ckpt", NULL, &error),
            CLEAVE_OK);
        test_assert_error(&error, CLEAVE_ERROR_MODEL, files[i].fragment);
        free(copy);
    }
}

/* ---- ZIPs ---- */

/* The fixture with an end record that announces a comment, and `added` bytes behind the record. */
static cleave_status open_with_comment(const char *fixture, unsigned announced, size_t added,
                                       cleave_error *error) {
    size_t size;
    Checkpoint *checkpoint = NULL;
    unsigned char *data = read_fixture(fixture, &size);
    unsigned char *longer = calloc(size + added, 1);
    assert_non_null(longer);
    memcpy(longer, data, size);
    longer[size - 2] = (unsigned char)(announced & 0xff);
    longer[size - 1] = (unsigned char)(announced >> 8);
    cleave_status status =
        checkpoint_open_memory(&checkpoint, longer, size + added, "x.ckpt", NULL, error);
    if (status == CLEAVE_OK) {
        touch_tensors(checkpoint);
        checkpoint_close(checkpoint);
    }
    free(longer);
    free(data);
    return status;
}

static void the_comment_of_an_archive_must_be_whole(void **state) {
    (void)state;
    static const char *const archives[] = {"zip_f32.ckpt", "zip_deflated.ckpt", "zip_zip64.ckpt"};
    for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++) {
        cleave_error error = {0};
        assert_int_equal(open_with_comment(archives[i], 300, 300, &error), CLEAVE_OK);
        assert_int_equal(open_with_comment(archives[i], 300, 310, &error), CLEAVE_OK);
        assert_int_equal(open_with_comment(archives[i], 0, 7, &error), CLEAVE_OK);
        for (size_t added = 0; added < 300; added++) {
            assert_int_not_equal(open_with_comment(archives[i], 300, added, &error), CLEAVE_OK);
            test_assert_error(&error, CLEAVE_ERROR_MODEL, "broken off");
        }
        assert_int_not_equal(open_with_comment(archives[i], 65535, 65534, &error), CLEAVE_OK);
        assert_int_not_equal(open_with_comment(archives[i], 0, 65536, &error), CLEAVE_OK);
    }
}

/* An archive whose list of files gives all of them these flags and this method. */
static void refuse_packed(const char *fixture, unsigned char flags, unsigned char method,
                          const char *words) {
    size_t size;
    unsigned char *data = read_fixture(fixture, &size);
    for (size_t i = 0; i + 12 < size; i++)
        if (memcmp(data + i, "PK\x01\x02", 4) == 0) {
            data[i + 8] |= flags;
            data[i + 10] = method;
        }
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    assert_int_not_equal(checkpoint_open_memory(&checkpoint, data, size, "x.ckpt", NULL, &error),
                         CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, words);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "zip -0 -r");
    free(data);
}

static void archives_that_cannot_be_unpacked_say_why(void **state) {
    (void)state;
    static const char *const archives[] = {"zip_f32.ckpt", "zip_deflated.ckpt", "zip_zip64.ckpt"};
    for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++) {
        refuse_packed(archives[i], 1, 0, "an encrypted ZIP (ZipCrypto)");
        refuse_packed(archives[i], 1, 8, "an encrypted ZIP (ZipCrypto)");
        refuse_packed(archives[i], 1, 99, "an encrypted ZIP (AES)");
        refuse_packed(archives[i], 0, 9, "packed by Deflate64");
        refuse_packed(archives[i], 0, 12, "packed by bzip2");
        refuse_packed(archives[i], 0, 14, "packed by LZMA");
        refuse_packed(archives[i], 0, 93, "packed by Zstandard");
        refuse_packed(archives[i], 0, 95, "packed by XZ");
        refuse_packed(archives[i], 0, 77, "packed by method 77");
    }
}

static void entries_of_the_same_name_are_refused(void **state) {
    (void)state;
    size_t size;
    unsigned char *data = read_fixture("zip_f32.ckpt", &size);
    for (size_t i = 0; i + 6 < size; i++)
        if (memcmp(data + i, "data/1", 6) == 0)
            data[i + 5] = '0';
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    assert_int_not_equal(checkpoint_open_memory(&checkpoint, data, size, "x.ckpt", NULL, &error),
                         CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "the same name");
    free(data);
}

/* The last of equal keys counts, as in Python. */
static void a_key_that_is_repeated_has_its_last_value(void **state) {
    (void)state;
    static const char stream[] =
        PREAMBLE "\x80\x02}(X\x01\x00\x00\x00"
                 "a"
                 "ctorch._utils\n_rebuild_tensor\n("
                 "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00"
                 "0X\x00\x00\x00\x00K\x04tQ"
                 "K\x00K\x01\x85K\x01\x85tR"
                 "X\x01\x00\x00\x00"
                 "a"
                 "ctorch._utils\n_rebuild_tensor\n("
                 "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00"
                 "0X\x00\x00\x00\x00K\x04tQ"
                 "K\x02K\x01\x85K\x01\x85tRu." KEYS FOUR;
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    size_t count;
    float value;
    assert_int_equal(
        checkpoint_open_memory(&checkpoint, stream, sizeof(stream) - 1, "x.ckpt", NULL, &error),
        CLEAVE_OK);
    checkpoint_tensors(checkpoint, &count);
    assert_int_equal(count, 1);
    tensor_read_f32(checkpoint_find(checkpoint, "a"), 0, 1, &value);
    assert_true(value == 3);
    checkpoint_close(checkpoint);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(flipped_bits_are_survived),
        cmocka_unit_test(extreme_numbers_everywhere_are_survived),
        cmocka_unit_test(honest_views_of_a_stream_are_read),
        cmocka_unit_test(tensors_outside_their_storage_are_refused),
        cmocka_unit_test(streams_whose_storages_lie_are_refused),
        cmocka_unit_test(the_comment_of_an_archive_must_be_whole),
        cmocka_unit_test(archives_that_cannot_be_unpacked_say_why),
        cmocka_unit_test(entries_of_the_same_name_are_refused),
        cmocka_unit_test(a_key_that_is_repeated_has_its_last_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
