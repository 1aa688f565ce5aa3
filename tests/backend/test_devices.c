/* test_devices.c: devices through the public interface, on a made-up one that computes as the CPU
 * does and fails on demand (fault_backend.c). */
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
#include <pthread.h>

#include "cleave/extra.h"
#include "tests/support/separator.h"

#define SECONDS 3

/* ---- What a test stands on ---- */

typedef struct Fixture {
    cleave_model *model;
    cleave_model_info info;
    int64_t samples;
    float *mix;
    float *reference; /* the CPU's stems */
    float *stems;
    size_t stem_floats;
    char warnings[8192]; /* lines that were logged */
    int warning_count;
    cleave_error error;
} Fixture;

static void keep_warning(void *user, cleave_log_level level, const char *line) {
    Fixture *f = user;
    size_t length = strlen(f->warnings);
    if (level != CLEAVE_LOG_WARNING)
        return;
    f->warning_count++;
    snprintf(f->warnings + length, sizeof(f->warnings) - length, "%s\n", line);
}

/* What goes wrong from here on; see fault_backend.c. */
static void set_fault(const char *faults) {
    assert_int_equal(setenv("CLEAVE_FAULT", faults, 1), 0);
}

static cleave_separator_settings settings_of(Fixture *f, const char *device) {
    cleave_separator_settings settings;
    cleave_separator_settings_default(&settings);
    settings.device = device;
    settings.threads = 2;
    settings.overlap = 4;
    settings.log = (cleave_logger){keep_warning, f, CLEAVE_LOG_WARNING};
    f->warnings[0] = '\0';
    f->warning_count = 0;
    return settings;
}

static cleave_status separate(Fixture *f, cleave_separator *separator) {
    const float *planes[] = {f->mix, f->mix};
    memset(f->stems, 0, f->stem_floats * sizeof(float));
    return cleave_separator_separate_memory(separator, planes, f->info.channels, f->samples,
                                            f->stems, NULL, NULL, &f->error);
}

/* All of the audio is there, with the bits that the CPU gives. */
static void expect_whole(Fixture *f, cleave_separator *separator) {
    if (separate(f, separator) != CLEAVE_OK)
        fail_msg("%s", f->error.text);
    assert_memory_equal(f->stems, f->reference, f->stem_floats * sizeof(float));
    assert_string_equal(f->error.text, "");
}

static cleave_separator_info info_of(const cleave_separator *separator) {
    cleave_separator_info info;
    cleave_separator_get_info(separator, &info);
    return info;
}

static void expect_text(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static int set_up_all(void **state) {
    Fixture *f = calloc(1, sizeof(*f));
    set_fault("");
    if (!f)
        return -1;
    f->model = must_open_model("golden/short-input/model.ckpt");
    cleave_model_get_info(f->model, &f->info);
    f->samples = (int64_t)f->info.chunk_size * SECONDS + 77;
    f->stem_floats = (size_t)f->samples * (size_t)f->info.channels * (size_t)f->info.stem_count;
    f->mix = calloc((size_t)f->samples, sizeof(float));
    f->reference = calloc(f->stem_floats, sizeof(float));
    f->stems = calloc(f->stem_floats, sizeof(float));
    if (!f->mix || !f->reference || !f->stems)
        return -1;
    make_noise(f->mix, (size_t)f->samples);
    cleave_separator_settings settings = settings_of(f, "cpu");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    cleave_status status = separate(f, separator);
    memcpy(f->reference, f->stems, f->stem_floats * sizeof(float));
    cleave_separator_close(separator);
    *state = f;
    return status == CLEAVE_OK ? 0 : -1;
}

static int tear_down_all(void **state) {
    Fixture *f = *state;
    cleave_model_close(f->model);
    free(f->mix);
    free(f->reference);
    free(f->stems);
    free(f);
    return 0;
}

static int clear_fault(void **state) {
    (void)state;
    set_fault("");
    return 0;
}

/* ---- What there is ---- */

static cleave_device_info device_of(const char *id) {
    cleave_device_info devices[8];
    int count = cleave_device_list(devices, 8);
    assert_int_equal(count, cleave_device_list(NULL, 0));
    for (int i = 0; i < count; i++)
        if (strcmp(devices[i].id, id) == 0)
            return devices[i];
    fail_msg("no device %s", id);
    return (cleave_device_info){.available = 0};
}

static void r6_devices_say_what_they_are(void **state) {
    (void)state;
    assert_int_equal(device_of("cpu").kind, CLEAVE_DEVICE_CPU);
    assert_int_equal(device_of("cuda:0").kind, CLEAVE_DEVICE_CUDA);
    cleave_device_info mps = device_of("mps");
    assert_int_equal(mps.kind, CLEAVE_DEVICE_MPS);
    assert_int_equal(mps.available, 0);
    expect_text(mps.reason, "mps backend");
    assert_string_equal(cleave_device_kind_name(CLEAVE_DEVICE_CUDA), "cuda");
    assert_string_equal(cleave_device_kind_name((cleave_device_kind)77), "unknown");
}

static void r14_every_no_has_its_reason(void **state) {
    (void)state;
    cleave_device_info devices[8];
    int count = cleave_device_list(devices, 8);
    for (int i = 0; i < count; i++) {
        cleave_capability able[CLEAVE_CAPABILITIES];
        assert_int_equal(devices[i].available, devices[i].reason[0] == '\0');
        assert_int_equal(cleave_device_capabilities(devices[i].id, able, CLEAVE_CAPABILITIES),
                         devices[i].available ? CLEAVE_CAPABILITIES : 0);
        for (int c = 0; c < CLEAVE_CAPABILITIES && devices[i].available; c++)
            assert_true(able[c].able || able[c].reason[0]);
    }
    cleave_capability cpu[CLEAVE_CAPABILITIES];
    assert_int_equal(cleave_device_capabilities("cpu", cpu, CLEAVE_CAPABILITIES),
                     CLEAVE_CAPABILITIES);
    assert_true(cpu[CLEAVE_CAPABILITY_STFT].able);
    assert_true(cpu[CLEAVE_CAPABILITY_COMPILE].able);
    assert_true(cpu[CLEAVE_CAPABILITY_UNIFIED_MEMORY].able);
    cleave_capability cuda[2];
    assert_int_equal(cleave_device_capabilities("cuda:0", cuda, 2), CLEAVE_CAPABILITIES);
    assert_true(cuda[CLEAVE_CAPABILITY_F16].able);
    assert_false(cuda[CLEAVE_CAPABILITY_BF16].able);
    assert_int_equal(cleave_device_capabilities("cuda:9", cuda, 2), 0);
    for (int c = 0; c < CLEAVE_CAPABILITIES; c++)
        assert_string_not_equal(cleave_capability_name((cleave_capability_kind)c), "unknown");
    assert_string_equal(cleave_capability_name(CLEAVE_CAPABILITIES), "unknown");
}

static void r3_memory_figures_are_those_of_device_and_machine(void **state) {
    (void)state;
    cleave_device_info cpu = device_of("cpu");
    assert_true(cpu.memory_total > 0 && cpu.memory_total <= cpu.system_memory_total);
    assert_true(cpu.memory_available > 0 && cpu.memory_available <= cpu.memory_total);
    assert_true(cpu.system_memory_available > 0);
    cleave_device_info cuda = device_of("cuda:0");
    assert_int_equal(cuda.memory_total, (int64_t)8 << 30);
    assert_int_equal(cuda.system_memory_total, 0); /* its memory is its own */
}

static void *list_devices(void *user) {
    cleave_device_info devices[8];
    *(int *)user = cleave_device_list(devices, 8);
    return NULL;
}

/* As the probe's own marks tell: one for its one device, however often and from wherever asked. */
static void r10_properties_are_asked_once_and_memory_each_time(void **state) {
    (void)state;
    char line[16];
    int marks = 0;
    pthread_t threads[4];
    int counts[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, list_devices, &counts[i]), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(counts[i], 3);
    }
    set_fault("free=1000,probe,devices=3");
    assert_int_equal(device_of("cuda:0").memory_available, 1000);
    set_fault("free=2000");
    assert_int_equal(device_of("cuda:0").memory_available, 2000);
    FILE *file = fopen(getenv("CLEAVE_FAULT_PROBES"), "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        marks++;
    fclose(file);
    assert_int_equal(marks, 1);
}

/* ---- Which one is taken ---- */

static void expect_choice(const char *device, const char *id, const char *reason) {
    cleave_device_choice choice;
    cleave_error error;
    if (cleave_device_choose(device, 0, &choice, &error) != CLEAVE_OK)
        fail_msg("%s", error.text);
    assert_string_equal(choice.id, id);
    expect_text(choice.reason, reason);
}

static void r15_the_choice_is_made_and_explained(void **state) {
    (void)state;
    cleave_device_choice choice;
    cleave_error error;
    expect_choice(NULL, "cuda:0", "preferred to cpu");
    expect_choice("auto", "cuda:0", "preferred to cpu");
    expect_choice("cpu", "cpu", "as asked for");
    expect_choice("cuda", "cuda:0", "as asked for");
    expect_choice("cuda:0", "cuda:0", "as asked for");
    expect_choice("mps", "cuda:0", "the best one present: mps is not available (");
    expect_choice("cuda:7", "cuda:0", "cuda:7 is not available (of its kind there is 1");
    assert_int_equal(cleave_device_choose("mps", 1, &choice, &error), CLEAVE_ERROR_DEVICE);
    assert_string_equal(choice.id, "");
    expect_text(error.text, "device mps is not available: ");
    assert_int_equal(cleave_device_choose("cuda:1", 1, &choice, &error), CLEAVE_ERROR_DEVICE);
    expect_text(error.text, "there is 1, counted from 0");
    assert_int_equal(cleave_device_choose("auto", 1, &choice, &error), CLEAVE_OK);
}

static void r15_names_of_no_device_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {
        "",      "gpu",    "CPU",     "cpu:1",   "cpu:0",   "mps:0",
        "cuda:", "cuda:x", "cuda:-1", "cuda: 1", "cuda:1x", "cuda:99999999999999999999",
        "cudax", ":1",     "auto:1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cleave_device_choice choice;
        cleave_error error;
        assert_int_equal(cleave_device_choose(names[i], 0, &choice, &error), CLEAVE_ERROR_ARGUMENT);
        expect_text(error.text, "; try ");
    }
    assert_int_equal(cleave_device_choose("cpu", 0, NULL, NULL), CLEAVE_ERROR_ARGUMENT);
}

static void r7_the_batch_is_that_of_device_and_overlap(void **state) {
    Fixture *f = *state;
    static const int overlaps[][2] = {{1, 8}, {2, 8}, {3, 5}, {4, 4}, {8, 2}, {50, 2}};
    for (size_t i = 0; i < sizeof(overlaps) / sizeof(overlaps[0]); i++) {
        cleave_separator_settings settings = settings_of(f, "auto");
        settings.overlap = overlaps[i][0];
        cleave_separator *separator = must_open_separator(f->model, &settings);
        assert_int_equal(info_of(separator).batch, overlaps[i][1]);
        cleave_separator_close(separator);
        cleave_memory_need need;
        assert_int_equal(cleave_model_memory(f->model, &settings, &need, &f->error), CLEAVE_OK);
        assert_int_equal(need.device_batch, overlaps[i][1]);
        assert_string_equal(need.device, "cuda:0");
    }
}

static void r7_a_batch_is_lowered_to_the_memory_of_the_device(void **state) {
    Fixture *f = *state;
    char fault[64];
    cleave_memory_need need;
    cleave_separator_settings settings = settings_of(f, "auto");
    settings.batch = 2;
    assert_int_equal(cleave_model_memory(f->model, &settings, &need, &f->error), CLEAVE_OK);
    snprintf(fault, sizeof(fault), "free=%lld", (long long)need.total);
    set_fault(fault);
    settings.batch = 0;
    cleave_separator *separator = must_open_separator(f->model, &settings);
    assert_int_equal(info_of(separator).batch, 2);
    expect_whole(f, separator);
    cleave_separator_close(separator);
}

/* ---- Compiling, warming up, releasing ---- */

static void r4_a_compiler_that_fails_does_not_lose_the_run(void **state) {
    Fixture *f = *state;
    set_fault("compile");
    cleave_separator_settings settings = settings_of(f, "cuda");
    settings.strict_device = 1; /* the device stays */
    cleave_separator *separator = must_open_separator(f->model, &settings);
    assert_string_equal(info_of(separator).device, "cuda:0");
    assert_int_equal(info_of(separator).compiled, 0);
    assert_int_equal(info_of(separator).batch, 4);
    assert_int_equal(f->warning_count, 1);
    expect_text(f->warnings, "cuda:0 failed while making the network ready: made-up error 719");
    expect_text(f->warnings, "it runs op by op instead");
    assert_int_equal(separate(f, separator), CLEAVE_OK);
    cleave_separator_close(separator);
}

static void r4_both_modes_can_be_asked_for(void **state) {
    Fixture *f = *state;
    static const char *const devices[] = {"cpu", "cuda"};
    for (int i = 0; i < 4; i++) {
        cleave_separator_settings settings = settings_of(f, devices[i / 2]);
        settings.compile = i % 2;
        cleave_separator *separator = must_open_separator(f->model, &settings);
        assert_int_equal(info_of(separator).compiled, i % 2);
        assert_int_equal(f->warning_count, 0);
        cleave_separator_close(separator);
    }
}

static void r5_warming_up_prepares_and_changes_nothing(void **state) {
    Fixture *f = *state;
    double seconds = -1;
    static const char *const devices[] = {"cpu", "cuda"};
    for (int i = 0; i < 2; i++) {
        cleave_separator_settings settings = settings_of(f, devices[i]);
        cleave_separator *separator = must_open_separator(f->model, &settings);
        assert_int_equal(cleave_separator_warm_up(separator, &seconds, &f->error), CLEAVE_OK);
        assert_true(seconds > 0);
        assert_int_equal(cleave_separator_warm_up(separator, NULL, NULL), CLEAVE_OK);
        expect_whole(f, separator);
        assert_int_equal(f->warning_count, 0);
        cleave_separator_close(separator);
    }
    assert_int_equal(cleave_separator_warm_up(NULL, NULL, &f->error), CLEAVE_ERROR_ARGUMENT);
}

static void r5_warming_up_can_be_cancelled(void **state) {
    Fixture *f = *state;
    cleave_separator_settings settings = settings_of(f, "cpu");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    cleave_separator_cancel(separator);
    assert_int_equal(cleave_separator_warm_up(separator, NULL, &f->error), CLEAVE_ERROR_CANCELLED);
    expect_whole(f, separator);
    cleave_separator_close(separator);
}

static void r5_warming_up_finds_the_batch_that_fits(void **state) {
    Fixture *f = *state;
    set_fault("memory-run=1");
    cleave_separator_settings settings = settings_of(f, "cuda");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    assert_int_equal(info_of(separator).batch, 4);
    assert_int_equal(cleave_separator_warm_up(separator, NULL, &f->error), CLEAVE_OK);
    assert_int_equal(info_of(separator).batch, 1);
    set_fault("run");
    assert_int_equal(cleave_separator_warm_up(separator, NULL, &f->error), CLEAVE_OK);
    assert_string_equal(info_of(separator).device, "cpu");
    expect_whole(f, separator);
    cleave_separator_close(separator);
}

static void r8_synchronizing_tells_what_failed(void **state) {
    Fixture *f = *state;
    cleave_separator_settings settings = settings_of(f, "cuda");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    assert_int_equal(cleave_separator_synchronize(separator, &f->error), CLEAVE_OK);
    set_fault("synchronize");
    assert_int_equal(cleave_separator_synchronize(separator, &f->error), CLEAVE_ERROR_DEVICE);
    expect_text(f->error.text, "cuda:0 failed while waiting for the device: made-up error 719");
    assert_int_equal(cleave_separator_release_cache(separator, NULL), CLEAVE_OK);
    assert_int_equal(cleave_separator_synchronize(separator, NULL), CLEAVE_OK);
    assert_int_equal(cleave_separator_synchronize(NULL, NULL), CLEAVE_ERROR_ARGUMENT);
    cleave_separator_close(separator);
}

static void r9_a_released_separator_compiles_again_with_the_same_bits(void **state) {
    Fixture *f = *state;
    cleave_separator_settings settings = settings_of(f, "cpu");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    int64_t memory = info_of(separator).device_memory;
    assert_true(memory > 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cleave_separator_release_cache(separator, &f->error), CLEAVE_OK);
        assert_int_equal(cleave_separator_release_cache(separator, NULL), CLEAVE_OK);
        assert_int_equal(info_of(separator).device_memory, 0);
        assert_int_equal(info_of(separator).peak_device_memory, memory);
        assert_string_not_equal(info_of(separator).kernels, "");
        if (i == 1)
            assert_int_equal(cleave_separator_warm_up(separator, NULL, NULL), CLEAVE_OK);
        expect_whole(f, separator);
        assert_int_equal(info_of(separator).device_memory, memory);
    }
    assert_int_equal(cleave_separator_release_cache(NULL, NULL), CLEAVE_ERROR_ARGUMENT);
    cleave_separator_close(separator);
}

/* ---- Failing ---- */

static void r11_each_failure_tells_device_step_cause_and_remedy(void **state) {
    Fixture *f = *state;
    static const struct {
        const char *fault;
        cleave_status status;
        const char *text;
        const char *remedy;
    } failures[] = {
        {"memory-run=0", CLEAVE_ERROR_MEMORY,
         "cuda:0 ran out of memory while running the network: made-up error 2: no memory for 1 "
         "chunks; likely: the batch is too large, or other programs hold the GPU's memory",
         "-d cpu"},
        {"run", CLEAVE_ERROR_DEVICE,
         "cuda:0 failed while running the network: made-up error 719: run; likely: a fault in the "
         "driver or the GPU",
         "-d cpu"},
        {"upload", CLEAVE_ERROR_DEVICE, "cuda:0 failed while sending audio to the device: made-up ",
         "the same command again"},
        {"download", CLEAVE_ERROR_DEVICE,
         "cuda:0 failed while fetching stems from the device: made-up ", "-d cpu"},
        {"lost", CLEAVE_ERROR_DEVICE, "cuda:0 was lost while running the network: made-up ",
         "the same command again"},
    };
    cleave_separator_settings settings = settings_of(f, "cuda");
    settings.strict_device = 1;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        set_fault("");
        cleave_separator *separator = must_open_separator(f->model, &settings);
        set_fault(failures[i].fault);
        assert_int_equal(separate(f, separator), failures[i].status);
        expect_text(f->error.text, failures[i].text);
        expect_text(strstr(f->error.text, "; try "), failures[i].remedy);
        set_fault("");
        expect_whole(f, separator); /* the next call is a new attempt */
        cleave_separator_close(separator);
    }
}

static void r11_failures_to_compile_tell_as_much(void **state) {
    Fixture *f = *state;
    static const struct {
        const char *fault;
        cleave_status status;
        const char *text;
    } failures[] = {
        {"memory-compile=0", CLEAVE_ERROR_MEMORY,
         "cuda:0 ran out of memory while making the network ready: made-up error 2"},
        {"compile-all", CLEAVE_ERROR_DEVICE,
         "cuda:0 failed while making the network ready: made-up error 719"},
        {"compile-all,unsupported", CLEAVE_ERROR_DEVICE,
         "cuda:0 does not support this network: made-up error 719"},
    };
    cleave_separator_settings settings = settings_of(f, "cuda");
    settings.strict_device = 1;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        cleave_separator *separator = NULL;
        set_fault(failures[i].fault);
        assert_int_equal(cleave_separator_open(&separator, f->model, &settings, &f->error),
                         failures[i].status);
        assert_null(separator);
        expect_text(f->error.text, failures[i].text);
        expect_text(f->error.text, "; likely: ");
        expect_text(f->error.text, "; try ");
        assert_int_equal(cleave_separator_open(&separator, f->model, &settings, NULL),
                         failures[i].status);
    }
}

/* Whatever the fault and whenever it comes, the run is whole, and a warning says so. */
static void b1_a_run_finishes_on_the_next_device(void **state) {
    Fixture *f = *state;
    static const char *const faults[] = {"memory-run=0", "run=0",      "run=1", "run=2",
                                         "run=3",        "download=1", "lost=2"};
    cleave_separator_settings settings = settings_of(f, "auto");
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        set_fault("");
        cleave_separator *separator = must_open_separator(f->model, &settings);
        assert_string_equal(info_of(separator).device, "cuda:0");
        settings_of(f, "auto"); /* forgets the warnings */
        set_fault(faults[i]);
        expect_whole(f, separator);
        assert_string_equal(info_of(separator).device, "cpu");
        expect_text(f->warnings, "; going on with cpu");
        set_fault("");
        expect_whole(f, separator); /* and stays there */
        assert_string_equal(info_of(separator).device, "cpu");
        cleave_separator_close(separator);
    }
}

static void b1_a_batch_is_halved_until_it_fits(void **state) {
    Fixture *f = *state;
    for (int fit = 1; fit <= 8; fit++) {
        char fault[64];
        cleave_separator_settings settings = settings_of(f, "auto");
        settings.batch = 8;
        snprintf(fault, sizeof(fault), "memory-run=%d", fit);
        set_fault(fault);
        cleave_separator *separator = must_open_separator(f->model, &settings);
        expect_whole(f, separator);
        assert_string_equal(info_of(separator).device, "cuda:0");
        assert_int_equal(f->warning_count, fit < 8);
        cleave_separator_close(separator);
        snprintf(fault, sizeof(fault), "memory-compile=%d", fit);
        set_fault(fault);
        settings_of(f, "auto");
        separator = must_open_separator(f->model, &settings);
        assert_true(info_of(separator).batch <= fit && info_of(separator).batch > fit / 2);
        expect_whole(f, separator);
        assert_int_equal(f->warning_count, fit < 8);
        cleave_separator_close(separator);
    }
}

static void b1_a_device_that_cannot_be_made_ready_is_passed_over(void **state) {
    Fixture *f = *state;
    static const char *const faults[] = {"memory-compile=0", "compile-all", "free=1000"};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        set_fault(faults[i]);
        cleave_separator_settings settings = settings_of(f, "cuda");
        settings.precision = CLEAVE_PRECISION_F32;
        cleave_separator *separator = must_open_separator(f->model, &settings);
        assert_string_equal(info_of(separator).device, "cpu");
        assert_int_equal(info_of(separator).batch, 1);
        assert_int_equal(info_of(separator).compiled, 1);
        expect_text(f->warnings, "; going on with cpu");
        expect_whole(f, separator);
        cleave_separator_close(separator);
        settings.log.write = NULL;
        assert_int_equal(cleave_separator_open(&separator, f->model, &settings, NULL), CLEAVE_OK);
        cleave_separator_close(separator);
    }
}

static void b1_a_halved_batch_is_remembered(void **state) {
    Fixture *f = *state;
    cleave_separator_settings settings = settings_of(f, "auto");
    settings.batch = 8;
    set_fault("memory-run=2");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    for (int track = 0; track < 2; track++) {
        expect_whole(f, separator);
        assert_int_equal(info_of(separator).batch, 2);
        assert_int_equal(f->warning_count, 1); /* nothing fails again */
    }
    set_fault("run=0");
    expect_whole(f, separator);
    assert_string_equal(info_of(separator).device, "cpu");
    assert_int_equal(info_of(separator).batch, 8); /* another device has memory of its own */
    cleave_separator_close(separator);
}

/* ---- Precisions that numbers outgrow ---- */

/* Each moment in one chunk alone, so that each sample tells in which precision it was computed. */
static cleave_separator_settings seamless_settings(Fixture *f, cleave_precision precision) {
    cleave_separator_settings settings = settings_of(f, "cuda");
    settings.blend = CLEAVE_BLEND_MEAN;
    settings.overlap = 1;
    settings.precision = precision;
    return settings;
}

/* The stems of one precision, to be freed. */
static float *stems_in(Fixture *f, cleave_precision precision) {
    float *stems = malloc(f->stem_floats * sizeof(float));
    assert_non_null(stems);
    set_fault("bf16");
    cleave_separator_settings settings = seamless_settings(f, precision);
    cleave_separator *separator = must_open_separator(f->model, &settings);
    assert_int_equal(separate(f, separator), CLEAVE_OK);
    memcpy(stems, f->stems, f->stem_floats * sizeof(float));
    cleave_separator_close(separator);
    return stems;
}

/* Up to sample `end` of each channel the stems are `before`, from there on `after`. */
static void expect_change(const Fixture *f, const float *before, const float *after, int64_t end) {
    size_t planes = f->stem_floats / (size_t)f->samples;
    for (size_t plane = 0; plane < planes; plane++) {
        size_t at = plane * (size_t)f->samples;
        assert_memory_equal(f->stems + at, before + at, (size_t)end * sizeof(float));
        assert_memory_equal(f->stems + at + end, after + at + end,
                            (size_t)(f->samples - end) * sizeof(float));
    }
}

/* How often the warning that it goes on in this precision was given. */
static int count_warnings(const Fixture *f, const char *precision) {
    char part[64];
    int count = 0;
    snprintf(part, sizeof(part), "are computed in %s, which", precision);
    for (const char *at = f->warnings; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void test_auto_is_what_the_device_chooses(void **state) {
    Fixture *f = *state;
    static const struct {
        const char *fault;
        const char *device;
        cleave_precision asked;
        const char *precision;
    } rows[] = {{"", "cuda", CLEAVE_PRECISION_AUTO, "f32"},
                {"auto=f16", "cuda", CLEAVE_PRECISION_AUTO, "f16"},
                {"auto=f16", "cpu", CLEAVE_PRECISION_AUTO, "f32"},
                {"auto=f16", "cuda", CLEAVE_PRECISION_F32, "f32"},
                {"auto=f16,bf16", "cuda", CLEAVE_PRECISION_BF16, "bf16"},
                {"auto=f16,compile-all", "cuda", CLEAVE_PRECISION_AUTO, "f32"},
                {"auto=f16,bf16,free=1000", "cuda", CLEAVE_PRECISION_F16, "f16"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set_fault(rows[i].fault);
        cleave_separator_settings settings = settings_of(f, rows[i].device);
        settings.precision = rows[i].asked;
        cleave_separator *separator = must_open_separator(f->model, &settings);
        assert_string_equal(info_of(separator).precision, rows[i].precision);
        assert_int_equal(separate(f, separator), CLEAVE_OK);
        assert_string_equal(info_of(separator).precision, rows[i].precision);
        cleave_separator_close(separator);
    }
}

/* Whichever chunk of whichever batch is the first that is no number. */
static void test_a_wider_precision_takes_over_at_the_bad_chunk(void **state) {
    Fixture *f = *state;
    float *f16 = stems_in(f, CLEAVE_PRECISION_F16);
    float *f32 = stems_in(f, CLEAVE_PRECISION_F32);
    float *bf16 = stems_in(f, CLEAVE_PRECISION_BF16);
    for (int batch = 1; batch <= 3; batch += 2)
        for (int good = 0; good < SECONDS; good++)
            for (int has_bf16 = 0; has_bf16 < 2; has_bf16++) {
                char fault[64];
                const char *wide = has_bf16 ? "bf16" : "f32";
                snprintf(fault, sizeof(fault), "auto=f16,nan=%d%s", good, has_bf16 ? ",bf16" : "");
                set_fault(fault);
                cleave_separator_settings settings = seamless_settings(f, CLEAVE_PRECISION_AUTO);
                settings.batch = batch;
                settings.strict_device = 1; /* it is the same device */
                cleave_separator *separator = must_open_separator(f->model, &settings);
                int64_t chunk = info_of(separator).chunk_size;
                assert_int_equal(separate(f, separator), CLEAVE_OK);
                expect_change(f, f16, has_bf16 ? bf16 : f32, good * chunk);
                /* The next call stays there, and nothing is told twice. */
                assert_int_equal(separate(f, separator), CLEAVE_OK);
                expect_change(f, f16, has_bf16 ? bf16 : f32, 0);
                assert_string_equal(info_of(separator).precision, wide);
                assert_string_equal(info_of(separator).device, "cuda:0");
                assert_int_equal(info_of(separator).batch, batch);
                assert_int_equal(count_warnings(f, "bf16") + count_warnings(f, "f32"), 1);
                assert_int_equal(count_warnings(f, wide), 1);
                expect_text(f->warnings,
                            good == 0 ? "in the chunk from 0.000" : "in the chunk from");
                expect_text(f->warnings, has_bf16 ? "; -p bf16 from" : "; -p f32 from");
                cleave_separator_close(separator);
            }
    free(f16);
    free(f32);
    free(bf16);
}

static void test_bf16_may_not_reach_far_enough_either(void **state) {
    Fixture *f = *state;
    float *bf16 = stems_in(f, CLEAVE_PRECISION_BF16);
    float *f32 = stems_in(f, CLEAVE_PRECISION_F32);
    cleave_separator_settings settings = seamless_settings(f, CLEAVE_PRECISION_AUTO);
    set_fault("auto=f16,bf16,nan,nan-bf16=1");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    assert_int_equal(separate(f, separator), CLEAVE_OK);
    expect_change(f, bf16, f32, info_of(separator).chunk_size);
    assert_string_equal(info_of(separator).precision, "f32");
    assert_int_equal(count_warnings(f, "bf16"), 1);
    assert_int_equal(count_warnings(f, "f32"), 1);
    set_fault("auto=f16,bf16,nan,nan-bf16,nan-f32");
    assert_int_equal(separate(f, separator), CLEAVE_ERROR_MODEL);
    expect_text(f->error.text, "computed in f32; lower the input's level");
    cleave_separator_close(separator);
    free(bf16);
    free(f32);
}

static void test_an_explicit_precision_is_kept(void **state) {
    Fixture *f = *state;
    static const cleave_precision precisions[] = {CLEAVE_PRECISION_F16, CLEAVE_PRECISION_BF16,
                                                  CLEAVE_PRECISION_F32};
    static const char *const advice[] = {"; try -p bf16 or -p f32", "; try -p f32",
                                         "another checkpoint"};
    set_fault("auto=f16,bf16,nan=1,nan-bf16=1,nan-f32=1");
    for (int i = 0; i < 3; i++) {
        cleave_separator_settings settings = seamless_settings(f, precisions[i]);
        cleave_separator *separator = must_open_separator(f->model, &settings);
        const char *before = info_of(separator).precision;
        assert_int_equal(separate(f, separator), CLEAVE_ERROR_MODEL);
        expect_text(f->error.text, advice[i]);
        expect_text(f->error.text, before);
        assert_string_equal(info_of(separator).precision, before);
        assert_string_equal(info_of(separator).device, "cuda:0");
        assert_int_equal(count_warnings(f, "bf16") + count_warnings(f, "f32"), 0);
        cleave_separator_close(separator);
    }
}

/* What was learnt of precisions is no device's business: from f16 to bf16, from there to the CPU.
 */
static void test_a_device_may_fail_in_the_wider_precision(void **state) {
    Fixture *f = *state;
    float *f32 = stems_in(f, CLEAVE_PRECISION_F32);
    cleave_separator_settings settings = seamless_settings(f, CLEAVE_PRECISION_AUTO);
    set_fault("auto=f16,bf16,nan,lost=1");
    settings.batch = 1;
    cleave_separator *separator = must_open_separator(f->model, &settings);
    assert_int_equal(separate(f, separator), CLEAVE_OK);
    expect_change(f, f->stems, f32, info_of(separator).chunk_size);
    assert_string_equal(info_of(separator).device, "cpu");
    assert_string_equal(info_of(separator).precision, "f32");
    expect_text(f->warnings, "; going on with cpu");
    cleave_separator_close(separator);
    free(f32);
}

/* Neither the mode nor the batch is tried anew that failed on the device before. */
static void test_a_wider_precision_keeps_mode_and_batch(void **state) {
    Fixture *f = *state;
    cleave_separator_settings settings = seamless_settings(f, CLEAVE_PRECISION_AUTO);
    set_fault("auto=f16,bf16,nan=2,compile,memory-run=1");
    settings.batch = 2;
    cleave_separator *separator = must_open_separator(f->model, &settings);
    assert_int_equal(separate(f, separator), CLEAVE_OK);
    assert_string_equal(info_of(separator).precision, "bf16");
    assert_int_equal(info_of(separator).compiled, 0);
    assert_int_equal(info_of(separator).batch, 1);
    const char *told = strstr(f->warnings, "it runs op by op instead");
    assert_non_null(told);
    assert_null(strstr(told + 1, "it runs op by op instead"));
    told = strstr(f->warnings, "a batch of 2 chunks is too large");
    assert_non_null(told);
    assert_null(strstr(told + 1, "a batch of"));
    cleave_separator_close(separator);
}

/* ---- What runs elsewhere, and what it took ---- */

static void b4_fallback_ops_are_counted_and_told_once(void **state) {
    Fixture *f = *state;
    cleave_fallback_op ops[2];
    set_fault("fallback=3");
    cleave_separator_settings settings = settings_of(f, "cuda");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    expect_whole(f, separator);
    expect_whole(f, separator);
    assert_int_equal(f->warning_count, 1);
    expect_text(f->warnings, "3 ops of the network do not run on cuda:0");
    expect_text(f->warnings, "made-up op 0 (stft) runs on cpu: the made-up driver has no such op");
    for (int released = 0; released < 2; released++) {
        assert_int_equal(info_of(separator).fallback_ops, 3);
        assert_int_equal(cleave_separator_fallbacks(separator, ops, 2), 3);
        assert_string_equal(ops[1].name, "made-up op 1");
        assert_string_equal(ops[1].device, "cpu");
        assert_true(ops[1].runs > 1);
        assert_int_equal(cleave_separator_release_cache(separator, NULL), CLEAVE_OK);
    }
    cleave_separator_close(separator);
    settings = settings_of(f, "cpu");
    separator = must_open_separator(f->model, &settings);
    assert_int_equal(cleave_separator_fallbacks(separator, ops, 2), 0);
    assert_int_equal(cleave_separator_fallbacks(NULL, ops, 2), 0);
    cleave_separator_close(separator);
}

/* What ran elsewhere than on a device that failed is not forgotten with it. */
static void b4_fallback_ops_of_a_device_that_was_left_are_kept(void **state) {
    Fixture *f = *state;
    cleave_fallback_op ops[4];
    set_fault("fallback=2,run=3");
    cleave_separator_settings settings = settings_of(f, "cuda");
    settings.batch = 1;
    cleave_separator *separator = must_open_separator(f->model, &settings);
    expect_whole(f, separator);
    assert_string_equal(info_of(separator).device, "cpu");
    for (int track = 0; track < 2; track++) {
        assert_int_equal(cleave_separator_fallbacks(separator, ops, 4), 2);
        assert_int_equal(info_of(separator).fallback_ops, 2);
        assert_string_equal(ops[1].name, "made-up op 1");
        assert_string_equal(ops[1].instead_of, "cuda:0");
        assert_int_equal(ops[1].runs, 3);
        assert_int_equal(f->warning_count, 2); /* of the move, and of the ops */
        expect_text(f->warnings, "2 ops of the network do not run on cuda:0");
        expect_whole(f, separator);
    }
    cleave_separator_close(separator);
    set_fault("fallback=2,run=0"); /* nothing ran there */
    settings = settings_of(f, "cuda");
    separator = must_open_separator(f->model, &settings);
    expect_whole(f, separator);
    assert_int_equal(cleave_separator_fallbacks(separator, ops, 4), 0);
    assert_int_equal(f->warning_count, 1);
    cleave_separator_close(separator);
}

static void b4_runs_add_up_over_releases(void **state) {
    Fixture *f = *state;
    cleave_fallback_op ops[2];
    set_fault("fallback=2");
    cleave_separator_settings settings = settings_of(f, "cuda");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    expect_whole(f, separator);
    assert_int_equal(cleave_separator_fallbacks(separator, ops, 2), 2);
    int64_t runs = ops[0].runs;
    for (int64_t track = 2; track <= 4; track++) {
        assert_int_equal(cleave_separator_release_cache(separator, NULL), CLEAVE_OK);
        expect_whole(f, separator);
        assert_int_equal(cleave_separator_fallbacks(separator, ops, 2), 2);
        assert_int_equal(ops[0].runs, track * runs);
    }
    assert_int_equal(f->warning_count, 1);
    cleave_separator_close(separator);
}

static int keep_progress(void *user, const cleave_progress *progress) {
    *(cleave_progress *)user = *progress;
    return 0;
}

static void t4_peak_memory_is_told_during_and_after(void **state) {
    Fixture *f = *state;
    cleave_progress progress = {.seconds = 0};
    const float *planes[] = {f->mix, f->mix};
    cleave_separator_settings settings = settings_of(f, "cuda");
    cleave_separator *separator = must_open_separator(f->model, &settings);
    /* The made-up device takes a thousand bytes more for a while than it holds. */
    assert_int_equal(info_of(separator).peak_device_memory,
                     info_of(separator).device_memory + 1000);
    assert_int_equal(cleave_separator_separate_memory(separator, planes, f->info.channels,
                                                      f->samples, f->stems, keep_progress,
                                                      &progress, &f->error),
                     CLEAVE_OK);
    assert_int_equal(progress.peak_device_memory, info_of(separator).peak_device_memory);
    assert_true(progress.peak_host_memory >= info_of(separator).device_memory);
    cleave_separator_close(separator);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear_fault, clear_fault)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(r6_devices_say_what_they_are),
        TEST(r14_every_no_has_its_reason),
        TEST(r3_memory_figures_are_those_of_device_and_machine),
        TEST(r10_properties_are_asked_once_and_memory_each_time),
        TEST(r15_the_choice_is_made_and_explained),
        TEST(r15_names_of_no_device_are_refused),
        TEST(r7_the_batch_is_that_of_device_and_overlap),
        TEST(r7_a_batch_is_lowered_to_the_memory_of_the_device),
        TEST(r4_a_compiler_that_fails_does_not_lose_the_run),
        TEST(r4_both_modes_can_be_asked_for),
        TEST(r5_warming_up_prepares_and_changes_nothing),
        TEST(r5_warming_up_can_be_cancelled),
        TEST(r5_warming_up_finds_the_batch_that_fits),
        TEST(r8_synchronizing_tells_what_failed),
        TEST(r9_a_released_separator_compiles_again_with_the_same_bits),
        TEST(r11_each_failure_tells_device_step_cause_and_remedy),
        TEST(r11_failures_to_compile_tell_as_much),
        TEST(b1_a_run_finishes_on_the_next_device),
        TEST(b1_a_batch_is_halved_until_it_fits),
        TEST(b1_a_device_that_cannot_be_made_ready_is_passed_over),
        TEST(b1_a_halved_batch_is_remembered),
        TEST(test_auto_is_what_the_device_chooses),
        TEST(test_a_wider_precision_takes_over_at_the_bad_chunk),
        TEST(test_bf16_may_not_reach_far_enough_either),
        TEST(test_an_explicit_precision_is_kept),
        TEST(test_a_device_may_fail_in_the_wider_precision),
        TEST(test_a_wider_precision_keeps_mode_and_batch),
        TEST(b4_fallback_ops_are_counted_and_told_once),
        TEST(b4_fallback_ops_of_a_device_that_was_left_are_kept),
        TEST(b4_runs_add_up_over_releases),
        TEST(t4_peak_memory_is_told_during_and_after),
    };
    char marks[] = "/tmp/cleave-probes-XXXXXX";
    int fd = mkstemp(marks);
    if (fd < 0 || setenv("CLEAVE_FAULT_PROBES", marks, 1) != 0)
        return 99;
    close(fd);
    int failed = cmocka_run_group_tests(tests, set_up_all, tear_down_all);
    unlink(marks);
    return failed;
}
