/* test_stems.c: a run that writes some stems only. Of a network whose stems have weights of their
 * own no others are loaded and computed; the bits of those that are written do not change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleave/extra.h"
#include "graph/tokens.h"
#include "model/network.h"
#include "session/prepare.h"
#include "session/target.h"
#include "tests/support/files.h"
#include "tests/support/separator.h"

#define APART    "golden/mel-skip-6stem/"  /* bass, drums, other, vocals, guitar, piano */
#define TOGETHER "golden/inst-gelu-2stem/" /* vocals, other */

static cleave_separator_settings settings_for(const char *const *stems, int count) {
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.device = "cpu";
    settings.threads = 2;
    settings.batch = 1;
    settings.stems = stems;
    settings.stem_count = count;
    return settings;
}

static cleave_memory_need need_of(const cleave_model *model, const char *const *stems, int count) {
    cleave_separator_settings settings = settings_for(stems, count);
    cleave_memory_need need;
    cleave_error error;
    must(cleave_model_memory(model, &settings, &need, &error), &error);
    return need;
}

static void fewer_stems_need_less_memory(void **state) {
    (void)state;
    static const char *const names[] = {"vocals", "bass"};
    cleave_model *model = must_open_model(APART "model.ckpt");
    cleave_memory_need all = need_of(model, NULL, 0);
    cleave_memory_need two = need_of(model, names, 2);
    cleave_memory_need one = need_of(model, names, 1);
    assert_true(one.activations <= two.activations && two.activations <= all.activations);
    assert_true(one.buffers < two.buffers && two.buffers < all.buffers);
    assert_true(one.total < two.total && two.total < all.total);
    assert_true(one.weights <= two.weights && two.weights <= all.weights);
    assert_int_equal(need_of(model, names, 0).total,
                     one.total); /* a network has one stem at least */
    cleave_model_close(model);
    model = must_open_model(TOGETHER "model.ckpt");
    assert_int_equal(need_of(model, names, 1).total, need_of(model, NULL, 0).total);
    cleave_model_close(model);
}

static void a_stem_that_the_model_lacks_is_refused(void **state) {
    (void)state;
    static const char *const names[] = {"vocals", "zither"};
    static const char *const models[] = {APART "model.ckpt", TOGETHER "model.ckpt"};
    cleave_separator_settings settings = settings_for(names, 2);
    for (int i = 0; i < 2; i++) {
        cleave_model *model = must_open_model(models[i]);
        cleave_separator *separator = NULL;
        cleave_error error;
        assert_int_equal(cleave_separator_open(&separator, model, &settings, &error),
                         CLEAVE_ERROR_ARGUMENT);
        assert_non_null(strstr(error.text, "the model has no stem \"zither\"; it has: "));
        cleave_model_close(model);
    }
}

/* ---- The graph ---- */

static const Node *mask_of(const Graph *graph) {
    for (int i = 0; i < graph->count; i++)
        if (graph->nodes[i].op == OP_MASK)
            return &graph->nodes[i];
    fail_msg("there is no mask");
    return NULL;
}

static const Tensor *first_weight(const Graph *graph, int stem) {
    const Node *mask = mask_of(graph);
    return graph_weight(graph, mask, mask_weight(graph, mask, stem, 0, 0));
}

static void the_graph_has_the_wanted_stems(void **state) {
    (void)state;
    static const char *const names[] = {"VOCALS", "bass"};
    cleave_model *model = must_open_model(APART "model.ckpt");
    cleave_separator separator;
    Target all;
    Target target;
    cleave_error error;
    must(prepare_begin(&separator, model, NULL, &error), &error);
    must(target_open(&all, model, &separator.choice, &separator.setup.settings, NULL, &error),
         &error);
    assert_int_equal(all.stems, 6);
    cleave_separator_settings settings = settings_for(names, 2);
    must(prepare_begin(&separator, model, &settings, &error), &error);
    must(target_open(&target, model, &separator.choice, &separator.setup.settings, NULL, &error),
         &error);
    assert_int_equal(target.stems, 2);
    assert_true(target.chunk_flops < all.chunk_flops);
    assert_int_equal(mask_of(&target.graph)->as.mask.stems, 2);
    /* In the order of the configuration, each with its own weights. */
    assert_int_equal(choice_network_stem(&separator.choice, 0), 0);
    assert_int_equal(choice_network_stem(&separator.choice, 3), 1);
    assert_non_null(first_weight(&target.graph, 0));
    assert_ptr_equal(first_weight(&target.graph, 0), first_weight(&all.graph, 0));
    assert_ptr_equal(first_weight(&target.graph, 1), first_weight(&all.graph, 3));
    target_close(&target);
    /* One more. */
    assert_false(choice_want(&separator.choice, (const int[]){3, 0}, 2));
    assert_true(choice_want(&separator.choice, (const int[]){3, 1}, 2));
    assert_int_equal(choice_network_stem(&separator.choice, 3), 2);
    must(target_open(&target, model, &separator.choice, &separator.setup.settings, NULL, &error),
         &error);
    assert_int_equal(target.stems, 3);
    assert_ptr_equal(first_weight(&target.graph, 2), first_weight(&all.graph, 3));
    target_close(&target);
    target_close(&all);
    cleave_model_close(model);
}

/* ---- Runs ---- */

static void separate(cleave_separator *separator, const char *mix, const char *folder,
                     const char *const *stems, int count) {
    cleave_file_settings settings;
    cleave_error error;
    cleave_file_settings_default(&settings);
    settings.directory = in_folder(folder);
    settings.name_template = "{stem}";
    settings.bits = CLEAVE_BITS_FLOAT;
    settings.stems = stems;
    settings.stem_count = count;
    must(cleave_separator_separate_file(separator, test_data(mix).text, &settings, NULL, &error),
         &error);
}

static void expect_same_file(const char *a, const char *b) {
    size_t sizes[2];
    unsigned char *bytes[2] = {read_bytes(in_folder(a), &sizes[0]),
                               read_bytes(in_folder(b), &sizes[1])};
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static int network_stems_of(const cleave_separator *separator) {
    return network_stems(&separator->model->config, separator->choice.wanted);
}

/* The stems of a separator that was opened for some of them, for others after these, and for all.
 */
static void wanted_stems_have_the_same_bits(void **state) {
    (void)state;
    static const char *const two[] = {"vocals", "bass"};
    static const char *const another[] = {"guitar"};
    cleave_model *model = must_open_model(APART "model.ckpt");
    cleave_separator_settings settings = settings_for(NULL, 0);
    cleave_separator *separator = must_open_separator(model, &settings);
    separate(separator, APART "mix.wav", "/all", NULL, 0);
    assert_int_equal(network_stems_of(separator), 6);
    int64_t memory = compiled_memory(&separator->compiled);
    cleave_separator_close(separator);
    settings = settings_for(two, 1);
    separator = must_open_separator(model, &settings);
    assert_int_equal(network_stems_of(separator), 1);
    assert_true(compiled_memory(&separator->compiled) < memory);
    separate(separator, APART "mix.wav", "/one", two, 1);
    assert_int_equal(network_stems_of(separator), 1);
    separate(separator, APART "mix.wav", "/two", two, 2);
    assert_int_equal(network_stems_of(separator), 2);
    separate(separator, APART "mix.wav", "/another", another, 1);
    assert_int_equal(network_stems_of(separator), 3);
    expect_same_file("/one/vocals.wav", "/all/vocals.wav");
    expect_same_file("/two/vocals.wav", "/all/vocals.wav");
    expect_same_file("/two/bass.wav", "/all/bass.wav");
    expect_same_file("/another/guitar.wav", "/all/guitar.wav");
    assert_int_equal(count_entries(in_folder("/one")), 1);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static void keep_warning(void *user, cleave_log_level level, const char *line) {
    (void)level;
    snprintf(user, 512, "%s", line);
}

static int stop(void *user, const cleave_progress *progress) {
    (void)user;
    return progress->samples_done > 0;
}

/* Interrupts a run that writes "bass", of a separator for these stems; or completes it. */
static void resume(const cleave_model *model, const char *const *stems, int count, bool interrupt,
                   char *warning) {
    static const char *const bass[] = {"bass"};
    cleave_separator_settings settings = settings_for(stems, count);
    cleave_file_settings file;
    cleave_error error;
    settings.log = (cleave_logger){keep_warning, warning, CLEAVE_LOG_WARNING};
    cleave_separator *separator = must_open_separator(model, &settings);
    cleave_file_settings_default(&file);
    file.directory = in_folder("/resumed");
    file.name_template = "{stem}";
    file.stems = bass;
    file.stem_count = 1;
    file.resume = 1;
    file.progress = interrupt ? stop : NULL;
    assert_int_equal(cleave_separator_separate_file(separator, test_data(APART "mix.wav").text,
                                                    &file, NULL, &error),
                     interrupt ? CLEAVE_ERROR_CANCELLED : CLEAVE_OK);
    cleave_separator_close(separator);
}

/* What the network computes beside the stems that are written may change their bits. */
static void a_run_is_resumed_for_the_same_stems_only(void **state) {
    (void)state;
    static const char *const names[] = {"bass", "vocals"};
    cleave_model *model = must_open_model(APART "model.ckpt");
    for (int count = 1; count <= 2; count++) {
        char warning[512] = "";
        resume(model, names, 1, true, warning);
        /* The journal, and bass.wav of the run before. */
        assert_int_equal(count_entries(in_folder("/resumed")), count);
        assert_string_equal(warning, "");
        resume(model, names, count, false, warning);
        assert_int_equal(strstr(warning, "starting over") != NULL, count == 2);
    }
    cleave_model_close(model);
}

/* separate_memory() gives all stems, whatever the separator was opened for. */
static void memory_gets_all_stems(void **state) {
    (void)state;
    enum { SAMPLES = 7000, STEMS = 6 };
    static const char *const names[] = {"piano"};
    static float mix[SAMPLES];
    static float stems[2][STEMS * SAMPLES];
    const float *planes[] = {mix};
    cleave_model *model = must_open_model(APART "model.ckpt");
    make_noise(mix, SAMPLES);
    for (int i = 0; i < 2; i++) {
        cleave_separator_settings settings = settings_for(i == 0 ? NULL : names, i);
        cleave_separator *separator = must_open_separator(model, &settings);
        cleave_error error;
        must(cleave_separator_warm_up(separator, NULL, &error), &error);
        must(cleave_separator_separate_memory(separator, planes, 1, SAMPLES, stems[i], NULL, NULL,
                                              &error),
             &error);
        cleave_separator_close(separator);
    }
    assert_memory_equal(stems[0], stems[1], sizeof(stems[0]));
    cleave_model_close(model);
}

static void a_network_whose_stems_are_computed_together_has_them_all(void **state) {
    (void)state;
    static const char *const names[] = {"other"};
    cleave_model *model = must_open_model(TOGETHER "model.ckpt");
    cleave_separator_settings settings = settings_for(NULL, 0);
    cleave_separator *separator = must_open_separator(model, &settings);
    separate(separator, TOGETHER "mix.wav", "/all", NULL, 0);
    cleave_separator_close(separator);
    settings = settings_for(names, 1);
    separator = must_open_separator(model, &settings);
    assert_int_equal(network_stems_of(separator), 2);
    separate(separator, TOGETHER "mix.wav", "/one", names, 1);
    expect_same_file("/one/other.wav", "/all/other.wav");
    cleave_separator_close(separator);
    cleave_model_close(model);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fewer_stems_need_less_memory),
        cmocka_unit_test(a_stem_that_the_model_lacks_is_refused),
        cmocka_unit_test(the_graph_has_the_wanted_stems),
        IN_FOLDER(a_network_whose_stems_are_computed_together_has_them_all),
        IN_FOLDER(wanted_stems_have_the_same_bits),
        IN_FOLDER(a_run_is_resumed_for_the_same_stems_only),
        cmocka_unit_test(memory_gets_all_stems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
