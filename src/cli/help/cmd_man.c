/* cmd_man.c: `cleave man`: the manual page in the man(7) macros, from the texts of the help. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleave.h"
#include "cli/console/allocate.h"
#include "cli/console/exit_code.h"
#include "cli/help/commands.h"
#include "cli/help/help_text.h"

#define WIDTH 70 /* of the source; only for readability */

static const char description[] =
    "cleave separates music into stems with MDX23C (TFC-TDF v3), BS-Roformer and Mel-Band "
    "Roformer networks: a song or a drum recording in, one audio file per stem out. It reads the "
    "checkpoints that "
    "Music-Source-Separation-Training, UVR and audio-separator use. A checkpoint is read by an "
    "interpreter that knows tensors and executes nothing.";

static const Term files[] = {
    {"separated/TRACK/STEM.EXT", "what is written, where neither -o nor --name says otherwise"},
    {"MODEL.yaml, MODEL.yml, model.yaml, model.yml, config_model.yaml",
     "beside the checkpoint, in this order: its configuration, where -c is not given"},
    {NULL, NULL}};

/* ---- Escaping ---------------------------------------------------------------------------- */

/* Whether the minus at `at` in `text` joins two words, as in "test-time". */
static bool is_hyphen(const char *text, size_t at) {
    return at > 0 && isalpha((unsigned char)text[at - 1]) && isalpha((unsigned char)text[at + 1]);
}

/* Prints the first `length` bytes of `text`. In typewriter text, which people copy, every '-' is a
 * minus. */
static void print_bytes(const char *text, size_t length, bool typewriter) {
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '\\':
            fputs("\\e", stdout);
            break;
        case '-':
            fputs(!typewriter && is_hyphen(text, i) ? "-" : "\\-", stdout);
            break;
        case '\'':
            fputs("\\(aq", stdout);
            break;
        case '`':
            fputs("\\(ga", stdout);
            break;
        case '^':
            fputs("\\(ha", stdout);
            break;
        case '~':
            fputs("\\(ti", stdout);
            break;
        default:
            putchar(text[i]);
        }
    }
}

static void print_typewriter(const char *text) {
    print_bytes(text, strlen(text), true);
}

/* Prints the first `length` bytes of `text` as running text, wrapped anew. */
static void print_running(const char *text, size_t length) {
    size_t column = 0;
    for (size_t at = 0; at < length;) {
        size_t word = strcspn(text + at, " \n");
        if (word > length - at)
            word = length - at;
        if (word > 0) {
            bool fits = column > 0 && column + 1 + word <= WIDTH;
            if (column > 0)
                putchar(fits ? ' ' : '\n');
            if (!fits)
                column = 0;
            if (column == 0 && text[at] == '.')
                fputs("\\&", stdout); /* at the start of a line it would be a request */
            print_bytes(text + at, word, false);
            column += (fits ? 1 : 0) + word;
        }
        at += word + 1;
    }
    putchar('\n');
}

/* ---- Parts ------------------------------------------------------------------------------- */

/* A text that was wrapped by hand: indented lines stay as they are, the others flow. */
static void print_block(const char *text) {
    bool is_first = true;
    while (*text != '\0') {
        bool indented = *text == ' ';
        const char *end = text;
        while (*end != '\0' && *end != '\n' && (*end == ' ') == indented) {
            end += strcspn(end, "\n");
            end += *end == '\n';
        }
        if (indented) {
            puts(is_first ? ".EX" : ".PP\n.EX");
            print_bytes(text, (size_t)(end - text), true);
            puts(".EE");
        } else {
            if (!is_first)
                puts(".PP");
            print_running(text, (size_t)(end - text));
        }
        is_first = false;
        text = end + (*end == '\n');
    }
}

static void print_terms(const Term *terms) {
    for (; terms->name != NULL; terms++) {
        fputs(".TP\n.B ", stdout);
        print_typewriter(terms->name);
        putchar('\n');
        print_running(terms->text, strlen(terms->text));
    }
}

/* Capitals are placeholders, small letters and signs are typed; brackets and dots are neither. */
static char font_of(char letter) {
    if (isupper((unsigned char)letter))
        return 'I';
    return islower((unsigned char)letter) || letter == '-' ? 'B' : 'R';
}

static void print_usage(const Command *command) {
    char font = 'B';
    fputs("\\fBcleave ", stdout);
    for (const char *text = command->usage; *text != '\0'; text++) {
        if (*text != ' ' && font_of(*text) != font) {
            font = font_of(*text);
            printf("\\f%c", font);
        }
        print_bytes(text, 1, true);
    }
    puts("\\fR");
}

static void print_synopsis(const Command *const *commands) {
    puts(".SH SYNOPSIS");
    for (int i = 0; commands[i] != NULL; i++) {
        if (i > 0)
            puts(".br");
        print_usage(commands[i]);
    }
}

static void print_commands(const Command *const *commands) {
    puts(".SH COMMANDS");
    for (int i = 0; commands[i] != NULL; i++) {
        char *about = help_about(commands[i]);
        printf(".SS %s\n", commands[i]->name);
        print_usage(commands[i]);
        puts(".PP");
        print_block(about);
        free(about);
    }
}

/* ---- Options ----------------------------------------------------------------------------- */

/* An option, and the commands that have it: bit i for commands[i]. */
typedef struct SharedOption {
    const Option *row;
    unsigned commands;
} SharedOption;

typedef struct SharedOptions {
    SharedOption *items;
    int count;
} SharedOptions;

static void share_option(SharedOptions *all, const Option *row, int command) {
    int i = 0;
    while (i < all->count && all->items[i].row != row)
        i++;
    if (i == all->count)
        all->items[all->count++] = (SharedOption){row, 0};
    all->items[i].commands |= 1U << command;
}

/* The options of all commands, each once, in the order of the commands. Free the items. */
static SharedOptions shared_options(const Command *const *commands) {
    size_t count = 0;
    while (commands[count] != NULL)
        count++;
    SharedOptions all = {allocate(count * OPTIONS_MAX, sizeof *all.items), 0};
    for (int command = 0; commands[command] != NULL; command++) {
        OptionList list = option_list(commands[command]->rows);
        for (int i = 0; i < list.count; i++)
            share_option(&all, list.items[i].row, command);
    }
    return all;
}

static void print_option(const Option *row) {
    puts(".TP");
    if (row->letter != 0)
        printf("\\fB\\-%c\\fR, ", row->letter);
    fputs("\\fB\\-\\-", stdout);
    print_typewriter(row->name);
    fputs("\\fR", stdout);
    if (row->argument != NULL)
        printf(" \\fI%s\\fR", row->argument);
    putchar('\n');
    char *help = option_help(row);
    print_running(help, strlen(help));
    free(help);
}

/* The heading of options that the same commands have. */
static void print_heading(const Command *const *commands, unsigned owners) {
    bool all = true;
    for (int i = 0; commands[i] != NULL; i++)
        all = all && (owners & 1U << i) != 0;
    const char *glue = "";
    fputs(".SS \"Options of ", stdout);
    for (int i = 0; commands[i] != NULL && !all; i++) {
        if ((owners & 1U << i) == 0)
            continue;
        printf("%s%s", glue, commands[i]->name);
        glue = ", ";
    }
    puts(all ? "every command\"" : "\"");
}

static int count_bits(unsigned bits) {
    int count = 0;
    for (; bits != 0; bits &= bits - 1)
        count++;
    return count;
}

/* The options that exactly `owners` commands have, under a heading for each set of commands. */
static void print_shared(const Command *const *commands, const SharedOptions *all, int owners) {
    for (int first = 0; first < all->count; first++) {
        unsigned set = all->items[first].commands;
        bool is_new = count_bits(set) == owners;
        for (int i = 0; i < first && is_new; i++)
            is_new = all->items[i].commands != set;
        if (!is_new)
            continue;
        print_heading(commands, set);
        for (int i = first; i < all->count; i++)
            if (all->items[i].commands == set)
                print_option(all->items[i].row);
    }
}

/* Those of one command first, those of every command last. */
static void print_options(const Command *const *commands) {
    SharedOptions all = shared_options(commands);
    puts(".SH OPTIONS");
    print_running(help_usage_notes, strlen(help_usage_notes));
    print_shared(commands, &all, 1);
    for (int i = 1; commands[i] != NULL; i++)
        print_shared(commands, &all, i + 1);
    free(all.items);
}

/* ---- The page ---------------------------------------------------------------------------- */

static void print_examples(const Command *const *commands) {
    puts(".SH EXAMPLES");
    for (int i = 0; commands[i] != NULL; i++) {
        char *examples = help_examples(commands[i]);
        if (i > 0)
            puts(".PP");
        print_block(examples);
        free(examples);
    }
}

static int man_run(const void *arguments) {
    const Command *const *commands = ((const CommandLine *)arguments)->commands;
    puts(".\\\" The manual page of cleave, as 'cleave man' prints it.");
    printf(".TH CLEAVE 1 %s \"cleave %s\" \"User Commands\"\n", CLEAVE_RELEASE_DATE,
           cleave_version());
    puts(".SH NAME\ncleave \\- separate music into stems with MDX23C and Roformer networks");
    print_synopsis(commands);
    puts(".SH DESCRIPTION");
    print_running(description, strlen(description));
    print_commands(commands);
    print_options(commands);
    puts(".SH EXIT STATUS");
    print_terms(exit_code_terms);
    puts(".SH ENVIRONMENT");
    print_terms(help_environment);
    puts(".SH FILES");
    print_terms(files);
    print_examples(commands);
    puts(".SH SEE ALSO\n.BR ffmpeg (1),\n.BR sox (1)");
    return EXIT_DONE;
}

const Command command_man = {.name = "man",
                             .usage = "man",
                             .summary = "print the manual page",
                             .rows = standard_rows,
                             .options_size = sizeof(CommandLine),
                             .run = man_run};
