/* test_claim.c: a track is claimed by one process at a time, and a dead one holds no claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "track/claim.h"
#include "track/working_path.h"

typedef struct Fixture {
    char folder[64];
    cleave_error error;
} Fixture;

static int set_up(void **state) {
    Fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    snprintf(f->folder, sizeof(f->folder), "/tmp/cleave-claim-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    *state = f;
    return 0;
}

/* Nothing may be left in the folder. */
static int tear_down(void **state) {
    Fixture *f = *state;
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void test_claim_keeps_others_away(void **state) {
    Fixture *f = *state;
    char output[128];
    Claim first;
    Claim second;
    snprintf(output, sizeof(output), "%s/a/b/kick.wav", f->folder);
    assert_int_equal(claim_take(&first, output, NULL, &f->error), CLEAVE_OK);
    assert_false(first.inherited);
    assert_int_equal(claim_take(&second, output, NULL, &f->error), CLEAVE_ERROR_BUSY);
    assert_non_null(strstr(f->error.text, output));
    claim_release(&first);
    assert_int_equal(claim_take(&second, output, NULL, &f->error), CLEAVE_OK);
    assert_false(second.inherited);
    claim_release(&second);
}

static void test_dead_process_keeps_no_claim(void **state) {
    Fixture *f = *state;
    char output[128];
    Claim claim;
    snprintf(output, sizeof(output), "%s/kick.wav", f->folder);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(claim_take(&claim, output, NULL, NULL) == CLEAVE_OK ? 7 : 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(claim_take(&claim, output, NULL, &f->error), CLEAVE_OK);
    assert_true(claim.inherited);
    claim_release(&claim);
}

static void test_long_names_have_working_files_of_their_own(void **state) {
    (void)state;
    char a[300] = "dir/";
    memset(a + 4, 'a', 250);
    char b[300];
    memcpy(b, a, sizeof(b));
    b[250] = 'b';
    char *of_a = working_path(a, WORKING_LOCK);
    char *of_b = working_path(b, WORKING_LOCK);
    char *again = working_path(a, WORKING_LOCK);
    char *journal = working_path(a, WORKING_JOURNAL);
    assert_true(strlen(of_a) - 4 <= 255);
    assert_string_not_equal(of_a, of_b);
    assert_string_not_equal(of_a, journal);
    assert_string_equal(of_a, again);
    free(of_a);
    free(of_b);
    free(again);
    free(journal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claim_keeps_others_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dead_process_keeps_no_claim, set_up, tear_down),
        cmocka_unit_test(test_long_names_have_working_files_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
