/* model_options.h: the options that name a model, and opening it. */
#ifndef CLEAVE_CLI_MODEL_OPTIONS_H
#define CLEAVE_CLI_MODEL_OPTIONS_H

#include "cleave.h"
#include "cli/console/option.h"

typedef struct ModelOptions {
    const char *path;   /* NULL: neither the option nor CLEAVE_MODEL names a model */
    const char *config; /* NULL: not given */
} ModelOptions;

extern const Option model_rows[];  /* --model and --config */
extern const Option config_rows[]; /* --config, for commands that take the model as an input */

/* Takes the model that the environment variable CLEAVE_MODEL names. */
void model_options_default(ModelOptions *options);

/* The options with the first input, if there is one, as the model. */
ModelOptions model_options_of_input(const ModelOptions *options, const CommandLine *line);

/* Opens the model. `hint` says how the user can name one, such as " with -m FILE", and may be "".
 * Returns an exit code: EXIT_DONE, or one whose reason was said. The reason is also in `error`,
 * which may be NULL. */
int model_open(cleave_model **model, const ModelOptions *options, const char *hint,
               cleave_error *error);

#endif
