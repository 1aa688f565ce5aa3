/* cmd_export.c: `cleave export`: a model as a file for other programs. */
#include <stdio.h>

#include "cleave/extra.h"
#include "cli/console/exit_code.h"
#include "cli/console/json.h"
#include "cli/console/message.h"
#include "cli/console/signals.h"
#include "cli/console/text.h"
#include "cli/options/model_options.h"
#include "cli/show/commands.h"

static json_t *export_dims_json(const int *dims, int count) {
    json_t *array = json_new_array();
    for (int i = 0; i < count; i++)
        json_append(array, json_integer(dims[i]));
    return array;
}

static void export_print_json(const char *model, const char *path,
                              const cleave_export_result *result) {
    json_t *object = json_new_object();
    json_put_text(object, "model", model);
    json_put_text(object, "output", path);
    json_put_integer(object, "bytes", result->bytes);
    json_put_integer(object, "opset", result->opset);
    json_put(object, "spectrogram", export_dims_json(result->input, 3));
    json_put(object, "stems", export_dims_json(result->output, 4));
    json_print_indented(object);
}

static void export_tell(const char *path, const cleave_export_result *result) {
    const int *in = result->input;
    const int *out = result->output;
    message_note("%s: %s, spectrogram (batch, %d, %d, %d) to stems (batch, %d, %d, %d, %d)", path,
                 text_bytes(result->bytes).text, in[0], in[1], in[2], out[0], out[1], out[2],
                 out[3]);
}

typedef struct ExportOptions {
    CommandLine line; /* first */
    ModelOptions model;
    const char *output; /* NULL: not given */
    int frames;         /* 0: not given */
} ExportOptions;

/* Returns an exit code. */
static int export_model(const cleave_model *model, const char *name, const ExportOptions *options) {
    cleave_export_settings settings;
    cleave_export_result result;
    cleave_error error;
    cleave_export_settings_default(&settings);
    settings.frames = options->frames;
    cleave_status status =
        cleave_model_export_onnx(model, options->output, &settings, &result, &error);
    if (status != CLEAVE_OK) {
        message_error("%s", error.text);
        return exit_code_of(status);
    }
    if (options->line.json)
        export_print_json(name, options->output, &result);
    else
        export_tell(options->output, &result);
    return EXIT_DONE;
}

static int export_run(const void *arguments) {
    const ExportOptions *options = arguments;
    ModelOptions named = model_options_of_input(&options->model, &options->line);
    cleave_model *model = NULL;
    signals_install();
    int code = model_open(&model, &named, "", NULL);
    if (code != EXIT_DONE)
        return code;
    code = export_model(model, named.path, options);
    cleave_model_close(model);
    return code;
}

/* ---- Options ----------------------------------------------------------------------------- */

/* The offset of a field. */
#define AT(field) offsetof(ExportOptions, field)

static const Option export_rows[] = {
    {OPTION_GROUP, .rows = config_rows, .at = AT(model)},
    {OPTION_TEXT, 'o', "output", "FILE", AT(output), "the file to write, FILE.onnx",
     .endings = {".onnx"}, .what = "file"},
    {OPTION_NUMBER, 0, "frames", "N", AT(frames),
     "the T of the network, in frames of its STFT (default: those of a chunk as "
     "configured)",
     .low = 1, .high = 1000000},
    {OPTION_GROUP, .rows = telling_rows, .at = AT(line)},
    {OPTION_END}};

static void export_set_defaults(void *arguments) {
    ExportOptions *options = arguments;
    model_options_default(&options->model);
}

static bool export_check(void *arguments) {
    const ExportOptions *options = arguments;
    if (options->output == NULL)
        message_error("export: name the file to write with -o FILE.onnx");
    return options->output != NULL;
}

const Command command_export = {.name = "export",
                                .usage = "export [MODEL] -o FILE [OPTION...]",
                                .summary = "write a network as an ONNX file",
                                .maximum_inputs = 1,
                                .complete = COMPLETE_MODEL,
                                .rows = export_rows,
                                .options_size = sizeof(ExportOptions),
                                .set_defaults = export_set_defaults,
                                .check = export_check,
                                .run = export_run};
