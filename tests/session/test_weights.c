/* test_weights.c: a weight that is NaN or infinite is an error when the separator is opened,
 * whatever reads it; what nothing reads may hold anything; and chunks of silence never meet the
 * network, whatever it would make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleave.h"
#include "model/checkpoint_private.h"

/* A checkpoint in memory that can be damaged and written to a file. */
typedef struct Damaged {
    unsigned char *data;
    size_t size;
    Checkpoint *checkpoint; /* of data */
    char folder[256];
    char path[512];
    char config[512];
} Damaged;

static void read_case(Damaged *damaged, const char *name, const char *file) {
    char path[1024];
    const char *root = getenv("TMPDIR");
    snprintf(path, sizeof(path), "%s/cases/%s/%s", getenv("CLEAVE_TEST_DATA"), name, file);
    snprintf(damaged->config, sizeof(damaged->config), "%s/cases/%s/model.yaml",
             getenv("CLEAVE_TEST_DATA"), name);
    FILE *opened = fopen(path, "rb");
    assert_non_null(opened);
    assert_int_equal(fseek(opened, 0, SEEK_END), 0);
    damaged->size = (size_t)ftell(opened);
    rewind(opened);
    damaged->data = malloc(damaged->size);
    assert_non_null(damaged->data);
    assert_int_equal(fread(damaged->data, 1, damaged->size, opened), damaged->size);
    fclose(opened);
    cleave_error error;
    if (checkpoint_open_memory(&damaged->checkpoint, damaged->data, damaged->size, file, NULL,
                               &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    snprintf(damaged->folder, sizeof(damaged->folder), "%s/cleave-weights-XXXXXX",
             root ? root : "/tmp");
    assert_non_null(mkdtemp(damaged->folder));
    snprintf(damaged->path, sizeof(damaged->path), "%s/%s", damaged->folder, file);
}

static void done(Damaged *damaged) {
    unlink(damaged->path);
    rmdir(damaged->folder);
    checkpoint_close(damaged->checkpoint);
    free(damaged->data);
}

/* Writes the checkpoint as it is now, and opens it. */
static cleave_model *open_model(const Damaged *damaged) {
    cleave_model_settings settings;
    cleave_model *model = NULL;
    cleave_error error;
    FILE *file = fopen(damaged->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(damaged->data, 1, damaged->size, file), damaged->size);
    assert_int_equal(fclose(file), 0);
    cleave_model_settings_default(&settings);
    settings.config_path = damaged->config;
    if (cleave_model_open(&model, damaged->path, &settings, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return model;
}

/* What opening a separator of the checkpoint, as it is now, says. */
static cleave_status open_damaged(const Damaged *damaged, int compile, cleave_error *error) {
    cleave_separator_settings settings;
    cleave_model *model = open_model(damaged);
    cleave_separator *separator = NULL;
    cleave_separator_settings_default(&settings);
    settings.device = "cpu";
    settings.threads = 2;
    settings.batch = 1;
    settings.compile = compile;
    cleave_status status = cleave_separator_open(&separator, model, &settings, error);
    cleave_separator_close(separator);
    cleave_model_close(model);
    return status;
}

/* NaN and infinity, in turn. */
static void poke(const Tensor *tensor, size_t element, bool infinite) {
    static const unsigned char f32[2][4] = {{0, 0, 0xc0, 0x7f}, {0, 0, 0x80, 0xff}};
    static const unsigned char f16[2][2] = {{0, 0x7e}, {0, 0xfc}};
    static const unsigned char bf16[2][2] = {{0xc0, 0x7f}, {0x80, 0xff}};
    const unsigned char *bits = tensor->dtype == DTYPE_F32   ? f32[infinite]
                                : tensor->dtype == DTYPE_F16 ? f16[infinite]
                                                             : bf16[infinite];
    size_t bytes = dtype_size(tensor->dtype);
    memcpy((unsigned char *)(uintptr_t)tensor->data + element * bytes, bits, bytes);
}

static void expect_refusal(const Damaged *damaged, const Tensor *tensor, size_t count,
                           int compile) {
    char expected[300];
    cleave_error error;
    snprintf(expected, sizeof(expected), ": weight %s: %zu of %zu values are NaN or infinite",
             tensor->name, count, tensor_elements(tensor));
    assert_int_equal(open_damaged(damaged, compile, &error), CLEAVE_ERROR_MODEL);
    if (!strstr(error.text, expected) || strstr(error.text, damaged->path) != error.text)
        fail_msg("expected '%s', got '%s'", expected, error.text);
    assert_non_null(strstr(error.text, "download it again"));
    assert_null(strchr(error.text, '\n'));
}

/* Damages every weight of a case in turn, in its first and its last element. */
static void check_case(const char *name, const char *file) {
    Damaged damaged = {.data = NULL};
    size_t count;
    size_t checked = 0;
    unsigned char saved[2][8];
    read_case(&damaged, name, file);
    const Tensor *tensors = checkpoint_tensors(damaged.checkpoint, &count);
    for (size_t i = 0; i < count; i++) {
        const Tensor *tensor = &tensors[i];
        if (tensor->dtype == DTYPE_I64 || tensor->dtype == DTYPE_OTHER)
            continue;
        size_t last = tensor_elements(tensor) - 1;
        size_t bytes = dtype_size(tensor->dtype);
        unsigned char *first = (unsigned char *)(uintptr_t)tensor->data;
        assert_true(tensor_is_contiguous(tensor));
        memcpy(saved[0], first, bytes);
        memcpy(saved[1], first + last * bytes, bytes);
        poke(tensor, 0, i % 2 == 0);
        poke(tensor, last, i % 2 == 1);
        expect_refusal(&damaged, tensor, last > 0 ? 2 : 1, i % 3 != 0);
        memcpy(first, saved[0], bytes);
        memcpy(first + last * bytes, saved[1], bytes);
        checked++;
    }
    assert_true(checked > 20);
    cleave_error error;
    assert_int_equal(open_damaged(&damaged, 1, &error), CLEAVE_OK);
    done(&damaged);
}

static void every_weight_that_is_not_finite_is_named(void **state) {
    (void)state;
    check_case("batch-norm-four-scales", "model.ckpt");
    check_case("group-norm-three-blocks", "model.ckpt");
    check_case("tta-c20-f16", "model.ckpt");
    check_case("residual-c33-bf16", "model.ckpt");
}

static void a_weight_of_nothing_but_nan_is_counted(void **state) {
    (void)state;
    Damaged damaged = {.data = NULL};
    read_case(&damaged, "silence-inside", "model.safetensors");
    const Tensor *tensor = checkpoint_find(damaged.checkpoint, "final_conv.0.weight");
    assert_non_null(tensor);
    memset((unsigned char *)(uintptr_t)tensor->data, 0xff,
           tensor_elements(tensor) * dtype_size(tensor->dtype));
    expect_refusal(&damaged, tensor, tensor_elements(tensor), 1);
    done(&damaged);
}

/* BatchNorm's counters, and whatever else stands in the file but not in the network. */
static void what_nothing_reads_may_hold_anything(void **state) {
    (void)state;
    Damaged damaged = {.data = NULL};
    size_t count;
    size_t found = 0;
    cleave_error error;
    read_case(&damaged, "batch-norm-four-scales", "model.ckpt");
    const Tensor *tensors = checkpoint_tensors(damaged.checkpoint, &count);
    for (size_t i = 0; i < count; i++) {
        if (tensors[i].dtype != DTYPE_I64)
            continue;
        memset((unsigned char *)(uintptr_t)tensors[i].data, 0xff, 8);
        found++;
    }
    assert_true(found > 0);
    assert_int_equal(open_damaged(&damaged, 1, &error), CLEAVE_OK);
    done(&damaged);
}

/* A case whose U-Net makes infinities of anything, even of silence. */
static void read_overflowing(Damaged *damaged) {
    read_case(damaged, "chunk-not-of-hops", "model.ckpt");
    const Tensor *tensor =
        checkpoint_find(damaged->checkpoint, "encoder_blocks.0.tfc_tdf.blocks.0.tfc1.0.bias");
    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, DTYPE_F32);
    float *bias = (float *)(uintptr_t)tensor->data;
    for (size_t i = 0; i < tensor_elements(tensor); i++)
        bias[i] = 3e38f;
}

#define SILENCE_CHUNKS 7

/* Separates chunks that are silent but where `noise` says; what comes out of it must be silence. */
static cleave_status separate_chunks(const Damaged *damaged, const bool noise[SILENCE_CHUNKS],
                                     int batch, cleave_error *error) {
    cleave_separator_settings settings;
    cleave_separator *separator = NULL;
    cleave_model_info info;
    cleave_model *model = open_model(damaged);
    cleave_separator_settings_default(&settings);
    settings.batch = batch;
    settings.overlap = 1;
    if (cleave_separator_open(&separator, model, &settings, error) != CLEAVE_OK)
        fail_msg("%s", error->text);
    cleave_model_get_info(model, &info);
    assert_int_equal(info.channels, 2);
    size_t chunk = (size_t)info.chunk_size;
    size_t samples = SILENCE_CHUNKS * chunk;
    size_t values = (size_t)info.stem_count * 2 * samples;
    float *mix = calloc(samples, sizeof(float));
    float *stems = malloc(values * sizeof(float));
    assert_non_null(mix);
    assert_non_null(stems);
    for (size_t i = 0; i < samples; i++)
        mix[i] = noise[i / chunk] ? (float)(i % 7) / 7 : (float)-0.0;
    const float *planes[2] = {mix, mix};
    cleave_status status = cleave_separator_separate_memory(separator, planes, 2, (int64_t)samples,
                                                            stems, NULL, NULL, error);
    for (size_t i = 0; i < values && status == CLEAVE_OK; i++)
        assert_true(stems[i] == 0);
    free(mix);
    free(stems);
    cleave_separator_close(separator);
    cleave_model_close(model);
    return status;
}

static void silence_never_meets_the_network(void **state) {
    (void)state;
    static const bool silence[SILENCE_CHUNKS] = {false};
    static const bool noise[SILENCE_CHUNKS] = {[SILENCE_CHUNKS - 2] = true};
    Damaged damaged = {.data = NULL};
    read_overflowing(&damaged);
    for (int batch = 1; batch <= SILENCE_CHUNKS; batch += 3) {
        cleave_error error;
        assert_int_equal(separate_chunks(&damaged, silence, batch, &error), CLEAVE_OK);
        assert_int_equal(separate_chunks(&damaged, noise, batch, &error), CLEAVE_ERROR_MODEL);
        assert_non_null(strstr(error.text, "is not a number"));
    }
    done(&damaged);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_weight_that_is_not_finite_is_named),
        cmocka_unit_test(a_weight_of_nothing_but_nan_is_counted),
        cmocka_unit_test(what_nothing_reads_may_hold_anything),
        cmocka_unit_test(silence_never_meets_the_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
