/* test_silence.c: of samples that are all zero every network makes exact zeros. The stream relies
 * on that (model/family.h), and does not run the network for silence; here it is run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "session/prepare.h"
#include "tests/support/separator.h"

static void expect_silence(const char *name) {
    cleave_model *model = must_open_model(name);
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.device = "cpu";
    settings.threads = 2;
    settings.batch = 1;
    cleave_separator *separator = must_open_separator(model, &settings);
    const ChunkGeometry *geometry = &separator->choice.geometry;
    size_t inputs = (size_t)(geometry->chunk * geometry->channels);
    size_t outputs = inputs * (size_t)model->config.stem_count;
    float *input = memory_allocate_aligned(inputs * sizeof(float));
    float *output = memory_allocate_aligned(outputs * sizeof(float));
    assert_true(input && output);
    for (size_t i = 0; i < inputs; i++)
        input[i] = i % 2 ? 0.0f : -0.0f; /* as in an augmented chunk */
    for (size_t i = 0; i < outputs; i++)
        output[i] = 1;
    cleave_error error;
    must(executable_run(separator->compiled.executable, input, output, 1, NULL, &error), &error);
    for (size_t i = 0; i < outputs; i++)
        if (output[i] != 0)
            fail_msg("%s: sample %zu is %g", name, i, (double)output[i]);
    memory_free_aligned(input);
    memory_free_aligned(output);
    cleave_separator_close(separator);
    cleave_model_close(model);
}

static void silence_makes_silence(void **state) {
    (void)state;
    static const char *const names[] = {
        "golden/inst-gelu-2stem/model.ckpt",      "golden/batch-relu-5stem/model.ckpt",
        "golden/group-elu-target/model.ckpt",     "golden/bs-target/model.ckpt",
        "golden/bs-mono-4stem/model.safetensors", "golden/mel-target/model.ckpt",
        "golden/mel-skip-6stem/model.ckpt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_silence(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(silence_makes_silence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
