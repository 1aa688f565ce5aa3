/* test_config.c: configurations as found in the wild, and as they should not be. */
#include "base/random.h"
#include "tests/support/files.h"
#include "tests/support/texts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/stft.h"
#include "model/config.h"
#include "model/yaml_tree.h"

static const char base[] = "audio:\n"
                           "  chunk_size: 3968\n"
                           "  dim_f: 256\n"
                           "  dim_t: 32\n"
                           "  hop_length: 128\n"
                           "  n_fft: 512\n"
                           "  num_channels: 2\n"
                           "  sample_rate: 44100\n"
                           "model:\n"
                           "  act: gelu\n"
                           "  bottleneck_factor: 4\n"
                           "  growth: 8\n"
                           "  norm: InstanceNorm\n"
                           "  num_blocks_per_scale: 2\n"
                           "  num_channels: 8\n"
                           "  num_scales: 2\n"
                           "  num_subbands: 4\n"
                           "  scale: [2, 2]\n"
                           "training:\n"
                           "  instruments: [vocals, other]\n"
                           "  target_instrument: null\n"
                           "inference:\n"
                           "  dim_t: 64\n"
                           "  num_overlap: 4\n";

/* The base with the first `from` replaced by `to`; the caller's. */
static char *edited(const char *from, const char *to) {
    const char *place = strstr(base, from);
    if (!place)
        fail_msg("the base has no '%s'", from);
    size_t size = sizeof(base) + strlen(to) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    snprintf(text, size, "%.*s%s%s", (int)(place - base), base, to, place + strlen(from));
    return text;
}

/* Parses from memory of exactly the right size. */
static cleave_status parse(Config *config, const char *text, cleave_error *error) {
    size_t size = strlen(text);
    char *copy = copy_bytes(text, size);
    cleave_status status = config_parse(config, copy, size, "x.yaml", NULL, error);
    free(copy);
    return status;
}

static void parse_well(Config *config, const char *text) {
    cleave_error error = {0};
    if (parse(config, text, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
}

static void expect_config(const char *from, const char *to, Config *config) {
    char *text = edited(from, to);
    parse_well(config, text);
    free(text);
}

static void expect_refusal(const char *from, const char *to, const char *fragment) {
    Config config;
    cleave_error error = {0};
    char *text = edited(from, to);
    cleave_status status = parse(&config, text, &error);
    free(text);
    if (status == CLEAVE_OK)
        fail_msg("'%s' was accepted", to);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
    assert_non_null(strstr(error.text, "x.yaml"));
    assert_null(config.stems);
}

static void a_usual_configuration_is_read(void **state) {
    (void)state;
    Config c;
    parse_well(&c, base);
    assert_int_equal(c.n_fft, 512);
    assert_int_equal(c.hop_length, 128);
    assert_int_equal(c.dim_f, 256);
    assert_int_equal(c.chunk_size, 3968);
    assert_int_equal(c.dim_t, 32);
    assert_int_equal(c.mean_dim_t, 64);
    assert_int_equal(c.channels, 2);
    assert_int_equal(c.sample_rate, 44100);
    assert_int_equal(c.num_subbands, 4);
    assert_int_equal(c.num_scales, 2);
    assert_int_equal(c.num_blocks_per_scale, 2);
    assert_int_equal(c.num_channels, 8);
    assert_int_equal(c.growth, 8);
    assert_int_equal(c.bottleneck_factor, 4);
    assert_int_equal(c.scale[0], 2);
    assert_int_equal(c.scale[1], 2);
    assert_int_equal(c.norm, NORM_INSTANCE);
    assert_int_equal(c.act, ACT_GELU);
    assert_string_equal(c.norm_name, "InstanceNorm");
    assert_string_equal(c.act_name, "gelu");
    assert_int_equal(c.stem_count, 2);
    assert_string_equal(c.stems[0], "vocals");
    assert_string_equal(c.stems[1], "other");
    assert_int_equal(c.overlap, 4);
    assert_false(c.normalize);
    config_free(&c);
    config_free(&c); /* twice does no harm */
}

static void golden_and_demo_configurations_are_read(void **state) {
    (void)state;
    static const char *const paths[] = {
        "golden/batch-relu-5stem/model.yaml", "golden/fft768-half-nested/model.yaml",
        "golden/group-elu-target/model.yaml", "golden/inst-gelu-2stem/model.yaml",
        "golden/mean-blend/model.yaml",       "golden/short-input/model.yaml",
        "../../demo/drumsep-mini.yaml"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        Config config;
        cleave_error error = {0};
        if (config_read(&config, test_data(paths[i]).text, NULL, &error) != CLEAVE_OK)
            fail_msg("%s", error.text);
        config_free(&config);
    }
}

static void inference_chunk_size_wins_and_dim_t_stands_in(void **state) {
    (void)state;
    Config c;
    expect_config("inference:\n", "inference:\n  chunk_size: 8064\n", &c);
    assert_int_equal(c.chunk_size, 8064);
    assert_int_equal(c.dim_t, 64);
    config_free(&c);
    expect_config("  chunk_size: 3968\n", "", &c);
    assert_int_equal(c.chunk_size, 128 * 31);
    config_free(&c);
    expect_config("  chunk_size: 3968\n", "  chunk_size: null\n", &c);
    assert_int_equal(c.chunk_size, 128 * 31);
    config_free(&c);
    expect_config("  dim_t: 64\n", "", &c);
    assert_int_equal(c.mean_dim_t, 32);
    config_free(&c);
}

static void a_missing_inference_section_has_defaults(void **state) {
    (void)state;
    Config c;
    expect_config("inference:\n  dim_t: 64\n  num_overlap: 4\n", "", &c);
    assert_int_equal(c.overlap, 2);
    assert_int_equal(c.mean_dim_t, 32);
    assert_false(c.normalize);
    config_free(&c);
}

static void a_target_is_the_only_stem(void **state) {
    (void)state;
    Config c;
    expect_config("target_instrument: null", "target_instrument: other", &c);
    assert_int_equal(c.stem_count, 1);
    assert_string_equal(c.stems[0], "other");
    config_free(&c);
    expect_config("target_instrument: null", "target_instrument: ''", &c);
    assert_int_equal(c.stem_count, 2);
    config_free(&c);
    expect_config("target_instrument: null", "target_instrument: ~", &c);
    assert_int_equal(c.stem_count, 2);
    config_free(&c);
    expect_config("target_instrument: null", "target_instrument: 'null'", &c);
    assert_string_equal(c.stems[0], "null");
    config_free(&c);
}

static void norms_and_activations_are_told_apart(void **state) {
    (void)state;
    Config c;
    expect_config("InstanceNorm", "GroupNorm4", &c);
    assert_int_equal(c.norm, NORM_GROUP);
    assert_int_equal(c.norm_groups, 4);
    config_free(&c);
    expect_config("InstanceNorm", "BatchNorm", &c);
    assert_int_equal(c.norm, NORM_BATCH);
    config_free(&c);
    static const char *const none[] = {"Identity", "instancenorm", "none", "null", "~", "''"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        expect_config("InstanceNorm", none[i], &c);
        assert_int_equal(c.norm, NORM_NONE);
        config_free(&c);
    }
    expect_config("gelu", "relu", &c);
    assert_int_equal(c.act, ACT_RELU);
    config_free(&c);
    expect_config("gelu", "elu0.7", &c);
    assert_int_equal(c.act, ACT_ELU);
    assert_true(c.act_alpha == 0.7f);
    config_free(&c);
    expect_config("gelu", "elu0", &c);
    assert_true(c.act == ACT_ELU && c.act_alpha == 0);
    config_free(&c);
    expect_config("gelu", "elu1e-1", &c);
    assert_true(c.act_alpha == 0.1f);
    config_free(&c);
}

static void yaml_of_the_wild_is_understood(void **state) {
    (void)state;
    static const struct {
        const char *from;
        const char *to;
    } edits[] = {
        {"scale: [2, 2]", "scale: !!python/tuple [2, 2]"},
        {"scale: [2, 2]", "scale: !!python/tuple\n  - 2\n  - 2"},
        {"scale: [2, 2]", "scale:\n    - 2\n    - 2.0"},
        {"training:\n", "training:\n  lr: 9.0e-05\n  q: 0.4\n  patience: 2\n"},
        {"sample_rate: 44100", "sample_rate: 44100.0"},
        {"sample_rate: 44100", "sample_rate: 4.41e4"},
        {"sample_rate: 44100", "sample_rate: 44_100"},
        {"sample_rate: 44100", "sample_rate: '44100'"},
        {"sample_rate: 44100", "sample_rate: 44100\t# with a tab and a comment"},
        {"sample_rate: 44100", "sample_rate: 48000\n  sample_rate: 44100"},
        {"audio:\n", "audio: # first\n\n"},
        {"audio:\n", "---\naudio:\n"},
        {"audio:\n", "%YAML 1.1\n---\naudio:\n"},
        {"audio:\n", "\xef\xbb\xbf"
                     "audio:\n"},
        {"audio:\n", "defaults: &d\n  sample_rate: 44100\naudio:\n  <<: *d\n"},
        {"  sample_rate: 44100\n", "  <<: {sample_rate: 44100, n_fft: 7}\n"},
        {"  sample_rate: 44100\n", "  <<: [{foo: 1}, {sample_rate: 44100}, {sample_rate: 8000}]\n"},
        {"  num_channels: 2\n", "  num_channels: &two 2\n  again: *two\n"},
        {"[vocals, other]", "\n  - vocals\n  - other"},
        {"[vocals, other]", "!!python/tuple [vocals, 'other']"},
        {"audio:\n", "augmentations:\n  ? [complex, key]\n  : {a: [1, {b: c}]}\naudio:\n"},
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        Config c;
        expect_config(edits[i].from, edits[i].to, &c);
        assert_int_equal(c.sample_rate, 44100);
        assert_int_equal(c.n_fft, 512);
        assert_int_equal(c.channels, 2);
        assert_int_equal(c.scale[0] * c.scale[1], 4);
        assert_string_equal(c.stems[1], "other");
        config_free(&c);
    }
}

static void crlf_and_json_are_yaml_too(void **state) {
    (void)state;
    Config c;
    char text[2 * sizeof(base)];
    size_t used = 0;
    for (const char *p = base; *p; p++) {
        if (*p == '\n')
            text[used++] = '\r';
        text[used++] = *p;
    }
    text[used] = '\0';
    parse_well(&c, text);
    assert_string_equal(c.stems[0], "vocals");
    config_free(&c);
    parse_well(&c,
               "{\"audio\": {\"n_fft\": 512, \"hop_length\": 128, \"dim_f\": 256, \"dim_t\": 32},"
               "\t\"model\": {\"act\": \"relu\", \"norm\": \"BatchNorm\", \"scale\": [2, 2],"
               " \"num_subbands\": 4, \"num_scales\": 2, \"num_blocks_per_scale\": 1,"
               " \"num_channels\": 8, \"growth\": 4, \"bottleneck_factor\": 4},"
               "\"training\": {\"instruments\": [\"a\"]}}");
    assert_int_equal(c.chunk_size, 3968);
    assert_int_equal(c.channels, 2);
    config_free(&c);
}

static void normalize_is_a_boolean_of_any_spelling(void **state) {
    (void)state;
    Config c;
    expect_config("inference:\n", "inference:\n  normalize: True\n", &c);
    assert_true(c.normalize);
    config_free(&c);
    expect_config("inference:\n", "inference:\n  normalize: off\n", &c);
    assert_false(c.normalize);
    config_free(&c);
    expect_refusal("inference:\n", "inference:\n  normalize: perhaps\n", "inference.normalize");
}

static void missing_keys_are_named(void **state) {
    (void)state;
    static const char *const lines[][2] = {
        {"  n_fft: 512\n", "audio.n_fft is missing"},
        {"  hop_length: 128\n", "audio.hop_length is missing"},
        {"  dim_f: 256\n", "audio.dim_f is missing"},
        {"  num_subbands: 4\n", "model.num_subbands is missing"},
        {"  num_scales: 2\n", "model.num_scales is missing"},
        {"  num_blocks_per_scale: 2\n", "model.num_blocks_per_scale is missing"},
        {"  num_channels: 8\n", "model.num_channels is missing"},
        {"  growth: 8\n", "model.growth is missing"},
        {"  bottleneck_factor: 4\n", "model.bottleneck_factor is missing"},
        {"  scale: [2, 2]\n", "model.scale is missing"},
        {"  norm: InstanceNorm\n", "model.norm is missing"},
        {"  act: gelu\n", "model.act is missing"},
        {"  instruments: [vocals, other]\n", "training.instruments is missing"},
        {"  chunk_size: 3968\n  dim_f: 256\n  dim_t: 32\n", "audio.dim_f is missing"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect_refusal(lines[i][0], "", lines[i][1]);
    expect_refusal("  chunk_size: 3968\n  dim_f: 256\n  dim_t: 32\n", "  dim_f: 256\n",
                   "audio.chunk_size is missing");
    expect_refusal("audio:\n", "sound:\n", "no section 'audio:'");
    expect_refusal("training:\n", "trainings:\n", "no section 'training:'");
}

static void values_that_lie_are_refused_with_key_and_value(void **state) {
    (void)state;
    static const char *const edits[][3] = {
        {"n_fft: 512", "n_fft: 0", "audio.n_fft is '0'"},
        {"n_fft: 512", "n_fft: -512", "audio.n_fft is '-512'"},
        {"n_fft: 512", "n_fft: 512.5", "audio.n_fft is '512.5'"},
        {"n_fft: 512", "n_fft: 1e30", "audio.n_fft is '1e30'"},
        {"n_fft: 512", "n_fft: 99999999999999999999999999", "audio.n_fft"},
        {"n_fft: 512", "n_fft: .inf", "audio.n_fft"},
        {"n_fft: 512", "n_fft: nan", "audio.n_fft"},
        {"n_fft: 512", "n_fft: 0512", "audio.n_fft"},
        {"n_fft: 512", "n_fft: [512]", "audio.n_fft is 'a list or a map'"},
        {"n_fft: 512", "n_fft: 518", "audio.n_fft is 518"},
        {"hop_length: 128", "hop_length: 513", "audio.hop_length is 513"},
        {"hop_length: 128", "hop_length: 512", "too long for audio.n_fft, 512"},
        {"dim_f: 256", "dim_f: 258", "audio.dim_f is 258"},
        {"dim_f: 256", "dim_f: 255", "does not divide by model.num_subbands, 4"},
        {"dim_f: 256", "dim_f: 240", "do not divide by model.bottleneck_factor, 4"},
        {"chunk_size: 3968", "chunk_size: 256", "more than 256"},
        {"chunk_size: 3968", "chunk_size: 3967", "31 frames"},
        {"chunk_size: 3968", "chunk_size: 4096", "33 frames"},
        {"chunk_size: 3968", "chunk_size: 999999999999", "audio.chunk_size"},
        {"chunk_size: 3968", "chunk_size: 1.0e-5", "audio.chunk_size"},
        {"num_channels: 2", "num_channels: 3", "audio.num_channels is '3'"},
        {"sample_rate: 44100", "sample_rate: 44.1", "audio.sample_rate"},
        {"num_scales: 2", "num_scales: 0", "model.num_scales is '0'"},
        {"num_scales: 2", "num_scales: 9", "scale"},
        {"num_blocks_per_scale: 2", "num_blocks_per_scale: 0", "num_blocks_per_scale"},
        {"growth: 8", "growth: -4", "0 channels at scale 2"},
        {"growth: 8", "growth: 60000", "channels at scale 2"},
        {"InstanceNorm", "GroupNorm3", "3 groups"},
        {"InstanceNorm", "GroupNorm", "GroupNorm8"},
        {"InstanceNorm", "GroupNorm0", "GroupNorm8"},
        {"InstanceNorm", "GroupNorm2.5", "GroupNorm8"},
        {"InstanceNorm", "[a]", "model.norm"},
        {"gelu", "elu", "model.act is 'elu'"},
        {"gelu", "elu-1", "model.act"},
        {"gelu", "eluinf", "model.act"},
        {"gelu", "swish", "model.act is 'swish'"},
        {"gelu", "GELU", "model.act is 'GELU'"},
        {"scale: [2, 2]", "scale: 2", "model.scale must be two numbers"},
        {"scale: [2, 2]", "scale: [2]", "model.scale must be two numbers"},
        {"scale: [2, 2]", "scale: [2, 2, 2]", "model.scale must be two numbers"},
        {"scale: [2, 2]", "scale: {2: 2}", "model.scale must be two numbers"},
        {"scale: [2, 2]", "scale: [0, 2]", "model.scale[0] is '0'"},
        {"scale: [2, 2]", "scale: [3, 2]", "32 frames"},
        {"scale: [2, 2]", "scale: [2, 3]", "do not divide by model.scale[1], 3"},
        {"[vocals, other]", "[]", "must be a list of names"},
        {"[vocals, other]", "vocals", "must be a list of names"},
        {"[vocals, other]", "[a, [b]]", "no name for a stem"},
        {"[vocals, other]", "[a, '']", "no name for a stem"},
        {"[vocals, other]", "[a, \"b\\nc\"]", "no name for a stem"},
        {"[vocals, other]", "[a, b, a]", "'a' twice"},
        {"target_instrument: null", "target_instrument: [a]", "target_instrument"},
        {"num_overlap: 4", "num_overlap: 0", "inference.num_overlap"},
        {"num_overlap: 4", "num_overlap: -1", "inference.num_overlap"},
        {"num_overlap: 4", "num_overlap: 2.5", "inference.num_overlap"},
        {"num_overlap: 4", "num_overlap: 3000000000", "inference.num_overlap"},
        {"dim_t: 64", "dim_t: many", "inference.dim_t is 'many'"},
        {"hop_length: 128", "hop_length: 1\n  chunk_size: 268435456", "no machine holds"},
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
        expect_refusal(edits[i][0], edits[i][1], edits[i][2]);
}

static void errors_say_the_line(void **state) {
    (void)state;
    expect_refusal("dim_f: 256", "dim_f: many", "line 3:");
    expect_refusal("dim_f: 256", "dim_f: [1, 2", "line");
}

static void other_architectures_are_recognised(void **state) {
    (void)state;
    expect_refusal("num_subbands: 4", "band_SR: [0.2, 0.8]", "SCNet");
    expect_refusal("num_subbands: 4", "feature_dim: 256", "Apollo");
    Config config;
    cleave_error error;
    assert_int_not_equal(parse(&config, "htdemucs:\n  depth: 4\n", &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "HTDemucs");
}

static void what_is_no_yaml_is_refused_in_one_line(void **state) {
    (void)state;
    static const char *const texts[] = {"",           "\n\n",      "null",  "[1, 2]",    "- a\n- b",
                                        "a: b: c",    "{",         "\x01",  "\xff",      "*nobody",
                                        "a: &b [*c]", "%",         "audio", "a:\n\t- b", "'",
                                        "---\n...\n", "!!binary x"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        Config config;
        cleave_error error = {0};
        if (parse(&config, texts[i], &error) == CLEAVE_OK)
            fail_msg("'%s' was accepted", texts[i]);
        test_assert_error(&error, CLEAVE_ERROR_MODEL, "x.yaml");
    }
}

static void alias_bombs_cost_nothing(void **state) {
    (void)state;
    char text[8192] = "a: &x0 {v: [lol]}\n";
    size_t used = strlen(text);
    for (int i = 1; i < 60; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "b%d: &x%d {<<: [*x%d, *x%d, *x%d, *x%d]}\n", i, i, i - 1, i - 1,
                                 i - 1, i - 1);
    snprintf(text + used, sizeof(text) - used,
             "audio: *x59\nmodel: *x59\ntraining: &self {<<: *self, next: *self}\n");
    Config config;
    cleave_error error = {0};
    assert_int_not_equal(parse(&config, text, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "audio.n_fft is missing");
}

static char *repeated(const char *part, size_t times, const char *end) {
    size_t length = strlen(part);
    char *text = malloc(length * times + strlen(end) + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times * length; i++)
        text[i] = part[i % length];
    memcpy(text + length * times, end, strlen(end) + 1);
    return text;
}

static void refuse_repeated(const char *part, size_t times, const char *end, const char *fragment) {
    Config config;
    cleave_error error = {0};
    char *text = repeated(part, times, end);
    assert_int_not_equal(parse(&config, text, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
    free(text);
}

static void depth_size_and_number_of_values_are_bounded(void **state) {
    (void)state;
    refuse_repeated("[", 64, "]", "line");
    refuse_repeated("[", 65, "]", "64 deep");
    refuse_repeated("[", 100000, "", "64 deep");
    refuse_repeated("{a: ", 100000, "", "64 deep");
    refuse_repeated("- - - - - - - - - ", 10000, "", "64 deep");
    refuse_repeated("- 1\n", 20001, "", "20000 values");
    refuse_repeated("- &a 1\n", 1001, "", "1000 anchors");
    refuse_repeated("# a comment that is long enough\n", 40000, "", "bytes long");
}

/* Cut at every byte, and with random bytes in it: an error or a configuration, never more. */
static void every_truncation_is_survived(void **state) {
    (void)state;
    for (size_t size = 0; size < strlen(base); size++) {
        Config config;
        cleave_error error = {0};
        char *copy = copy_bytes(base, size);
        if (config_parse(&config, copy, size, "x.yaml", NULL, &error) == CLEAVE_OK)
            config_free(&config);
        else
            test_assert_error(&error, CLEAVE_ERROR_MODEL, "x.yaml");
        free(copy);
    }
}

static void random_bytes_are_survived(void **state) {
    (void)state;
    static const char alphabet[] = "[]{}&*!|>'\"%@`#:,-? \n\t0123456789aelnu<\\/\xc3\xff";
    uint64_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        Config config;
        cleave_error error = {0};
        char text[sizeof(base)];
        memcpy(text, base, sizeof(base));
        int changes = 1 + (int)(random_next(&seed) % 6);
        for (int i = 0; i < changes; i++)
            text[random_next(&seed) % (sizeof(base) - 1)] =
                alphabet[random_next(&seed) % (sizeof(alphabet) - 1)];
        if (parse(&config, text, &error) == CLEAVE_OK)
            config_free(&config);
        else
            test_assert_error(&error, CLEAVE_ERROR_MODEL, "x.yaml");
    }
}

static void frames_of_another_length_are_checked(void **state) {
    (void)state;
    Config c;
    cleave_error error = {0};
    parse_well(&c, base);
    assert_int_equal(config_check_frames(&c, 64, "inference.dim_t", &error), CLEAVE_OK);
    assert_int_not_equal(config_check_frames(&c, 66, "inference.dim_t", &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "inference.dim_t gives 66 frames");
    assert_int_not_equal(config_check_frames(&c, 0, "inference.dim_t", &error), CLEAVE_OK);
    config_free(&c);
}

static void a_chunk_is_what_its_frames_cover(void **state) {
    (void)state;
    static const int sizes[] = {3968, 3969, 4094, 4095};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        Config c;
        char line[64];
        snprintf(line, sizeof(line), "chunk_size: %d", sizes[i]);
        expect_config("chunk_size: 3968", line, &c);
        assert_int_equal(c.chunk_size, 3968);
        assert_int_equal(c.given_chunk_size, sizes[i]);
        assert_int_equal(c.dim_t, 32);
        config_free(&c);
    }
}

/* 675 = 3³·5². Padded by 337 on both sides, one sample of the chunk is left over: it takes 3969 of
 * them for 32 frames. */
static void odd_transforms_have_their_own_number_of_frames(void **state) {
    (void)state;
    Config c;
    expect_config("chunk_size: 3968\n  dim_f: 256\n  dim_t: 32\n  hop_length: 128\n  n_fft: 512",
                  "chunk_size: 3969\n  dim_f: 256\n  hop_length: 128\n  n_fft: 675", &c);
    assert_int_equal(c.dim_t, 32);
    assert_int_equal(c.chunk_size, 3969);
    config_free(&c);
    expect_config("chunk_size: 3968\n  dim_f: 256\n  dim_t: 32\n  hop_length: 128\n  n_fft: 512",
                  "chunk_size: 4000\n  dim_f: 256\n  hop_length: 128\n  n_fft: 675", &c);
    assert_int_equal(c.chunk_size, 3969);
    config_free(&c);
    expect_refusal("n_fft: 512", "n_fft: 675", "31 frames");
}

/* The least sum of squared windows over the samples that an inverse STFT of `frames` frames keeps,
 * counted frame by frame: n_fft / 2 samples are cut off at either end. */
static double least_sum(int n_fft, int hop, int frames) {
    const double pi = 3.14159265358979323846;
    int first = n_fft / 2;
    int end = n_fft + hop * (frames - 1) - n_fft / 2;
    double least = INFINITY;
    for (int sample = first; sample < end; sample++) {
        double sum = 0;
        for (int frame = 0; frame < frames; frame++) {
            int index = sample - frame * hop;
            if (index >= 0 && index < n_fft)
                sum += pow(sin(pi * index / n_fft), 4);
        }
        least = fmin(least, sum);
    }
    return least;
}

static void expect_cover(int n_fft, int hop, int frames) {
    if (istft_windows_cover(n_fft, hop) != (least_sum(n_fft, hop, frames) >= 1e-11))
        fail_msg("n_fft %d, hop %d, %d frames: the least sum is %g", n_fft, hop, frames,
                 least_sum(n_fft, hop, frames));
}

static void windows_cover_what_a_count_says_they_do(void **state) {
    (void)state;
    for (int n_fft = 2; n_fft <= 40; n_fft++)
        for (int hop = 1; hop <= n_fft + 3; hop++)
            for (int frames = 2; frames <= 6; frames++)
                expect_cover(n_fft, hop, frames);
    /* In longer windows more than the first weight is below the limit. */
    static const int sizes[] = {1766, 1767, 1768, 3125, 6144, 8192, 16384, 65536};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (int overlap = 0; overlap <= 120; overlap += overlap < 16 ? 1 : 13)
            expect_cover(sizes[i], sizes[i] - overlap, 2);
    assert_false(istft_windows_cover(8192, 8191));
    assert_true(istft_windows_cover(8192, 4096));
    assert_true(istft_windows_cover(1 << 20, 1 << 19));
    assert_false(istft_windows_cover(1 << 20, 1 << 20));
}

static void any_whole_overlap_is_taken(void **state) {
    (void)state;
    Config c;
    expect_config("num_overlap: 4", "num_overlap: 64", &c);
    assert_int_equal(c.overlap, 64);
    config_free(&c);
    expect_config("num_overlap: 4", "num_overlap: 2147483647", &c);
    assert_int_equal(c.overlap, 2147483647);
    config_free(&c);
}

static void a_long_path_leaves_room_for_the_reason(void **state) {
    (void)state;
    Config config;
    cleave_error error = {0};
    char path[1100];
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    for (size_t i = 0; i < sizeof(path) - 1; i += 100)
        path[i] = '/';
    assert_int_not_equal(config_read(&config, path, NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "No such file");
    assert_int_not_equal(config_parse(&config, "a: [", 4, path, NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "not valid YAML");
    assert_int_not_equal(config_parse(&config, "a: 1", 4, path, NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "no section 'audio:'");
    char *text = edited("chunk_size: 3968", "chunk_size: 4096");
    assert_int_not_equal(config_parse(&config, text, strlen(text), path, NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "33 frames");
    free(text);
}

static void files_that_cannot_be_read_are_named(void **state) {
    (void)state;
    Config config;
    cleave_error error = {0};
    assert_int_not_equal(config_read(&config, "/nowhere/x.yaml", NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "/nowhere/x.yaml");
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "; check the path");
    assert_int_not_equal(config_read(&config, "/", NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "it is a folder");
    assert_int_not_equal(config_read(&config, "/dev/null", NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "it is a pipe or a device");
    TestPath empty = test_temporary("empty.yaml");
    write_bytes(empty.text, "", 0);
    assert_int_not_equal(config_read(&config, empty.text, NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "empty");
}

/* What is given in a configuration's place says what it looks like. */
static void files_of_other_kinds_are_named(void **state) {
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *words;
    } files[] = {
        {"PK\x03\x04\x14\x00", 6, "this is a checkpoint or another ZIP, not a configuration"},
        {"\x40\0\0\0\0\0\0\0{\"a\": 1}", 16, "this is a checkpoint"},
        {"\x80\x02}q\x00.", 6, "this is a Python pickle, not a configuration"},
        {"\x89PNG\r\n\x1a\n", 8, "this is a picture (PNG), not a configuration"},
        {"\xff\xd8\xff\xe0", 4, "this is a picture (JPEG), not a configuration"},
        {"\x1f\x8b\x08\x00\x00", 5, "this is a gzip archive, not a configuration"},
        {"RIFF\x24\x00\x00\x00WAVE", 12, "this is a WAV file, not a configuration"},
        {"\x00\x00\x00\x20"
         "ftypM4A ",
         12, "this is an MP4 or M4A file, not a configuration"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "this is a Git LFS pointer"},
        {"<!DOCTYPE html>\n<html>", 22, "this is a web page"},
        {"\0\0\0\0\0\0\0\0", 8, "this is zeros"},
        {"\x13\x37\0\xfe\xca", 5, "this is a binary file, not a configuration"},
    };
    TestPath path = test_temporary("kind.yaml");
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        Config config;
        cleave_error error = {0};
        write_bytes(path.text, files[i].data, files[i].size);
        assert_int_not_equal(config_read(&config, path.text, NULL, &error), CLEAVE_OK);
        test_assert_error(&error, CLEAVE_ERROR_MODEL, files[i].words);
        test_assert_error(&error, CLEAVE_ERROR_MODEL, "YAML file that came with");
    }
}

static void other_encodings_are_to_be_saved_as_utf8(void **state) {
    (void)state;
    Config config;
    cleave_error error = {0};
    assert_int_not_equal(parse(&config, "# caf\xE9\naudio: {}\n", &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "not YAML text: byte 6");
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "; save it as UTF-8, or give");
}

/* Windows' editors write it so. */
static void utf16_is_no_binary_file(void **state) {
    (void)state;
    TestPath path = test_temporary("utf16.yaml");
    char *text = edited("chunk_size: 3968", "chunk_size: 3968");
    size_t length = strlen(text);
    char *wide = malloc(2 * length + 2);
    Config config;
    cleave_error error = {0};
    assert_non_null(wide);
    wide[0] = '\xff';
    wide[1] = '\xfe';
    for (size_t i = 0; i < length; i++)
        memcpy(wide + 2 + 2 * i, (const char[2]){text[i], 0}, 2);
    write_bytes(path.text, wide, 2 * length + 2);
    assert_int_equal(config_read(&config, path.text, NULL, &error), CLEAVE_OK);
    config_free(&config);
    free(wide);
    free(text);
}

static void numbers_do_not_depend_on_the_locale(void **state) {
    (void)state;
    double value;
    assert_true(yaml_number("0.7", &value) && value == 0.7);
    assert_true(yaml_number("-1.5e3", &value) && value == -1500);
    assert_true(yaml_number(".5", &value) && value == 0.5);
    assert_true(yaml_number("5.", &value) && value == 5);
    assert_true(yaml_number("9.0e-05", &value) && value == 9.0e-05);
    assert_true(yaml_number("123456789012345678901234567890", &value) &&
                fabs(value / 1.2345678901234568e29 - 1) < 1e-12);
    static const char *const wrong[] = {"",    ".",     "-",  "1e",      "1e+",   "1,5", "0x10",
                                        "1 2", "1.2.3", "e5", "1e99999", "1e999", "_1",  "010"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(yaml_number(wrong[i], &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usual_configuration_is_read),
        cmocka_unit_test(golden_and_demo_configurations_are_read),
        cmocka_unit_test(inference_chunk_size_wins_and_dim_t_stands_in),
        cmocka_unit_test(a_missing_inference_section_has_defaults),
        cmocka_unit_test(a_target_is_the_only_stem),
        cmocka_unit_test(norms_and_activations_are_told_apart),
        cmocka_unit_test(yaml_of_the_wild_is_understood),
        cmocka_unit_test(crlf_and_json_are_yaml_too),
        cmocka_unit_test(normalize_is_a_boolean_of_any_spelling),
        cmocka_unit_test(missing_keys_are_named),
        cmocka_unit_test(values_that_lie_are_refused_with_key_and_value),
        cmocka_unit_test(errors_say_the_line),
        cmocka_unit_test(other_architectures_are_recognised),
        cmocka_unit_test(what_is_no_yaml_is_refused_in_one_line),
        cmocka_unit_test(alias_bombs_cost_nothing),
        cmocka_unit_test(depth_size_and_number_of_values_are_bounded),
        cmocka_unit_test(every_truncation_is_survived),
        cmocka_unit_test(random_bytes_are_survived),
        cmocka_unit_test(frames_of_another_length_are_checked),
        cmocka_unit_test(a_chunk_is_what_its_frames_cover),
        cmocka_unit_test(odd_transforms_have_their_own_number_of_frames),
        cmocka_unit_test(windows_cover_what_a_count_says_they_do),
        cmocka_unit_test(any_whole_overlap_is_taken),
        cmocka_unit_test(a_long_path_leaves_room_for_the_reason),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
        cmocka_unit_test(files_of_other_kinds_are_named),
        cmocka_unit_test(other_encodings_are_to_be_saved_as_utf8),
        cmocka_unit_test(utf16_is_no_binary_file),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
