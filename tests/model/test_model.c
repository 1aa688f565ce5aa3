/* test_model.c: the public functions about models, and where a configuration is looked for. */
#include "tests/support/files.h"
#include "tests/support/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

static cleave_model *open_model(const char *path, const cleave_model_settings *settings) {
    cleave_model *model = NULL;
    cleave_error error;
    memset(&error, 1, sizeof(error));
    if (cleave_model_open(&model, path, settings, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    assert_int_equal(error.status, CLEAVE_OK);
    assert_string_equal(error.text, "");
    assert_non_null(model);
    return model;
}

static void refuse(const char *path, const cleave_model_settings *settings, const char *fragment) {
    cleave_model *model = (cleave_model *)(void *)&model;
    cleave_error error = {0};
    if (cleave_model_open(&model, path, settings, &error) == CLEAVE_OK)
        fail_msg("%s was accepted", path);
    assert_null(model);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
}

static void a_model_tells_what_it_is(void **state) {
    (void)state;
    TestPath path = test_data("golden/fft768-half-nested/model.ckpt");
    cleave_model *model = open_model(path.text, NULL);
    cleave_model_info info;
    cleave_model_get_info(model, &info);
    assert_string_equal(info.path, path.text);
    assert_string_equal(info.name, "model");
    assert_string_equal(info.config_source, test_data("golden/fft768-half-nested/model.yaml").text);
    assert_string_equal(info.container, "torch zip");
    assert_string_equal(info.weight_type, "f16");
    assert_string_equal(info.norm, "InstanceNorm");
    assert_string_equal(info.act, "gelu");
    assert_int_equal(info.stem_count, 2);
    assert_string_equal(info.stems[1], "other");
    assert_int_equal(info.channels, 2);
    assert_int_equal(info.n_fft, 768);
    assert_int_equal(info.hop_length, 192);
    assert_int_equal(info.dim_f, 384);
    assert_int_equal(info.dim_t, 32);
    assert_int_equal(info.chunk_size, 5952);
    assert_int_equal(info.scale[0], 2);
    assert_int_equal(info.default_overlap, 2);
    assert_int_equal(info.normalize, 0);
    assert_int_equal(info.parameters, 79024);
    assert_true(info.flops_per_chunk > 1e7 && info.flops_per_chunk < 1e9);
    cleave_model_close(model);
    cleave_model_close(NULL);
}

static void arguments_that_make_no_sense_are_refused(void **state) {
    (void)state;
    cleave_model *model = NULL;
    cleave_error error = {0};
    assert_int_equal(cleave_model_open(&model, NULL, NULL, &error), CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(cleave_model_open(NULL, "x", NULL, &error), CLEAVE_ERROR_ARGUMENT);
    assert_int_equal(cleave_model_open(&model, "/nowhere", NULL, NULL), CLEAVE_ERROR_MODEL);
}

/* A folder of its own, with a copy of a golden checkpoint in it as `name`. */
static TestPath folder_with(const char *folder, const char *name) {
    char relative[200];
    size_t size;
    TestPath path = test_temporary(folder);
    assert_int_equal(mkdir(path.text, 0700), 0);
    unsigned char *data = read_bytes(test_data("golden/short-input/model.ckpt").text, &size);
    snprintf(relative, sizeof(relative), "%s/%s", folder, name);
    path = test_temporary(relative);
    write_bytes(path.text, data, size);
    free(data);
    return path;
}

/* A copy of the golden configuration with another sample rate, to tell it by. */
static void write_config(const char *folder, const char *name, int sample_rate) {
    char relative[200];
    char text[4096];
    size_t size;
    unsigned char *data = read_bytes(test_data("golden/short-input/model.yaml").text, &size);
    int length = snprintf(text, sizeof(text), "%.*sunknown: 1\n", (int)size, (const char *)data);
    char *rate = strstr(text, "sample_rate: 44100");
    assert_non_null(rate);
    char digits[6];
    snprintf(digits, sizeof(digits), "%05d", sample_rate);
    memcpy(rate + strlen("sample_rate: "), digits, 5);
    snprintf(relative, sizeof(relative), "%s/%s", folder, name);
    write_bytes(test_temporary(relative).text, text, (size_t)length);
    free(data);
}

static void expect_rate(const char *path, const char *config_path, int sample_rate) {
    cleave_model_settings settings;
    cleave_model_info info;
    cleave_model_settings_default(&settings);
    settings.config_path = config_path;
    cleave_model *model = open_model(path, &settings);
    cleave_model_get_info(model, &info);
    assert_int_equal(info.sample_rate, sample_rate);
    cleave_model_close(model);
}

/* Written from the last place that is looked at to the first, each takes over. */
static void the_configuration_is_looked_for_in_the_documented_order(void **state) {
    (void)state;
    TestPath path = folder_with("order", "drum.kit.ckpt");
    refuse(path.text, NULL,
           "tried drum.kit.yaml, drum.kit.yml, model.yaml, model.yml and config_model.yaml");
    refuse(path.text, NULL, "give one with -c");
    write_config("order", "config_model.yaml", 10001);
    expect_rate(path.text, NULL, 10001);
    write_config("order", "model.yml", 10002);
    expect_rate(path.text, NULL, 10002);
    write_config("order", "model.yaml", 10003);
    expect_rate(path.text, NULL, 10003);
    write_config("order", "drum.kit.yml", 10004);
    expect_rate(path.text, NULL, 10004);
    write_config("order", "drum.kit.yaml", 10005);
    expect_rate(path.text, NULL, 10005);
    write_config("order", "other.yaml", 10006);
    expect_rate(path.text, test_temporary("order/other.yaml").text, 10006);
    cleave_model_settings settings;
    cleave_model_settings_default(&settings);
    settings.config_path = "/nowhere/c.yaml";
    refuse(path.text, &settings, "/nowhere/c.yaml");
}

static void a_bare_file_name_has_its_configuration_beside_it(void **state) {
    (void)state;
    char before[1024];
    folder_with("bare", "m.ckpt");
    write_config("bare", "m.yaml", 10007);
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(test_temporary("bare").text), 0);
    expect_rate("m.ckpt", NULL, 10007);
    assert_int_equal(chdir(before), 0);
}

/* The golden network as a safetensors file with its YAML in the header. */
static void a_safetensors_header_may_carry_the_configuration(void **state) {
    (void)state;
    TestPath path = test_temporary("embedded.safetensors");
    TestPath source = test_data("golden/short-input/model.ckpt");
    cleave_model *model = open_model(source.text, NULL);
    cleave_model_close(model);
    const char *program = getenv("CLEAVE_MAKE_NETWORK");
    if (!program)
        skip();
    const char *emulator = getenv("MESON_EXE_WRAPPER"); /* of a cross build */
    char command[4096];
    snprintf(command, sizeof(command), "%s '%s' '%s' -o '%s' --embed-config",
             emulator ? emulator : "", program, test_data("golden/short-input/model.yaml").text,
             path.text);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
    model = open_model(path.text, NULL);
    cleave_model_info info;
    cleave_model_get_info(model, &info);
    assert_string_equal(info.config_source, "safetensors header");
    assert_string_equal(info.container, "safetensors");
    assert_int_equal(info.chunk_size, 3968);
    cleave_model_close(model);
}

/* A configuration under another name is nobody's by right: the error says what is there. */
static void a_configuration_under_another_name_is_pointed_at(void **state) {
    (void)state;
    TestPath path = folder_with("lost", "m.ckpt");
    refuse(path.text, NULL, "beside it; give one with -c");
    write_bytes(test_temporary("lost/.hidden.yaml").text, "x", 1);
    write_bytes(test_temporary("lost/notes.txt").text, "x", 1);
    refuse(path.text, NULL, "beside it; give one with -c");
    char advice[5000];
    TestPath other = test_temporary("lost/drums_config.YAML");
    write_bytes(other.text, "x", 1);
    snprintf(advice, sizeof(advice), "if it is drums_config.YAML, which is there, give it: -c %s",
             other.text);
    refuse(path.text, NULL, advice);
    write_bytes(test_temporary("lost/bass.yml").text, "x", 1);
    refuse(path.text, NULL,
           "of the 2 YAML files that are there (bass.yml, drums_config.YAML) give");
    write_bytes(test_temporary("lost/a.yaml").text, "x", 1);
    refuse(path.text, NULL, "of the 3 YAML files that are there (a.yaml, bass.yml, ...) give");
}

/* ---- Paths ---- */

static void a_name_has_neither_folder_nor_extension(void **state) {
    (void)state;
    static const char *const names[][2] = {{"m.ckpt", "m"},
                                           {"/a.b/m.ckpt", "m"},
                                           {"a.b/m", "m"},
                                           {"drum.kit.ckpt", "drum.kit"},
                                           {"a/.hidden", ".hidden"},
                                           {".hidden.ckpt", ".hidden"},
                                           {"a/", ""},
                                           {"", ""},
                                           {"a/m.", "m"},
                                           {"..", "."}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *stem = path_stem(names[i][0]);
        assert_string_equal(stem, names[i][1]);
        free(stem);
    }
}

/* Every reader's error names as much of the path as leaves room for the reason. */
static void a_long_path_leaves_room_for_the_reason(void **state) {
    (void)state;
    static const char *const files[][2] = {{"zip_no_tensors.ckpt", "no state dict"},
                                           {"zip_short_storage.ckpt", "damaged"},
                                           {"stream_f32.ckpt", "no configuration found"},
                                           {"plain_f16.safetensors", "no configuration found"}};
    enum { FOLDERS = 7, LENGTH = 160 };
    char path[1600] = "";
    char before[1024];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(test_temporary("").text), 0);
    for (size_t i = 1; i <= FOLDERS; i++) {
        memset(path + (i - 1) * LENGTH, 'f', LENGTH - 1);
        path[i * LENGTH - 1] = '/';
        assert_int_equal(mkdir(path, 0700), 0);
    }
    const size_t folders = strlen(path);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char relative[100];
        size_t size;
        snprintf(relative, sizeof(relative), "model/%s", files[i][0]);
        unsigned char *data = read_bytes(test_data(relative).text, &size);
        snprintf(path + folders, sizeof(path) - folders, "%s", files[i][0]);
        refuse(path, NULL, "No such file");
        write_bytes(path, data, size);
        refuse(path, NULL, files[i][1]);
        free(data);
    }
    assert_int_equal(chdir(before), 0);
}

/* ---- The log ---- */

static void remember(void *user, cleave_log_level level, const char *line) {
    int *lines = user;
    assert_true(level <= CLEAVE_LOG_DEBUG);
    assert_null(strchr(line, '\n'));
    (*lines)++;
}

static void the_log_gets_lines_where_it_is_asked_for(void **state) {
    (void)state;
    int lines = 0;
    cleave_model_settings settings;
    cleave_model_settings_default(&settings);
    settings.log = (cleave_logger){remember, &lines, CLEAVE_LOG_DEBUG};
    cleave_model_close(open_model(test_data("golden/short-input/model.ckpt").text, &settings));
    assert_true(lines > 0);
    lines = 0;
    settings.log.level = CLEAVE_LOG_INFO;
    cleave_model_close(open_model(test_data("golden/short-input/model.ckpt").text, &settings));
    assert_int_equal(lines, 0);
}

static void remember_warning(void *user, cleave_log_level level, const char *line) {
    char *text = user;
    if (level == CLEAVE_LOG_WARNING)
        snprintf(text, 1024, "%s", line);
}

/* What the golden model is with another value for `key`. */
static cleave_model_info model_with(const char *folder, const char *key, int value, char *warning) {
    char text[4096];
    char relative[200];
    size_t size;
    cleave_model_settings settings;
    cleave_model_info info;
    TestPath path = folder_with(folder, "m.ckpt");
    unsigned char *data = read_bytes(test_data("golden/short-input/model.yaml").text, &size);
    snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)data);
    free(data);
    char *place = strstr(text, key);
    assert_non_null(place);
    place += strlen(key);
    char rest[4096];
    snprintf(rest, sizeof(rest), "%s", place + strcspn(place, "\n"));
    snprintf(place, sizeof(text) - (size_t)(place - text), "%d%s", value, rest);
    snprintf(relative, sizeof(relative), "%s/m.yaml", folder);
    write_bytes(test_temporary(relative).text, text, strlen(text));
    cleave_model_settings_default(&settings);
    settings.log = (cleave_logger){remember_warning, warning, CLEAVE_LOG_WARNING};
    warning[0] = '\0';
    cleave_model *model = open_model(path.text, &settings);
    cleave_model_get_info(model, &info);
    cleave_model_close(model);
    return info;
}

static int overlap_of_model_with(const char *folder, int overlap, char *warning) {
    return model_with(folder, "num_overlap: ", overlap, warning).default_overlap;
}

static void an_overlap_beyond_the_largest_is_limited_with_a_warning(void **state) {
    (void)state;
    char warning[1024];
    assert_int_equal(overlap_of_model_with("overlap50", 50, warning), 50);
    assert_string_equal(warning, "");
    assert_int_equal(overlap_of_model_with("overlap51", 51, warning), 50);
    assert_non_null(strstr(warning, "inference.num_overlap is 51"));
    assert_int_equal(overlap_of_model_with("overlap64", 64, warning), 50);
    assert_non_null(strstr(warning, "m.yaml: inference.num_overlap is 64"));
}

static void a_chunk_that_its_frames_do_not_fill_is_shortened_with_a_warning(void **state) {
    (void)state;
    char warning[1024];
    cleave_model_info whole = model_with("chunk", "  chunk_size: ", 3968, warning);
    assert_int_equal(whole.chunk_size, 3968);
    assert_string_equal(warning, "");
    cleave_model_info cut = model_with("chunk126", "  chunk_size: ", 4094, warning);
    assert_int_equal(cut.chunk_size, 3968);
    assert_int_equal(cut.dim_t, whole.dim_t);
    assert_non_null(strstr(warning, "m.yaml: chunk_size is 4094"));
    assert_non_null(strstr(warning, "chunks of 3968 samples are used"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_tells_what_it_is),
        cmocka_unit_test(arguments_that_make_no_sense_are_refused),
        cmocka_unit_test(the_configuration_is_looked_for_in_the_documented_order),
        cmocka_unit_test(a_bare_file_name_has_its_configuration_beside_it),
        cmocka_unit_test(a_safetensors_header_may_carry_the_configuration),
        cmocka_unit_test(a_configuration_under_another_name_is_pointed_at),
        cmocka_unit_test(a_name_has_neither_folder_nor_extension),
        cmocka_unit_test(a_long_path_leaves_room_for_the_reason),
        cmocka_unit_test(an_overlap_beyond_the_largest_is_limited_with_a_warning),
        cmocka_unit_test(a_chunk_that_its_frames_do_not_fill_is_shortened_with_a_warning),
        cmocka_unit_test(the_log_gets_lines_where_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
