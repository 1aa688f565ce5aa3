/* trial_options.c: the rows of the options that `bench` and `verify` have in common. */
#include "cli/trials/trial_options.h"

#define SECONDS_MAX 600

/* The offset of a field. */
#define AT(field) offsetof(TrialOptions, field)

static const Choice precisions[] = {{"f32", CLEAVE_PRECISION_F32},
                                    {"f16", CLEAVE_PRECISION_F16},
                                    {"bf16", CLEAVE_PRECISION_BF16},
                                    {NULL, 0}};

static const Choice compile_modes[] = {{"yes", 1}, {"no", 0}, {NULL, 0}};

const Option trial_mode_rows[] = {
    {OPTION_LIST, 'd', "device", "A,B", AT(devices),
     "the devices to try, such as cpu,mps (default: all that are present); 'cleave "
     "devices' lists them",
     .example = "devices such as cpu,cuda:1", .complete = COMPLETE_DEVICE},
    {OPTION_CHOICES, 'p', "precision", "A,B", AT(precisions),
     "the precisions to try: f32, f16, bf16 (default: f32 and those that the device has "
     "instructions for; verify: all that it runs)",
     .choices = precisions},
    {OPTION_CHOICES, 0, "compile", "A,B", AT(compile_modes),
     "yes: the compiled graph, no: op by op (default: yes,no)", .choices = compile_modes},
    {OPTION_END}};

const Option trial_audio_rows[] = {
    {OPTION_NUMBER, 0, "seconds", "N", AT(seconds),
     "take the loudest N seconds of INPUT, 1 to 600 (default: 20, to time 10)", .low = 1,
     .high = SECONDS_MAX},
    {OPTION_END}};

void trial_set_defaults(TrialOptions *options) {
    model_options_default(&options->model);
    cleave_separator_settings_default(&options->separator);
}

int trial_open_model(cleave_model **model, const TrialOptions *options) {
    return model_open(model, &options->model, options->line.input_count > 0 ? " with -m FILE" : "",
                      NULL);
}
