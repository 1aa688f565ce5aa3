/* test_files.c: files that mean harm (make_files.py), each opened in a process of its own that may
 * have little memory and time: it must end in one line that says what is wrong, or, where the file
 * is harmless after all, well. Bytes turned at random are for the tests named hostile in
 * tests/model and tests/audio, and for tests/fuzz. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio/audio.h"
#include "base/platform.h"
#include "cleave.h"
#include "tests/support/files.h"
#include "tests/support/sanitized.h"

#define MEGABYTE    ((rlim_t)1 << 20)
#define MAX_ADDRESS (512 * MEGABYTE)
#define MAX_GROWTH  (300 << 10) /* KiB of resident memory */
#define MAX_SECONDS 10          /* far above what any of them takes: a hang is what it ends */
#define MAX_FRAMES  ((int64_t)1 << 22)
#define PIECES      64

/* What no pickle may bring into being; in the folder where the tests run. */
#define TRACE "cleave-executed-a-pickle"

typedef cleave_status (*OpenFile)(const char *path, cleave_error *error);

typedef struct HostileFile {
    const char *name;
    const char *fragment; /* of the error; NULL: it may be read, too */
} HostileFile;

typedef struct Outcome {
    cleave_status status;
    char text[CLEAVE_ERROR_TEXT_SIZE];
    double seconds; /* of the processor */
    long growth;    /* KiB of resident memory */
} Outcome;

static TestPath hostile_file(const char *name) {
    TestPath path;
    snprintf(path.text, sizeof(path.text), "%s/%s", getenv("CLEAVE_HOSTILE_FILES"), name);
    return path;
}

/* ---- Opening ---- */

static cleave_status open_model(const char *path, const char *config, cleave_error *error) {
    cleave_model_settings settings;
    cleave_model *model = NULL;
    cleave_model_settings_default(&settings);
    settings.config_path = config;
    cleave_status status = cleave_model_open(&model, path, &settings, error);
    cleave_model_close(model);
    return status;
}

static cleave_status open_checkpoint(const char *path, cleave_error *error) {
    return open_model(path, test_data("cases/no-norm-short-hop/model.yaml").text, error);
}

static cleave_status open_config(const char *path, cleave_error *error) {
    return open_model(test_data("cases/no-norm-short-hop/model.ckpt").text, path, error);
}

static cleave_status open_roformer_checkpoint(const char *path, cleave_error *error) {
    return open_model(path, test_data("golden/bs-mean-2stem/model.yaml").text, error);
}

static cleave_status open_roformer_config(const char *path, cleave_error *error) {
    return open_model(test_data("golden/bs-mean-2stem/model.ckpt").text, path, error);
}

static cleave_status read_audio(const char *path, cleave_error *error) {
    static float samples[2][4096];
    float *planes[2] = {samples[0], samples[1]};
    AudioReader *reader = NULL;
    int64_t got = 4096;
    cleave_status status = audio_reader_open(&reader, path, NULL, error);
    if (status == CLEAVE_OK)
        status = audio_reader_convert(reader, 2, 44100, error);
    for (int64_t done = 0; status == CLEAVE_OK && got == 4096 && done < MAX_FRAMES; done += got)
        status = audio_reader_read(reader, planes, 4096, &got, error);
    audio_reader_close(reader);
    return status;
}

/* ---- In a process of its own ---- */

/* In KiB. */
static long resident_peak(void) {
    return (long)(platform_peak_resident() >> 10);
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* A mapped file takes addresses, but no memory. */
static bool limits_addresses = true;

static void limit(void) {
    const struct rlimit address = {MAX_ADDRESS, MAX_ADDRESS};
    const struct rlimit seconds = {MAX_SECONDS, MAX_SECONDS};
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (SANITIZED)
        return; /* their shadow takes terabytes of addresses, and their checks time */
    if (limits_addresses)
        setrlimit(RLIMIT_AS, &address);
    setrlimit(RLIMIT_CPU, &seconds);
}

static void act(OpenFile open, const char *path, int result) {
    static Outcome outcome;
    cleave_error error = {0};
    limit();
    long before = resident_peak();
    double begin = processor_seconds();
    outcome.status = open(path, &error);
    outcome.seconds = processor_seconds() - begin;
    outcome.growth = resident_peak() - before;
    memcpy(outcome.text, error.text, sizeof(outcome.text));
    bool told = write(result, &outcome, sizeof(outcome)) == (ssize_t)sizeof(outcome);
    _exit(told ? 0 : 1);
}

static Outcome in_child(OpenFile open, const char *path) {
    static Outcome outcome;
    int ends[2];
    int how = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        act(open, path, ends[1]);
    close(ends[1]);
    bool told = read(ends[0], &outcome, sizeof(outcome)) == (ssize_t)sizeof(outcome);
    close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    if (!told || !WIFEXITED(how) || WEXITSTATUS(how) != 0)
        fail_msg("%s: the process died (wait status %#x)", path, (unsigned)how);
    return outcome;
}

static void check(OpenFile open, const char *path, const char *fragment) {
    Outcome outcome = in_child(open, path);
    printf("%7.3f s %4ld MB  %s: %s\n", outcome.seconds, outcome.growth >> 10,
           strrchr(path, '/') + 1, outcome.text);
    if (!SANITIZED && outcome.growth > MAX_GROWTH)
        fail_msg("%s took %ld KiB", path, outcome.growth);
    if (outcome.status == CLEAVE_OK && !fragment)
        return;
    if (outcome.status != CLEAVE_ERROR_MODEL && outcome.status != CLEAVE_ERROR_INPUT)
        fail_msg("%s: %s: %s", path, cleave_status_name(outcome.status), outcome.text);
    if (!strstr(outcome.text, fragment ? fragment : "") || strchr(outcome.text, '\n'))
        fail_msg("%s: expected '%s', got: %s", path, fragment ? fragment : "one line",
                 outcome.text);
}

static void check_all(OpenFile open, const HostileFile *files, size_t count) {
    for (size_t i = 0; i < count; i++)
        check(open, hostile_file(files[i].name).text, files[i].fragment);
}

#define CHECK_ALL(open, files) check_all(open, files, sizeof(files) / sizeof((files)[0]))

/* ---- Checkpoints ---- */

static void archives_that_grow_are_refused(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"zip-claims-4gb.ckpt", "far more than any checkpoint"},
        {"zip-claims-stored-4gb.ckpt", "beyond its end"},
        {"zip-claims-exabyte.ckpt", "far more than any checkpoint"},
        {"zip-holds-100mb.ckpt", "far more than any checkpoint"},
        {"zip-holds-more-than-it-says.ckpt", "first_conv.weight has the shape (4)"},
        {"zip-overlapping.ckpt", "far more than any checkpoint"},
        {"zip-quoted.ckpt", "far more than any checkpoint"},
    };
    CHECK_ALL(open_checkpoint, files);
}

static void pickles_that_grow_are_refused(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"zip-pickle-of-lists.ckpt", "more objects than any checkpoint"},
        {"zip-pickle-of-marks.ckpt", "more objects than any checkpoint"},
        {"zip-deep-pickle.ckpt", "no state dict"},
        {"zip-doubling-pickle.ckpt", "no state dict"},
        {"zip-doubling-dicts.ckpt", "no state dict"},
        {"zip-same-dicts.ckpt", "no state dict"},
        {"zip-many-dicts.ckpt", "no state dict"},
        {"zip-lists-of-no-pairs.ckpt", "no state dict"},
    };
    CHECK_ALL(open_checkpoint, files);
}

static void shapes_that_lie_are_refused(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"zip-negative-shape.ckpt", "does not lie in its storage"},
        {"zip-overflowing-shape.ckpt", "does not lie in its storage"},
        {"zip-stride-outside.ckpt", "does not lie in its storage"},
        {"zip-negative-stride.ckpt", "does not lie in its storage"},
        {"zip-short-storage.ckpt", "does not lie in its storage"},
        {"zip-zero-shape.ckpt", "first_conv.weight has the shape (0, "},
        {"stream-exabyte.ckpt", "incomplete"},
        {"stream-largest.ckpt", "incomplete"},
        {"stream-exabyte-tensor.ckpt", "does not lie in its storage"},
    };
    CHECK_ALL(open_checkpoint, files);
}

static void commands_in_pickles_are_refused_and_not_run(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"zip-system.ckpt", "posix.system"},       {"zip-eval.ckpt", "builtins.eval"},
        {"stream-system.ckpt", "os.system"},       {"stream-old-system.ckpt", "posix.system"},
        {"stream-popen.ckpt", "subprocess.Popen"},
    };
    unlink(TRACE);
    CHECK_ALL(open_checkpoint, files);
    assert_int_not_equal(access(TRACE, F_OK), 0);
}

static void safetensors_that_lie_are_refused(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"header-exabyte.safetensors", ""},
        {"header-40-bits.safetensors", "incomplete: its header has 549755813888 bytes"},
        {"elements-exabyte.safetensors", "first_conv.weight"},
        {"offsets-exabyte.safetensors", "incomplete: first_conv.weight ends at byte"},
        {"overflow.safetensors", "first_conv.weight"},
        {"overflow-to-4.safetensors", "first_conv.weight"},
        {"negative.safetensors", "first_conv.weight"},
        {"beyond-64-bits.safetensors", "header is damaged"},
        {"objects.safetensors", "more than"},
        {"lists.safetensors", "more than"},
        {"deep.safetensors", "more than"},
        {"metadata.safetensors", "more than"},
        {"demucs.safetensors", "looks like a Demucs network"},
    };
    CHECK_ALL(open_checkpoint, files);
}

static void what_is_no_checkpoint_is_called_by_its_name(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"empty.ckpt", "empty"},          {"page.ckpt", "a web page"},
        {"pointer.ckpt", "git lfs pull"}, {"one-byte.ckpt", "no checkpoint that cleave knows"},
        {"pk.ckpt", "incomplete"},
    };
    CHECK_ALL(open_checkpoint, files);
}

/* A file of 64 GB that takes no room on the disk. */
static void a_huge_hole_is_refused(void **state) {
    (void)state;
    static const char *const starts[] = {"", "PK\x03\x04", "AAAA"};
    static const char *const fragments[] = {"zeros", "list of files", "no checkpoint"};
    char path[] = "cleave-hole-XXXXXX";
    char full[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    snprintf(full, sizeof(full), "./%s", path);
    limits_addresses = false;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        size_t length = strlen(starts[i]);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, starts[i], length, 0), (ssize_t)length);
        if (ftruncate(fd, (off_t)64 << 30) == 0)
            check(open_checkpoint, full, fragments[i]);
    }
    limits_addresses = true;
    close(fd);
    unlink(path);
}

static void a_configuration_of_another_checkpoint_is_refused(void **state) {
    (void)state;
    TestPath config = test_data("cases/batch-norm-four-scales/model.yaml");
    TestPath other = test_data("cases/group-norm-straddle/model.yaml");
    check(open_config, config.text, "model.num_scales");
    check(open_config, other.text, "the configuration");
}

/* ---- Configurations ---- */

static void configurations_that_grow_are_refused(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"laughs.yaml", "audio.n_fft is 'a list"},
        {"merges.yaml", "audio.n_fft is missing"},
        {"itself.yaml", "audio.n_fft is missing"},
        {"deep-lists.yaml", "nested more than 64"},
        {"deep-maps.yaml", "nested more than 64"},
        {"deep-blocks.yaml", "nested more than 64"},
        {"directives.yaml", "directives"},
        {"anchors.yaml", "more than 1000 anchors"},
        {"values.yaml", "more than 20000 values"},
        {"long.yaml", "bytes long"},
        {"zero.yaml", "a binary file, not a configuration"},
    };
    CHECK_ALL(open_config, files);
}

static void roformers_that_grow_are_refused(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"roformer-many-bands.yaml", "more than 4096 bands"},
        {"roformer-large-bands.yaml", "4194304001 bins, but an STFT"},
        {"roformer-laughs.yaml", "model.freqs_per_bands is 'a list"},
        {"roformer-empty-bands.yaml", "of the 4096 of model.num_bands has no bin"},
        {"roformer-transform.yaml", "no machine holds"},
        {"roformer-layers.yaml", "more than 200000"},
        {"roformer-masks.yaml", "more than 200000"},
        {"roformer-heads.yaml", "no machine holds"},
        {"roformer-dim.yaml", "no machine holds"},
        {"roformer-frames.yaml", "no machine holds"},
        {"roformer-of-others.yaml", "model.freqs_per_bands 10, the configuration says 1"},
    };
    CHECK_ALL(open_roformer_config, files);
    check(open_roformer_checkpoint, hostile_file("roformer-endless-bias.ckpt").text,
          "layers.0.2.x.bias is there");
}

/* ---- Downloads that broke off ---- */

static void cut(OpenFile open, const char *whole, bool must_fail) {
    char path[64];
    char piece[] = "cleave-cut-XXXXXX";
    size_t size = 0;
    unsigned char *bytes = read_bytes(whole, &size);
    int fd = mkstemp(piece);
    assert_true(fd >= 0);
    snprintf(path, sizeof(path), "./%s", piece);
    for (size_t i = 0; i < PIECES; i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, bytes, size * i / PIECES, 0), (ssize_t)(size * i / PIECES));
        Outcome outcome = in_child(open, path);
        if (must_fail && outcome.status == CLEAVE_OK)
            fail_msg("%s cut at %zu of %d was opened", whole, i, PIECES);
        if (outcome.status != CLEAVE_OK &&
            (strlen(outcome.text) < 10 || strchr(outcome.text, '\n')))
            fail_msg("%s cut at %zu of %d: '%s'", whole, i, PIECES, outcome.text);
    }
    free(bytes);
    close(fd);
    unlink(piece);
}

static void broken_downloads_are_errors(void **state) {
    (void)state;
    cut(open_checkpoint, test_data("cases/no-norm-short-hop/model.ckpt").text, true);
    cut(open_checkpoint, test_data("cases/one-sample-stream-views/model.th").text, true);
    cut(open_checkpoint, test_data("cases/silence-inside/model.safetensors").text, true);
    cut(open_config, test_data("cases/no-norm-short-hop/model.yaml").text, false);
    cut(open_roformer_config, test_data("golden/bs-mean-2stem/model.yaml").text, false);
    cut(read_audio, test_data("cases/no-norm-short-hop/mix.wav").text, false);
}

/* ---- Audio ---- */

static void audio_that_lies_is_refused_or_read(void **state) {
    (void)state;
    static const HostileFile files[] = {
        {"channels.wav", ""},
        {"channels-1025.wav", ""},
        {"channels-none.wav", ""},
        {"rate-none.wav", ""},
        {"rate-31-bits.wav", ""},
        {"rate-largest.wav", ""},
        {"rate-one.wav", ""},
        {"block-lies.wav", NULL},
        {"block-none.wav", NULL},
        {"block-largest.wav", NULL},
        {"bits-none.wav", NULL},
        {"bits-largest.wav", NULL},
        {"list-4gb.wav", NULL},
        {"list-first-4gb.wav", NULL},
        {"format-4gb.wav", NULL},
        {"cue-4gb.wav", NULL},
        {"many-chunks.wav", NULL},
        {"many-formats.wav", NULL},
        {"rf64-63-bits.wav", NULL},
        {"rf64-62-bits.wav", NULL},
        {"rf64-nothing.wav", NULL},
        {"blocks-none.flac", ""},
        {"blocks-largest.flac", ""},
        {"rate-none.flac", ""},
        {"no-frames.flac", ""},
        {"metadata.flac", ""},
        {"many-blocks.flac", ""},
        {"tags.flac", ""},
        {"garbage.ogg", ""},
        {"vorbis-largest.ogg", ""},
        {"pages.ogg", ""},
        {"opus.ogg", ""},
        {"id3-256mb.mp3", ""},
        {"id3-many.mp3", ""},
        {"id3-then-nothing.mp3", ""},
        {"sync-only.mp3", NULL},
        {"text.wav", "this is text, not audio"},
        {"riff-only.wav", ""},
        {"form-only.aiff", ""},
        {"channels.au", ""},
        {"offset.au", NULL},
        {"atoms.m4a", ""},
        {"nested.m4a", ""},
        {"ebml.webm", ""},
    };
    CHECK_ALL(read_audio, files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archives_that_grow_are_refused),
        cmocka_unit_test(pickles_that_grow_are_refused),
        cmocka_unit_test(shapes_that_lie_are_refused),
        cmocka_unit_test(commands_in_pickles_are_refused_and_not_run),
        cmocka_unit_test(safetensors_that_lie_are_refused),
        cmocka_unit_test(what_is_no_checkpoint_is_called_by_its_name),
        cmocka_unit_test(a_huge_hole_is_refused),
        cmocka_unit_test(a_configuration_of_another_checkpoint_is_refused),
        cmocka_unit_test(configurations_that_grow_are_refused),
        cmocka_unit_test(roformers_that_grow_are_refused),
        cmocka_unit_test(broken_downloads_are_errors),
        cmocka_unit_test(audio_that_lies_is_refused_or_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
