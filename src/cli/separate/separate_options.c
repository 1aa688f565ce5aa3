/* separate_options.c: the rows of the options of `cleave separate`, and what of them does not go
 * together. */
#include "cli/separate/separate_options.h"

#include <string.h>

#include "cli/console/message.h"
#include "cli/options/separator_options.h"
#include "cli/show/profile.h"

/* ---- Values ------------------------------------------------------------------------------ */

/* What stands in braces and is no placeholder is more likely a slip than a name. */
static bool separate_check_name(const Option *row, const char *value, void *field) {
    static const char *const known[] = {"{track}", "{stem}", "{model}", "{folder}", "{ext}"};
    (void)row;
    (void)field;
    for (const char *brace = strchr(value, '{'); brace != NULL; brace = strchr(brace + 1, '{')) {
        bool good = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            good = good || strncmp(brace, known[i], strlen(known[i])) == 0;
        if (!good) {
            message_error("--name: '%.*s' is none of {track}, {stem}, {model}, {folder} and {ext}",
                          (int)strcspn(brace, "}") + 1, brace);
            return false;
        }
    }
    return true;
}

/* Takes off the dot before each extension. */
static bool separate_check_extensions(const Option *row, const char *value, void *field) {
    char *const *extensions = *(char ***)field;
    for (size_t i = 0; extensions[i] != NULL; i++) {
        char *extension = extensions[i];
        if (*extension == '.')
            memmove(extension, extension + 1, strlen(extension));
        if (*extension == '\0' || strchr(extension, '/') != NULL) {
            message_error("--%s: '%s' is no list of %s", row->name, value, row->example);
            return false;
        }
    }
    return true;
}

static bool separate_take_list(const Option *row, const char *value, void *field) {
    const char **list = field;
    if (*list != NULL || *value == '\0') {
        message_error("--%s: %s", row->name,
                      *list != NULL ? "give it once; lists can be joined with cat"
                                    : "the value is empty");
        return false;
    }
    *list = value;
    return true;
}

cleave_format_info separate_format(cleave_format format) {
    cleave_format_info formats[CLEAVE_FORMATS];
    cleave_format_list(formats, CLEAVE_FORMATS);
    return formats[format];
}

static const Choice *separate_formats(void) {
    static Choice choices[CLEAVE_FORMATS + 1];
    cleave_format_info formats[CLEAVE_FORMATS];
    cleave_format_list(formats, CLEAVE_FORMATS);
    for (int i = 0; i < CLEAVE_FORMATS; i++)
        choices[i] = (Choice){formats[i].name, (int)formats[i].format};
    return choices;
}

static const Choice bits[] = {
    {"16", CLEAVE_BITS_16}, {"24", CLEAVE_BITS_24}, {"float", CLEAVE_BITS_FLOAT}, {NULL, 0}};

static const Choice channels[] = {
    {"downmix", CLEAVE_CHANNELS_DOWNMIX}, {"front", CLEAVE_CHANNELS_FRONT}, {NULL, 0}};

static const Choice precisions[] = {{"auto", CLEAVE_PRECISION_AUTO},
                                    {"f32", CLEAVE_PRECISION_F32},
                                    {"f16", CLEAVE_PRECISION_F16},
                                    {"bf16", CLEAVE_PRECISION_BF16},
                                    {NULL, 0}};

/* The numbers are for completion. */
static const Choice rates[] = {
    {"model", 0}, {"source", CLEAVE_RATE_SOURCE}, {"44100", 44100}, {"48000", 48000}, {NULL, 0}};

/* ---- Rows -------------------------------------------------------------------------------- */

/* The offset of a field. */
#define AT(field) offsetof(SeparateOptions, field)

const Option separate_rows[] = {
    {OPTION_GROUP, .rows = model_rows, .at = AT(model)},
    {OPTION_OTHER, 0, "from-list", "FILE", AT(list),
     "more inputs: the paths in FILE (- for standard input), one per line",
     .work = separate_take_list},
    {OPTION_FLAG, '0', "null", NULL, AT(null),
     "NUL bytes end the paths of --from-list, as find -print0 writes them"},
    {OPTION_LIST, 0, "ext", "A,B", AT(extensions),
     "of an input that is a folder take the files with these extensions (default: every "
     "kind that can be read)",
     .work = separate_check_extensions, .example = "extensions such as wav,flac"},
    {OPTION_NUMBER, 0, "stream", "N", AT(output.input_stream),
     "of a video with several audio streams take the N-th (default: the best); -v lists "
     "them",
     .low = 1, .high = 1000},
    {OPTION_CHOICE, 0, "channels", "WHICH", AT(output.input_channels),
     "what becomes of more than two channels: downmix (default: all are mixed down as "
     "ITU-R BS.775 says, where the file tells which they are) or front (left and right "
     "alone)",
     .choices = channels},
    {OPTION_FLAG, 0, "keep-going", NULL, AT(output.keep_going),
     "write what there is of an input that cannot be read to its end, with a warning; "
     "without it that is an error, and nothing is written"},
    {OPTION_TEXT, 'o', "output", "DIR", AT(output.directory),
     "the folder that gets the stems (default: separated); files are DIR/TRACK/STEM.EXT; "
     "with -, the one stem that --stems names goes to standard output"},
    {OPTION_TEXT, 0, "name", "TEMPLATE", AT(output.name_template),
     "how files are named below DIR (default: {track}/{stem}); {track}, {stem}, {model}, "
     "{ext} (of FORMAT) and {folder} (of a file below an input that is a folder: the "
     "folders between, which else come first) are filled in; .{ext} is added where it is "
     "not the end",
     .work = separate_check_name},
    {OPTION_GROUP, .rows = stems_rows, .at = AT(stems)},
    {OPTION_TEXT, 0, "residual", "NAME", AT(output.residual),
     "write one more stem of this name: the mix less all stems that are written"},
    {OPTION_FLAG, 0, "skip-existing", NULL, AT(skip_existing),
     "leave out inputs whose stems are there and whole already"},
    {OPTION_CHOICE, 'f', "format", "FORMAT", AT(output.format),
     "{words} (default: wav); m4a is AAC and alac Apple Lossless, as .m4a: both need "
     "FFmpeg's libraries; raw: samples without a header",
     .list_choices = separate_formats},
    {OPTION_CHOICE, 0, "bits", "BITS", AT(output.bits),
     "16, 24 or float; default: float where the format can hold it, else 24; lossy formats "
     "have none",
     .choices = bits},
    {OPTION_NUMBER, 0, "rate", "RATE", AT(output.sample_rate),
     "sample rate of the stems: model (default, the network's), source (the input's, and "
     "as many samples as it has) or a number of Hz",
     .low = CLEAVE_RATE_MIN, .high = CLEAVE_RATE_MAX, .choices = rates,
     .also = " Hz, source or model"},
    {OPTION_FLAG, 0, "resume", NULL, AT(output.resume),
     "go on where an interrupted run with --resume stopped: skips what is done, as "
     "--skip-existing, and keeps a journal (about as large as float WAV) beside the stems "
     "until they are written"},
    {OPTION_TEXT, 0, "score", "DIR", AT(score),
     "compare each stem with the true one, DIR/STEM.EXT, and print a table of SDR; for one "
     "input"},
    {OPTION_FLAG, 0, "spectrogram", NULL, AT(spectrogram),
     "draw each track and its stems into one picture beside the stems, spectrogram.png"},
    {OPTION_TEXT, 0, "report", "FILE", AT(report),
     "write a page, FILE.html, of all tracks: players, pictures with --spectrogram, "
     "loudness, peaks, times",
     .endings = {".html", ".htm"}, .what = "page"},
    {OPTION_FLAG, 0, "report-embed", NULL, AT(report_embed),
     "put the audio itself into the page of --report, to pass it on as one file"},
    {OPTION_GROUP, .rows = profile_rows, .at = AT(profile)},
    {OPTION_GROUP, .rows = device_rows, .at = AT(separator)},
    {OPTION_FLAG, 0, "strict-device", NULL, AT(separator.strict_device),
     "fail if the device is absent or fails (default: a warning, and the next best one)"},
    {OPTION_CHOICE, 'p', "precision", "TYPE", AT(separator.precision),
     "what the network multiplies: auto (default: f16 on cuda, and bf16 or f32 from a chunk on "
     "that "
     "is out of its range; else f32), f32, f16 or bf16; files are always written from f32",
     .choices = precisions},
    {OPTION_GROUP, .rows = threads_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = overlap_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = batch_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = memory_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = blend_rows, .at = AT(separator)},
    {OPTION_FLAG, 0, "tta", NULL, AT(separator.tta),
     "test-time augmentation: average of three runs, with channels swapped and polarity "
     "inverted; three times slower"},
    {OPTION_GROUP, .rows = compile_rows, .at = AT(separator)},
    {OPTION_GROUP, .rows = telling_rows, .at = AT(line)},
    {OPTION_END}};

void separate_set_defaults(void *arguments) {
    SeparateOptions *options = arguments;
    model_options_default(&options->model);
    cleave_separator_settings_default(&options->separator);
    cleave_file_settings_default(&options->output);
}

/* ---- All together ------------------------------------------------------------------------ */

/* The settings that follow from several options, or from one that says more than one thing. */
static void separate_complete(SeparateOptions *options) {
    cleave_file_settings *output = &options->output;
    options->separator.profile = options->profile != NULL;
    options->skip_existing = options->skip_existing || output->resume;
    options->to_standard_output = output->directory != NULL && strcmp(output->directory, "-") == 0;
    separator_set_stems(&options->separator, options->stems);
    output->stems = options->separator.stems;
    output->stem_count = options->separator.stem_count;
}

static bool separate_reads_standard_input(const SeparateOptions *options) {
    for (int i = 0; i < options->line.input_count; i++)
        if (strcmp(options->line.inputs[i], "-") == 0)
            return true;
    return false;
}

static bool separate_check_inputs(const SeparateOptions *options) {
    const char *list = options->list;
    bool piped = separate_reads_standard_input(options);
    if (options->null && list == NULL)
        message_error("--null: it is for --from-list, which is missing");
    else if (list != NULL && strcmp(list, "-") == 0 && piped)
        message_error("standard input ('-') is either an input or --from-list's, not both");
    else if (options->output.resume && piped)
        message_error("--resume: standard input ('-') cannot be read again; save it to a file");
    else
        return true;
    return false;
}

static bool separate_check_format(const SeparateOptions *options) {
    cleave_format_info format = separate_format(options->output.format);
    cleave_bits wanted = options->output.bits;
    bool is_raw = format.format == CLEAVE_FORMAT_RAW;
    if (options->skip_existing && is_raw)
        message_error("--%s: raw samples do not tell whether they are whole; try -f wav",
                      options->output.resume ? "resume" : "skip-existing");
    else if (format.default_bits == CLEAVE_BITS_AUTO && wanted != CLEAVE_BITS_AUTO)
        message_error("--bits: %s has none; leave it out, or try -f wav or -f flac", format.name);
    else if (!format.floats && wanted == CLEAVE_BITS_FLOAT)
        message_error("--bits: %s cannot hold floats; try --bits 24, or -f wav", format.name);
    else if (options->score != NULL && is_raw)
        message_error("--score: raw samples do not say what they are; try -f wav");
    else
        return true;
    return false;
}

static bool separate_check_report(const SeparateOptions *options) {
    const char *name = options->report != NULL ? "--report" : "--spectrogram";
    bool wanted = options->report != NULL || options->spectrogram;
    bool piped = options->to_standard_output || separate_reads_standard_input(options);
    if (wanted && options->output.format == CLEAVE_FORMAT_RAW)
        message_error("%s: raw samples do not say what they are; try -f wav", name);
    else if (options->report_embed && options->report == NULL)
        message_error(
            "--report-embed: needs the page to put the audio into; add --report FILE.html");
    else if (wanted && piped)
        message_error("%s: needs the input and the stems in files; leave it out, or name a file "
                      "and a folder",
                      name);
    else
        return true;
    return false;
}

static bool separate_check_stream(const SeparateOptions *options) {
    const char *fault = NULL;
    if (!options->to_standard_output)
        return true;
    if (options->line.input_count > 1)
        fault = "takes the stem of one input; name one, or a folder";
    else if (options->score != NULL)
        fault = "leaves no file to --score; name a folder";
    else if (options->skip_existing)
        fault = "leaves no file to go on from; leave out --resume and --skip-existing";
    if (fault != NULL)
        message_error("--output -: %s", fault);
    return fault == NULL;
}

bool separate_check(void *arguments) {
    SeparateOptions *options = arguments;
    separate_complete(options);
    if (!separate_check_inputs(options) || !separate_check_format(options) ||
        !separate_check_report(options) || !separate_check_stream(options))
        return false;
    if (options->line.input_count > 0 || options->list != NULL)
        return true;
    message_error("no input; try 'cleave song.wav -m model.ckpt', or --help");
    return false;
}
