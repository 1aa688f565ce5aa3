/* cmd_export.c: `cleave export`: a model as a file for other programs. */
#include <stdio.h>

#include "cleave/extra.h"
#include "cli/commands.h"
#include "cli/console/exit_code.h"
#include "cli/console/json.h"
#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/console/text.h"
#include "cli/model.h"

static json_t *dims_json(const int *dims, int count) {
    json_t *array = json_new_array();
    for (int i = 0; i < count; i++)
        json_append(array, json_integer(dims[i]));
    return array;
}

static void print_json(const char *model, const char *path, const cleave_export_result *result) {
    json_t *object = json_new_object();
    json_put_text(object, "model", model);
    json_put_text(object, "output", path);
    json_put_integer(object, "bytes", result->bytes);
    json_put_integer(object, "opset", result->opset);
    json_put(object, "spectrogram", dims_json(result->input, 3));
    json_put(object, "stems", dims_json(result->output, 4));
    json_print_indented(object);
}

static void say_what_was_written(const char *path, const cleave_export_result *result) {
    const int *in = result->input;
    const int *out = result->output;
    message_note("%s: %s, spectrogram (batch, %d, %d, %d) to stems (batch, %d, %d, %d, %d)", path,
                 text_bytes(result->bytes).text, in[0], in[1], in[2], out[0], out[1], out[2],
                 out[3]);
}

/* Returns an exit code. A number of frames that does not fit is the command line's fault. */
static int code_of(cleave_status status) {
    switch (status) {
    case CLEAVE_ERROR_ARGUMENT:
        return EXIT_USAGE;
    case CLEAVE_ERROR_OUTPUT:
        return EXIT_INPUT;
    case CLEAVE_ERROR_MODEL:
        return EXIT_MODEL;
    default:
        return EXIT_DEVICE;
    }
}

static int export_model(const cleave_model *model, const char *name, const Options *options) {
    cleave_export_settings settings;
    cleave_export_result result;
    cleave_error error;
    cleave_export_settings_default(&settings);
    settings.frames = options->frames;
    cleave_status status =
        cleave_model_export_onnx(model, options->export, &settings, &result, &error);
    if (status != CLEAVE_OK) {
        message_error("%s", error.text);
        return code_of(status);
    }
    if (options->json)
        print_json(name, options->export, &result);
    else
        say_what_was_written(options->export, &result);
    return EXIT_DONE;
}

int command_export(const Options *options) {
    const char *path = options->input_count > 0 ? options->inputs[0] : options->model;
    cleave_model *model = NULL;
    if (options->export == NULL) {
        message_error("export: name the file to write with -o FILE.onnx");
        return EXIT_USAGE;
    }
    signals_install();
    int code = open_model(&model, path, options, NULL);
    if (code != EXIT_DONE)
        return code;
    code = export_model(model, path, options);
    cleave_model_close(model);
    return code;
}
