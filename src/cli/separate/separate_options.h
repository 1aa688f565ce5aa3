/* separate_options.h: the options of `cleave separate`. */
#ifndef CLEAVE_CLI_SEPARATE_OPTIONS_H
#define CLEAVE_CLI_SEPARATE_OPTIONS_H

#include "cleave/extra.h"
#include "cli/options/model_options.h"

typedef struct SeparateOptions {
    CommandLine line; /* first */
    ModelOptions model;
    cleave_separator_settings separator;
    cleave_file_settings output;
    const char *list;    /* NULL, or the file with more inputs; "-": standard input */
    int null;            /* NUL bytes end the paths of the list */
    char **extensions;   /* of files in folders, without dots, NULL-terminated; NULL: not given */
    char **stems;        /* NULL-terminated; output.stems points here. NULL: not given */
    int skip_existing;   /* leave out inputs whose outputs are there and whole */
    const char *score;   /* NULL, or the folder of true stems */
    int spectrogram;     /* draw a picture of each track */
    const char *report;  /* NULL, or the HTML page to write */
    int report_embed;    /* the page holds the audio itself */
    const char *profile; /* NULL, or the trace to write */
    bool to_standard_output; /* --output - */
} SeparateOptions;

extern const Option separate_rows[];

void separate_set_defaults(void *options);

/* Checks the options against each other, and completes the settings that several of them make up.
 * False after a usage error, which is said. */
bool separate_check(void *options);

/* The format with this number. */
cleave_format_info separate_format(cleave_format format);

#endif
