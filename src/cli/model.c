/* model.c: see model.h. */
#include "cli/model.h"

#include <stdio.h>

#include "cli/console/exit_code.h"
#include "cli/console/message.h"

int open_model(cleave_model **model, const char *path, const Options *options,
               cleave_error *error) {
    *model = NULL;
    if (path == NULL) {
        message_error("no model: name a checkpoint%s, or set the environment variable CLEAVE_MODEL",
                      options->input_count > 0 || options->list != NULL ? " with -m FILE" : "");
        return EXIT_USAGE;
    }
    cleave_error own = {.status = CLEAVE_OK};
    cleave_error *why = error != NULL ? error : &own;
    cleave_model_settings settings;
    cleave_model_settings_default(&settings);
    settings.config_path = options->config;
    settings.log = message_logger();
    if (cleave_model_open(model, path, &settings, why) == CLEAVE_OK)
        return EXIT_DONE;
    message_error("%s", why->text);
    return EXIT_MODEL;
}
