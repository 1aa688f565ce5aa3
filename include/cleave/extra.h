/* cleave/extra.h: the rest of libcleave's public interface: what devices can do, what a network
 * consists of, the memory that it takes, how its layers are computed, profiles, formats, output
 * paths, ONNX, scores, loudness, pictures, diagnosis. The conventions are those of cleave.h. */
#ifndef CLEAVE_EXTRA_H
#define CLEAVE_EXTRA_H

#include "cleave.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What devices can do, and which one is taken ----------------------------------------- */

/* The word for a kind: "cpu", "mps" or "cuda". Static storage; never NULL. */
CLEAVE_API const char *cleave_device_kind_name(cleave_device_kind kind);

/* What a device may be able to do. */
typedef enum cleave_capability_kind {
    CLEAVE_CAPABILITY_F16,            /* products of f16 operands */
    CLEAVE_CAPABILITY_BF16,           /* products of bf16 operands */
    CLEAVE_CAPABILITY_STFT,           /* the STFT and its inverse run on the device */
    CLEAVE_CAPABILITY_COMPILE,        /* whole graphs are compiled, not only single ops */
    CLEAVE_CAPABILITY_UNIFIED_MEMORY, /* its memory is the system's */
    CLEAVE_CAPABILITIES               /* how many there are */
} cleave_capability_kind;

/* "f16", "bf16", "stft", "compile" or "unified memory". Static storage; never NULL. */
CLEAVE_API const char *cleave_capability_name(cleave_capability_kind kind);

typedef struct cleave_capability {
    int able;         /* 0 or 1 */
    char reason[160]; /* why not, or a caveat where it is able; else "" */
} cleave_capability;

/* Writes up to `capacity` capabilities of the device with this id to `capabilities`, in the order
 * of cleave_capability_kind, and returns how many there are: CLEAVE_CAPABILITIES, or 0 for a device
 * that is not available. Thread-safe. */
CLEAVE_INLINE int cleave_device_capabilities(const char *id, cleave_capability *capabilities,
                                             int capacity);

/* The device that cleave_separator_open() would take. */
typedef struct cleave_device_choice {
    char id[32];      /* as in cleave_device_info */
    char reason[256]; /* such as "the only device present", in words that follow the id */
} cleave_device_choice;

/* Chooses a device as cleave_separator_open() does. `device` is "auto", NULL for the same, or an id
 * or kind as in cleave_separator_settings. "auto" takes MPS, then CUDA, then the CPU. A named
 * device that is absent is an error with `strict`; otherwise the best one present is taken.
 * Thread-safe. Errors: CLEAVE_ERROR_ARGUMENT (no such name), CLEAVE_ERROR_DEVICE. */
CLEAVE_INLINE cleave_status cleave_device_choose(const char *device, int strict,
                                                 cleave_device_choice *choice, cleave_error *error);

/* For programs that may run on Apple GPUs. Such a program begins its main() with this, before it
 * does anything else:
 *     int code = cleave_trial_main(argc, argv);
 *     if (code >= 0)
 *         return code;
 *
 * Why: MPSGraph, which computes on Apple GPUs, answers most faults with an assertion that ends the
 * process, and nothing can catch that. So before "auto" takes "mps" for the first time on a build
 * of macOS, the library starts this program again as a child, which computes a small network in
 * each precision and compares it with the CPU. "mps" counts as available if the child ends well and
 * f32 comes within 60 dB. The verdict is kept in the user's cache folder. After a bad one, asking
 * for "mps" by name starts a new trial.
 *
 * For a program that does not call this, the library starts the program `cleave` of its own
 * installation. If there is none, it cannot try: "auto" does not take "mps", but "mps" by name is
 * taken, untried. A trial takes some seconds, a minute at most; cleave_device_list(),
 * cleave_device_choose() and cleave_separator_open() wait for it. A process that uses the GPU is
 * never forked. CLEAVE_TRIAL=skip in the environment takes "mps" untried. On other systems there is
 * nothing to try. Not thread-safe. */
CLEAVE_API int cleave_trial_main(int argc, char **argv);

/* ---- The parts and weights of a model --------------------------------------------------- */

/* A part of the network, for one chunk of chunk_size samples. */
typedef struct cleave_block {
    char name[32];      /* "STFT", "encoder 1", "bottleneck", "decoder 1", "block 1", … */
    const char *kind;   /* "stft" and "istft"; of MDX23C "first_conv", "encoder", "bottleneck",
                           "decoder" or "final_conv"; of Roformers "band_split", "block",
                           "final_norm" or "masks"; static storage */
    int input[3];       /* channels, frequencies, frames; a waveform: channels, samples, 1. Of
                           Roformers: bands, features, frames; a spectrogram: 1 (or stems), 2 for
                           each bin and channel, frames */
    int output[3];      /* likewise */
    int64_t parameters; /* trained values */
    double flops;       /* as in cleave_model_info */
} cleave_block;

/* Writes up to `capacity` parts to `blocks` in the order in which they run and returns how many
 * there are; 0 where memory ran out. Their parameters and flops add up to the model's. */
CLEAVE_INLINE int cleave_model_blocks(const cleave_model *model, cleave_block *blocks,
                                      int capacity);

/* A tensor of the checkpoint. */
typedef struct cleave_weight {
    const char *name; /* in the state dict, without the prefix of a wrapper; the model owns it */
    const char *type; /* "f32", "f16", "bf16", "f64", "i64" or "other"; static storage */
    int dim_count;
    int64_t dims[8]; /* as in PyTorch */
} cleave_weight;

/* Writes up to `capacity` tensors to `weights` in the order of the file and returns how many there
 * are. That includes tensors that the network does not use. */
CLEAVE_INLINE int cleave_model_weights(const cleave_model *model, cleave_weight *weights,
                                       int capacity);

/* ---- Memory ----------------------------------------------------------------------------- */

/* The memory that a separator will take, in bytes, by estimate. */
typedef struct cleave_memory_need {
    char device[32];        /* of these figures: "cpu" */
    int device_batch;       /* chunks per run that would suit the device at this overlap */
    int batch;              /* chunks per run of these figures */
    int64_t weights;        /* as the device holds them, or as it reads them in the mapped
                               checkpoint; and the checkpoint, if it is compressed. Not the other
                               pages of a mapped file, which the system can drop */
    int64_t activations;    /* of a run, with the scratch memory of its steps */
    int64_t buffers;        /* chunks that wait, stems that are blended, and about 42 MB for the
                               program, its libraries, decoders and encoders */
    int64_t total;          /* sum of the three */
    int64_t limit;          /* the most that may be used; INT64_MAX: unknown */
    char limit_source[160]; /* what sets the limit, such as "the container's limit, cgroup /a" */
    int overlap;            /* chunks that cover a moment */
} cleave_memory_need;

/* Says how much memory cleave_separator_open() with the same settings would take, without taking
 * it, in some milliseconds. If settings->batch is not 0, the figures are for that batch, whether it
 * fits or not. If it is 0, they are for the batch that would be chosen: the device's for this
 * overlap, or less if that does not fit, at least 1.
 * Thread-safe. Errors: as cleave_separator_open(); CLEAVE_ERROR_MEMORY only if the figures exceed
 * the address space, or if there is no memory for the call itself. */
CLEAVE_INLINE cleave_status cleave_model_memory(const cleave_model *model,
                                                const cleave_separator_settings *settings,
                                                cleave_memory_need *need, cleave_error *error);

/* ---- How layers are computed ------------------------------------------------------------ */

/* Layers of the same op and the same sizes, which are computed in the same way. */
typedef struct cleave_layer {
    const char *op; /* "conv", "conv_transposed", "linear", "stft", "istft" and the like; static
                       storage */
    int kernel[2];  /* of convolutions, in frequency and in time; else 0 */
    int stride[2];  /* likewise */
    int input[3];   /* as in cleave_block */
    int output[3];  /* likewise */
    int count;      /* how many such layers there are */
    char how[64];   /* how the backend computes them, in words of its own, such as "winograd 4x16,
                       weights first"; "" where it has no choice */
    double flops;   /* of all `count` layers for one chunk by direct computation */
    double share;   /* of the time of all layers, 0 to 1, by estimate */
} cleave_layer;

/* The layers of a network. Free it with cleave_layer_list_free(). */
typedef struct cleave_layer_list {
    cleave_layer **layers; /* in the order in which the first of each runs */
    int count;
} cleave_layer_list;

/* Says how a separator with the same settings computes each layer. Takes some milliseconds.
 * On success *list is the caller's, to be freed; on failure it is empty. Thread-safe.
 * Errors: as cleave_separator_open(). */
CLEAVE_INLINE cleave_status cleave_model_plan(const cleave_model *model,
                                              const cleave_separator_settings *settings,
                                              cleave_layer_list *list, cleave_error *error);

/* NULL and an empty list are allowed. */
CLEAVE_API void cleave_layer_list_free(cleave_layer_list *list);

/* ---- A separator and its device --------------------------------------------------------- */

/* Does what would otherwise make the first run slow, and runs the network once with noise at the
 * separator's batch. *seconds becomes the wall time that this took; `seconds` may be NULL.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE, CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_MODEL,
 * CLEAVE_ERROR_CANCELLED. */
CLEAVE_API cleave_status cleave_separator_warm_up(cleave_separator *separator, double *seconds,
                                                  cleave_error *error);

/* Waits until the device has finished all its work, so that a clock can be read. The separating
 * calls do this before they return.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE. */
CLEAVE_API cleave_status cleave_separator_synchronize(cleave_separator *separator,
                                                      cleave_error *error);

/* Releases what the separator holds on its device: executables, weights and pooled buffers. The
 * next call that needs them compiles again, with the same result.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE. */
CLEAVE_API cleave_status cleave_separator_release_cache(cleave_separator *separator,
                                                        cleave_error *error);

/* An op that does not run on the network's device. */
typedef struct cleave_fallback_op {
    char name[64];       /* of the op in the network */
    char op[32];         /* "conv", "stft" and the like */
    char device[32];     /* where it runs */
    char instead_of[32]; /* the network's device: the separator's, or one that it left */
    char reason[160];    /* why */
    int64_t runs;        /* how many times it has run there */
} cleave_fallback_op;

/* Writes up to `capacity` such ops to `ops` and returns how many there are: since the separator was
 * opened, on each device that it used. On the CPU there are none. */
CLEAVE_INLINE int cleave_separator_fallbacks(const cleave_separator *separator,
                                             cleave_fallback_op *ops, int capacity);

/* ---- Formats ---------------------------------------------------------------------------- */

/* What a format is, and whether this build writes it. Strings are in static storage. */
typedef struct cleave_format_info {
    cleave_format format;
    const char *name;         /* as --format takes it: "wav" */
    const char *title;        /* as people know it: "Apple Lossless" */
    const char *extension;    /* of its files, no dot */
    cleave_bits default_bits; /* what CLEAVE_BITS_AUTO stands for; CLEAVE_BITS_AUTO: it has none */
    int floats;               /* 1: it takes CLEAVE_BITS_FLOAT */
    int streams;              /* 1: it can be written to a pipe */
    int available;            /* 0 or 1 */
    char reason[160];         /* why not available; "" where it is */
} cleave_format_info;

/* Writes up to `capacity` formats to `formats`, by their number, and returns how many there are:
 * CLEAVE_FORMATS. Thread-safe. */
CLEAVE_INLINE int cleave_format_list(cleave_format_info *formats, int capacity);

/* The file extensions (lower case, no dot) that this build reads, NULL-terminated. */
CLEAVE_API const char *const *cleave_input_extensions(void);

/* ---- The files that a separation writes ------------------------------------------------- */

/* The files that a separation would write. Free it with cleave_outputs_free(). */
typedef struct cleave_outputs {
    char **stems; /* names: the stems that are written, then the residual; NULL-terminated */
    char **paths; /* of the same order and length */
    int count;
} cleave_outputs;

/* Lists what cleave_separator_separate_file() would write for `input`, without touching any file.
 * With it a program can find out whether outputs are there already, or whether two inputs have the
 * same outputs. On success *list is the caller's, to be freed; on failure it is empty. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_MEMORY. */
CLEAVE_INLINE cleave_status cleave_outputs_list(const cleave_model *model, const char *input,
                                                const cleave_file_settings *settings,
                                                cleave_outputs *list, cleave_error *error);

/* Sets *whole to 1 if all outputs of the list are there and whole, else to 0. An output is whole if
 * it is a regular file of audio in a format that cleave writes, as long as its header says, and as
 * long as the others. If a run that was killed has left its claim or its journal, none is. This
 * takes a moment, whatever their length: audio is decoded at a file's end only, so that damage in
 * the middle is not seen. The input is not looked at. For an empty list *whole is 0. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_MEMORY. */
CLEAVE_API cleave_status cleave_outputs_whole(const cleave_outputs *outputs, int *whole,
                                              cleave_error *error);

/* NULL and an empty list are allowed. */
CLEAVE_API void cleave_outputs_free(cleave_outputs *list);

/* ---- Profiles --------------------------------------------------------------------------- */

/* An op of the network, with what is computed along with it, or a kind of work on the host: "open"
 * (the input and the outputs), "compile" (if that was done again), "scan" (the measuring that comes
 * first in networks that normalize), "decode" (with resampling, and cutting into chunks), "blend",
 * "journal", "encode" and "finish" (writing what is left, and the renames). */
typedef struct cleave_profile_op {
    char name[128]; /* of the layer, as in the checkpoint; on the host as op */
    const char *op; /* as in cleave_layer, or the kind of work; static storage */
    int host;       /* 1: on the host. Most of it runs beside the network */
    int kernel[2];  /* of convolutions, in frequency and in time; else 0 */
    int input[3];   /* channels, frequencies, frames; a waveform: channels, samples, 1; host: 0 */
    int output[3];  /* likewise */
    const char *algorithm; /* the backend's word for how it computes a convolution, such as
                              "winograd"; else ""; static storage */
    int64_t calls;         /* 0: it has not run */
    double seconds;        /* of all calls, each from its begin to its end */
    double thread_seconds; /* CPU: the working time of its threads, added up; else as seconds */
    double share;          /* of the profile's seconds, 0 to 1 */
    double flops;          /* as in cleave_model_info, of all calls; a value that is computed twice
                              to save memory counts once */
    double bytes;          /* activations read and written, and weights, each once a call */
    double peak_share;     /* of ops that are matrix products: the multiplications per second as a
                              share of the most that the device can do with as many threads. An
                              algorithm may multiply less than flops says. NaN for other ops, and
                              where the most is not known */
} cleave_profile_op;

/* Where the time went. Free it with cleave_profile_free(). */
typedef struct cleave_profile {
    cleave_profile_op **ops; /* the host's, then the network's in the order in which they run. An op
                                keeps its place for as long as the separator is open */
    int count;
    double seconds;          /* wall time of the calls that were profiled */
    double network_seconds;  /* sum of the network's ops */
    int64_t chunks;          /* that the network ran; it skips silent ones */
    double flops;            /* sum over the ops: the network's flops per chunk, times chunks */
    double peak_flops;       /* the most per second, measured in the separator's precision; 0: not
                                known, for example if the network was released before it was
                                measured */
    int64_t events;          /* in the trace */
    int64_t events_left_out; /* the last ones, which did not fit into the trace: it has room for
                                CLEAVE_PROFILE_EVENTS_MAX. The figures above are complete */
} cleave_profile;

#define CLEAVE_PROFILE_EVENTS_MAX 200000

/* Says what took the time in all calls of cleave_separator_separate_*() since this separator was
 * opened. Calls that failed or were cancelled count, warm-ups do not. Clocks are read when the
 * device has finished an op, so that a profiled run may be slower than another. The first call also
 * measures the peak, in some ten milliseconds. On success *profile is the caller's, to be freed; on
 * failure it is empty. Errors: CLEAVE_ERROR_ARGUMENT (the separator was opened without
 * settings.profile), CLEAVE_ERROR_MEMORY. */
CLEAVE_INLINE cleave_status cleave_separator_profile(cleave_separator *separator,
                                                     cleave_profile *profile, cleave_error *error);

/* NULL and an empty profile are allowed. */
CLEAVE_API void cleave_profile_free(cleave_profile *profile);

/* Forgets what was measured so far, events included. Errors: CLEAVE_ERROR_ARGUMENT, as above. */
CLEAVE_API cleave_status cleave_separator_profile_reset(cleave_separator *separator,
                                                        cleave_error *error);

/* Writes a trace, which ui.perfetto.dev and chrome://tracing show as a time line, in the JSON form
 * of Chrome's trace events. There is a row for the calling thread, with each op; one for each of
 * the network's other threads, with the parts of ops that it worked on; and one for each thread
 * that decodes, blends or encodes. The events of a row are in order and do not overlap.
 * The file is replaced when the new one is whole, and its folder is made where it is missing; after
 * an error nothing is left. Errors: CLEAVE_ERROR_ARGUMENT, as above, CLEAVE_ERROR_OUTPUT,
 * CLEAVE_ERROR_MEMORY. */
CLEAVE_API cleave_status cleave_separator_write_trace(cleave_separator *separator, const char *path,
                                                      cleave_error *error);

/* ---- Export ----------------------------------------------------------------------------- */

typedef struct cleave_export_settings {
    size_t size; /* of this struct; set by cleave_export_settings_default() */
    int frames;  /* T of the exported network; 0 (default): those of a chunk of chunk_size. MDX23C's
                    must divide by scale[0], num_scales times over */
} cleave_export_settings;

CLEAVE_INLINE void cleave_export_settings_default(cleave_export_settings *settings);

/* What was written. */
typedef struct cleave_export_result {
    int64_t bytes; /* of the file */
    int opset;     /* version of ONNX's operators that it needs */
    int input[3];  /* of "spectrogram": 2 · channels, dim_f, T */
    int output[4]; /* of "stems": stems, 2 · channels, dim_f, T */
} cleave_export_result;

/* Writes the network between the transforms as an ONNX file, weights included, for other runtimes:
 *   spectrogram (batch, 2 · channels, dim_f, T) → stems (batch, stems, 2 · channels, dim_f, T)
 * for any batch, in f32. Spectrograms are those of PyTorch's network: channel 2c is the real part
 * of audio channel c and 2c + 1 the imaginary part. The STFT is unnormalised, with a periodic Hann
 * window, centred frames and reflected ends; its lowest dim_f bins are kept. The caller computes it
 * and its inverse, since few runtimes have them. The file's metadata_props say what they need:
 * sample_rate, channels, n_fft, hop_length, dim_f, dim_t (T), and stems, the names as a JSON array.
 * A Roformer's last frame also gives the samples behind its centre, up to the end of the chunk, and
 * its spectrogram is best computed in float64 and then rounded: bands that hold next to nothing are
 * raised to full size.
 * Weights keep their names; those of linears are transposed, and their names end in ".T". Of RoPE's
 * frequencies the file has the cosines and sines of all positions.
 * The file is replaced when the new one is whole, and its folder is made where it is missing; after
 * an error nothing is left. Weights are converted while they are written, so that this takes only a
 * few MB of memory. settings and result may be NULL; *result is written on success only.
 * Thread-safe. Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_OUTPUT, CLEAVE_ERROR_MEMORY,
 * CLEAVE_ERROR_MODEL (a weight is not a number, or the file would have 2 GiB, which is more than
 * ONNX allows). */
CLEAVE_INLINE cleave_status cleave_model_export_onnx(const cleave_model *model, const char *path,
                                                     const cleave_export_settings *settings,
                                                     cleave_export_result *result,
                                                     cleave_error *error);

/* ---- Scores and comparisons ------------------------------------------------------------- */

/* How near an estimate comes to the truth, over all channels and samples of both files.
 *   sdr    = 10 log10(Σ s² / Σ (s - ŝ)²)
 *   si_sdr = 10 log10(Σ (a s)² / Σ (a s - ŝ)²), a = Σ s ŝ / Σ s²  (Le Roux et al., 2019)
 * in dB; +inf for a perfect estimate, NaN where the reference is silent. */
typedef struct cleave_score {
    double sdr;
    double si_sdr;
    int64_t samples;           /* compared per channel: the shorter file's length */
    int64_t length_difference; /* estimate less reference, in samples */
} cleave_score;

/* Errors: CLEAVE_ERROR_INPUT (a file cannot be read, or the two differ in sample rate or number
 * of channels), CLEAVE_ERROR_MEMORY. Thread-safe. */
CLEAVE_INLINE cleave_status cleave_score_files(const char *reference, const char *estimate,
                                               cleave_score *score, cleave_error *error);

/* How far an estimate is from a reference, over all channels and samples of both. */
typedef struct cleave_comparison {
    double snr; /* 10 log10(Σ s² / Σ (s - ŝ)²) in dB; +inf where the two are equal, NaN where the
                   reference is digital silence, -inf where not_numbers is not 0 */
    double level; /* RMS of the reference in dB; 0: that of 1.0 throughout; -inf: digital silence */
    double error_level;         /* RMS of s - ŝ, likewise */
    double max_difference;      /* largest |s - ŝ|; 1.0 is full scale */
    double spectral_difference; /* dB: the log-spectral distance, see below */
    int64_t not_numbers; /* samples of the estimate that are NaN or infinite; then error_level,
                            max_difference and spectral_difference are +inf */
} cleave_comparison;

/* Compares two signals in memory, planar, of `channels` arrays (at least 1) of `samples` floats (at
 * least 1). The spectral difference is the log-spectral distance (Gray & Markel, Distance measures
 * for speech processing, IEEE Trans. ASSP 24(5), 1976), which is blind to phase:
 *   mean over frames of sqrt(mean over bins of (L(s) - L(ŝ))²),  L = 10 log10 max(|STFT|², 10⁻⁹)
 * with frames of 2048 samples, 1024 apart, under a Hann window that gives a full-scale sine the
 * power 1. Bins in which both signals are at or below the floor of -90 dBFS are left out, and so
 * are frames and channels without other bins. If nothing is left, the difference is 0.
 * *comparison is written on success only. Takes about 60 KB. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT (a sample of the reference that is not a number too),
 * CLEAVE_ERROR_MEMORY. */
CLEAVE_INLINE cleave_status cleave_audio_compare(const float *const *reference,
                                                 const float *const *estimate, int channels,
                                                 int64_t samples, cleave_comparison *comparison,
                                                 cleave_error *error);

/* Audio in memory. Free it with cleave_audio_free(). */
typedef struct cleave_audio {
    float **planes; /* planes[channel][sample] */
    int channels;
    int sample_rate; /* Hz */
    int64_t samples; /* per channel */
    int64_t start;   /* where in the file it begins, in samples at this rate */
} cleave_audio;

/* Reads the loudest `seconds` of an audio file: the part with the most power, found in steps of
 * 4096 samples; of equal parts the first. 0 seconds, or more than there are: the whole file. It is
 * converted to `channels` and `sample_rate` as by cleave_separator_separate_file(); 0 means the
 * file's own. The file is decoded twice, the second time only to the end of the part; progress (may
 * be NULL) counts both passes. On success *audio is the caller's, to be freed; on failure it is
 * empty. Thread-safe. Errors: CLEAVE_ERROR_ARGUMENT,
 * CLEAVE_ERROR_INPUT (an empty file too), CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_CANCELLED. */
CLEAVE_INLINE cleave_status cleave_audio_read(const char *path, int channels, int sample_rate,
                                              double seconds, cleave_audio *audio,
                                              cleave_progress_callback progress,
                                              void *progress_user, cleave_error *error);

/* NULL and empty audio are allowed. */
CLEAVE_API void cleave_audio_free(cleave_audio *audio);

/* ---- Loudness and spectrograms ---------------------------------------------------------- */

/* How loud a file is. */
typedef struct cleave_loudness {
    double integrated;  /* LUFS, EBU R 128 (ITU-R BS.1770); -inf: silent or shorter than 0.4 s */
    double range;       /* LU, EBU Tech 3342; 0 where there is nothing to measure */
    double true_peak;   /* dBTP: of the oversampled signal; -inf: silent */
    double sample_peak; /* dBFS; -inf: silent */
    int64_t full_scale_samples; /* at or beyond full scale (16 bits' largest value), in all channels
                                   together: most likely clipped in an integer format */
    int64_t samples;            /* per channel */
    int sample_rate;            /* Hz */
    int channels;               /* that were measured: up to 64; a single one counts once, not as
                                   the same signal in two loudspeakers */
} cleave_loudness;

/* Measures an audio file block by block, in little memory. No figure is ever NaN. `progress` may be
 * NULL; otherwise it is called after every block, and cancels with a return other than 0. *loudness
 * is written on success only. Thread-safe. Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_INPUT,
 * CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_CANCELLED. */
CLEAVE_INLINE cleave_status cleave_loudness_measure(const char *path, cleave_loudness *loudness,
                                                    cleave_progress_callback progress,
                                                    void *progress_user, cleave_error *error);

#define CLEAVE_SPECTROGRAM_PANELS_MAX 64

/* One spectrogram of a picture. Zero what you do not set. */
typedef struct cleave_spectrogram_panel {
    const char *label; /* UTF-8; what is not ASCII is drawn as '?'. NULL: none */
    const char *path;  /* an audio file */
} cleave_spectrogram_panel;

/* Writes a PNG picture of the spectrograms of `count` files (1 to CLEAVE_SPECTROGRAM_PANELS_MAX)
 * below each other on one time axis: frequencies from 30 Hz to the highest Nyquist frequency, or
 * to 20 kHz, on a logarithmic axis, levels from -90 to 0 dBFS as colours. A full-scale sine is
 * 0 dBFS; of more than two channels the first two are drawn, of two their mean power. Memory is
 * bounded whatever the files' length: about 3 MB a panel, and 20 MB while one is measured.
 * The file is replaced when the new one is whole, and its folder is made where it is missing; after
 * an error nothing is left. title and progress may be NULL; progress is called as by
 * cleave_loudness_measure(), for one file after the other. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_INPUT, CLEAVE_ERROR_OUTPUT, CLEAVE_ERROR_MEMORY,
 * CLEAVE_ERROR_CANCELLED. */
CLEAVE_INLINE cleave_status cleave_spectrogram_write(const char *png_path,
                                                     const cleave_spectrogram_panel *panels,
                                                     int count, const char *title,
                                                     cleave_progress_callback progress,
                                                     void *progress_user, cleave_error *error);

/* ---- Diagnosis -------------------------------------------------------------------------- */

/* What a bug report should say, in addition to cleave_device_list(). */
typedef enum cleave_topic {
    CLEAVE_TOPIC_BUILD = 0,     /* version, compiler, options, C library, formats written */
    CLEAVE_TOPIC_LIBRARIES = 1, /* versions of the libraries that it uses */
    CLEAVE_TOPIC_SYSTEM = 2,    /* the operating system */
    CLEAVE_TOPIC_PROCESSOR = 3, /* the instruction sets that the CPU has, and those it lacks */
    CLEAVE_TOPIC_KERNELS = 4,   /* the CPU's kernel tables, slowest first: which one is in use, and
                                   why the others are not */
    CLEAVE_TOPIC_MEMORY = 5,    /* how much is left, and which limit decides that */
    CLEAVE_TOPIC_SELF_TEST = 6, /* each kernel of each table that the CPU can run, against float64;
                                   takes some milliseconds */
    CLEAVE_TOPICS               /* how many there are */
} cleave_topic;

/* "build", "libraries" and so on. Static storage; never NULL. */
CLEAVE_API const char *cleave_topic_name(cleave_topic topic);

typedef enum cleave_finding_state {
    CLEAVE_FINDING_FACT = 0, /* neither good nor bad */
    CLEAVE_FINDING_OK = 1,
    CLEAVE_FINDING_FAILED = 2
} cleave_finding_state;

typedef struct cleave_finding {
    char name[48]; /* "libsndfile", "avx2", "avx2 gemm bf16" */
    cleave_finding_state state;
    char text[208]; /* one line, cut where it is too long */
} cleave_finding;

/* Writes up to `capacity` findings on a topic to `findings` and returns how many there are; 0 for a
 * topic that does not exist. They name no user, no host and no file, except the path of a cgroup
 * that limits memory. Thread-safe. */
CLEAVE_INLINE int cleave_finding_list(cleave_topic topic, cleave_finding *findings, int capacity);

/* Opens a tiny network of random weights. It separates nothing, but runs like any other, so that an
 * installation can be tried without a model. It is written to a temporary folder ($TMPDIR, else
 * /tmp), opened as by cleave_model_open(), and removed again before this returns. `log` may be
 * NULL. Thread-safe. Errors: as cleave_model_open(), and CLEAVE_ERROR_OUTPUT.
 */
CLEAVE_API cleave_status cleave_model_open_sample(cleave_model **model, const cleave_logger *log,
                                                  cleave_error *error);

/* ---- Sizes: the functions above that are inline, and what they call ---------------------- */

CLEAVE_API int cleave_device_capabilities_sized(const char *id, cleave_capability *capabilities,
                                                int capacity, size_t capability_size);
CLEAVE_API cleave_status cleave_device_choose_sized(const char *device, int strict,
                                                    cleave_device_choice *choice,
                                                    size_t choice_size, cleave_error *error);
CLEAVE_API int cleave_model_blocks_sized(const cleave_model *model, cleave_block *blocks,
                                         int capacity, size_t block_size);
CLEAVE_API int cleave_model_weights_sized(const cleave_model *model, cleave_weight *weights,
                                          int capacity, size_t weight_size);
CLEAVE_API cleave_status cleave_model_memory_sized(const cleave_model *model,
                                                   const cleave_separator_settings *settings,
                                                   cleave_memory_need *need, size_t need_size,
                                                   cleave_error *error);
CLEAVE_API cleave_status cleave_model_plan_sized(const cleave_model *model,
                                                 const cleave_separator_settings *settings,
                                                 cleave_layer_list *list, size_t list_size,
                                                 cleave_error *error);
CLEAVE_API int cleave_separator_fallbacks_sized(const cleave_separator *separator,
                                                cleave_fallback_op *ops, int capacity,
                                                size_t op_size);
CLEAVE_API int cleave_format_list_sized(cleave_format_info *formats, int capacity,
                                        size_t format_size);
CLEAVE_API cleave_status cleave_outputs_list_sized(const cleave_model *model, const char *input,
                                                   const cleave_file_settings *settings,
                                                   cleave_outputs *list, size_t list_size,
                                                   cleave_error *error);
CLEAVE_API cleave_status cleave_separator_profile_sized(cleave_separator *separator,
                                                        cleave_profile *profile,
                                                        size_t profile_size, cleave_error *error);
CLEAVE_API void cleave_export_settings_default_sized(cleave_export_settings *settings, size_t size);
CLEAVE_API cleave_status cleave_model_export_onnx_sized(const cleave_model *model, const char *path,
                                                        const cleave_export_settings *settings,
                                                        cleave_export_result *result,
                                                        size_t result_size, cleave_error *error);
CLEAVE_API cleave_status cleave_score_files_sized(const char *reference, const char *estimate,
                                                  cleave_score *score, size_t score_size,
                                                  cleave_error *error);
CLEAVE_API cleave_status cleave_audio_compare_sized(const float *const *reference,
                                                    const float *const *estimate, int channels,
                                                    int64_t samples, cleave_comparison *comparison,
                                                    size_t comparison_size, cleave_error *error);
CLEAVE_API cleave_status cleave_audio_read_sized(const char *path, int channels, int sample_rate,
                                                 double seconds, cleave_audio *audio,
                                                 size_t audio_size,
                                                 cleave_progress_callback progress,
                                                 void *progress_user, cleave_error *error);
CLEAVE_API cleave_status cleave_loudness_measure_sized(const char *path, cleave_loudness *loudness,
                                                       size_t loudness_size,
                                                       cleave_progress_callback progress,
                                                       void *progress_user, cleave_error *error);
CLEAVE_API cleave_status cleave_spectrogram_write_sized(
    const char *png_path, const cleave_spectrogram_panel *panels, int count, size_t panel_size,
    const char *title, cleave_progress_callback progress, void *progress_user, cleave_error *error);
CLEAVE_API int cleave_finding_list_sized(cleave_topic topic, cleave_finding *findings, int capacity,
                                         size_t finding_size);

CLEAVE_INLINE int cleave_device_capabilities(const char *id, cleave_capability *capabilities,
                                             int capacity) {
    return cleave_device_capabilities_sized(id, capabilities, capacity, sizeof(*capabilities));
}

CLEAVE_INLINE cleave_status cleave_device_choose(const char *device, int strict,
                                                 cleave_device_choice *choice,
                                                 cleave_error *error) {
    return cleave_device_choose_sized(device, strict, choice, sizeof(*choice), error);
}

CLEAVE_INLINE int cleave_model_blocks(const cleave_model *model, cleave_block *blocks,
                                      int capacity) {
    return cleave_model_blocks_sized(model, blocks, capacity, sizeof(*blocks));
}

CLEAVE_INLINE int cleave_model_weights(const cleave_model *model, cleave_weight *weights,
                                       int capacity) {
    return cleave_model_weights_sized(model, weights, capacity, sizeof(*weights));
}

CLEAVE_INLINE cleave_status cleave_model_memory(const cleave_model *model,
                                                const cleave_separator_settings *settings,
                                                cleave_memory_need *need, cleave_error *error) {
    return cleave_model_memory_sized(model, settings, need, sizeof(*need), error);
}

CLEAVE_INLINE cleave_status cleave_model_plan(const cleave_model *model,
                                              const cleave_separator_settings *settings,
                                              cleave_layer_list *list, cleave_error *error) {
    return cleave_model_plan_sized(model, settings, list, sizeof(*list), error);
}

CLEAVE_INLINE int cleave_separator_fallbacks(const cleave_separator *separator,
                                             cleave_fallback_op *ops, int capacity) {
    return cleave_separator_fallbacks_sized(separator, ops, capacity, sizeof(*ops));
}

CLEAVE_INLINE int cleave_format_list(cleave_format_info *formats, int capacity) {
    return cleave_format_list_sized(formats, capacity, sizeof(*formats));
}

CLEAVE_INLINE cleave_status cleave_outputs_list(const cleave_model *model, const char *input,
                                                const cleave_file_settings *settings,
                                                cleave_outputs *list, cleave_error *error) {
    return cleave_outputs_list_sized(model, input, settings, list, sizeof(*list), error);
}

CLEAVE_INLINE cleave_status cleave_separator_profile(cleave_separator *separator,
                                                     cleave_profile *profile, cleave_error *error) {
    return cleave_separator_profile_sized(separator, profile, sizeof(*profile), error);
}

CLEAVE_INLINE void cleave_export_settings_default(cleave_export_settings *settings) {
    cleave_export_settings_default_sized(settings, sizeof(*settings));
}

CLEAVE_INLINE cleave_status cleave_model_export_onnx(const cleave_model *model, const char *path,
                                                     const cleave_export_settings *settings,
                                                     cleave_export_result *result,
                                                     cleave_error *error) {
    return cleave_model_export_onnx_sized(model, path, settings, result, sizeof(*result), error);
}

CLEAVE_INLINE cleave_status cleave_score_files(const char *reference, const char *estimate,
                                               cleave_score *score, cleave_error *error) {
    return cleave_score_files_sized(reference, estimate, score, sizeof(*score), error);
}

CLEAVE_INLINE cleave_status cleave_audio_compare(const float *const *reference,
                                                 const float *const *estimate, int channels,
                                                 int64_t samples, cleave_comparison *comparison,
                                                 cleave_error *error) {
    return cleave_audio_compare_sized(reference, estimate, channels, samples, comparison,
                                      sizeof(*comparison), error);
}

CLEAVE_INLINE cleave_status cleave_audio_read(const char *path, int channels, int sample_rate,
                                              double seconds, cleave_audio *audio,
                                              cleave_progress_callback progress,
                                              void *progress_user, cleave_error *error) {
    return cleave_audio_read_sized(path, channels, sample_rate, seconds, audio, sizeof(*audio),
                                   progress, progress_user, error);
}

CLEAVE_INLINE cleave_status cleave_loudness_measure(const char *path, cleave_loudness *loudness,
                                                    cleave_progress_callback progress,
                                                    void *progress_user, cleave_error *error) {
    return cleave_loudness_measure_sized(path, loudness, sizeof(*loudness), progress, progress_user,
                                         error);
}

CLEAVE_INLINE cleave_status cleave_spectrogram_write(const char *png_path,
                                                     const cleave_spectrogram_panel *panels,
                                                     int count, const char *title,
                                                     cleave_progress_callback progress,
                                                     void *progress_user, cleave_error *error) {
    return cleave_spectrogram_write_sized(png_path, panels, count, sizeof(*panels), title, progress,
                                          progress_user, error);
}

CLEAVE_INLINE int cleave_finding_list(cleave_topic topic, cleave_finding *findings, int capacity) {
    return cleave_finding_list_sized(topic, findings, capacity, sizeof(*findings));
}

#ifdef __cplusplus
}
#endif

#endif
