/* test_moving_profile.c: a profile of a run whose device is lost on the way (fault_backend.c). */
#include <math.h>
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
#include "tests/support/separator.h"

#define RUNS_BEFORE 3 /* that the lost device manages */

/* Separates a ramp, one chunk a run, and takes the profile. */
static cleave_profile profile_on(const cleave_model *model, const char *device, double *flops) {
    cleave_model_info info;
    cleave_error error;
    cleave_profile profile;
    cleave_separator_settings settings;
    cleave_model_get_info(model, &info);
    cleave_separator_settings_default(&settings);
    settings.device = device;
    settings.threads = 2;
    settings.batch = 1;
    settings.profile = 1;
    int64_t samples = 8 * (int64_t)info.chunk_size;
    float *mix = malloc((size_t)samples * sizeof(float));
    float *stems =
        malloc((size_t)samples * (size_t)(info.channels * info.stem_count) * sizeof(float));
    assert_true(mix && stems);
    for (int64_t i = 0; i < samples; i++)
        mix[i] = 0.01f + (float)(i % 100) / 200.0f;
    const float *planes[] = {mix};
    cleave_separator *separator = must_open_separator(model, &settings);
    must(cleave_separator_separate_memory(separator, planes, 1, samples, stems, NULL, NULL, &error),
         &error);
    must(cleave_separator_profile(separator, &profile, &error), &error);
    *flops = info.flops_per_chunk * (double)profile.chunks;
    cleave_separator_close(separator);
    free(mix);
    free(stems);
    return profile;
}

/* Both devices' ops are there, each with its own calls, and their work is still the model's; the
 * second network was compiled within the call; and no op of the lost device is measured by the
 * peak of the other. */
static void b2_both_devices_are_in_the_profile(void **state) {
    (void)state;
    double flops = 0;
    double moved_flops = 0;
    cleave_model *model = must_open_model("golden/short-input/model.ckpt");
    setenv("CLEAVE_FAULT", "", 1);
    cleave_profile whole = profile_on(model, "cpu", &flops);
    setenv("CLEAVE_FAULT", "lost=3", 1);
    cleave_profile moved = profile_on(model, "cuda", &moved_flops);
    assert_true(whole.chunks > RUNS_BEFORE);
    assert_int_equal(moved.chunks, whole.chunks);
    assert_true(fabs(moved.flops / flops - 1) < 1e-9 && moved_flops == flops);
    int host = 0;
    while (whole.ops[host]->host)
        host++;
    int network = whole.count - host;
    assert_int_equal(moved.count, host + 2 * network);
    for (int i = host; i < whole.count; i++) {
        assert_string_equal(moved.ops[i]->name, moved.ops[i + network]->name);
        assert_int_equal(moved.ops[i]->calls, RUNS_BEFORE);
        assert_int_equal(moved.ops[i + network]->calls, whole.chunks - RUNS_BEFORE);
        assert_true(isnan(moved.ops[i]->peak_share));
        assert_int_equal(isnan(moved.ops[i + network]->peak_share),
                         isnan(whole.ops[i]->peak_share));
    }
    for (int i = 0; i < host; i++)
        if (strcmp(moved.ops[i]->op, "compile") == 0)
            assert_int_equal(moved.ops[i]->calls, 1);
    cleave_profile_free(&whole);
    cleave_profile_free(&moved);
    cleave_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(b2_both_devices_are_in_the_profile)};
    return cmocka_run_group_tests_name("moving profile", tests, NULL, NULL);
}
