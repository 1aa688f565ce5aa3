/* test_trial.c: how the end of a trial is read, and what of it is kept, whatever the tried program
 * did and whatever the file of results holds. The programs are shell scripts, which every system
 * runs. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/trial.h"
#include "base/cache_file.h"
#include "base/child.h"
#include "base/clock.h"

static char folder[] = "/tmp/cleave-trial-XXXXXX";
static char script[64];
static char cache[64];

static const cleave_device_info device = {
    .id = "mps", .name = "Apple M1", .system = "macOS 14.5", .simulated = 1};

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

/* Sets the program that trials start from now on. */
static void use_script(const char *body) {
    char text[1024];
    snprintf(text, sizeof(text), "#!/bin/sh\necho run >>%s/runs\n%s\n", folder, body);
    unlink(script);
    write_file(script, text);
    assert_int_equal(chmod(script, 0755), 0);
    trial_set_program(script);
}

/* How often a program was started since the last call. */
static int count_runs(void) {
    char path[64];
    int runs = 0;
    snprintf(path, sizeof(path), "%s/runs", folder);
    FILE *file = fopen(path, "r");
    for (int c = 0; file && (c = fgetc(file)) != EOF;)
        runs += c == '\n';
    if (file)
        fclose(file);
    unlink(path);
    return runs;
}

/* The one file in the cache; NULL: the cache is empty. */
static char *kept_file(void) {
    char command[128];
    static char path[256];
    snprintf(command, sizeof(command), "ls %s/cleave/trial-* 2>/dev/null", cache);
    FILE *list = popen(command, "r"); /* NOLINT(cert-env33-c): words of this test alone */
    char *line = list ? fgets(path, sizeof(path), list) : NULL;
    if (list)
        pclose(list);
    if (line)
        line[strcspn(line, "\n")] = '\0';
    return line;
}

static void forget(void) {
    char *path = kept_file();
    if (path)
        unlink(path);
}

static TrialVerdict ask(bool anew) {
    TrialVerdict verdict;
    trial_ask(&device, anew, &verdict);
    return verdict;
}

static TrialVerdict ask_of(const char *body) {
    forget();
    use_script(body);
    TrialVerdict verdict = ask(false);
    assert_int_equal(count_runs(), 1);
    return verdict;
}

#define GOOD "echo 'cleave trial: f32 1210, f16 590'"

static void a_good_trial_is_made_once(void **state) {
    (void)state;
    assert_int_equal(ask_of(GOOD).outcome, TRIAL_GOOD);
    TrialVerdict again = ask(false);
    assert_int_equal(again.outcome, TRIAL_GOOD);
    assert_true(again.kept);
    assert_int_equal(ask(true).outcome, TRIAL_GOOD);
    assert_int_equal(count_runs(), 0);
}

static void expect_bad(const char *body, const char *words) {
    TrialVerdict verdict = ask_of(body);
    assert_int_equal(verdict.outcome, TRIAL_BAD);
    if (!strstr(verdict.reason, words))
        fail_msg("'%s' is not in '%s'", words, verdict.reason);
    TrialVerdict again = ask(false);
    assert_true(again.kept);
    assert_int_equal(again.outcome, TRIAL_BAD);
    assert_string_equal(again.reason, verdict.reason);
    assert_int_equal(count_runs(), 0);
    assert_false(ask(true).kept);
    assert_int_equal(count_runs(), 1);
}

static void every_bad_end_has_a_reason(void **state) {
    (void)state;
    expect_bad("echo 'MPSGraph: failed assertion' >&2; kill -ABRT $$",
               "died of signal 6 (Aborted): MPSGraph: failed assertion");
    expect_bad("exit 0", "without a result (exit status 0)");
    expect_bad("echo no GPU; exit 1", "without a result (exit status 1): no GPU");
    expect_bad(GOOD "; exit 1", "without a result (exit status 1)");
    expect_bad("printf 'cleave trial: f32 1210, f16 59'", "without a result (exit status 0)");
    expect_bad("echo 'cleave trial: f32 599, f16 590'", "f32 came to 59.9 dB");
    expect_bad("echo 'cleave trial: f32 1210, f16 399'", "f16 to 39.9");
    expect_bad("printf '\\033[2J\\nbad\\001\\n'; exit 3", "(exit status 3): bad?");
    expect_bad("yes no | head -c 999999; exit 1", "(exit status 1): no");
}

static void a_trial_that_hangs_is_stopped(void **state) {
    (void)state;
    double begin = clock_seconds();
    setenv("CLEAVE_TRIAL_SECONDS", "0.3", 1);
    expect_bad("echo waiting; sleep 1000", "hung: it was stopped after 0 s: waiting");
    expect_bad("exec >&- 2>&-; sleep 1000", "hung");
    unsetenv("CLEAVE_TRIAL_SECONDS");
    assert_true(clock_seconds() - begin < 60);
    /* a trial whose child keeps its output open is not waited for */
    assert_int_equal(ask_of(GOOD "; sleep 2 & exit 0").outcome, TRIAL_GOOD);
}

static void what_cannot_be_started_is_not_kept(void **state) {
    (void)state;
    forget();
    trial_set_program("/nowhere/cleave");
    TrialVerdict verdict = ask(false);
    assert_int_equal(verdict.outcome, TRIAL_UNKNOWN);
    assert_non_null(strstr(verdict.reason, "could not be started"));
    trial_set_program("");
    assert_int_equal(ask(true).outcome, TRIAL_UNKNOWN);
    assert_null(kept_file());
}

static void the_program_inherits_nothing(void **state) {
    (void)state;
    char body[256];
    int fd = open("/dev/null", O_WRONLY); /* NOLINT(android-cloexec-open): to be inherited */
    assert_true(fd > 2 && fd < 10);       /* the least that every shell can name */
    snprintf(body, sizeof(body), "if (: >&%d) 2>/dev/null || read line; then exit 9; fi\n" GOOD,
             fd);
    assert_int_equal(ask_of(body).outcome, TRIAL_GOOD);
    close(fd);
}

/* ---- What is kept ---- */

static void files_that_are_damaged_count_for_nothing(void **state) {
    (void)state;
    assert_int_equal(ask_of(GOOD).outcome, TRIAL_GOOD);
    char *path = kept_file();
    assert_non_null(path);
    char *text = cache_file_read(path, 4096);
    assert_non_null(text);
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        TrialVerdict verdict;
        char saved = text[i];
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(saved ^ (1 << bit));
            assert_false(trial_parse(&device, text, &verdict));
        }
        text[i] = '\0'; /* cut */
        assert_false(trial_parse(&device, text, &verdict));
        text[i] = saved;
    }
    free(text);
}

static void what_another_system_found_is_not_asked(void **state) {
    (void)state;
    TrialVerdict verdict = {.outcome = TRIAL_GOOD};
    cleave_device_info others[] = {device, device, device};
    char *text = trial_text(&device, &verdict);
    assert_non_null(text);
    assert_true(trial_parse(&device, text, &verdict));
    snprintf(others[0].system, sizeof(others[0].system), "macOS 14.6");
    snprintf(others[1].name, sizeof(others[1].name), "Apple M2");
    snprintf(others[2].id, sizeof(others[2].id), "mps2");
    for (int i = 0; i < 3; i++)
        assert_false(trial_parse(&others[i], text, &verdict));
    free(text);
}

/* A reason with control characters, though its checksum is right. */
static void hostile_reasons_are_refused(void **state) {
    (void)state;
    TrialVerdict verdict = {.outcome = TRIAL_BAD};
    snprintf(verdict.reason, sizeof(verdict.reason), "\033]0;owned\a");
    char *text = trial_text(&device, &verdict);
    assert_non_null(text);
    assert_false(trial_parse(&device, text, &verdict));
    free(text);
}

static void in_the_place_of_the_file(void **state) {
    (void)state;
    char path[256];
    assert_int_equal(ask_of(GOOD).outcome, TRIAL_GOOD);
    snprintf(path, sizeof(path), "%s", kept_file());
    write_file(path, "");
    assert_int_equal(ask(false).outcome, TRIAL_GOOD);
    assert_int_equal(count_runs(), 1);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(ask(false).outcome, TRIAL_GOOD);
    assert_int_equal(count_runs(), 1);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0); /* which cannot be replaced */
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(false).outcome, TRIAL_GOOD);
    assert_int_equal(count_runs(), 2);
    rmdir(path);
}

static void without_a_folder_every_process_tries(void **state) {
    (void)state;
    char file[96];
    snprintf(file, sizeof(file), "%s/file", folder);
    write_file(file, "");
    setenv("XDG_CACHE_HOME", file, 1); /* no folder can be made there */
    use_script(GOOD);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(false).outcome, TRIAL_GOOD);
    assert_int_equal(count_runs(), 2);
    setenv("XDG_CACHE_HOME", cache, 1);
    unlink(file);
}

static int begin(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(script, sizeof(script), "%s/script", folder);
    snprintf(cache, sizeof(cache), "%s/cache", folder);
    return setenv("XDG_CACHE_HOME", cache, 1);
}

static int end(void **state) {
    char path[96];
    (void)state;
    forget();
    snprintf(path, sizeof(path), "%s/cleave", cache);
    rmdir(path);
    rmdir(cache);
    count_runs();
    unlink(script);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_trial_is_made_once),
        cmocka_unit_test(every_bad_end_has_a_reason),
        cmocka_unit_test(a_trial_that_hangs_is_stopped),
        cmocka_unit_test(what_cannot_be_started_is_not_kept),
        cmocka_unit_test(the_program_inherits_nothing),
        cmocka_unit_test(files_that_are_damaged_count_for_nothing),
        cmocka_unit_test(what_another_system_found_is_not_asked),
        cmocka_unit_test(hostile_reasons_are_refused),
        cmocka_unit_test(in_the_place_of_the_file),
        cmocka_unit_test(without_a_folder_every_process_tries),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
