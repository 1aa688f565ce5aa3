/* test_option.c: rows of options: each kind stores its value in its field, groups are found in
 * their place, and wrong values are refused. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/console/allocate.h"
#include "cli/console/command.h"
#include "cli/console/failure.h"
#include "cli/console/message.h"

typedef struct Inner {
    int number;
    int64_t size;
} Inner;

typedef struct TestOptions {
    CommandLine line;
    int flag;
    int constant;
    const char *text;
    const char *page;
    Inner inner;
    NumberList numbers;
    int choice;
    unsigned choices;
    char **list;
    int worked;
} TestOptions;

static const Choice colours[] = {{"red", 1}, {"green", 2}, {NULL, 0}};
static const Choice automatic[] = {{"auto", 0}, {NULL, 0}};

static const Choice *find_colours(void) {
    return colours;
}

static bool work(const Option *row, const char *value, void *field) {
    *(int *)field = row->value;
    return strcmp(value, "bad") != 0;
}

static const Option inner_rows[] = {
    {OPTION_NUMBER, 'n', "number", "N", offsetof(Inner, number), "a number", .low = 1, .high = 9,
     .choices = automatic, .also = " or auto"},
    {OPTION_SIZE, 0, "size", "SIZE", offsetof(Inner, size), "a size"},
    {OPTION_END}};

#define AT(field) offsetof(TestOptions, field)

static const Option rows[] = {
    {OPTION_FLAG, 'f', "flag", NULL, AT(flag), "a flag"},
    {OPTION_CONSTANT, 0, "constant", NULL, AT(constant), "a constant", .value = -7},
    {OPTION_TEXT, 't', "text", "TEXT", AT(text), "a text"},
    {OPTION_TEXT, 0, "page", "FILE", AT(page), "a page", .endings = {".html", ".htm"},
     .what = "page"},
    {OPTION_GROUP, .rows = inner_rows, .at = AT(inner)},
    {OPTION_NUMBERS, 0, "numbers", "A,B", AT(numbers), "numbers", .low = 1, .high = 9,
     .choices = automatic},
    {OPTION_CHOICE, 0, "colour", "WORD", AT(choice), "{words} (default: red); or so",
     .list_choices = find_colours},
    {OPTION_CHOICES, 0, "colours", "A,B", AT(choices), "colours", .choices = colours},
    {OPTION_LIST, 0, "list", "A,B", AT(list), "a list", .example = "words such as a,b"},
    {OPTION_OTHER, 0, "work", "WORD", AT(worked), "work", .work = work, .value = 5},
    {OPTION_GROUP, .rows = telling_rows, .at = AT(line)},
    {OPTION_END}};

static const Command command = {.name = "test",
                                .usage = "test",
                                .maximum_inputs = 1,
                                .reads_standard_input = true,
                                .rows = rows,
                                .options_size = sizeof(TestOptions)};
static const Command *const commands[] = {&command, NULL};

/* The words of a command line, ended by NULL. */
static Parsed parse(TestOptions **options, const char *const *words) {
    char *argv[32] = {NULL};
    int argc = 1;
    argv[0] = copy_text("test");
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = copy_text(words[argc - 1]);
    *options = allocate(1, sizeof **options);
    (*options)->line.commands = commands;
    optind = 0; /* begins anew */
    Parsed parsed = options_parse(&command, *options, argc, argv);
    (*options)->text = (*options)->text != NULL ? "given" : NULL; /* it was argv's */
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return parsed;
}

#define WORDS(...)          \
    (const char *const[]) { \
        __VA_ARGS__, NULL   \
    }

static Parsed parsed(const char *const *words) {
    TestOptions *options = NULL;
    Parsed result = parse(&options, words);
    options_free(&command, options);
    return result;
}

static void each_kind_stores_its_value(void **state) {
    (void)state;
    TestOptions *options = NULL;
    assert_int_equal(
        parse(&options, WORDS("-f", "--constant", "-t", "words", "in", "-n", "3", "--size=2k",
                              "--numbers", "1,auto,9", "--colour", "green", "--colours",
                              "red,green", "--list", " a ,b", "--work", "good", "-vv", "--json")),
        PARSED_COMMAND);
    assert_int_equal(options->flag, 1);
    assert_int_equal(options->constant, -7);
    assert_string_equal(options->text, "given");
    assert_int_equal(options->inner.number, 3);
    assert_int_equal(options->inner.size, 2000);
    assert_int_equal(options->numbers.count, 3);
    assert_int_equal(options->numbers.values[1], 0);
    assert_int_equal(options->numbers.values[2], 9);
    assert_int_equal(options->choice, 2);
    assert_int_equal(options->choices, 1U << 1 | 1U << 2);
    assert_string_equal(options->list[0], "a");
    assert_string_equal(options->list[1], "b");
    assert_null(options->list[2]);
    assert_int_equal(options->worked, 5);
    assert_int_equal(options->line.verbosity, VERBOSITY_DEBUG);
    assert_int_equal(options->line.json, 1);
    assert_int_equal(options->line.input_count, 1);
    options_free(&command, options);
}

static void the_last_list_counts(void **state) {
    (void)state;
    TestOptions *options = NULL;
    assert_int_equal(parse(&options, WORDS("--list", "a,b,c", "--list", "d", "--numbers", "1,2",
                                           "--numbers", "3", "-q", "-v")),
                     PARSED_COMMAND);
    assert_string_equal(options->list[0], "d");
    assert_null(options->list[1]);
    assert_int_equal(options->numbers.count, 1);
    assert_int_equal(options->line.verbosity, VERBOSITY_INFO);
    options_free(&command, options);
}

static void wrong_values_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {{"--number", "0"},   {"--number", "10"},
                                           {"--number", " 1"},  {"--number", "0x1"},
                                           {"--size", "much"},  {"--numbers", "1,,2"},
                                           {"--numbers", "10"}, {"--colour", "blue"},
                                           {"--colours", ""},   {"--colours", "red,"},
                                           {"--list", "a,,b"},  {"--list", " "},
                                           {"--text", ""},      {"--page", "page.txt"},
                                           {"--page", ".html"}, {"--work", "bad"},
                                           {"--flag=1", "x"},   {"--unknown", "x"},
                                           {"--nu", "1"},       {"x", "y"},
                                           {"", "-f"},          {"-", "-"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(parsed(WORDS(wrong[i][0], wrong[i][1])), PARSED_WRONG);
    assert_int_equal(parsed(WORDS("--page", "a.htm")), PARSED_COMMAND);
    assert_int_equal(parsed(WORDS("--number", "auto")), PARSED_COMMAND);
}

static void help_and_version_end_the_reading(void **state) {
    (void)state;
    assert_int_equal(parsed(WORDS("-h", "--unknown")), PARSED_HELP);
    assert_int_equal(parsed(WORDS("--version", "--unknown")), PARSED_VERSION);
}

static void a_help_names_the_words(void **state) {
    (void)state;
    OptionList list = option_list(rows);
    int found = 0;
    for (int i = 0; i < list.count; i++) {
        if (strcmp(list.items[i].row->name, "colour") != 0)
            continue;
        char *help = option_help(list.items[i].row);
        assert_string_equal(help, "red or green (default: red); or so");
        free(help);
        found++;
    }
    assert_int_equal(found, 1);
}

static void an_error_knows_its_parts(void **state) {
    (void)state;
    cleave_error error;
    failure_set(&error, CLEAVE_ERROR_INPUT, "a\nb.wav", "no audio", "name another");
    assert_string_equal(error.text, "a?b.wav: no audio; name another");
    assert_string_equal(error.text + error.reason, "no audio; name another");
    assert_string_equal(error.text + error.reason_end, "; name another");
    assert_string_equal(error.text + error.advice, "name another");
    failure_set(&error, CLEAVE_ERROR_CANCELLED, NULL, "interrupted", NULL);
    assert_int_equal(error.reason, 0);
    assert_int_equal(error.reason_end, strlen("interrupted"));
    assert_int_equal(error.advice, strlen("interrupted"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_stores_its_value),
        cmocka_unit_test(the_last_list_counts),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(help_and_version_end_the_reading),
        cmocka_unit_test(a_help_names_the_words),
        cmocka_unit_test(an_error_knows_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
