/* options.h: the command line as data. One table of options drives the parser, the help, the manual
 * page and the shells' completion. */
#ifndef CLEAVE_CLI_OPTIONS_H
#define CLEAVE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cleave/extra.h"

#define BENCH_LIST_MAX 32 /* values of bench's --overlap and --batch */

/* Bits, since an option may belong to several commands. */
typedef enum CommandId {
    COMMAND_SEPARATE = 1,
    COMMAND_INSPECT = 2,
    COMMAND_DEVICES = 4,
    COMMAND_SCORE = 8,
    COMMAND_HELP = 16,
    COMMAND_COMPLETION = 32,
    COMMAND_MAN = 64,
    COMMAND_EXPORT = 128,
    COMMAND_VERIFY = 512,
    COMMAND_DOCTOR = 1024,
    COMMAND_BENCH = 2048
} CommandId;

/* A word that an option takes, and what it stands for. Lists end with a NULL word. */
typedef struct Choice {
    const char *word;
    int value;
} Choice;

/* What a shell offers for a value that is being typed. */
typedef enum Completion {
    COMPLETE_BY_NAME = 0, /* of the argument: for FILE any file, for DIR a folder, else nothing */
    COMPLETE_MODEL,
    COMPLETE_CONFIG,
    COMPLETE_AUDIO,
    COMPLETE_DEVICE,
    COMPLETE_COMMAND,
    COMPLETE_SHELL
} Completion;

/* What the command line asks for. Text is argv's own, but for stems and extensions. */
typedef struct Options {
    bool help, version;
    bool json;
    bool to_standard_output; /* --output - */
    int verbosity;
    const char *model;  /* NULL: not given, and no CLEAVE_MODEL in the environment */
    const char *config; /* NULL: not given */
    const char *score;  /* NULL, or the folder of true stems */
    const char *report; /* NULL, or the HTML page to write */
    bool report_embed;  /* the page holds the audio itself */
    bool spectrogram;
    const char *profile;          /* NULL, or the trace to write */
    const char *export;           /* NULL, or the ONNX file to write */
    int frames;                   /* of an exported network; 0: not given */
    const char *format;           /* as given */
    const char *list;             /* NULL, or the file with more inputs; "-": standard input */
    bool null;                    /* NUL bytes end the paths of the list */
    bool show_plan;               /* in inspect: how the layers are computed */
    bool skip_existing;           /* inputs whose outputs are there and whole */
    char **devices;               /* of several, NULL-terminated; NULL: not given */
    unsigned precisions;          /* of several: bits 1 << cleave_precision; 0: not given */
    unsigned compile_modes;       /* of several: bits 1 << cleave_separator_settings.compile; 0: not
                                     given */
    double min_snr;               /* dB */
    int seconds;                  /* of audio that are separated; 0: not given */
    int overlaps[BENCH_LIST_MAX]; /* of several */
    int overlap_count;            /* 0: not given */
    int batches[BENCH_LIST_MAX];  /* of several; 0: auto */
    int batch_count;              /* 0: not given */
    int runs;                     /* of each configuration */
    bool csv;
    const char *html;  /* NULL, or the page to write */
    char **extensions; /* of files in folders, without dots, NULL-terminated; NULL: not given */
    cleave_separator_settings separator;
    cleave_file_settings output;
    char **stems; /* output.stems points here */
    const char **inputs;
    int input_count;
} Options;

typedef struct OptionSpec {
    char letter;       /* or 0 */
    unsigned commands; /* CommandId bits */
    const char *name;
    const char *argument; /* NULL: the option takes none */
    const char *help;
    /* Stores the value. Where it makes no sense: says so and returns false. */
    bool (*apply)(Options *options, const char *value);
    const Choice *choices; /* the words that it takes, or NULL */
    Completion complete;
} OptionSpec;

/* Ended by a spec without a name. */
extern const OptionSpec option_specs[];

/* Reads argv[1…] as options and inputs of `command`. False after a usage error, which has been
 * said. With --help or --version it stops there. Free in either case. */
/* What a format of --format is. */
cleave_format_info format_info(cleave_format format);

bool options_parse(Options *options, CommandId command, int argc, char **argv);
void options_free(Options *options);

#endif
