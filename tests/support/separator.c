/* separator.c: what tests of separators begin with. */
#include "tests/support/separator.h"

#include "base/random.h"
#include "tests/support/files.h"

void must(cleave_status status, const cleave_error *error) {
    if (status != CLEAVE_OK)
        fail_msg("%s", error->text);
}

cleave_model *must_open_model(const char *name) {
    cleave_model *model = NULL;
    cleave_error error;
    must(cleave_model_open(&model, test_data(name).text, NULL, &error), &error);
    return model;
}

cleave_separator *must_open_separator(const cleave_model *model,
                                      const cleave_separator_settings *settings) {
    cleave_separator *separator = NULL;
    cleave_error error;
    must(cleave_separator_open(&separator, model, settings, &error), &error);
    return separator;
}

void make_noise(float *samples, size_t count) {
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++)
        samples[i] = (float)((double)(random_next(&state) >> 40) / (1 << 24) - 0.5);
}
