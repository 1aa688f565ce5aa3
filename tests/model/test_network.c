/* test_network.c: the weights that a configuration implies, and what is said of a checkpoint that
 * has others. */
#include "tests/support/files.h"
#include "tests/support/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint_private.h"
#include "model/network.h"
#include "model/network_check.h"

static Config read_config(const char *relative) {
    Config config;
    cleave_error error = {0};
    if (config_read(&config, test_data(relative).text, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return config;
}

static Checkpoint *read_checkpoint(const char *relative) {
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    if (checkpoint_open(&checkpoint, test_data(relative).text, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return checkpoint;
}

static void golden_networks_and_their_configurations_agree(void **state) {
    (void)state;
    static const char *const cases[] = {"golden/batch-relu-5stem",
                                        "golden/fft768-half-nested",
                                        "golden/group-elu-target",
                                        "golden/inst-gelu-2stem",
                                        "golden/mean-blend",
                                        "golden/short-input",
                                        "../../demo"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char yaml[128];
        char ckpt[128];
        const char *stem = strcmp(cases[i], "../../demo") == 0 ? "drumsep-mini" : "model";
        snprintf(yaml, sizeof(yaml), "%s/%s.yaml", cases[i], stem);
        snprintf(ckpt, sizeof(ckpt), "%s/%s.ckpt", cases[i], stem);
        Config config = read_config(yaml);
        Checkpoint *checkpoint = read_checkpoint(ckpt);
        cleave_error error = {0};
        if (network_check(&config, checkpoint, ckpt, &error) != CLEAVE_OK)
            fail_msg("%s", error.text);
        /* Every floating-point tensor is one of the weights, so the counts agree too. */
        WeightSpec *specs = NULL;
        size_t count;
        size_t tensor_count;
        size_t floats = 0;
        assert_int_equal(network_weights(&config, &specs, &count, &error), CLEAVE_OK);
        const Tensor *tensors = checkpoint_tensors(checkpoint, &tensor_count);
        for (size_t j = 0; j < tensor_count; j++)
            floats += tensors[j].dtype != DTYPE_I64 ? 1 : 0;
        assert_int_equal(floats, count);
        free(specs);
        checkpoint_close(checkpoint);
        config_free(&config);
    }
}

static void the_common_public_size_has_112_million_parameters(void **state) {
    (void)state;
    Config config = read_config("../../tools/full_size.yaml");
    assert_int_equal(config.dim_t, 256);
    int64_t parameters = network_parameters(&config);
    assert_true(parameters > 111500000 && parameters < 112500000);
    config_free(&config);
}

static void weights_come_in_the_order_of_the_network(void **state) {
    (void)state;
    Config config = read_config("golden/batch-relu-5stem/model.yaml");
    WeightSpec *specs = NULL;
    size_t count;
    assert_int_equal(network_weights(&config, &specs, &count, NULL), CLEAVE_OK);
    assert_string_equal(specs[0].name, "first_conv.weight");
    assert_int_equal(specs[0].dims[0], 8);
    assert_int_equal(specs[0].dims[1], 4);
    assert_string_equal(specs[1].name, "encoder_blocks.0.tfc_tdf.blocks.0.tfc1.0.weight");
    assert_string_equal(specs[3].name, "encoder_blocks.0.tfc_tdf.blocks.0.tfc1.0.running_mean");
    /* A block's shortcut is computed first, but comes last in the state dict. */
    assert_string_equal(specs[20].name, "encoder_blocks.0.tfc_tdf.blocks.0.tfc2.2.weight");
    assert_string_equal(specs[21].name, "encoder_blocks.0.tfc_tdf.blocks.0.shortcut.weight");
    assert_string_equal(specs[22].name, "encoder_blocks.0.downscale.conv.0.weight");
    assert_string_equal(specs[count - 1].name, "final_conv.2.weight");
    assert_int_equal(specs[count - 1].dims[0], 5 * 4);
    free(specs);
    config_free(&config);
}

static void parts_are_numbered_as_people_count_them(void **state) {
    (void)state;
    static const struct {
        const char *kind;
        int number;
    } expected[] = {{"stft", 0},    {"first_conv", 0}, {"encoder", 1},
                    {"encoder", 2}, {"bottleneck", 0}, {"decoder", 2},
                    {"decoder", 1}, {"final_conv", 0}, {"istft", 0}};
    Config config = read_config("golden/inst-gelu-2stem/model.yaml");
    const NetworkUse use = {.samples = config.chunk_size};
    Network network;
    assert_int_equal(network_build(&network, &config, &use, NULL), CLEAVE_OK);
    assert_int_equal(network.part_count, sizeof(expected) / sizeof(expected[0]));
    for (int i = 0; i < network.part_count; i++) {
        assert_string_equal(network.parts[i].kind, expected[i].kind);
        assert_int_equal(network.parts[i].number, expected[i].number);
    }
    assert_int_equal(network.parts[0].first, 1); /* the input belongs to no part */
    network_free(&network);
    config_free(&config);
}

/* ---- Mismatches ---- */

/* Checks the golden checkpoint `name` against its configuration after `change`. */
static void refuse(const char *name, void (*change)(Config *), const char *const *fragments) {
    char path[128];
    snprintf(path, sizeof(path), "golden/%s/model.yaml", name);
    Config config = read_config(path);
    snprintf(path, sizeof(path), "golden/%s/model.ckpt", name);
    Checkpoint *checkpoint = read_checkpoint(path);
    cleave_error error = {0};
    change(&config);
    assert_int_not_equal(network_check(&config, checkpoint, "x.ckpt", &error), CLEAVE_OK);
    for (; *fragments; fragments++)
        test_assert_error(&error, CLEAVE_ERROR_MODEL, *fragments);
    checkpoint_close(checkpoint);
    config_free(&config);
}

#define FRAGMENTS(...)      \
    (const char *const[]) { \
        __VA_ARGS__, NULL   \
    }

static void more_channels(Config *config) {
    config->num_channels = 16;
}

static void other_growth(Config *config) {
    config->growth = 16;
}

static void other_bins(Config *config) {
    config->dim_f = 128;
}

static void other_bottleneck(Config *config) {
    config->bottleneck_factor = 2;
}

static void other_scale(Config *config) {
    config->scale[0] = 1;
}

static void more_scales(Config *config) {
    config->num_scales = 3;
}

static void fewer_scales(Config *config) {
    config->num_scales = 1;
}

static void fewer_blocks(Config *config) {
    config->num_blocks_per_scale = 1;
}

static void more_blocks(Config *config) {
    config->num_blocks_per_scale = 3;
}

static void fewer_stems(Config *config) {
    free(config->stems[--config->stem_count]);
}

static void batch_norm(Config *config) {
    config->norm = NORM_BATCH;
}

static void instance_norm(Config *config) {
    config->norm = NORM_INSTANCE;
}

static void no_norm(Config *config) {
    config->norm = NORM_NONE;
}

static void unknown_norm(Config *config) {
    no_norm(config);
    snprintf(config->norm_name, sizeof(config->norm_name), "LayerNorm");
}

static void the_first_wrong_tensor_is_named_with_both_shapes_and_the_keys(void **state) {
    (void)state;
    const char *name = "inst-gelu-2stem";
    refuse(name, more_channels,
           FRAGMENTS("first_conv.weight has the shape (8, 16, 1, 1)", "asks for (16, 16, 1, 1)",
                     "model.num_channels", "x.ckpt"));
    refuse(name, other_growth,
           FRAGMENTS("encoder_blocks.0.downscale.conv.2.weight has the shape (16, 8, 2, 2)",
                     "asks for (24, 8, 2, 2)", "model.scale, model.num_channels, model.growth"));
    refuse(name, other_bins,
           FRAGMENTS("encoder_blocks.0.tfc_tdf.blocks.0.tdf.2.weight has the shape (16, 64)",
                     "asks for (8, 32)", "audio.dim_f", "model.bottleneck_factor"));
    refuse(name, other_bottleneck,
           FRAGMENTS("tdf.2.weight has the shape (16, 64)", "asks for (32, 64)"));
    refuse(name, other_scale,
           FRAGMENTS("encoder_blocks.0.downscale.conv.2.weight has the shape (16, 8, 2, 2)",
                     "asks for (16, 8, 1, 2)", "model.scale"));
    refuse(name, fewer_stems,
           FRAGMENTS("final_conv.2.weight has the shape (32, 8, 1, 1)", "asks for (16, 8, 1, 1)",
                     "training.instruments"));
}

static void wrong_numbers_of_scales_and_blocks_are_recognised(void **state) {
    (void)state;
    const char *name = "inst-gelu-2stem";
    refuse(name, more_scales, FRAGMENTS("2 encoder blocks", "model.num_scales, 3, should be 2"));
    refuse(name, fewer_scales, FRAGMENTS("2 encoder blocks", "model.num_scales, 1, should be 2"));
    refuse(name, more_blocks,
           FRAGMENTS("encoder_blocks.0.tfc_tdf.blocks.2.tfc1.0.weight is missing",
                     "model.num_blocks_per_scale, 3, should be 2"));
    /* Everything that the configuration asks for is there; and yet it is another network. */
    refuse(name, fewer_blocks,
           FRAGMENTS("encoder_blocks.0.tfc_tdf.blocks.1.tfc1.0.weight is there",
                     "model.num_blocks_per_scale, 1, should be 2"));
}

static void another_norm_is_recognised(void **state) {
    (void)state;
    refuse("inst-gelu-2stem", batch_norm, FRAGMENTS("tfc1.0.running_mean is missing"));
    refuse("inst-gelu-2stem", no_norm, FRAGMENTS("tfc1.0.weight is there"));
    refuse("inst-gelu-2stem", unknown_norm,
           FRAGMENTS("tfc1.0.weight is there", "model.norm, LayerNorm, counts as none"));
    refuse("batch-relu-5stem", instance_norm,
           FRAGMENTS("running_mean is there", "should be BatchNorm"));
}

/* A checkpoint of one tensor of that name and type. */
static void refuse_single(const char *name, const char *type, const char *shape, size_t bytes,
                          const char *fragment) {
    unsigned char data[4096] = {0};
    char *header = (char *)data + 8;
    int length =
        snprintf(header, 512, "{\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[0,%zu]}}",
                 name, type, shape, bytes);
    data[0] = (unsigned char)length;
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    Config config = read_config("golden/inst-gelu-2stem/model.yaml");
    assert_int_equal(
        checkpoint_open_memory(&checkpoint, data, 8 + (size_t)length + bytes, "x.st", NULL, &error),
        CLEAVE_OK);
    assert_int_not_equal(network_check(&config, checkpoint, "x.st", &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
    checkpoint_close(checkpoint);
    config_free(&config);
}

static void other_architectures_are_recognised(void **state) {
    (void)state;
    refuse_single("separation_net.0.weight", "F32", "[1]", 4, "SCNet");
    refuse_single("freq_encoder.0.conv.weight", "F32", "[1]", 4, "Demucs");
    refuse_single("models.0.tencoder.0.conv.weight", "F32", "[1]", 4, "Demucs");
    refuse_single("something.else", "F32", "[1]", 4, "first_conv.weight is missing");
}

static void checkpoints_of_roformers_are_recognised(void **state) {
    (void)state;
    Config config = read_config("golden/inst-gelu-2stem/model.yaml");
    Checkpoint *checkpoint = read_checkpoint("golden/bs-target/model.ckpt");
    cleave_error error = {0};
    assert_int_not_equal(network_check(&config, checkpoint, "x.ckpt", &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL,
                      "of the kind BS-Roformer, and the configuration of the kind MDX23C");
    checkpoint_close(checkpoint);
    config_free(&config);
}

static void quantised_weights_are_refused(void **state) {
    (void)state;
    refuse_single("first_conv.weight", "I8", "[8,16,1,1]", 128, "floating-point");
    refuse_single("first_conv.weight", "I64", "[8,16,1,1]", 1024, "floating-point");
    refuse_single("first_conv.weight", "F16", "[8,16]", 256, "has the shape (8, 16)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_networks_and_their_configurations_agree),
        cmocka_unit_test(the_common_public_size_has_112_million_parameters),
        cmocka_unit_test(weights_come_in_the_order_of_the_network),
        cmocka_unit_test(parts_are_numbered_as_people_count_them),
        cmocka_unit_test(the_first_wrong_tensor_is_named_with_both_shapes_and_the_keys),
        cmocka_unit_test(wrong_numbers_of_scales_and_blocks_are_recognised),
        cmocka_unit_test(another_norm_is_recognised),
        cmocka_unit_test(other_architectures_are_recognised),
        cmocka_unit_test(checkpoints_of_roformers_are_recognised),
        cmocka_unit_test(quantised_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
