/* test_checkpoint.c: the containers, nestings, prefixes and element types, written by a real
 * PyTorch (tests/data/model/make_fixtures.py), and one clear line for every file that is none of
 * them. */
#include "tests/support/files.h"
#include "tests/support/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/checkpoint.h"
#include "model/checkpoint_private.h"

static const char *const names[] = {"first_conv.weight", "encoder_blocks.0.tdf.2.weight",
                                    "final_conv.2.weight"};
static const size_t sizes[] = {12, 20, 24};

static Checkpoint *open_fixture(const char *name) {
    char relative[256];
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    snprintf(relative, sizeof(relative), "model/%s", name);
    if (checkpoint_open(&checkpoint, test_data(relative).text, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return checkpoint;
}

/* The three tensors of every fixture have the elements that make_fixtures.py says. */
static void expect_values(const Checkpoint *checkpoint, DType dtype) {
    for (int k = 0; k < 3; k++) {
        float values[24] = {0};
        const Tensor *tensor = checkpoint_find(checkpoint, names[k]);
        assert_non_null(tensor);
        assert_int_equal(tensor->dtype, dtype);
        assert_int_equal(tensor_elements(tensor), sizes[k]);
        tensor_read_f32(tensor, 0, sizes[k], values);
        for (size_t i = 0; i < sizes[k]; i++)
            assert_true(values[i] == (float)((int)((7 * i + (size_t)k) % 61) - 30) / 8);
    }
    const Tensor *first = checkpoint_find(checkpoint, names[0]);
    assert_int_equal(first->dim_count, 4);
    assert_int_equal(first->dims[0], 4);
    assert_int_equal(first->dims[1], 3);
}

static void expect_fixture(const char *name, const char *container, DType dtype) {
    Checkpoint *checkpoint = open_fixture(name);
    assert_string_equal(checkpoint_container(checkpoint), container);
    expect_values(checkpoint, dtype);
    assert_null(checkpoint_find(checkpoint, "nothing"));
    assert_null(checkpoint_find(checkpoint, ""));
    assert_null(checkpoint_embedded_config(checkpoint));
    checkpoint_release_pages(checkpoint);
    expect_values(checkpoint, dtype);
    checkpoint_close(checkpoint);
}

static void every_element_type_in_every_container(void **state) {
    (void)state;
    static const struct {
        const char *name;
        DType dtype;
    } types[] = {{"f32", DTYPE_F32}, {"f16", DTYPE_F16}, {"bf16", DTYPE_BF16}, {"f64", DTYPE_F64}};
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof(name), "zip_%s.ckpt", types[i].name);
        expect_fixture(name, "torch zip", types[i].dtype);
        snprintf(name, sizeof(name), "stream_%s.ckpt", types[i].name);
        expect_fixture(name, "torch stream", types[i].dtype);
        snprintf(name, sizeof(name), "plain_%s.safetensors", types[i].name);
        expect_fixture(name, "safetensors", types[i].dtype);
    }
}

static void every_pickle_protocol(void **state) {
    (void)state;
    expect_fixture("zip_protocol3.ckpt", "torch zip", DTYPE_F32);
    expect_fixture("zip_protocol4.ckpt", "torch zip", DTYPE_F32);
    expect_fixture("zip_protocol5.ckpt", "torch zip", DTYPE_F32);
    expect_fixture("stream_protocol3.ckpt", "torch stream", DTYPE_F32);
    expect_fixture("stream_protocol4.ckpt", "torch stream", DTYPE_F32);
    expect_fixture("stream_protocol5.ckpt", "torch stream", DTYPE_F32);
}

static void every_nesting_and_prefix(void **state) {
    (void)state;
    static const char *const fixtures[] = {
        "zip_under_state.ckpt", "zip_under_model.ckpt", "zip_under_model_state_dict.ckpt",
        "zip_under_ema.ckpt",   "zip_under_two.ckpt",   "zip_prefix_module.ckpt",
        "zip_prefix_both.ckpt", "zip_prefix_model.ckpt"};
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++)
        expect_fixture(fixtures[i], "torch zip", DTYPE_F32);
}

static void optimizer_state_and_other_objects_do_not_matter(void **state) {
    (void)state;
    expect_fixture("zip_training.ckpt", "torch zip", DTYPE_F32);
    expect_fixture("stream_training.ckpt", "torch stream", DTYPE_F32);
}

static void parameters_are_tensors(void **state) {
    (void)state;
    expect_fixture("zip_parameter.ckpt", "torch zip", DTYPE_F32);
    expect_fixture("stream_parameter.ckpt", "torch stream", DTYPE_F32);
}

static void compressed_archives_are_decompressed(void **state) {
    (void)state;
    expect_fixture("zip_deflated.ckpt", "torch zip", DTYPE_F32);
}

static void archives_of_more_than_4_gigabytes_are_read(void **state) {
    (void)state;
    expect_fixture("zip_zip64.ckpt", "torch zip", DTYPE_F32);
}

static void stored_tensors_stay_in_the_mapped_file(void **state) {
    (void)state;
    static const char *const fixtures[] = {"zip_f32.ckpt", "stream_f32.ckpt",
                                           "plain_f32.safetensors"};
    for (size_t i = 0; i < 3; i++) {
        Checkpoint *checkpoint = open_fixture(fixtures[i]);
        size_t count;
        const Tensor *tensors = checkpoint_tensors(checkpoint, &count);
        assert_int_equal(count, 4);
        assert_string_equal(tensors[0].name, "first_conv.weight");
        assert_string_equal(tensors[3].name, "norm.num_batches_tracked");
        assert_int_equal(tensors[3].dtype, DTYPE_I64);
        assert_int_equal(checkpoint->buffer_count, 0);
        for (size_t j = 0; j < count; j++) {
            const unsigned char *data = tensors[j].data;
            assert_true(data >= checkpoint->data && data < checkpoint->data + checkpoint->size);
        }
        checkpoint_close(checkpoint);
    }
}

static void expect_views(const char *name) {
    Checkpoint *checkpoint = open_fixture(name);
    float values[3000];
    expect_values(checkpoint, DTYPE_F32);
    assert_false(tensor_is_contiguous(checkpoint_find(checkpoint, names[1])));
    assert_false(tensor_is_contiguous(checkpoint_find(checkpoint, names[2])));
    const Tensor *expanded = checkpoint_find(checkpoint, "expanded");
    assert_int_equal(tensor_elements(expanded), 3000);
    tensor_read_f32(expanded, 0, 3000, values);
    assert_true(values[0] == -29.0f / 8 && values[2999] == -29.0f / 8);
    const Tensor *slice = checkpoint_find(checkpoint, "slice");
    tensor_read_f32(slice, 0, 3, values);
    for (int i = 0; i < 3; i++)
        assert_true(values[i] == (float)(7 * (3 + 2 * i) % 61 - 30) / 8);
    checkpoint_close(checkpoint);
}

static void views_of_a_shared_storage_are_followed(void **state) {
    (void)state;
    expect_views("zip_views.ckpt");
    expect_views("stream_views.ckpt");
}

static void refuse_fixture(const char *name, const char *fragment) {
    char relative[256];
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    snprintf(relative, sizeof(relative), "model/%s", name);
    TestPath path = test_data(relative);
    if (checkpoint_open(&checkpoint, path.text, NULL, &error) == CLEAVE_OK)
        fail_msg("%s was accepted", name);
    assert_null(checkpoint);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
    assert_non_null(strstr(error.text, name));
}

static void a_pickle_that_calls_a_command_is_refused_and_runs_nothing(void **state) {
    (void)state;
    unlink("cleave-executed-a-pickle");
    refuse_fixture("zip_command.ckpt", "posix.system");
    refuse_fixture("stream_command.ckpt", "nothing was run");
    assert_int_not_equal(access("cleave-executed-a-pickle", F_OK), 0);
}

static void unusable_checkpoints_say_why(void **state) {
    (void)state;
    refuse_fixture("zip_big_endian.ckpt", "big-endian");
    refuse_fixture("stream_big_endian.ckpt", "big-endian");
    refuse_fixture("zip_missing_storage.ckpt", "storage 'data/1' is not in the ZIP");
    refuse_fixture("zip_short_storage.ckpt",
                   "does not lie in its storage of 20 elements (76 bytes");
    refuse_fixture("zip_deflated_longer.ckpt", "another size");
    refuse_fixture("zip_bomb.ckpt", "decompress to far more");
    refuse_fixture("zip_module.ckpt", "torch.nn.modules.linear.Linear");
    refuse_fixture("zip_no_tensors.ckpt", "no state dict");
    refuse_fixture("zip_collision.ckpt",
                   "both 'encoder_blocks.0.tdf.2.weight' and 'model.encoder_blocks");
    refuse_fixture("script.pt", "TorchScript");
    refuse_fixture("plain_pickle.pkl", "not one of torch.save");
    refuse_fixture("wrapped.zip", "give 'folder/song.ckpt'");
}

static cleave_status open_bytes(const void *data, size_t size, Checkpoint **checkpoint,
                                cleave_error *error) {
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    cleave_status status = checkpoint_open_memory(checkpoint, copy, size, "x.ckpt", NULL, error);
    if (status == CLEAVE_OK)
        checkpoint_close(*checkpoint);
    free(copy);
    return status;
}

static void foreign_files_are_told_what_they_look_like(void **state) {
    (void)state;
    static const char zeros[100];
    static const struct {
        const char *data;
        size_t size;
        const char *fragment;
    } files[] = {
        {"", 0, "the file is empty"},
        {"<!DOCTYPE html><html><body>404</body>", 37, "a web page"},
        {"\n\n  <HTML>", 10, "a web page"},
        {"version https://git-lfs.github.com/spec/v1\noid", 46, "Git LFS"},
        {"audio:\n  n_fft: 2048\nmodel:\n", 28, "YAML configuration"},
        {"hello", 5, "text, not a checkpoint"},
        {"{\"error\": \"not found\"}", 22, "text, not a checkpoint"},
        {"\x08\x08\x12\x07pytorch\x1a\x05"
         "2.1.0:\xab\x01",
         20, "ONNX"},
        {"\x1f\x8b\x08\x00\x00", 5, "gzip"},
        {"7z\xbc\xaf\x27\x1c", 6, "7-Zip"},
        {"Rar!\x1a\x07", 6, "RAR"},
        {"\x89HDF\r\n\x1a\n", 8, "HDF5"},
        {"GGUF\x03\x00\x00\x00", 8, "GGUF"},
        {"RIFF\x24\x00\x00\x00WAVE", 12, "WAV"},
        {"fLaC\x00\x00\x00\x22", 8, "FLAC"},
        {"PK\x05\x06\x00\x00", 6, "empty ZIP"},
        {"PK\x03\x04\x00\x00", 6, "incomplete or damaged ZIP"},
        {"\x80\x02}q\x00.", 6, "not one of torch.save"},
        {zeros, sizeof(zeros), "zeros from its first byte"},
        {"\x93\x94\x95\x96\x97", 5, "no checkpoint that cleave knows"},
        {"PK", 2, "text"},
        {"\x80", 1, "no checkpoint that cleave knows"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        Checkpoint *checkpoint = NULL;
        cleave_error error = {0};
        assert_int_not_equal(open_bytes(files[i].data, files[i].size, &checkpoint, &error),
                             CLEAVE_OK);
        test_assert_error(&error, CLEAVE_ERROR_MODEL, files[i].fragment);
        assert_non_null(strstr(error.text, "x.ckpt"));
    }
}

static void files_that_are_not_there_are_named(void **state) {
    (void)state;
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    assert_int_not_equal(checkpoint_open(&checkpoint, "/nowhere/x.ckpt", NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "/nowhere/x.ckpt");
    assert_int_not_equal(checkpoint_open(&checkpoint, "/", NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "it is a folder");
    checkpoint_close(NULL);
}

/* ---- safetensors by hand ---- */

/* Header and `data_size` bytes of data; the file's own length unless `length` is given. */
static cleave_status open_safetensors(const char *header, size_t data_size, uint64_t length,
                                      Checkpoint **checkpoint, unsigned char **copy,
                                      cleave_error *error) {
    size_t header_size = strlen(header);
    size_t size = 8 + header_size + data_size;
    *copy = calloc(1, size);
    assert_non_null(*copy);
    if (length == 0)
        length = header_size;
    for (int i = 0; i < 8; i++)
        (*copy)[i] = (unsigned char)(length >> (8 * i));
    memcpy(*copy + 8, header, header_size);
    return checkpoint_open_memory(checkpoint, *copy, size, "x.safetensors", NULL, error);
}

static void refuse_safetensors(const char *header, size_t data_size, uint64_t length,
                               const char *fragment) {
    Checkpoint *checkpoint = NULL;
    unsigned char *copy;
    cleave_error error = {0};
    if (open_safetensors(header, data_size, length, &checkpoint, &copy, &error) == CLEAVE_OK)
        fail_msg("%s was accepted", header);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
    free(copy);
}

static void safetensors_headers_that_lie_are_refused(void **state) {
    (void)state;
    static const char good[] =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}      ";
    Checkpoint *checkpoint = NULL;
    unsigned char *copy;
    cleave_error error = {0};
    assert_int_equal(open_safetensors(good, 8, 0, &checkpoint, &copy, &error), CLEAVE_OK);
    checkpoint_close(checkpoint);
    free(copy);
    refuse_safetensors(good, 7, 0, "incomplete");
    refuse_safetensors(good, 8, 5, "header is damaged");
    refuse_safetensors(good, 8, 1000, "incomplete: its header has 1000 bytes");
    refuse_safetensors(good, 8, UINT64_C(0xffffffffff), "incomplete");
    refuse_safetensors("{\"a\":1}", 8, 0, "no dtype");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, 0, "shape");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, 0, "data_offsets");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, 0,
                       "shape");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}", 8, 0,
                       "shape");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],"
                       "\"data_offsets\":[0,8]}}",
                       8, 0, "shape");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[1152921504606846976,16],"
                       "\"data_offsets\":[0,0]}}",
                       8, 0, "shape");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[1152921504606846976],"
                       "\"data_offsets\":[0,8]}}",
                       8, 0, "shape");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, 0,
                       "differ in size");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, 0,
                       "data_offsets");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, 0,
                       "data_offsets");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}", 8, 0,
                       "data_offsets");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],"
                       "\"data_offsets\":[9223372036854775800,9223372036854775807]}}",
                       8, 0, "incomplete");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                       "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                       12, 0, "overlap");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                       "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                       8, 0, "header is damaged");
    refuse_safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                       "\"model.a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                       8, 0, "both 'a' and 'model.a'");
    refuse_safetensors("{\"a\":}", 8, 0, "header is damaged");
    refuse_safetensors("{{{{{{{{", 8, 0, "header is damaged");
}

static void deep_json_needs_no_stack(void **state) {
    (void)state;
    size_t size = 4000000;
    char *header = malloc(size + 1);
    assert_non_null(header);
    memset(header, '[', size);
    memcpy(header, "{\"a\":", 5);
    header[size] = '\0';
    refuse_safetensors(header, 0, 0, "more than 600000 lists and objects");
    header[500000] = '\0';
    refuse_safetensors(header, 0, 0, "header is damaged");
    free(header);
}

static void unknown_types_and_empty_tensors_do_no_harm(void **state) {
    (void)state;
    Checkpoint *checkpoint = NULL;
    unsigned char *copy;
    cleave_error error = {0};
    static const char header[] = "{\"q\":{\"dtype\":\"F4\",\"shape\":[9],\"data_offsets\":[0,5]},"
                                 "\"e\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[5,5]},"
                                 "\"s\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[5,7]}}";
    assert_int_equal(open_safetensors(header, 7, 0, &checkpoint, &copy, &error), CLEAVE_OK);
    assert_int_equal(checkpoint_find(checkpoint, "q")->dtype, DTYPE_OTHER);
    assert_int_equal(tensor_elements(checkpoint_find(checkpoint, "e")), 0);
    assert_int_equal(tensor_elements(checkpoint_find(checkpoint, "s")), 1);
    checkpoint_close(checkpoint);
    free(copy);
}

static void expect_embedded(const char *metadata, const char *expected) {
    Checkpoint *checkpoint = NULL;
    unsigned char *copy;
    cleave_error error = {0};
    char header[1024];
    snprintf(header, sizeof(header), "{\"__metadata__\":%s}", metadata);
    if (open_safetensors(header, 0, 0, &checkpoint, &copy, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    const char *config = checkpoint_embedded_config(checkpoint);
    if (expected)
        assert_string_equal(config, expected);
    else
        assert_null(config);
    checkpoint_close(checkpoint);
    free(copy);
}

static void a_configuration_in_the_header_is_found(void **state) {
    (void)state;
    expect_embedded("{}", NULL);
    expect_embedded("{\"format\":\"pt\"}", NULL);
    expect_embedded("null", NULL);
    expect_embedded("{\"config\":5}", NULL);
    expect_embedded("{\"config\":\"audio: 1\"}", NULL);
    expect_embedded("{\"config\":\"audio: {a: 1}\\nmodel: {b: 2}\\n\"}",
                    "audio: {a: 1}\nmodel: {b: 2}\n");
    expect_embedded("{\"whatever\":\"audio: {a: 1}\\nmodel: {b: 2}\\n\"}",
                    "audio: {a: 1}\nmodel: {b: 2}\n");
    expect_embedded("{\"aaa\":\"audio: {a: 9}\\nmodel: {}\",\"yaml\":\"audio: {}\\nmodel: {}\"}",
                    "audio: {}\nmodel: {}");
    expect_embedded("{\"config\":\"{{{\",\"model_config\":\"{\\\"audio\\\":{},\\\"model\\\":{}}\"}",
                    "{\"audio\":{},\"model\":{}}");
}

/* ---- Names ---- */

static void prefixes_are_stripped_as_often_as_they_are_there(void **state) {
    (void)state;
    assert_string_equal(checkpoint_strip_prefixes("a.b"), "a.b");
    assert_string_equal(checkpoint_strip_prefixes("module.a"), "a");
    assert_string_equal(checkpoint_strip_prefixes("model.module._orig_mod.model.a"), "a");
    assert_string_equal(checkpoint_strip_prefixes("model."), "model.");
    assert_string_equal(checkpoint_strip_prefixes("models.a"), "models.a");
    assert_string_equal(checkpoint_strip_prefixes("a.model.b"), "a.model.b");
    assert_string_equal(checkpoint_strip_prefixes(""), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_type_in_every_container),
        cmocka_unit_test(every_pickle_protocol),
        cmocka_unit_test(every_nesting_and_prefix),
        cmocka_unit_test(optimizer_state_and_other_objects_do_not_matter),
        cmocka_unit_test(parameters_are_tensors),
        cmocka_unit_test(compressed_archives_are_decompressed),
        cmocka_unit_test(archives_of_more_than_4_gigabytes_are_read),
        cmocka_unit_test(stored_tensors_stay_in_the_mapped_file),
        cmocka_unit_test(views_of_a_shared_storage_are_followed),
        cmocka_unit_test(a_pickle_that_calls_a_command_is_refused_and_runs_nothing),
        cmocka_unit_test(unusable_checkpoints_say_why),
        cmocka_unit_test(foreign_files_are_told_what_they_look_like),
        cmocka_unit_test(files_that_are_not_there_are_named),
        cmocka_unit_test(safetensors_headers_that_lie_are_refused),
        cmocka_unit_test(deep_json_needs_no_stack),
        cmocka_unit_test(unknown_types_and_empty_tensors_do_no_harm),
        cmocka_unit_test(a_configuration_in_the_header_is_found),
        cmocka_unit_test(prefixes_are_stripped_as_often_as_they_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
