/* option.c: reads a command line by the rows of a command. Values are checked one by one here; what
 * they mean together is checked by the command. */
#include "cli/console/option.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/console/allocate.h"
#include "cli/console/command.h"
#include "cli/console/message.h"
#include "cli/console/text.h"

#define LONG_BASE 256 /* getopt's value of option i is LONG_BASE + i: no letter is that large */

/* ---- Rows -------------------------------------------------------------------------------- */

static bool option_take_verbose(const Option *row, const char *value, void *field) {
    int *verbosity = field;
    (void)row;
    (void)value;
    *verbosity = *verbosity < 0 ? VERBOSITY_INFO : *verbosity + 1;
    return true;
}

const Option standard_rows[] = {
    {OPTION_VERSION, 0, "version", NULL, 0, "print the version and stop"},
    {OPTION_HELP, 'h', "help", NULL, 0, "print this help and stop"},
    {OPTION_END}};

const Option telling_rows[] = {
    {OPTION_FLAG, 0, "json", NULL, offsetof(CommandLine, json),
     "print JSON on standard output instead of text"},
    {OPTION_CONSTANT, 'q', "quiet", NULL, offsetof(CommandLine, verbosity),
     "say nothing but errors", .value = VERBOSITY_QUIET},
    {OPTION_OTHER, 'v', "verbose", NULL, offsetof(CommandLine, verbosity),
     "say what was chosen and why; -vv says more", .work = option_take_verbose},
    {OPTION_GROUP, .rows = standard_rows},
    {OPTION_END}};

static void option_add_rows(OptionList *list, const Option *rows, size_t at) {
    for (const Option *row = rows; row->kind != OPTION_END; row++) {
        if (row->kind == OPTION_GROUP) {
            option_add_rows(list, row->rows, at + row->at);
            continue;
        }
        if (list->count == OPTIONS_MAX)
            abort(); /* seen at any use of the command: raise OPTIONS_MAX */
        list->items[list->count++] = (PlacedOption){row, at + row->at};
    }
}

OptionList option_list(const Option *rows) {
    OptionList list = {.count = 0};
    option_add_rows(&list, rows, 0);
    return list;
}

const Choice *option_choices(const Option *row) {
    return row->list_choices != NULL ? row->list_choices() : row->choices;
}

/* "wav, flac or aiff". Free it. */
static char *option_words(const Choice *choices) {
    char *all = copy_text("");
    for (const Choice *choice = choices; choice->word != NULL; choice++) {
        const char *glue = choice == choices ? "" : choice[1].word == NULL ? " or " : ", ";
        append_text(&all, "%s%s", glue, choice->word);
    }
    return all;
}

char *option_help(const Option *row) {
    static const char mark[] = "{words}";
    const char *place = strstr(row->help, mark);
    const Choice *choices = option_choices(row);
    if (place == NULL || choices == NULL)
        return copy_text(row->help);
    char *words = option_words(choices);
    char *help = format_text("%.*s%s%s", (int)(place - row->help), row->help, words,
                             place + sizeof mark - 1);
    free(words);
    return help;
}

/* ---- Values ------------------------------------------------------------------------------ */

static bool option_has_ending(const char *value, const char *ending) {
    size_t length = strlen(value);
    size_t size = ending != NULL ? strlen(ending) : 0;
    return size > 0 && length > size && strcasecmp(value + length - size, ending) == 0;
}

static bool option_take_text(const Option *row, const char *value, void *field) {
    const char *const *endings = row->endings;
    if (endings[0] != NULL && !option_has_ending(value, endings[0]) &&
        !option_has_ending(value, endings[1])) {
        message_error("--%s: '%s' does not end in %s; name the %s to write", row->name, value,
                      endings[0], row->what);
        return false;
    }
    if (*value == '\0') {
        message_error("--%s: the value is empty", row->name);
        return false;
    }
    *(const char **)field = value;
    return true;
}

static const Choice *option_find_choice(const Option *row, const char *word) {
    const Choice *choice = option_choices(row);
    while (choice != NULL && choice->word != NULL && strcmp(choice->word, word) != 0)
        choice++;
    return choice != NULL && choice->word != NULL ? choice : NULL;
}

static bool option_take_number(const Option *row, const char *value, void *field) {
    const Choice *choice = option_find_choice(row, value);
    char *end = NULL;
    errno = 0;
    bool digits = *value >= '0' && *value <= '9'; /* strtol would take blanks and signs too */
    long number = digits ? strtol(value, &end, 10) : -1;
    bool good = digits && *end == '\0' && errno == 0 && number >= row->low && number <= row->high;
    if (choice == NULL && !good) {
        message_error("--%s: '%s' is not a whole number from %d to %d%s", row->name, value,
                      row->low, row->high, row->also != NULL ? row->also : "");
        return false;
    }
    *(int *)field = choice != NULL ? choice->value : (int)number;
    return true;
}

/* memcpy: the field may be an enum. */
static bool option_take_choice(const Option *row, const char *value, void *field) {
    const Choice *choice = option_find_choice(row, value);
    if (choice != NULL) {
        memcpy(field, &choice->value, sizeof choice->value);
        return true;
    }
    char *all = option_words(option_choices(row));
    message_error("--%s: '%s' is not one of %s", row->name, value, all);
    free(all);
    return false;
}

/* Takes a list apart at its commas and hands each part to `take` with `part_field`. */
static bool option_take_parts(const Option *row, const char *value,
                              bool (*take)(const Option *row, const char *part, void *field),
                              void *field) {
    bool good = true;
    for (const char *start = value; good; start++) {
        size_t length = strcspn(start, ",");
        char *part = copy_bytes(start, length);
        good = take(row, part, field);
        free(part);
        start += length;
        if (*start == '\0')
            break;
    }
    return good;
}

static bool option_add_number(const Option *row, const char *part, void *field) {
    NumberList *list = field;
    if (list->count == NUMBERS_MAX) {
        message_error("--%s: more than %d values", row->name, NUMBERS_MAX);
        return false;
    }
    return option_take_number(row, part, &list->values[list->count++]);
}

static bool option_take_numbers(const Option *row, const char *value, void *field) {
    ((NumberList *)field)->count = 0;
    return option_take_parts(row, value, option_add_number, field);
}

static bool option_add_choice(const Option *row, const char *part, void *field) {
    int value = 0;
    bool good = option_take_choice(row, part, &value);
    if (good)
        *(unsigned *)field |= 1U << value;
    return good;
}

static bool option_take_choices(const Option *row, const char *value, void *field) {
    *(unsigned *)field = 0;
    return option_take_parts(row, value, option_add_choice, field);
}

static void option_free_list(char **list) {
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

/* One text of the list, without the blanks around it. False where it is empty. */
static bool option_add_text(const Option *row, const char *part, void *field) {
    char **list = *(char ***)field;
    size_t length = 0;
    (void)row;
    part += strspn(part, " ");
    length = strlen(part);
    while (length > 0 && part[length - 1] == ' ')
        length--;
    while (*list != NULL)
        list++;
    *list = copy_bytes(part, length);
    return length > 0;
}

static bool option_take_list(const Option *row, const char *value, void *field) {
    char ***list = field;
    option_free_list(*list);
    *list = allocate(strlen(value) + 2, sizeof **list); /* there are no more commas than bytes */
    if (option_take_parts(row, value, option_add_text, field))
        return true;
    message_error("--%s: '%s' is no list of %s", row->name, value, row->example);
    return false;
}

static bool option_take_size(const Option *row, const char *value, void *field) {
    if (text_parse_bytes(value, field))
        return true;
    message_error("--%s: '%s' is not a size such as 600M, 2G or 1.5GiB", row->name, value);
    return false;
}

static bool option_store(const Option *row, const char *value, void *field) {
    switch (row->kind) {
    case OPTION_FLAG:
        *(int *)field = 1;
        return true;
    case OPTION_CONSTANT:
        *(int *)field = row->value;
        return true;
    case OPTION_TEXT:
        return option_take_text(row, value, field);
    case OPTION_NUMBER:
        return option_take_number(row, value, field);
    case OPTION_NUMBERS:
        return option_take_numbers(row, value, field);
    case OPTION_CHOICE:
        return option_take_choice(row, value, field);
    case OPTION_CHOICES:
        return option_take_choices(row, value, field);
    case OPTION_LIST:
        return option_take_list(row, value, field);
    case OPTION_SIZE:
        return option_take_size(row, value, field);
    default:
        return true;
    }
}

/* ---- Reading ----------------------------------------------------------------------------- */

typedef struct Grammar {
    const Command *command;
    OptionList list;
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 3];
    const char *names[OPTIONS_MAX + 1];
} Grammar;

/* The options of one command in the form that getopt_long takes. */
static void grammar_build(Grammar *grammar, const Command *command) {
    size_t letters = 0;
    memset(grammar, 0, sizeof *grammar);
    grammar->command = command;
    grammar->list = option_list(command->rows);
    grammar->shorts[letters++] = '-'; /* inputs come in between, as the argument of option 1 */
    grammar->shorts[letters++] = ':'; /* a missing argument differs from an unknown option */
    for (int i = 0; i < grammar->list.count; i++) {
        const Option *row = grammar->list.items[i].row;
        int has_argument = row->argument != NULL ? required_argument : no_argument;
        grammar->names[i] = row->name;
        grammar->longs[i] = (struct option){row->name, has_argument, NULL, LONG_BASE + i};
        if (row->letter != 0)
            grammar->shorts[letters++] = row->letter;
        if (row->letter != 0 && row->argument != NULL)
            grammar->shorts[letters++] = ':';
    }
}

/* The option of getopt's `code`, or NULL. */
static const PlacedOption *grammar_option(const Grammar *grammar, int code) {
    const OptionList *list = &grammar->list;
    if (code >= LONG_BASE)
        return &list->items[code - LONG_BASE];
    for (int i = 0; i < list->count; i++)
        if (code != 0 && list->items[i].row->letter == code)
            return &list->items[i];
    return NULL;
}

/* `word` is what was typed, such as --overlp=4. */
static void grammar_reject_long(const Grammar *grammar, const char *word) {
    size_t length = strcspn(word + 2, "=");
    char *name = copy_bytes(word + 2, length);
    char *fitting = NULL;
    for (size_t i = 0; grammar->names[i] != NULL && length > 0; i++)
        if (strncmp(grammar->names[i], name, length) == 0)
            append_text(&fitting, "%s--%s", fitting != NULL ? " or " : "", grammar->names[i]);
    const char *near = text_nearest(name, grammar->names);
    if (fitting != NULL)
        message_error("--%s could be %s; write it out", name, fitting);
    else if (near != NULL)
        message_error("unknown option --%s; did you mean --%s?", name, near);
    else
        message_error("unknown option --%s; --help lists the options", name);
    free(fitting);
    free(name);
}

static void grammar_reject(const Grammar *grammar, int code, char *const *argv) {
    const PlacedOption *option = grammar_option(grammar, optopt);
    const Option *row = option != NULL ? option->row : NULL;
    if (code == ':' && row != NULL)
        message_error("--%s needs a value: --%s %s", row->name, row->name, row->argument);
    else if (optopt >= LONG_BASE && row != NULL)
        message_error("--%s takes no value", row->name);
    else if (optopt == 0)
        grammar_reject_long(grammar, argv[optind - 1]);
    else
        message_error("unknown option -%c; --help lists the options", optopt);
}

static bool options_add_input(const Command *command, CommandLine *line, const char *input) {
    bool is_standard = strcmp(input, "-") == 0;
    if (is_standard && !command->reads_standard_input) {
        message_error("only '%s' reads standard input ('-'); name a file (./- for one of that "
                      "name)",
                      line->commands[0]->name);
        return false;
    }
    for (int i = 0; i < line->input_count && is_standard; i++) {
        if (strcmp(line->inputs[i], input) != 0)
            continue;
        message_error("standard input ('-') can be read once; name it once");
        return false;
    }
    if (*input == '\0') {
        message_error("the name of an input is empty");
        return false;
    }
    line->inputs[line->input_count++] = input;
    return true;
}

static bool options_take(const PlacedOption *option, void *options, const char *value) {
    const Option *row = option->row;
    void *field = (char *)options + option->at;
    return option_store(row, value, field) && (row->work == NULL || row->work(row, value, field));
}

static bool options_check(const Command *command, void *options) {
    const CommandLine *line = options;
    if (line->input_count < command->minimum_inputs) {
        message_error("%s", command->missing);
        return false;
    }
    if (command->maximum_inputs >= 0 && line->input_count > command->maximum_inputs) {
        message_error("%s: '%s' is one argument too many; usage: cleave %s", command->name,
                      line->inputs[command->maximum_inputs], command->usage);
        return false;
    }
    return command->check == NULL || command->check(options);
}

Parsed options_parse(const Command *command, void *options, int argc, char **argv) {
    CommandLine *line = options;
    Grammar grammar;
    grammar_build(&grammar, command);
    line->inputs = allocate((size_t)argc + 1, sizeof *line->inputs);
    opterr = 0;
    int code;
    while ((code = getopt_long(argc, argv, grammar.shorts, grammar.longs, NULL)) != -1) {
        if (code == '?' || code == ':') {
            grammar_reject(&grammar, code, argv);
            return PARSED_WRONG;
        }
        if (code == 1) {
            if (!options_add_input(command, line, optarg))
                return PARSED_WRONG;
            continue;
        }
        const PlacedOption *option = grammar_option(&grammar, code);
        if (option->row->kind == OPTION_HELP)
            return PARSED_HELP;
        if (option->row->kind == OPTION_VERSION)
            return PARSED_VERSION;
        if (!options_take(option, options, optarg))
            return PARSED_WRONG;
    }
    for (int i = optind; i < argc; i++)
        if (!options_add_input(command, line, argv[i]))
            return PARSED_WRONG;
    return options_check(command, options) ? PARSED_COMMAND : PARSED_WRONG;
}

void options_free(const Command *command, void *options) {
    OptionList list = option_list(command->rows);
    for (int i = 0; i < list.count; i++)
        if (list.items[i].row->kind == OPTION_LIST)
            option_free_list(*(char ***)((char *)options + list.items[i].at));
    free(((CommandLine *)options)->inputs);
    free(options);
}
