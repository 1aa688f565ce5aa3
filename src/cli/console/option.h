/* option.h: the command line as data. A command lists its options as rows; a row says how the
 * option is called, what its value is, and in which field of the command's own struct the value is
 * stored. The parser, the help, the manual page and the shells' completions all follow from the
 * rows. */
#ifndef CLEAVE_CLI_OPTION_H
#define CLEAVE_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>

/* Rows end early: most options have no choices, ranges and so on. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define OPTIONS_MAX 64 /* of one command */
#define NUMBERS_MAX 32 /* in the list of one option */

/* A word that an option takes, and the number that it stands for. Lists end with a NULL word. */
typedef struct Choice {
    const char *word;
    int value;
} Choice;

/* What is stored, and the type of its field. */
typedef enum OptionKind {
    OPTION_END = 0,  /* no option: the rows end here */
    OPTION_FLAG,     /* int: 1 */
    OPTION_CONSTANT, /* int: the row's `value` */
    OPTION_TEXT,     /* const char *: the value as it is, not empty; see `endings` */
    OPTION_NUMBER,   /* int: low to high, or one of the choices */
    OPTION_NUMBERS,  /* NumberList: such numbers, with commas between them */
    OPTION_CHOICE,   /* int or an enum: one of the choices */
    OPTION_CHOICES,  /* unsigned: several of them, with commas; a bit 1 << value for each */
    OPTION_LIST,     /* char **: texts, with commas; NULL-terminated; freed by options_free() */
    OPTION_SIZE,     /* int64_t: bytes, as text_parse_bytes() reads them */
    OPTION_OTHER,    /* whatever the row's function stores */
    OPTION_GROUP,    /* no option: `rows`, whose fields are in the struct at `at` */
    OPTION_HELP,     /* stops parsing */
    OPTION_VERSION   /* likewise */
} OptionKind;

/* What a shell offers for a value that is being typed. */
typedef enum Completion {
    COMPLETE_BY_NAME = 0, /* FILE: any file; DIR: a folder; any other argument: nothing */
    COMPLETE_MODEL,
    COMPLETE_CONFIG,
    COMPLETE_AUDIO,
    COMPLETE_DEVICE,
    COMPLETE_COMMAND
} Completion;

typedef struct NumberList {
    int values[NUMBERS_MAX];
    int count; /* 0: the option was not given */
} NumberList;

/* A row: its first six fields in this order, then by name those that its kind needs. */
typedef struct Option {
    OptionKind kind;
    char letter; /* or 0 */
    const char *name;
    const char *argument; /* the value as the help calls it; NULL: the option takes none */
    size_t at;            /* offset of the field in the command's struct */
    const char *help;     /* "{words}" in it stands for the choices; shells show it up to a ';' */
    const Choice *choices;
    const Choice *(*list_choices)(void); /* in place of choices that only the library knows */
    int low, high;                       /* of numbers */
    int value;                           /* of a constant */
    Completion complete;
    const char *also;       /* what else a number may be, for the error: " or auto" */
    const char *endings[2]; /* of a file's name. They keep a slip from overwriting a recording */
    const char *what;       /* such a file, for the error: "page" */
    const char *example;    /* of a list, for the error: "devices such as cpu,cuda:1" */
    /* For values that need more work than their kind does: called once the kind has stored its
     * value. On a wrong value it says so and returns false. */
    bool (*work)(const struct Option *row, const char *value, void *field);
    const struct Option *rows; /* of a group */
} Option;

/* The rows that every command ends with: --version and --help. */
extern const Option standard_rows[];

/* --json, --quiet and --verbose, and the standard rows; their fields are in CommandLine. */
extern const Option telling_rows[];

struct Command;

/* What is the same for all commands. Each command's struct of options begins with it. */
typedef struct CommandLine {
    const char **inputs; /* arguments that are not options */
    int input_count;
    int json;
    int verbosity;                         /* see message.h */
    const struct Command *const *commands; /* all of the program's */
} CommandLine;

/* An option of a command, with groups opened up. */
typedef struct PlacedOption {
    const Option *row; /* the same for all commands that share it */
    size_t at;         /* offset of its field in the command's struct */
} PlacedOption;

typedef struct OptionList {
    PlacedOption items[OPTIONS_MAX];
    int count;
} OptionList;

OptionList option_list(const Option *rows);

/* The words that an option takes, or NULL. */
const Choice *option_choices(const Option *row);

/* The help of an option with its words filled in. Free it. */
char *option_help(const Option *row);

typedef enum Parsed { PARSED_COMMAND, PARSED_HELP, PARSED_VERSION, PARSED_WRONG } Parsed;

/* Reads argv[1…] as options and inputs of `command` into its struct, which has its defaults. A
 * usage error is said. Call options_free() in any case. */
Parsed options_parse(const struct Command *command, void *options, int argc, char **argv);

/* Frees the inputs and the lists in a command's struct, and the struct. */
void options_free(const struct Command *command, void *options);

#endif
