/* test_roformer.c: configurations of BS-Roformers and Mel-Band Roformers, the weights that they
 * imply, and what is said of a checkpoint that has others. */
#include "base/random.h"
#include "tests/support/files.h"
#include "tests/support/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoint_private.h"
#include "model/family.h"
#include "model/network.h"
#include "model/network_check.h"
#include "model/roformer.h"

/* The section "audio" contradicts the section "model", as in some public files. */
static const char base[] = "audio:\n"
                           "  chunk_size: 96\n"
                           "  dim_f: 3\n"
                           "  dim_t: 1000000\n"
                           "  hop_length: 99\n"
                           "  n_fft: 77\n"
                           "  num_channels: 1\n"
                           "  sample_rate: 44100\n"
                           "model:\n"
                           "  dim: 8\n"
                           "  depth: 2\n"
                           "  stereo: true\n"
                           "  num_stems: 2\n"
                           "  dim_head: 4\n"
                           "  heads: 3\n"
                           "  freqs_per_bands: !!python/tuple\n"
                           "  - 1\n"
                           "  - 2\n"
                           "  - 6\n"
                           "  stft_n_fft: 16\n"
                           "  stft_hop_length: 5\n"
                           "training:\n"
                           "  instruments: [vocals, other]\n"
                           "  target_instrument: null\n";

#define BANDS                             \
    "  freqs_per_bands: !!python/tuple\n" \
    "  - 1\n"                             \
    "  - 2\n"                             \
    "  - 6\n"                             \
    "  stft_n_fft: 16\n"                  \
    "  stft_hop_length: 5\n"

/* The sizes that the default bands of both families are for. */
#define USUAL_STFT "  stft_n_fft: 2048\n  stft_hop_length: 512\n"
#define LONG_CHUNK "inference:\n  chunk_size: 4096\n"

/* The base with the first `from` replaced by `to`; the caller's. */
static char *edited(const char *text, const char *from, const char *to) {
    const char *place = strstr(text, from);
    if (!place)
        fail_msg("there is no '%s'", from);
    size_t size = strlen(text) + strlen(to) + 1;
    char *result = malloc(size);
    assert_non_null(result);
    snprintf(result, size, "%.*s%s%s", (int)(place - text), text, to, place + strlen(from));
    return result;
}

/* Parses from memory of exactly the right size. */
static cleave_status parse(Config *config, const char *text, const Checkpoint *checkpoint,
                           cleave_error *error) {
    size_t size = strlen(text);
    char *copy = copy_bytes(text, size);
    cleave_status status = config_parse(config, copy, size, "x.yaml", checkpoint, error);
    free(copy);
    return status;
}

static Config must_parse(const char *text, const Checkpoint *checkpoint) {
    Config config;
    cleave_error error = {0};
    if (parse(&config, text, checkpoint, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return config;
}

static Config must_parse_edited(const char *from, const char *to) {
    char *text = edited(base, from, to);
    Config config = must_parse(text, NULL);
    free(text);
    return config;
}

static void expect_refusal(const char *from, const char *to, const char *fragment) {
    Config config;
    cleave_error error = {0};
    char *text = edited(base, from, to);
    if (parse(&config, text, NULL, &error) == CLEAVE_OK)
        fail_msg("'%s' was accepted", to);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "x.yaml");
    free(text);
}

static Checkpoint *read_checkpoint(const char *name) {
    Checkpoint *checkpoint = NULL;
    cleave_error error = {0};
    if (checkpoint_open(&checkpoint, test_data(name).text, NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    return checkpoint;
}

/* ---- Which network it is ---- */

static void keys_say_which_network_it_is(void **state) {
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        const NetworkFamily *family;
    } edits[] = {
        {"dim: 8", "dim: 8", &bs_roformer_family},
        {BANDS, "  num_bands: 60\n" USUAL_STFT, &mel_band_roformer_family},
        {"  - 6\n", "  - 6\n  num_bands: null\n", &bs_roformer_family},
        {BANDS "training:\n", USUAL_STFT "training:\n", &bs_roformer_family},
        {BANDS "training:\n", USUAL_STFT "training:\n  model_type: bs_roformer\n",
         &bs_roformer_family},
        {BANDS "training:\n", USUAL_STFT "training:\n  model_type: mel_band_roformer\n",
         &mel_band_roformer_family},
        {BANDS "training:\n", BANDS "training:\n  model_type: mel_band_roformer\n",
         &bs_roformer_family},
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        char *text = edited(base, edits[i].from, edits[i].to);
        char *longer = edited(text, "audio:\n", LONG_CHUNK "audio:\n");
        Config config = must_parse(longer, NULL);
        assert_string_equal(config.family->name, edits[i].family->name);
        config_free(&config);
        free(longer);
        free(text);
    }
    /* MDX23C asks for keys of its own. */
    expect_refusal("  dim: 8", "  num_subbands: 4\n  dim: 8", "model.num_scales");
}

static void the_checkpoint_decides_where_the_text_does_not(void **state) {
    (void)state;
    char *text = edited(base, BANDS, USUAL_STFT);
    char *longer = edited(text, "audio:\n", LONG_CHUNK "audio:\n");
    Checkpoint *bs = read_checkpoint("golden/bs-target/model.ckpt");
    Checkpoint *mel = read_checkpoint("golden/mel-target/model.ckpt");
    Config config = must_parse(longer, bs);
    assert_ptr_equal(config.family, &bs_roformer_family);
    assert_int_equal(config.roformer.band_count, 62);
    config_free(&config);
    config = must_parse(longer, mel);
    assert_ptr_equal(config.family, &mel_band_roformer_family);
    assert_int_equal(config.roformer.band_count, 60);
    config_free(&config);
    /* And only there. */
    config = must_parse(base, mel);
    assert_ptr_equal(config.family, &bs_roformer_family);
    config_free(&config);
    checkpoint_close(bs);
    checkpoint_close(mel);
    free(longer);
    free(text);
}

static void contradictions_and_variants_are_refused_by_name(void **state) {
    (void)state;
    static const char *const edits[][2] = {
        {"num_bands: 60", "freqs_per_bands, as a BS-Roformer, and num_bands, as a Mel-Band"},
        {"use_pope: true", "model.use_pope: this is a Roformer with PoPE"},
        {"use_value_residual_learning: true", "value residuals"},
        {"num_residual_streams: 4", "hyper-connections"},
        {"num_residual_streams: 0", "hyper-connections"},
        {"linear_transformer_depth: 1", "linear attention"},
        {"linear_transformer_depth: [0]", "linear attention"},
        {"time_conformer_depth: 1", "conformers"},
        {"freq_conformer_depth: 1", "conformers"},
        {"conv_kernel_size: 31", "conformers"},
        {"num_repeat_mask: 8", "Mamba2"},
        {"num_bands: 60\n  use_pope: true", "PoPE"}, /* the variant comes first */
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        char to[200];
        snprintf(to, sizeof(to), "  %s\n  dim: 8\n", edits[i][0]);
        expect_refusal("  dim: 8\n", to, edits[i][1]);
    }
    static const char *const mamba[] = {"  feature_dim: 128\n  num_repeat_mask: 8\n"};
    char *text = edited(base, "  dim: 8\n  depth: 2\n", mamba[0]);
    char *without = edited(text, BANDS, "");
    Config config;
    cleave_error error = {0};
    assert_int_not_equal(parse(&config, without, NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "Mamba2");
    free(without);
    free(text);
}

static void values_that_change_nothing_pass(void **state) {
    (void)state;
    static const char *const lines[] = {
        "use_pope: false",
        "use_pope: null",
        "use_value_residual_learning: False",
        "num_residual_streams: 1",
        "linear_transformer_depth: 0",
        "linear_transformer_depth: null",
        "linear_transformer_depth: 0.0",
        "time_conformer_depth: null",
        "num_bands: ~",
        "num_subbands_of_others: 3",
        "flash_attn: true",
        "sage_attention: true",
        "attn_dropout: 0.1",
        "ff_dropout: 0.1",
        "dim_freqs_in: 1025",
        "stft_normalized: true",
        "use_torch_checkpoint: true",
        "match_input_audio_length: true",
        "multi_stft_resolution_loss_weight: 1.0",
        "multi_stft_hop_size: 147",
        "multi_stft_normalized: False",
        "multi_stft_resolutions_window_sizes: !!python/tuple [4096, 2048]",
        "stft_win_length: 16",
        "stft_win_length: null",
        "mask_estimator_depth: null",
        "sample_rate: none at all"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char to[200];
        snprintf(to, sizeof(to), "  %s\n  dim: 8\n", lines[i]);
        Config config = must_parse_edited("  dim: 8\n", to);
        assert_int_equal(config.roformer.dim, 8);
        assert_int_equal(config.roformer.hidden_layers, 1);
        config_free(&config);
    }
}

/* ---- Values ---- */

static void the_model_section_decides_and_audio_does_not(void **state) {
    (void)state;
    Config c = must_parse(base, NULL);
    assert_int_equal(c.n_fft, 16);
    assert_int_equal(c.hop_length, 5);
    assert_int_equal(c.dim_f, 9);
    assert_int_equal(c.channels, 2);
    assert_int_equal(c.chunk_size, 96); /* no multiple of the hop */
    assert_int_equal(c.given_chunk_size, 96);
    assert_int_equal(c.dim_t, 20);
    assert_int_equal(c.mean_dim_t, 0);
    assert_int_equal(c.stem_count, 2);
    const RoformerConfig *r = &c.roformer;
    assert_int_equal(r->depth, 2);
    assert_int_equal(r->heads, 3);
    assert_int_equal(r->dim_head, 4);
    assert_int_equal(r->band_count, 3);
    assert_int_equal(r->bands[2].first, 3);
    assert_int_equal(r->bands[2].bins, 6);
    config_free(&c);
    config_free(&c); /* twice does no harm */
}

static void what_is_left_out_is_as_the_framework_has_it(void **state) {
    (void)state;
    char *text = edited(base, "  stereo: true\n  num_stems: 2\n  dim_head: 4\n  heads: 3\n", "");
    char *shorter = edited(text, BANDS, "");
    char *one = edited(shorter, "target_instrument: null", "target_instrument: vocals");
    char *longer = edited(one, "audio:\n", LONG_CHUNK "audio:\n");
    Config c = must_parse(longer, NULL);
    const RoformerConfig *r = &c.roformer;
    assert_int_equal(c.channels, 1);
    assert_int_equal(c.n_fft, 2048);
    assert_int_equal(c.hop_length, 512);
    assert_int_equal(c.chunk_size, 4096); /* inference's wins */
    assert_int_equal(r->stems, 1);
    assert_int_equal(r->time_depth, 2);
    assert_int_equal(r->band_depth, 2);
    assert_int_equal(r->dim_head, 64);
    assert_int_equal(r->heads, 8);
    assert_int_equal(r->expansion, 4);
    assert_int_equal(r->hidden_layers, 1);
    assert_int_equal(r->band_count, 62);
    assert_int_equal(r->bands[61].bins, 129);
    assert_true(r->zero_dc);
    assert_false(r->skip_connection);
    config_free(&c);
    free(longer);
    free(one);
    free(shorter);
    free(text);
}

static void families_count_hidden_layers_in_their_own_way(void **state) {
    (void)state;
    Config c = must_parse_edited("  dim: 8\n", "  dim: 8\n  mask_estimator_depth: 1\n");
    assert_int_equal(c.roformer.hidden_layers, 0);
    config_free(&c);
    char *text = edited(base, BANDS,
                        "  num_bands: 2\n  mask_estimator_depth: 3\n"
                        "  stft_n_fft: 16\n  stft_hop_length: 5\n");
    c = must_parse(text, NULL);
    assert_int_equal(c.roformer.hidden_layers, 3);
    config_free(&c);
    free(text);
    expect_refusal("  dim: 8\n", "  dim: 8\n  mask_estimator_depth: 0\n", "mask_estimator_depth");
}

static void plain_lists_and_flags_are_read(void **state) {
    (void)state;
    Config c = must_parse_edited(BANDS, "  freqs_per_bands: [4, 5]\n  stft_n_fft: 16\n"
                                        "  stft_hop_length: 5\n  zero_dc: no\n"
                                        "  skip_connection: true\n");
    assert_int_equal(c.roformer.band_count, 2);
    assert_false(c.roformer.zero_dc);
    assert_true(c.roformer.skip_connection);
    config_free(&c);
}

static void wrong_values_are_refused(void **state) {
    (void)state;
    static const char *const edits[][3] = {
        {"  depth: 2\n", "", "model.depth is missing"},
        {"  dim: 8\n", "", "model.dim is missing"},
        {"depth: 2", "depth: 0", "model.depth is '0'"},
        {"depth: 2", "depth: 257", "model.depth is '257'"},
        {"dim: 8", "dim: 65537", "model.dim is '65537'"},
        {"num_stems: 2", "num_stems: 3", "model.num_stems is 3, but training names 2 stems"},
        {"num_stems: 2", "num_stems: null", "model.num_stems is 1, but training names 2 stems"},
        {"target_instrument: null", "target_instrument: other", "is 2, but training names 1 stem"},
        {"  - 6\n", "  - 7\n",
         "freqs_per_bands has 10 bins, but an STFT with model.stft_n_fft 16 has 9"},
        {"  - 6\n", "  - six\n", "model.freqs_per_bands is 'six'"},
        {"  - 6\n", "  - 0\n", "model.freqs_per_bands is '0'"},
        {"!!python/tuple\n  - 1\n  - 2\n  - 6\n", "[]\n", "must be a list of numbers of bins"},
        {"!!python/tuple\n  - 1\n  - 2\n  - 6\n", "9\n", "must be a list of numbers of bins"},
        {BANDS, "  stft_n_fft: 16\n  stft_hop_length: 5\n",
         "freqs_per_bands, by default, has 1025"},
        {"stft_n_fft: 16", "stft_n_fft: 15", "model.stft_n_fft"},
        {"  - 6\n  stft_n_fft: 16", "  - 5\n  stft_n_fft: 14", "prime factor"},
        {"stft_hop_length: 5", "stft_hop_length: 9", "model.stft_hop_length is 9, more than half"},
        {"stft_hop_length: 5", "stft_hop_length: 5\n  stft_win_length: 12",
         "model.stft_win_length is 12, and model.stft_n_fft 16"},
        {"stft_n_fft: 16", "stft_n_fft: 4096",
         "model.stft_win_length is 2048, its default, and model.stft_n_fft 4096"},
        {"dim_head: 4", "dim_head: 5", "model.dim_head is 5; it must be even"},
        {"stereo: true", "stereo: perhaps", "model.stereo is 'perhaps'"},
        {"chunk_size: 96", "chunk_size: 8", "8 samples"},
        {"  chunk_size: 96\n", "", "audio.chunk_size is missing"},
        {BANDS, "  num_bands: 16\n  stft_n_fft: 16\n",
         "has no bin of an STFT with model.stft_n_fft 16"},
        {BANDS, "  num_bands: 4097\n", "model.num_bands is '4097'"},
        {BANDS, "  num_bands: 2\n  sample_rate: 10\n  stft_n_fft: 16\n",
         "model.sample_rate is '10'"},
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
        expect_refusal(edits[i][0], edits[i][1], edits[i][2]);
    Config c = must_parse_edited("stft_n_fft: 16", "stft_n_fft: 16 # even");
    config_free(&c);
}

static void sizes_beyond_any_machine_are_refused(void **state) {
    (void)state;
    static const char *const edits[][3] = {
        {"dim_head: 4\n  heads: 3", "dim_head: 4096\n  heads: 4096", "no machine holds"},
        {"dim: 8", "dim: 65536", "no machine holds"},
        {"dim: 8", "dim: 4096\n  mlp_expansion_factor: 64", "no machine holds"},
        {"depth: 2", "depth: 256\n  time_transformer_depth: 64\n  freq_transformer_depth: 64",
         "has more than 200000"},
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        char *text = edited(base, edits[i][0], edits[i][1]);
        char *longer = edited(text, "audio:\n", "inference:\n  chunk_size: 16777216\naudio:\n");
        Config config;
        cleave_error error = {0};
        assert_int_not_equal(parse(&config, longer, NULL, &error), CLEAVE_OK);
        test_assert_error(&error, CLEAVE_ERROR_MODEL, edits[i][2]);
        free(longer);
        free(text);
    }
    static const char stems[] = "  num_stems: 256\n  dim: 8\n  mask_estimator_depth: 64\n"
                                "  num_bands: 4096\n  stft_n_fft: 1048576\n";
    char *text = edited(base, BANDS, stems);
    Config config;
    cleave_error error = {0};
    assert_int_not_equal(parse(&config, text, NULL, &error), CLEAVE_OK);
    test_assert_error(&error, CLEAVE_ERROR_MODEL, "x.yaml");
    free(text);
}

static void mel_bands_are_those_of_the_framework(void **state) {
    (void)state;
    static const int bins[60] = {7,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,   6,   6,   6,
                                 7,  7,  7,  9,  9,  9,  10, 10, 11, 13, 13, 13,  15,  16,  17,
                                 19, 20, 20, 22, 24, 26, 28, 29, 31, 33, 36, 39,  41,  44,  47,
                                 50, 54, 57, 61, 66, 71, 76, 80, 86, 93, 99, 105, 113, 122, 130};
    char *text = edited(base, BANDS, "  num_bands: 60\n" USUAL_STFT);
    char *longer = edited(text, "audio:\n", LONG_CHUNK "audio:\n");
    Config c = must_parse(longer, NULL);
    assert_int_equal(c.roformer.band_count, 60);
    for (int i = 0; i < 60; i++)
        assert_int_equal(c.roformer.bands[i].bins, bins[i]);
    assert_int_equal(c.roformer.bands[0].first, 0);
    assert_int_equal(c.roformer.bands[1].first, 4);
    assert_int_equal(c.roformer.bands[58].first, 836);
    assert_int_equal(c.roformer.bands[59].first, 895);
    config_free(&c);
    free(longer);
    free(text);
}

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

/* Writes the base with some of its numbers replaced by others of any size. */
static void scramble(char *text, size_t size, uint64_t *seed) {
    static const char *const numbers[] = {"0",         "1",          "2",    "3",     "16",
                                          "63",        "256",        "4096", "65536", "1048576",
                                          "268435456", "2147483647", "-1",   "1e3",   "x"};
    const size_t count = sizeof(numbers) / sizeof(numbers[0]);
    size_t used = 0;
    for (const char *p = base; *p; p++) {
        size_t digits = strspn(p, "0123456789");
        bool replaced = digits > 0 && random_next(seed) % 4 == 0;
        const char *number = numbers[random_next(seed) % count];
        used += (size_t)(replaced ? snprintf(text + used, size - used, "%s", number)
                                  : snprintf(text + used, size - used, "%c", *p));
        p += replaced ? digits - 1 : 0;
    }
}

static void random_numbers_are_survived(void **state) {
    (void)state;
    uint64_t seed = 1;
    int networks = 0;
    for (int round = 0; round < 5000; round++) {
        char text[2 * sizeof(base)];
        Config config;
        WeightSpec *specs = NULL;
        size_t count = 0;
        cleave_error error = {0};
        scramble(text, sizeof(text), &seed);
        if (parse(&config, text, NULL, &error) != CLEAVE_OK) {
            test_assert_error(&error, CLEAVE_ERROR_MODEL, "x.yaml");
            continue;
        }
        networks++;
        assert_int_equal(network_weights(&config, &specs, &count, &error), CLEAVE_OK);
        assert_true(network_parameters(&config) > 0 && network_flops_per_chunk(&config) > 0);
        free(specs);
        config_free(&config);
    }
    assert_true(networks > 3);
}

/* ---- The weights of a checkpoint ---- */

#define HEADER_SIZE ((size_t)1 << 16)
#define DATA_SIZE   ((size_t)1 << 18)

/* A checkpoint in memory with all weights of a configuration, f32 and zero. */
typedef struct Made {
    unsigned char *bytes;
    size_t header; /* used of it */
    size_t data;
    Checkpoint *checkpoint;
} Made;

/* Tensors come first, and then their bytes; `data` grows by the tensor's size. */
static void made_add(Made *made, const char *name, const int64_t *dims, int dim_count) {
    char *header = (char *)made->bytes + 8;
    size_t begin = made->data;
    char shape[100] = "";
    size_t elements = 1;
    for (int i = 0; i < dim_count; i++) {
        size_t used = strlen(shape);
        snprintf(shape + used, sizeof(shape) - used, "%s%lld", i ? "," : "", (long long)dims[i]);
        elements *= (size_t)dims[i];
    }
    made->data += 4 * elements;
    made->header +=
        (size_t)snprintf(header + made->header, HEADER_SIZE - 8 - made->header,
                         "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                         made->header == 0 ? '{' : ',', name, shape, begin, made->data);
    assert_true(made->header < HEADER_SIZE - 8 && made->data < DATA_SIZE);
}

static void made_finish(Made *made, float first_of_last) {
    char *header = (char *)made->bytes + 8;
    cleave_error error = {0};
    header[made->header++] = '}';
    for (int i = 0; i < 8; i++)
        made->bytes[i] = (unsigned char)(made->header >> (8 * i));
    memset(made->bytes + 8 + made->header, 0, made->data);
    memcpy(made->bytes + 8 + made->header + made->data - 4, &first_of_last, 4);
    if (checkpoint_open_memory(&made->checkpoint, made->bytes, 8 + made->header + made->data,
                               "x.safetensors", NULL, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
}

static void made_free(Made *made) {
    checkpoint_close(made->checkpoint);
    free(made->bytes);
}

/* All weights of `config` but those whose names hold `without`, and one more by the name `extra`,
 * which ends in `value`. Either may be NULL. */
static Made make_checkpoint(const Config *config, const char *without, const char *extra,
                            float value) {
    static const int64_t three[] = {3};
    Made made = {.bytes = calloc(1, HEADER_SIZE + DATA_SIZE)};
    WeightSpec *specs = NULL;
    size_t count = 0;
    cleave_error error = {0};
    assert_non_null(made.bytes);
    assert_int_equal(network_weights(config, &specs, &count, &error), CLEAVE_OK);
    for (size_t i = 0; i < count; i++)
        if (!without || !strstr(specs[i].name, without))
            made_add(&made, specs[i].name, specs[i].dims, specs[i].dim_count);
    if (extra)
        made_add(&made, extra, three, 1);
    made_finish(&made, value);
    free(specs);
    return made;
}

static cleave_status check(const Config *config, const char *without, const char *extra,
                           float value, cleave_error *error) {
    Made made = make_checkpoint(config, without, extra, value);
    *error = (cleave_error){0};
    cleave_status status = network_check(config, made.checkpoint, "x.safetensors", error);
    made_free(&made);
    return status;
}

static void must_fit(const Config *config, const char *without, const char *extra, float value) {
    cleave_error error;
    if (check(config, without, extra, value, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
}

static void must_not_fit(const Config *config, const char *without, const char *extra,
                         const char *fragment) {
    cleave_error error;
    if (check(config, without, extra, 1, &error) == CLEAVE_OK)
        fail_msg("without %s, with %s: accepted", without ? without : "nothing",
                 extra ? extra : "nothing");
    test_assert_error(&error, CLEAVE_ERROR_MODEL, fragment);
}

static void golden_networks_and_their_configurations_agree(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"bs-target", "ckpt"},        {"mel-target", "ckpt"},    {"bs-mono-4stem", "safetensors"},
        {"mel-skip-6stem", "ckpt"},   {"bs-mean-2stem", "ckpt"}, {"bs-quiet-bands", "ckpt"},
        {"mel-short-silence", "ckpt"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char yaml[128];
        char name[128];
        Config config;
        cleave_error error = {0};
        snprintf(yaml, sizeof(yaml), "golden/%s/model.yaml", cases[i][0]);
        snprintf(name, sizeof(name), "golden/%s/model.%s", cases[i][0], cases[i][1]);
        Checkpoint *checkpoint = read_checkpoint(name);
        if (config_read(&config, test_data(yaml).text, NULL, &error) != CLEAVE_OK ||
            network_check(&config, checkpoint, name, &error) != CLEAVE_OK)
            fail_msg("%s", error.text);
        checkpoint_close(checkpoint);
        config_free(&config);
    }
}

static void names_and_shapes_are_those_of_the_state_dict(void **state) {
    (void)state;
    static const char text[] =
        "audio: {chunk_size: 4096}\n"
        "model: {dim: 32, depth: 2, stereo: true, num_stems: 2, time_transformer_depth: 1,\n"
        "  freq_transformer_depth: 2, num_bands: 8, dim_head: 16, heads: 2, stft_n_fft: 512,\n"
        "  stft_hop_length: 128, mask_estimator_depth: 2, mlp_expansion_factor: 2}\n"
        "training: {instruments: [a, b]}\n";
    static const struct {
        const char *name;
        int64_t dims[2];
    } weights[] = {{"layers.1.1.layers.1.0.to_qkv.weight", {96, 32}},
                   {"layers.0.0.layers.0.0.rotary_embed.freqs", {8}},
                   {"layers.0.0.layers.0.0.to_gates.weight", {2, 32}},
                   {"layers.0.0.layers.0.0.to_out.0.weight", {32, 32}},
                   {"layers.0.0.layers.0.1.net.1.weight", {128, 32}},
                   {"layers.0.1.norm.gamma", {32}},
                   {"band_split.to_features.0.0.gamma", {44}},
                   {"band_split.to_features.0.1.weight", {32, 44}},
                   {"mask_estimators.1.to_freqs.7.0.0.weight", {64, 32}},
                   {"mask_estimators.1.to_freqs.7.0.2.weight", {64, 64}},
                   {"mask_estimators.1.to_freqs.7.0.4.weight", {1232, 64}}};
    Config config = must_parse(text, NULL);
    WeightSpec *specs = NULL;
    size_t count = 0;
    cleave_error error = {0};
    assert_int_equal(network_weights(&config, &specs, &count, &error), CLEAVE_OK);
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
        size_t found = 0;
        while (found < count && strcmp(specs[found].name, weights[i].name) != 0)
            found++;
        if (found == count)
            fail_msg("%s is missing", weights[i].name);
        for (int d = 0; d < specs[found].dim_count; d++)
            assert_int_equal(specs[found].dims[d], weights[i].dims[d]);
    }
    free(specs);
    config_free(&config);
}

/* The numbers of public networks, from the formula of their parameters. */
static void public_sizes_have_their_numbers_of_parameters(void **state) {
    (void)state;
    static const struct {
        const char *model;
        double millions;
    } networks[] = {
        {"dim: 384, depth: 6, num_bands: 60, stft_hop_length: 441, mask_estimator_depth: 2", 228.2},
        {"dim: 512, depth: 12, stft_hop_length: 441", 159.8},
    };
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        char text[400];
        snprintf(text, sizeof(text),
                 "audio: {chunk_size: 352800}\n"
                 "model: {%s, stereo: true, time_transformer_depth: 1, freq_transformer_depth: 1}\n"
                 "training: {instruments: [vocals]}\n",
                 networks[i].model);
        Checkpoint *none = NULL;
        Config config = must_parse(text, none);
        double millions = (double)network_parameters(&config) * 1e-6;
        assert_true(millions > networks[i].millions - 0.06 &&
                    millions < networks[i].millions + 0.06);
        assert_true(network_flops_per_chunk(&config) > 1e12);
        config_free(&config);
    }
}

static void every_tensor_must_be_one_of_the_network(void **state) {
    (void)state;
    Config c = must_parse(base, NULL);
    must_fit(&c, NULL, NULL, 0);
    must_fit(&c, "rotary_embed.freqs", NULL, 0);
    must_fit(&c, "layers.1.0.layers.0.0.rotary_embed.freqs", NULL, 0);
    must_fit(&c, NULL, "something.num_batches_tracked", 1);
    must_fit(&c, NULL, "layers.0.0.layers.0.0.to_qkv.bias", 0);
    must_not_fit(&c, NULL, "layers.0.0.layers.0.0.to_qkv.bias", "to_qkv.bias is there");
    must_not_fit(&c, NULL, "something.else", "something.else is there");
    must_not_fit(&c, NULL, "layers.2.0.layers.0.0.norm.gamma", "model.depth 3");
    must_not_fit(&c, NULL, "mask_estimators.0.to_freqs.0.0.4.weight", "mask_estimator_depth 3");
    must_not_fit(&c, "to_gates.bias", NULL, "layers.0.0.layers.0.0.to_gates.bias is missing");
    must_not_fit(&c, "mask_estimators.1.", NULL, "model.num_stems 1, the configuration says 2");
    config_free(&c);
}

static void variants_are_known_by_their_tensors(void **state) {
    (void)state;
    static const char *const tensors[][2] = {
        {"layers.0.0.layers.0.0.pope_embed.freqs", "a BS-Roformer with PoPE"},
        {"layers.1.0.layers.0.0.to_value_residual_mix.weight", "value residuals"},
        {"layers.0.0.layers.0.0.branch.norm.gamma", "hyper-connections"},
        {"mask_estimators.0.segm.p2.weight", "HyperACE"},
        {"mask_estimators.0.fno.weight", "other mask estimators"},
        {"mask_estimators.0.to_freqs.0.refine.weight", "other mask estimators"},
        {"layers.0.0.layers.0.attn.to_qkv.weight", "conformers"},
        {"layers.0.0.layers.0.conv.net.0.weight", "conformers"},
        {"layers.0.0.layers.0.ff1.net.1.weight", "conformers"},
        {"layers.0.0.A_log", "Mamba2"},
        {"layers.0.mamba2_for.in_proj.weight", "Mamba2"},
        {"layers.0.2.layers.0.0.to_qkv.weight", "linear attention"},
        {"layers.0.0.layers.0.0.temperature", "linear attention"},
        {"layers.0.0.layers.0.0.to_qkv.lora_A", "LoRA weights that are not merged in"},
        {"layers.0.0.layers.0.0.to_qkv.lora_B", "LoRA weights that are not merged in"},
    };
    Config c = must_parse(base, NULL);
    for (size_t i = 0; i < sizeof(tensors) / sizeof(tensors[0]); i++)
        must_not_fit(&c, NULL, tensors[i][0], tensors[i][1]);
    /* Another network altogether is not one of the variants. */
    must_not_fit(&c, "band_split", "freq_encoder.0.conv.net.weight", "Demucs");
    config_free(&c);
}

static void the_other_family_is_recognised(void **state) {
    (void)state;
    cleave_error error = {0};
    char *text = edited(base, BANDS, "  num_bands: 3\n  stft_n_fft: 16\n  stft_hop_length: 5\n");
    Config bs = must_parse(base, NULL);
    Config mel = must_parse(text, NULL);
    Made made = make_checkpoint(&mel, NULL, NULL, 0);
    assert_int_not_equal(network_check(&bs, made.checkpoint, "x.safetensors", &error), CLEAVE_OK);
    test_assert_error(
        &error, CLEAVE_ERROR_MODEL,
        "of the kind Mel-Band Roformer, and the configuration of the kind BS-Roformer");
    made_free(&made);
    config_free(&mel);
    config_free(&bs);
    free(text);
}

static void unused_stems_have_no_weights(void **state) {
    (void)state;
    const bool second[2] = {false, true};
    Config c = must_parse(base, NULL);
    Made made = make_checkpoint(&c, "rotary", NULL, 0);
    const NetworkUse use = {made.checkpoint, c.chunk_size, second};
    Network network;
    cleave_error error = {0};
    assert_int_equal(network_build(&network, &c, &use, &error), CLEAVE_OK);
    size_t masks = 0;
    for (size_t i = 0; i < network.weight_count; i++) {
        assert_null(strstr(network.weights[i].name, "mask_estimators.0."));
        masks += strstr(network.weights[i].name, "mask_estimators.1.") != NULL;
    }
    assert_int_equal(masks, 3 * 2 * 2);
    network_free(&network);
    made_free(&made);
    config_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_say_which_network_it_is),
        cmocka_unit_test(the_checkpoint_decides_where_the_text_does_not),
        cmocka_unit_test(contradictions_and_variants_are_refused_by_name),
        cmocka_unit_test(values_that_change_nothing_pass),
        cmocka_unit_test(the_model_section_decides_and_audio_does_not),
        cmocka_unit_test(what_is_left_out_is_as_the_framework_has_it),
        cmocka_unit_test(families_count_hidden_layers_in_their_own_way),
        cmocka_unit_test(plain_lists_and_flags_are_read),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(sizes_beyond_any_machine_are_refused),
        cmocka_unit_test(mel_bands_are_those_of_the_framework),
        cmocka_unit_test(every_truncation_is_survived),
        cmocka_unit_test(random_numbers_are_survived),
        cmocka_unit_test(golden_networks_and_their_configurations_agree),
        cmocka_unit_test(names_and_shapes_are_those_of_the_state_dict),
        cmocka_unit_test(public_sizes_have_their_numbers_of_parameters),
        cmocka_unit_test(every_tensor_must_be_one_of_the_network),
        cmocka_unit_test(variants_are_known_by_their_tensors),
        cmocka_unit_test(the_other_family_is_recognised),
        cmocka_unit_test(unused_stems_have_no_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
