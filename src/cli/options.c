/* options.c: the table of options and the reading of the command line with it. What an option
 * means is decided in the commands; here values are checked one by one, and against each other. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "allocate.h"
#include "bench.h"
#include "cleave/extra.h"
#include "message.h"
#include "text.h"
#include "verdict.h"

#define LONG_BASE     256 /* getopt's value of row i is LONG_BASE + i: no letter is that large */
#define MAXIMUM_SPECS 64

/* ---- Values ------------------------------------------------------------------------------ */

static bool take_text(const char **target, const char *option, const char *value) {
    if (*value == '\0') {
        message_error("%s: the value is empty", option);
        return false;
    }
    *target = value;
    return true;
}

/* `also`: what else the option takes, such as " or auto". */
static bool take_number(int *target, const char *option, const char *value, int low, int high,
                        const char *also) {
    char *end = NULL;
    errno = 0;
    bool digits = *value >= '0' && *value <= '9'; /* strtol would take blanks and signs too */
    long number = digits ? strtol(value, &end, 10) : -1;
    if (!digits || *end != '\0' || errno != 0 || number < low || number > high) {
        message_error("%s: '%s' is not a whole number from %d to %d%s", option, value, low, high,
                      also);
        return false;
    }
    *target = (int)number;
    return true;
}

static bool take_choice(int *target, const char *option, const char *value, const Choice *choices) {
    char *all = copy_text("");
    for (const Choice *choice = choices; choice->word != NULL; choice++) {
        if (strcmp(choice->word, value) == 0) {
            *target = choice->value;
            free(all);
            return true;
        }
        const char *glue = choice == choices ? "" : choice[1].word == NULL ? " or " : ", ";
        char *longer = format_text("%s%s%s", all, glue, choice->word);
        free(all);
        all = longer;
    }
    message_error("%s: '%s' is not one of %s", option, value, all);
    free(all);
    return false;
}

static bool apply_model(Options *options, const char *value) {
    return take_text(&options->model, "--model", value);
}

static bool apply_config(Options *options, const char *value) {
    return take_text(&options->config, "--config", value);
}

static bool apply_output(Options *options, const char *value) {
    options->to_standard_output = strcmp(value, "-") == 0;
    return take_text(&options->output.directory, "--output", value);
}

/* What stands in braces and is no placeholder is more likely a slip than a name. */
static bool apply_name(Options *options, const char *value) {
    static const char *const known[] = {"{track}", "{stem}", "{model}", "{folder}", "{ext}"};
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
    return take_text(&options->output.name_template, "--name", value);
}

static void free_stems(Options *options) {
    for (int i = 0; i < options->output.stem_count; i++)
        free(options->stems[i]);
    free(options->stems);
    options->stems = NULL;
    options->output.stems = NULL;
    options->output.stem_count = 0;
}

/* One name of the list, blanks around it taken off. */
static bool add_stem(Options *options, const char *start, size_t length) {
    while (length > 0 && *start == ' ') {
        start++;
        length--;
    }
    while (length > 0 && start[length - 1] == ' ')
        length--;
    char *name = copy_bytes(start, length);
    const char *fault = *name == '\0' ? "a name in the list is empty" : NULL;
    for (int i = 0; i < options->output.stem_count; i++)
        if (strcmp(options->stems[i], name) == 0)
            fault = "a stem is named twice";
    if (fault != NULL) {
        message_error("--stems: %s; write it as kick,snare", fault);
        free(name);
        return false;
    }
    options->stems[options->output.stem_count++] = name;
    return true;
}

static bool apply_stems(Options *options, const char *value) {
    free_stems(options);
    options->stems = allocate(strlen(value) / 2 + 2, sizeof *options->stems);
    const char *start = value;
    for (;;) {
        size_t length = strcspn(start, ",");
        if (!add_stem(options, start, length))
            return false;
        if (start[length] == '\0')
            break;
        start += length + 1;
    }
    options->output.stems = (const char *const *)options->stems;
    return true;
}

static bool apply_residual(Options *options, const char *value) {
    return take_text(&options->output.residual, "--residual", value);
}

static bool apply_list(Options *options, const char *value) {
    if (options->list != NULL) {
        message_error("--from-list: give it once; lists can be joined with cat");
        return false;
    }
    return take_text(&options->list, "--from-list", value);
}

static bool apply_null(Options *options, const char *value) {
    (void)value;
    options->null = true;
    return true;
}

static bool apply_skip_existing(Options *options, const char *value) {
    (void)value;
    options->skip_existing = true;
    return true;
}

static void free_extensions(Options *options) {
    for (size_t i = 0; options->extensions != NULL && options->extensions[i] != NULL; i++)
        free(options->extensions[i]);
    free(options->extensions);
    options->extensions = NULL;
}

/* Blanks around each and a dot before it are taken off. */
static bool apply_extensions(Options *options, const char *value) {
    size_t count = 0;
    free_extensions(options);
    options->extensions = allocate(strlen(value) + 2, sizeof *options->extensions);
    for (const char *start = value;; start++) {
        size_t length = strcspn(start, ",");
        const char *end = start + length;
        start += strspn(start, " ");
        start += *start == '.';
        size_t size = start < end ? (size_t)(end - start) : 0;
        while (size > 0 && start[size - 1] == ' ')
            size--;
        if (size == 0 || memchr(start, '/', size) != NULL) {
            message_error("--ext: '%s' is no list of extensions such as wav,flac", value);
            return false;
        }
        options->extensions[count++] = copy_bytes(start, size);
        if (*end == '\0')
            return true;
        start = end;
    }
}

static void free_devices(Options *options) {
    for (size_t i = 0; options->devices != NULL && options->devices[i] != NULL; i++)
        free(options->devices[i]);
    free(options->devices);
    options->devices = NULL;
}

static bool apply_devices(Options *options, const char *value) {
    size_t count = 0;
    free_devices(options);
    options->devices = allocate(strlen(value) + 2, sizeof *options->devices);
    for (const char *start = value;; start++) {
        size_t length = strcspn(start, ",");
        if (length == 0) {
            message_error("--device: '%s' is no list of devices such as cpu,cuda:1", value);
            return false;
        }
        options->devices[count++] = copy_bytes(start, length);
        start += length;
        if (*start == '\0')
            return true;
    }
}

/* A list of words as a set of bits 1 << value. */
static bool take_set(unsigned *set, const char *option, const char *value, const Choice *choices) {
    bool good = true;
    *set = 0;
    for (const char *start = value; good; start++) {
        size_t length = strcspn(start, ",");
        char *word = copy_bytes(start, length);
        int chosen = 0;
        good = take_choice(&chosen, option, word, choices);
        free(word);
        *set |= good ? 1U << chosen : 0U;
        start += length;
        if (*start == '\0')
            break;
    }
    return good;
}

static const Choice precisions_choices[] = {{"f32", CLEAVE_PRECISION_F32},
                                            {"f16", CLEAVE_PRECISION_F16},
                                            {"bf16", CLEAVE_PRECISION_BF16},
                                            {NULL, 0}};

static bool apply_precisions(Options *options, const char *value) {
    return take_set(&options->precisions, "--precision", value, precisions_choices);
}

static const Choice compile_choices[] = {{"yes", 1}, {"no", 0}, {NULL, 0}};

static bool apply_compile_modes(Options *options, const char *value) {
    return take_set(&options->compile_modes, "--compile", value, compile_choices);
}

static bool apply_min_snr(Options *options, const char *value) {
    char *end = NULL;
    errno = 0;
    bool digits = (*value >= '0' && *value <= '9') || *value == '-';
    double number = digits ? strtod(value, &end) : 0.0;
    if (!digits || end == value || *end != '\0' || errno != 0 ||
        !(number >= -200.0 && number <= 200.0)) {
        message_error("--min-snr: '%s' is not a number of decibels from -200 to 200", value);
        return false;
    }
    options->min_snr = number;
    return true;
}

static bool apply_seconds(Options *options, const char *value) {
    return take_number(&options->seconds, "--seconds", value, 1, VERIFY_SECONDS_MAX, "");
}

/* A list of whole numbers; the word auto stands for 0 where it is allowed. */
static bool take_numbers(int *targets, int *count, const char *option, const char *value, int high,
                         bool allow_auto) {
    bool good = true;
    *count = 0;
    for (const char *start = value; good; start++) {
        size_t length = strcspn(start, ",");
        char *word = copy_bytes(start, length);
        if (*count == BENCH_LIST_MAX) {
            message_error("%s: more than %d values", option, BENCH_LIST_MAX);
            good = false;
        } else if (allow_auto && strcmp(word, "auto") == 0) {
            targets[(*count)++] = 0;
        } else {
            good = take_number(&targets[(*count)++], option, word, 1, high,
                               allow_auto ? " or auto" : "");
        }
        free(word);
        start += length;
        if (*start == '\0')
            break;
    }
    return good;
}

static bool apply_overlaps(Options *options, const char *value) {
    return take_numbers(options->overlaps, &options->overlap_count, "--overlap", value,
                        CLEAVE_OVERLAP_MAX, false);
}

static bool apply_batches(Options *options, const char *value) {
    return take_numbers(options->batches, &options->batch_count, "--batch", value, 64, true);
}

static bool apply_runs(Options *options, const char *value) {
    return take_number(&options->runs, "--runs", value, 1, BENCH_RUNS_MAX, "");
}

static bool apply_csv(Options *options, const char *value) {
    (void)value;
    options->csv = true;
    return true;
}

static bool apply_html(Options *options, const char *value) {
    size_t length = strlen(value);
    if (length < 6 || strcasecmp(value + length - 5, ".html") != 0) {
        message_error("--html: '%s' does not end in .html; name the page to write", value);
        return false;
    }
    return take_text(&options->html, "--html", value);
}

static bool apply_score(Options *options, const char *value) {
    return take_text(&options->score, "--score", value);
}

static bool apply_spectrogram(Options *options, const char *value) {
    (void)value;
    options->spectrogram = true;
    return true;
}

/* The ending keeps a slip from writing over the checkpoint. */
static bool apply_export(Options *options, const char *value) {
    size_t length = strlen(value);
    if (length < 6 || strcasecmp(value + length - 5, ".onnx") != 0) {
        message_error("--output: '%s' does not end in .onnx; name the file to write", value);
        return false;
    }
    return take_text(&options->export, "--output", value);
}

static bool apply_frames(Options *options, const char *value) {
    return take_number(&options->frames, "--frames", value, 1, 1000000, "");
}

/* The ending keeps a slip from writing a page over a recording. */
static bool apply_report(Options *options, const char *value) {
    size_t length = strlen(value);
    if (length < 6 || (strcasecmp(value + length - 5, ".html") != 0 &&
                       strcasecmp(value + length - 4, ".htm") != 0)) {
        message_error("--report: '%s' does not end in .html; name the page to write", value);
        return false;
    }
    return take_text(&options->report, "--report", value);
}

/* The ending keeps a slip from writing a trace over a recording. */
static bool apply_profile(Options *options, const char *value) {
    size_t length = strlen(value);
    if (length < 6 || strcasecmp(value + length - 5, ".json") != 0) {
        message_error("--profile: '%s' does not end in .json; name the trace to write", value);
        return false;
    }
    options->separator.profile = 1;
    return take_text(&options->profile, "--profile", value);
}

static bool apply_report_embed(Options *options, const char *value) {
    (void)value;
    options->report_embed = true;
    return true;
}

static bool apply_device(Options *options, const char *value) {
    return take_text(&options->separator.device, "--device", value);
}

static bool apply_strict_device(Options *options, const char *value) {
    (void)value;
    options->separator.strict_device = 1;
    return true;
}

static const Choice precision_choices[] = {{"auto", CLEAVE_PRECISION_AUTO},
                                           {"f32", CLEAVE_PRECISION_F32},
                                           {"f16", CLEAVE_PRECISION_F16},
                                           {"bf16", CLEAVE_PRECISION_BF16},
                                           {NULL, 0}};

static bool apply_precision(Options *options, const char *value) {
    int chosen = 0;
    bool good = take_choice(&chosen, "--precision", value, precision_choices);
    options->separator.precision = (cleave_precision)chosen;
    return good;
}

static bool apply_threads(Options *options, const char *value) {
    return take_number(&options->separator.threads, "--threads", value, 1, 256, "");
}

static bool apply_overlap(Options *options, const char *value) {
    return take_number(&options->separator.overlap, "--overlap", value, 1, 50, "");
}

static bool apply_batch(Options *options, const char *value) {
    if (strcmp(value, "auto") == 0) {
        options->separator.batch = 0;
        return true;
    }
    return take_number(&options->separator.batch, "--batch", value, 1, 64, " or auto");
}

static bool apply_max_memory(Options *options, const char *value) {
    if (text_parse_bytes(value, &options->separator.max_memory))
        return true;
    message_error("--max-memory: '%s' is not a size such as 600M, 2G or 1.5GiB", value);
    return false;
}

static const Choice blend_choices[] = {
    {"fade", CLEAVE_BLEND_FADE}, {"mean", CLEAVE_BLEND_MEAN}, {NULL, 0}};

static bool apply_blend(Options *options, const char *value) {
    int chosen = 0;
    bool good = take_choice(&chosen, "--blend", value, blend_choices);
    options->separator.blend = (cleave_blend)chosen;
    return good;
}

static bool apply_tta(Options *options, const char *value) {
    (void)value;
    options->separator.tta = 1;
    return true;
}

static bool apply_no_compile(Options *options, const char *value) {
    (void)value;
    options->separator.compile = 0;
    return true;
}

static bool apply_plan(Options *options, const char *value) {
    (void)value;
    options->show_plan = true;
    return true;
}

static const Choice format_choices[] = {{"wav", CLEAVE_FORMAT_WAV},   {"flac", CLEAVE_FORMAT_FLAC},
                                        {"aiff", CLEAVE_FORMAT_AIFF}, {"ogg", CLEAVE_FORMAT_OGG},
                                        {"mp3", CLEAVE_FORMAT_MP3},   {"raw", CLEAVE_FORMAT_RAW},
                                        {"opus", CLEAVE_FORMAT_OPUS}, {"m4a", CLEAVE_FORMAT_M4A},
                                        {"alac", CLEAVE_FORMAT_ALAC}, {NULL, 0}};

static bool apply_format(Options *options, const char *value) {
    int chosen = 0;
    bool good = take_choice(&chosen, "--format", value, format_choices);
    options->output.format = (cleave_format)chosen;
    return good;
}

static const Choice bits_choices[] = {
    {"16", CLEAVE_BITS_16}, {"24", CLEAVE_BITS_24}, {"float", CLEAVE_BITS_FLOAT}, {NULL, 0}};

static bool apply_bits(Options *options, const char *value) {
    int chosen = 0;
    bool good = take_choice(&chosen, "--bits", value, bits_choices);
    options->output.bits = (cleave_bits)chosen;
    return good;
}

static bool apply_stream(Options *options, const char *value) {
    return take_number(&options->output.input_stream, "--stream", value, 1, 1000, "");
}

static const Choice channels_choices[] = {
    {"downmix", CLEAVE_CHANNELS_DOWNMIX}, {"front", CLEAVE_CHANNELS_FRONT}, {NULL, 0}};

static bool apply_channels(Options *options, const char *value) {
    int chosen = 0;
    bool good = take_choice(&chosen, "--channels", value, channels_choices);
    options->output.input_channels = (cleave_channels)chosen;
    return good;
}

static bool apply_keep_going(Options *options, const char *value) {
    (void)value;
    options->output.keep_going = 1;
    return true;
}

/* For completion; a number will do as well. */
static const Choice rate_choices[] = {
    {"model", 0}, {"source", CLEAVE_RATE_SOURCE}, {"44100", 44100}, {"48000", 48000}, {NULL, 0}};

static bool apply_rate(Options *options, const char *value) {
    int *rate = &options->output.sample_rate;
    if (strcmp(value, "model") == 0 || strcmp(value, "source") == 0) {
        *rate = *value == 'm' ? 0 : CLEAVE_RATE_SOURCE;
        return true;
    }
    return take_number(rate, "--rate", value, CLEAVE_RATE_MIN, CLEAVE_RATE_MAX,
                       " Hz, source or model");
}

static bool apply_resume(Options *options, const char *value) {
    (void)value;
    options->output.resume = 1;
    options->skip_existing = true;
    return true;
}

static bool apply_json(Options *options, const char *value) {
    (void)value;
    options->json = true;
    return true;
}

static bool apply_quiet(Options *options, const char *value) {
    (void)value;
    options->verbosity = VERBOSITY_QUIET;
    return true;
}

static bool apply_verbose(Options *options, const char *value) {
    (void)value;
    options->verbosity = options->verbosity < 0 ? VERBOSITY_INFO : options->verbosity + 1;
    return true;
}

static bool apply_version(Options *options, const char *value) {
    (void)value;
    options->version = true;
    return true;
}

static bool apply_help(Options *options, const char *value) {
    (void)value;
    options->help = true;
    return true;
}

/* ---- The table --------------------------------------------------------------------------- */

enum {
    RUNS = COMMAND_SEPARATE,
    READS = COMMAND_SEPARATE | COMMAND_INSPECT,
    OPENS = READS | COMMAND_EXPORT,
    TRIES = COMMAND_VERIFY | COMMAND_BENCH,
    CHECKS = TRIES | COMMAND_DOCTOR,
    TELLS = OPENS | CHECKS | COMMAND_DEVICES | COMMAND_SCORE,
    ALL = TELLS | COMMAND_HELP | COMMAND_COMPLETION | COMMAND_MAN
};

/* A row may end early: most options have no words to choose from and complete by their argument. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
const OptionSpec option_specs[] = {
    {'m', RUNS | CHECKS, "model", "FILE",
     "the network: a .ckpt, .pth, .pt, .th or .safetensors file; default: what the environment "
     "variable CLEAVE_MODEL names",
     apply_model, .complete = COMPLETE_MODEL},
    {'c', OPENS | CHECKS, "config", "FILE",
     "its YAML configuration; default: MODEL's name with .yaml or .yml, then model.yaml, "
     "model.yml or config_model.yaml beside it, then what a .safetensors file carries",
     apply_config, .complete = COMPLETE_CONFIG},
    {0, RUNS, "from-list", "FILE",
     "more inputs: the paths in FILE (- for standard input), one per line", apply_list},
    {'0', RUNS, "null", NULL, "NUL bytes end the paths of --from-list, as find -print0 writes them",
     apply_null},
    {0, RUNS, "ext", "A,B",
     "of an input that is a folder take the files with these extensions (default: every kind that "
     "can be read)",
     apply_extensions},
    {0, RUNS, "stream", "N",
     "of a video with several audio streams take the N-th (default: the best); -v lists them",
     apply_stream},
    {0, RUNS, "channels", "WHICH",
     "what becomes of more than two channels: downmix (default: all are mixed down as ITU-R BS.775 "
     "says, where the file tells which they are) or front (left and right alone)",
     apply_channels, channels_choices},
    {0, RUNS, "keep-going", NULL,
     "write what there is of an input that cannot be read to its end, with a warning; without it "
     "that is an error, and nothing is written",
     apply_keep_going},
    {'o', RUNS, "output", "DIR",
     "the folder that gets the stems (default: separated); files are DIR/TRACK/STEM.EXT; with -, "
     "the one stem that --stems names goes to standard output",
     apply_output},
    {'o', COMMAND_EXPORT, "output", "FILE", "the file to write, FILE.onnx", apply_export},
    {0, COMMAND_EXPORT, "frames", "N",
     "the T of the network, in frames of its STFT (default: those of a chunk as configured)",
     apply_frames},
    {0, RUNS, "name", "TEMPLATE",
     "how files are named below DIR (default: {track}/{stem}); {track}, {stem}, {model}, {ext} (of "
     "FORMAT) and {folder} (of a file below an input that is a folder: the folders between, which "
     "else come first) are filled in; .{ext} is added where it is not the end",
     apply_name},
    {0, RUNS, "stems", "A,B", "write these stems only (default: all)", apply_stems},
    {0, RUNS, "residual", "NAME",
     "write one more stem of this name: the mix less all stems that are written", apply_residual},
    {0, RUNS, "skip-existing", NULL, "leave out inputs whose stems are there and whole already",
     apply_skip_existing},
    {'f', RUNS, "format", "FORMAT",
     "wav (default), flac, aiff, ogg, mp3, opus, m4a (AAC), alac (Apple Lossless, as .m4a; it and "
     "m4a need FFmpeg's libraries) or raw (samples without a header)",
     apply_format, format_choices},
    {0, RUNS, "bits", "BITS",
     "16, 24 or float; default: float for wav, aiff and raw, 24 for flac and alac; the others have "
     "none",
     apply_bits, bits_choices},
    {0, RUNS, "rate", "RATE",
     "sample rate of the stems: model (default, the network's), source (the input's, and as many "
     "samples as it has) or a number of Hz",
     apply_rate, rate_choices},
    {0, RUNS, "resume", NULL,
     "go on where an interrupted run with --resume stopped: skips what is done, as "
     "--skip-existing, "
     "and keeps a journal (about as large as float WAV) beside the stems until they are written",
     apply_resume},
    {0, RUNS, "score", "DIR",
     "compare each stem with the true one, DIR/STEM.EXT, and print a table of SDR; for one input",
     apply_score},
    {0, RUNS, "spectrogram", NULL,
     "draw each track and its stems into one picture beside the stems, spectrogram.png",
     apply_spectrogram},
    {0, RUNS, "report", "FILE",
     "write a page, FILE.html, of all tracks: players, pictures with --spectrogram, loudness, "
     "peaks, times",
     apply_report},
    {0, RUNS, "report-embed", NULL,
     "put the audio itself into the page of --report, to pass it on as one file",
     apply_report_embed},
    {0, RUNS | COMMAND_BENCH, "profile", "FILE",
     "time every op; prints a table of them, and writes FILE.json, a trace of the threads for "
     "ui.perfetto.dev or chrome://tracing",
     apply_profile},
    {'d', READS, "device", "DEVICE",
     "auto (default), cpu, mps, cuda or cuda:1; 'cleave devices' lists what is there", apply_device,
     .complete = COMPLETE_DEVICE},
    {'d', TRIES, "device", "A,B",
     "the devices to try, such as cpu,mps (default: all that are present); 'cleave devices' lists "
     "them",
     apply_devices, .complete = COMPLETE_DEVICE},
    {0, RUNS, "strict-device", NULL,
     "fail if the device is absent or fails (default: a warning, and the next best one)",
     apply_strict_device},
    {'p', RUNS, "precision", "TYPE",
     "what convolutions multiply: auto (default), f32, f16 or bf16; files are always written "
     "from f32",
     apply_precision, precision_choices},
    {'p', TRIES, "precision", "A,B",
     "the precisions to try: f32, f16, bf16 (default: f32 and those that the device has "
     "instructions for; verify: all that it runs)",
     apply_precisions, precisions_choices},
    {0, TRIES, "compile", "A,B", "yes: the compiled graph, no: op by op (default: yes,no)",
     apply_compile_modes, compile_choices},
    {0, COMMAND_VERIFY, "min-snr", "DB",
     "the exit code is 1 where a stem's SNR is lower (default: 20, below which a mode is broken)",
     apply_min_snr},
    {0, TRIES, "seconds", "N",
     "take the loudest N seconds of INPUT, 1 to 600 (default: 20, to time 10)", apply_seconds},
    {0, COMMAND_BENCH, "overlap", "A,B",
     "how many chunks cover each moment, such as 1,2,4 (default: as configured)", apply_overlaps},
    {'b', COMMAND_BENCH, "batch", "A,B",
     "chunks per run, such as 1,2,auto (default: auto); lowered to what fits into memory",
     apply_batches},
    {0, COMMAND_BENCH, "runs", "N", "timed runs of each configuration, 1 to 100 (default: 3)",
     apply_runs},
    {0, COMMAND_BENCH, "csv", NULL, "print CSV on standard output instead of a table", apply_csv},
    {0, COMMAND_BENCH, "html", "FILE", "write a page with a chart, FILE.html", apply_html},
    {'t', READS | TRIES, "threads", "N",
     "CPU threads, 1 to 256 (default: as many as this process may use)", apply_threads},
    {0, READS | COMMAND_VERIFY, "overlap", "N",
     "how many chunks cover each moment, 1 to 50 (default: as configured); more is smoother and "
     "slower",
     apply_overlap},
    {'b', RUNS | COMMAND_VERIFY, "batch", "N",
     "chunks per run, 1 to 64, or auto (default); changes speed and memory, never the result; "
     "lowered to what fits into memory",
     apply_batch},
    {0, READS | TRIES, "max-memory", "SIZE",
     "memory that the program may use, such as 600M, 2G or 1.5GiB (k, M, G, T: powers of 1000; Ki, "
     "Mi, Gi, Ti: of 1024; none: bytes); a larger batch is lowered to it. Default: what the "
     "system, its containers and ulimit leave",
     apply_max_memory},
    {0, READS, "blend", "WAY",
     "how chunks become one signal: fade (default, the training framework's) or mean (UVR's)",
     apply_blend, blend_choices},
    {0, RUNS, "tta", NULL,
     "test-time augmentation: average of three runs, with channels swapped and polarity inverted; "
     "three times slower",
     apply_tta},
    {0, COMMAND_INSPECT, "plan", NULL, "show how each layer is computed, and what it costs",
     apply_plan},
    {0, READS, "no-compile", NULL, "run the network op by op instead of as one compiled graph",
     apply_no_compile},
    {0, TELLS, "json", NULL, "print JSON on standard output instead of text", apply_json},
    {'q', TELLS, "quiet", NULL, "say nothing but errors", apply_quiet},
    {'v', TELLS, "verbose", NULL, "say what was chosen and why; -vv says more", apply_verbose},
    {0, ALL, "version", NULL, "print the version and stop", apply_version},
    {'h', ALL, "help", NULL, "print this help and stop", apply_help},
    {0, 0, NULL, NULL, NULL, NULL}};
#pragma GCC diagnostic pop

/* ---- Reading ----------------------------------------------------------------------------- */

typedef struct Grammar {
    struct option longs[MAXIMUM_SPECS + 1];
    char shorts[2 * MAXIMUM_SPECS + 3];
    const char *names[MAXIMUM_SPECS + 1];
} Grammar;

/* The options of one command in the form that getopt_long takes. */
static void build_grammar(Grammar *grammar, CommandId command) {
    size_t count = 0;
    size_t letters = 0;
    memset(grammar, 0, sizeof *grammar);
    grammar->shorts[letters++] = '-'; /* inputs come in between, as the argument of option 1 */
    grammar->shorts[letters++] = ':'; /* a missing argument is told from an unknown option */
    for (size_t i = 0; option_specs[i].name != NULL && count < MAXIMUM_SPECS; i++) {
        const OptionSpec *spec = &option_specs[i];
        if ((spec->commands & command) == 0)
            continue;
        int has_argument = spec->argument != NULL ? required_argument : no_argument;
        grammar->names[count] = spec->name;
        grammar->longs[count++] =
            (struct option){spec->name, has_argument, NULL, LONG_BASE + (int)i};
        if (spec->letter != 0) {
            grammar->shorts[letters++] = spec->letter;
            if (spec->argument != NULL)
                grammar->shorts[letters++] = ':';
        }
    }
}

static const OptionSpec *spec_of(int code, CommandId command) {
    if (code >= LONG_BASE)
        return &option_specs[code - LONG_BASE];
    for (const OptionSpec *spec = option_specs; spec->name != NULL; spec++)
        if (code != 0 && spec->letter == code && (spec->commands & command) != 0)
            return spec;
    return NULL;
}

/* `word` is what was typed, such as --overlp=4. */
static void reject_unknown_long(const char *word, const Grammar *grammar) {
    size_t length = strcspn(word + 2, "=");
    char *name = copy_bytes(word + 2, length);
    char *fitting = NULL;
    for (size_t i = 0; grammar->names[i] != NULL && length > 0; i++) {
        if (strncmp(grammar->names[i], name, length) == 0) {
            char *more = format_text("%s%s--%s", fitting != NULL ? fitting : "",
                                     fitting != NULL ? " or " : "", grammar->names[i]);
            free(fitting);
            fitting = more;
        }
    }
    const char *near = text_nearest(name, grammar->names);
    if (fitting != NULL)
        message_error("--%s could be %s; write it out", name, fitting);
    else if (near != NULL)
        message_error("unknown option --%s; did you mean --%s?", name, near);
    else
        message_error("unknown option --%s; --help lists the options", name);
    free(fitting);
    free(name);
}

static void reject(int code, char *const *argv, const Grammar *grammar, CommandId command) {
    const OptionSpec *spec = spec_of(optopt, command);
    if (code == ':' && spec != NULL)
        message_error("--%s needs a value: --%s %s", spec->name, spec->name, spec->argument);
    else if (optopt >= LONG_BASE && spec != NULL)
        message_error("--%s takes no value", spec->name);
    else if (optopt == 0)
        reject_unknown_long(argv[optind - 1], grammar);
    else
        message_error("unknown option -%c; --help lists the options", optopt);
}

static bool is_input(const Options *options, const char *name) {
    for (int i = 0; i < options->input_count; i++)
        if (strcmp(options->inputs[i], name) == 0)
            return true;
    return false;
}

static bool add_input(Options *options, CommandId command, const char *input) {
    bool is_standard = strcmp(input, "-") == 0;
    if (is_standard && command != COMMAND_SEPARATE) {
        message_error("only 'separate' reads standard input ('-'); name a file (./- for one of "
                      "that name)");
        return false;
    }
    if (is_standard && is_input(options, input)) {
        message_error("standard input ('-') can be read once; name it once");
        return false;
    }
    if (*input == '\0') {
        message_error("the name of an input is empty");
        return false;
    }
    options->inputs[options->input_count++] = input;
    return true;
}

static bool check_standard_output(const Options *options) {
    const char *fault = NULL;
    if (options->input_count > 1)
        fault = "takes the stem of one input; name one, or a folder";
    else if (options->score != NULL)
        fault = "leaves no file to --score; name a folder";
    else if (options->skip_existing)
        fault = "leaves no file to go on from; leave out --resume and --skip-existing";
    if (fault != NULL)
        message_error("--output -: %s", fault);
    return fault == NULL;
}

static bool check_report(const Options *options) {
    bool wanted = options->report != NULL || options->spectrogram;
    if (wanted && options->output.format == CLEAVE_FORMAT_RAW) {
        message_error("%s: raw samples do not say what they are; try -f wav",
                      options->report != NULL ? "--report" : "--spectrogram");
        return false;
    }
    bool piped = options->to_standard_output || is_input(options, "-");
    if (options->report_embed && options->report == NULL) {
        message_error(
            "--report-embed: needs the page to put the audio into; add --report FILE.html");
        return false;
    }
    if (piped && (options->report != NULL || options->spectrogram)) {
        message_error(
            "%s: needs the input and the stems in files; leave it out, or name a file and a folder",
            options->report != NULL ? "--report" : "--spectrogram");
        return false;
    }
    return true;
}

cleave_format_info format_info(cleave_format format) {
    cleave_format_info formats[CLEAVE_FORMATS];
    cleave_format_list(formats, CLEAVE_FORMATS);
    return formats[format];
}

/* What no single option can know. */
static bool check_together(const Options *options) {
    const cleave_file_settings *output = &options->output;
    if (options->null && options->list == NULL) {
        message_error("--null: it is for --from-list, which is missing");
        return false;
    }
    if (options->list != NULL && strcmp(options->list, "-") == 0 && is_input(options, "-")) {
        message_error("standard input ('-') is either an input or --from-list's, not both");
        return false;
    }
    if (options->skip_existing && output->format == CLEAVE_FORMAT_RAW) {
        message_error("--%s: raw samples do not tell whether they are whole; try -f wav",
                      output->resume ? "resume" : "skip-existing");
        return false;
    }
    if (output->resume && is_input(options, "-")) {
        message_error("--resume: standard input ('-') cannot be read again; save it to a file");
        return false;
    }
    cleave_format_info format = format_info(output->format);
    if (format.default_bits == CLEAVE_BITS_AUTO && output->bits != CLEAVE_BITS_AUTO) {
        message_error("--bits: %s has none; leave it out, or try -f wav or -f flac", format.name);
        return false;
    }
    if (!format.floats && output->bits == CLEAVE_BITS_FLOAT) {
        message_error("--bits: %s cannot hold floats; try --bits 24, or -f wav", format.name);
        return false;
    }
    if (options->score != NULL && output->format == CLEAVE_FORMAT_RAW) {
        message_error("--score: raw samples do not say what they are; try -f wav");
        return false;
    }
    return check_report(options) &&
           (!options->to_standard_output || check_standard_output(options));
}

static void set_defaults(Options *options, int capacity) {
    memset(options, 0, sizeof *options);
    cleave_separator_settings_default(&options->separator);
    cleave_file_settings_default(&options->output);
    options->min_snr = VERIFY_MIN_SNR;
    options->runs = BENCH_RUNS;
    const char *model = getenv("CLEAVE_MODEL");
    options->model = model != NULL && *model != '\0' ? model : NULL;
    options->inputs = allocate((size_t)capacity + 1, sizeof *options->inputs);
}

bool options_parse(Options *options, CommandId command, int argc, char **argv) {
    Grammar grammar;
    build_grammar(&grammar, command);
    set_defaults(options, argc);
    opterr = 0;
    int code;
    while ((code = getopt_long(argc, argv, grammar.shorts, grammar.longs, NULL)) != -1) {
        if (code == '?' || code == ':') {
            reject(code, argv, &grammar, command);
            return false;
        }
        const OptionSpec *spec = spec_of(code, command);
        bool good = code == 1 ? add_input(options, command, optarg) : spec->apply(options, optarg);
        if (!good)
            return false;
        if (options->help || options->version)
            return true;
    }
    for (int i = optind; i < argc; i++)
        if (!add_input(options, command, argv[i]))
            return false;
    return check_together(options);
}

void options_free(Options *options) {
    free_stems(options);
    free_extensions(options);
    free_devices(options);
    free(options->inputs);
    options->inputs = NULL;
}
