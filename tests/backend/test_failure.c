/* test_failure.c: the table of causes and remedies, and the layout that runs must keep to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"

static const cleave_device_kind kinds[] = {CLEAVE_DEVICE_CPU, CLEAVE_DEVICE_MPS,
                                           CLEAVE_DEVICE_CUDA};

static void r11_every_failure_has_a_remedy_in_one_line(void **state) {
    (void)state;
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
        for (int step = 0; step < STEP_COUNT; step++)
            for (int cause = 0; cause < CAUSE_COUNT; cause++) {
                DeviceFailure failure = {(DeviceStep)step, (DeviceCause)cause};
                cleave_error error;
                error_set(&error, CLEAVE_ERROR_DEVICE, "error 719");
                failure_explain(&error, CLEAVE_ERROR_DEVICE, kinds[kind], "gpu:7", failure);
                assert_non_null(strstr(error.text, "gpu:7 "));
                assert_non_null(strstr(error.text, ": error 719"));
                assert_non_null(strstr(error.text, "; try "));
                assert_null(strstr(error.text, "(null)"));
                /* On the CPU, the advice is not to try the CPU. */
                if (kinds[kind] == CLEAVE_DEVICE_CPU)
                    assert_null(strstr(error.text, "-d cpu"));
            }
}

static void r11_what_the_detail_advises_is_not_said_twice(void **state) {
    (void)state;
    cleave_error error;
    error_memory(&error, "the network's activations", 1000);
    failure_explain(&error, CLEAVE_ERROR_MEMORY, CLEAVE_DEVICE_CPU, "cpu",
                    (DeviceFailure){STEP_COMPILE, CAUSE_MEMORY});
    assert_int_equal(error.status, CLEAVE_ERROR_MEMORY);
    assert_string_equal(error.text,
                        "cpu ran out of memory while making the network ready: 1000 bytes for the "
                        "network's activations; likely: the batch is too large, or other programs "
                        "hold the memory; try a smaller batch (-b 1), fewer threads, or closing "
                        "other programs");
}

static void r11_what_a_device_lacks_is_said_of_the_network(void **state) {
    (void)state;
    cleave_error error;
    error_set(&error, CLEAVE_ERROR_DEVICE, "no convolution of 5 axes");
    failure_explain(&error, CLEAVE_ERROR_DEVICE, CLEAVE_DEVICE_MPS, "mps",
                    (DeviceFailure){STEP_COMPILE, CAUSE_UNSUPPORTED});
    assert_string_equal(error.text,
                        "mps does not support this network: no convolution of 5 axes; likely: the "
                        "driver or the GPU is too old for an operation of the network; try "
                        "--no-compile, a newer driver, or -d cpu");
    assert_string_equal(error.text + error.advice,
                        "likely: the driver or the GPU is too old for an operation of the "
                        "network; try --no-compile, a newer driver, or -d cpu");
}

/* What an NVIDIA GPU needs is not what another one does. */
static void r11_nvidia_gpus_have_advice_of_their_own(void **state) {
    (void)state;
    static const struct {
        DeviceFailure failure;
        const char *likely;
        const char *remedy;
    } rows[] = {
        {{STEP_PROBE, CAUSE_ABSENT}, "container", "--gpus all"},
        {{STEP_RUN, CAUSE_LOST}, "reset", "Xid"},
        {{STEP_SYNCHRONIZE, CAUSE_TIME}, "a display hangs", "-b 1"},
        {{STEP_UPLOAD, CAUSE_MEMORY}, "hold the GPU's memory", "-b 1"},
        {{STEP_COMPILE, CAUSE_UNSUPPORTED}, "older than cleave's kernels", "a newer driver"},
        {{STEP_COMPILE, CAUSE_FAILED}, "another program", "nvidia-smi"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        FailureAdvice advice = failure_advice(CLEAVE_DEVICE_CUDA, rows[i].failure);
        assert_non_null(strstr(advice.likely, rows[i].likely));
        assert_non_null(strstr(advice.remedy, rows[i].remedy));
        advice = failure_advice(CLEAVE_DEVICE_MPS, rows[i].failure);
        assert_true(!advice.likely || !strstr(advice.likely, rows[i].likely) ||
                    !strstr(advice.remedy, rows[i].remedy));
    }
}

static void r11_a_long_detail_does_not_cut_the_remedy(void **state) {
    (void)state;
    cleave_error error = {.status = CLEAVE_ERROR_DEVICE};
    memset(error.text, 'x', sizeof(error.text) - 1);
    failure_explain(&error, CLEAVE_ERROR_DEVICE, CLEAVE_DEVICE_CUDA, "cuda:0",
                    (DeviceFailure){STEP_RUN, CAUSE_LOST});
    assert_non_null(strstr(error.text, "-d cpu"));
    failure_explain(NULL, CLEAVE_ERROR_DEVICE, CLEAVE_DEVICE_CUDA, "cuda:0",
                    (DeviceFailure){STEP_RUN, CAUSE_LOST});
}

static void expect_fault(const SignalLayout *layout, const float *input, const float *output,
                         int batch, const char *words) {
    cleave_error error;
    assert_int_equal(layout_check(layout, input, output, batch, &error), CLEAVE_ERROR_INTERNAL);
    assert_non_null(strstr(error.text, words));
}

static void r13_a_run_that_breaks_the_layout_is_caught(void **state) {
    (void)state;
    static float memory[100];
    SignalLayout layout = {
        .batch_max = 3, .input_floats = 4, .output_floats = 8, .alignment = sizeof(float)};
    cleave_error error = {.status = CLEAVE_OK};
    const float *input = memory;
    const float *output = memory + 12;
    assert_int_equal(layout_check(&layout, input, output, 3, &error), CLEAVE_OK);
    assert_int_equal(layout_check(&layout, memory + 24, memory, 3, &error), CLEAVE_OK);
    expect_fault(&layout, input, output, 0, "batch");
    expect_fault(&layout, input, output, 4, "batch");
    expect_fault(&layout, NULL, output, 1, "no input");
    expect_fault(&layout, input, NULL, 1, "no output");
    expect_fault(&layout, input, memory + 11, 3, "overlap");
    expect_fault(&layout, memory + 23, memory, 3, "overlap");
    expect_fault(&layout, input, input, 1, "overlap");
    layout.alignment = 8; /* every second float is not at a multiple of 8 bytes */
    size_t odd = (uintptr_t)memory % 8 == 0;
    assert_int_equal(layout_check(&layout, memory + 1 - odd, memory + 31 - odd, 1, &error),
                     CLEAVE_OK);
    expect_fault(&layout, memory + odd, memory + 31 - odd, 1, "not aligned");
    expect_fault(&layout, memory + 1 - odd, memory + 30 + odd, 1, "not aligned");
}

static cleave_status run_nothing(Executable *executable, const float *input, float *output,
                                 int batch, const atomic_bool *cancel, cleave_error *error) {
    (void)executable, (void)input, (void)output, (void)batch, (void)cancel, (void)error;
    return CLEAVE_OK;
}

static void r13_a_debug_build_checks_each_run(void **state) {
    (void)state;
#ifdef NDEBUG
    skip();
#endif
    static const ExecutableMethods methods = {.submit = run_nothing};
    static float memory[16];
    cleave_error error = {.status = CLEAVE_OK};
    Executable executable = {
        .methods = &methods, .backend = &backend_cpu, .layout = {2, 4, 4, sizeof(float)}};
    assert_int_equal(executable_run(&executable, memory, memory + 8, 2, NULL, &error), CLEAVE_OK);
    assert_int_equal(executable_run(&executable, memory, memory + 7, 2, NULL, &error),
                     CLEAVE_ERROR_INTERNAL);
    assert_int_equal(executable_run(&executable, memory, memory + 8, 3, NULL, &error),
                     CLEAVE_ERROR_INTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r11_every_failure_has_a_remedy_in_one_line),
        cmocka_unit_test(r11_what_the_detail_advises_is_not_said_twice),
        cmocka_unit_test(r11_what_a_device_lacks_is_said_of_the_network),
        cmocka_unit_test(r11_nvidia_gpus_have_advice_of_their_own),
        cmocka_unit_test(r11_a_long_detail_does_not_cut_the_remedy),
        cmocka_unit_test(r13_a_run_that_breaks_the_layout_is_caught),
        cmocka_unit_test(r13_a_debug_build_checks_each_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
