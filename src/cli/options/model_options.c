/* model_options.c: the rows of --model and --config, and opening what they name. */
#include "cli/options/model_options.h"

#include <stdlib.h>

#include "cli/console/exit_code.h"
#include "cli/console/message.h"

const Option config_rows[] = {
    {OPTION_TEXT, 'c', "config", "FILE", offsetof(ModelOptions, config),
     "its YAML configuration; default: MODEL's name with .yaml or .yml, then model.yaml, "
     "model.yml or config_model.yaml beside it, then what a .safetensors file carries",
     .complete = COMPLETE_CONFIG},
    {OPTION_END}};

const Option model_rows[] = {
    {OPTION_TEXT, 'm', "model", "FILE", offsetof(ModelOptions, path),
     "the network: a .ckpt, .pth, .pt, .th or .safetensors file; default: what the "
     "environment variable CLEAVE_MODEL names",
     .complete = COMPLETE_MODEL},
    {OPTION_GROUP, .rows = config_rows},
    {OPTION_END}};

void model_options_default(ModelOptions *options) {
    const char *model = getenv("CLEAVE_MODEL");
    options->path = model != NULL && *model != '\0' ? model : NULL;
}

ModelOptions model_options_of_input(const ModelOptions *options, const CommandLine *line) {
    ModelOptions named = *options;
    if (line->input_count > 0)
        named.path = line->inputs[0];
    return named;
}

int model_open(cleave_model **model, const ModelOptions *options, const char *hint,
               cleave_error *error) {
    *model = NULL;
    if (options->path == NULL) {
        message_error("no model: name a checkpoint%s, or set the environment variable CLEAVE_MODEL",
                      hint);
        return EXIT_USAGE;
    }
    cleave_error own = {.status = CLEAVE_OK};
    cleave_error *why = error != NULL ? error : &own;
    cleave_model_settings settings;
    cleave_model_settings_default(&settings);
    settings.config_path = options->config;
    settings.log = message_logger();
    if (cleave_model_open(model, options->path, &settings, why) == CLEAVE_OK)
        return EXIT_DONE;
    message_error("%s", why->text);
    return EXIT_MODEL;
}
