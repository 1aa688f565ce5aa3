/* cmd_man.c: `cleave man`: the manual page in the man(7) macros, from the texts of the help. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/console/exit_code.h"
#include "cli/help/help.h"

#define WIDTH 70 /* of the source: nothing depends on it but the eye */

static const char description[] =
    "cleave separates music into stems with MDX23C (TFC-TDF v3) networks: a song or a drum "
    "recording in, one audio file per stem out. It reads the checkpoints that "
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

/* Prints the first `length` bytes of `text`. Typewriter text is to be typed as it stands: there
 * every minus is one. */
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

/* Prints the first `length` bytes of `text` as running text. Blanks and newlines part words. */
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

/* Capitals stand for something, small letters and signs are typed; brackets and dots are neither.
 */
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

static void print_synopsis(void) {
    puts(".SH SYNOPSIS");
    for (const Command *command = commands; command->name != NULL; command++) {
        if (command != commands)
            puts(".br");
        print_usage(command);
    }
}

static void print_commands(void) {
    puts(".SH COMMANDS");
    for (const Command *command = commands; command->name != NULL; command++) {
        printf(".SS %s\n", command->name);
        print_usage(command);
        puts(".PP");
        print_block(command->about);
    }
}

/* ---- Options ----------------------------------------------------------------------------- */

static void print_option(const OptionSpec *spec) {
    puts(".TP");
    if (spec->letter != 0)
        printf("\\fB\\-%c\\fR, ", spec->letter);
    fputs("\\fB\\-\\-", stdout);
    print_typewriter(spec->name);
    fputs("\\fR", stdout);
    if (spec->argument != NULL)
        printf(" \\fI%s\\fR", spec->argument);
    putchar('\n');
    print_running(spec->help, strlen(spec->help));
}

/* The heading of options that the same commands have. */
static void print_heading(unsigned of_commands) {
    unsigned all = 0;
    const char *glue = "";
    for (const Command *command = commands; command->name != NULL; command++)
        all |= command->id;
    fputs(".SS \"Options of ", stdout);
    for (const Command *command = commands; command->name != NULL; command++) {
        if (of_commands == all || (of_commands & command->id) == 0)
            continue;
        printf("%s%s", glue, command->name);
        glue = ", ";
    }
    puts(of_commands == all ? "every command\"" : "\"");
}

/* Whether an earlier option belongs to the same commands. */
static bool is_repeated(const OptionSpec *spec) {
    for (const OptionSpec *earlier = option_specs; earlier != spec; earlier++)
        if (earlier->commands == spec->commands)
            return true;
    return false;
}

static void print_options(void) {
    puts(".SH OPTIONS");
    print_running(help_usage_notes, strlen(help_usage_notes));
    for (const OptionSpec *first = option_specs; first->name != NULL; first++) {
        if (is_repeated(first))
            continue;
        print_heading(first->commands);
        for (const OptionSpec *spec = first; spec->name != NULL; spec++)
            if (spec->commands == first->commands)
                print_option(spec);
    }
}

/* ---- The page ---------------------------------------------------------------------------- */

static void print_examples(void) {
    puts(".SH EXAMPLES");
    for (const Command *command = commands; command->name != NULL; command++) {
        if (command != commands)
            puts(".PP");
        print_block(command->examples);
    }
}

int command_man(const Options *options) {
    (void)options;
    puts(".\\\" The manual page of cleave, as 'cleave man' prints it.");
    printf(".TH CLEAVE 1 %s \"cleave %s\" \"User Commands\"\n", CLEAVE_RELEASE_DATE,
           cleave_version());
    puts(".SH NAME\ncleave \\- separate music into stems with MDX23C networks");
    print_synopsis();
    puts(".SH DESCRIPTION");
    print_running(description, strlen(description));
    print_commands();
    print_options();
    puts(".SH EXIT STATUS");
    print_terms(help_exit_codes);
    puts(".SH ENVIRONMENT");
    print_terms(help_environment);
    puts(".SH FILES");
    print_terms(files);
    print_examples();
    puts(".SH SEE ALSO\n.BR ffmpeg (1),\n.BR sox (1)");
    return EXIT_DONE;
}
