/* cleave.h: the public interface of libcleave, a music source separator for
 * MDX23C (TFC-TDF v3) networks.
 *
 *   cleave_model *model = NULL;
 *   cleave_separator *separator = NULL;
 *   cleave_error error;
 *   if (cleave_model_open(&model, "drumsep.ckpt", NULL, &error) == CLEAVE_OK &&
 *       cleave_separator_open(&separator, model, NULL, &error) == CLEAVE_OK)
 *       cleave_separate_file(separator, "song.flac", NULL, NULL, &error);
 *   if (error.status != CLEAVE_OK)
 *       fprintf(stderr, "%s\n", error.text);
 *   cleave_separator_close(separator);
 *   cleave_model_close(model);
 *
 * Conventions
 *   - A function that can fail returns a cleave_status and takes a cleave_error last. The error may
 *     be NULL; if it is not, it is always written: status CLEAVE_OK and an empty text on success.
 *   - A settings argument may be NULL: the defaults then hold. Otherwise fill it with its
 *     *_default() function and change what you need; fields added later get their default so.
 *   - Strings are UTF-8 (paths: whatever the file system takes). The library copies what it keeps.
 *   - Audio is 32-bit float, full scale ±1, planar: one array per channel.
 *   - Threads: a cleave_model is immutable once open and may be shared by any number of threads. A
 *     cleave_separator serves one thread at a time; several separators run side by side. Only
 *     cleave_separator_cancel() may be called from elsewhere (a signal handler included).
 *   - The library never prints, never exits, never changes the locale or signal handlers. */
#ifndef CLEAVE_H
#define CLEAVE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CLEAVE_API __attribute__((visibility("default")))
#else
#define CLEAVE_API
#endif

#define CLEAVE_VERSION_MAJOR 0
#define CLEAVE_VERSION_MINOR 1
#define CLEAVE_VERSION_PATCH 0

/* ---- Status and errors ------------------------------------------------------------------ */

typedef enum cleave_status {
    CLEAVE_OK = 0,
    CLEAVE_ERROR_ARGUMENT = -1,  /* the caller asked for something that makes no sense */
    CLEAVE_ERROR_MEMORY = -2,    /* an allocation failed */
    CLEAVE_ERROR_INPUT = -3,     /* an audio file cannot be read */
    CLEAVE_ERROR_OUTPUT = -4,    /* a file cannot be written */
    CLEAVE_ERROR_MODEL = -5,     /* a checkpoint or its configuration cannot be used */
    CLEAVE_ERROR_DEVICE = -6,    /* the device is absent or failed */
    CLEAVE_ERROR_CANCELLED = -7, /* a progress callback or cleave_separator_cancel() said stop */
    CLEAVE_ERROR_INTERNAL = -8,  /* a defect in cleave: please report it */
    CLEAVE_ERROR_BUSY = -9       /* another process is at work on the same outputs */
} cleave_status;

#define CLEAVE_ERROR_TEXT_SIZE 1024

/* What went wrong, in one line: what, where, why, and what to try. Names in it are made fit to be
 * shown: valid UTF-8 without control characters, whatever bytes they have. */
typedef struct cleave_error {
    cleave_status status;
    char text[CLEAVE_ERROR_TEXT_SIZE];
} cleave_error;

/* The version of the library that is linked, such as "0.1.0". Static storage. */
CLEAVE_API const char *cleave_version(void);

/* A short name of a status, such as "model error". Static storage; never NULL. */
CLEAVE_API const char *cleave_status_name(cleave_status status);

/* ---- Log -------------------------------------------------------------------------------- */

typedef enum cleave_log_level {
    CLEAVE_LOG_WARNING = 0, /* something the user should know: a fallback, an ignored channel */
    CLEAVE_LOG_INFO = 1,    /* what was chosen: device, kernels, batch */
    CLEAVE_LOG_DEBUG = 2    /* details for a bug report */
} cleave_log_level;

/* Receives one line (no newline, and as fit to be shown as an error) per message. Called from the
 * thread that called the library, never from several threads at once. write == NULL: nothing is
 * logged. */
typedef struct cleave_logger {
    void (*write)(void *user, cleave_log_level level, const char *line);
    void *user;
    cleave_log_level level; /* messages above this level are dropped */
} cleave_logger;

/* ---- Model: configuration and weights --------------------------------------------------- */

typedef struct cleave_model cleave_model;

typedef struct cleave_model_settings {
    /* YAML configuration. NULL (default): MODEL's name with .yaml or .yml, then model.yaml,
     * model.yml, config_model.yaml in its folder, then what a safetensors header carries. */
    const char *config_path;
    cleave_logger log; /* default: none */
} cleave_model_settings;

CLEAVE_API void cleave_model_settings_default(cleave_model_settings *settings);

/* Opens a checkpoint (.ckpt, .pth, .pt, .th of torch.save in its ZIP or its old stream form, or
 * .safetensors) and its configuration, and checks each against the other. Executes nothing that a
 * file contains. Weights stay memory-mapped where the container allows it, so the file must
 * neither be truncated nor written to while the model is open: a device may read it at any time.
 * On success *model is the caller's, to be closed; on failure it is NULL.
 * Errors: CLEAVE_ERROR_MODEL, CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_ARGUMENT. */
CLEAVE_API cleave_status cleave_model_open(cleave_model **model, const char *path,
                                           const cleave_model_settings *settings,
                                           cleave_error *error);

/* Closes a model; NULL is allowed. Separators opened from it must be closed before. */
CLEAVE_API void cleave_model_close(cleave_model *model);

/* What a model is. Strings and arrays belong to the model and live as long as it does. */
typedef struct cleave_model_info {
    const char *path;          /* as given */
    const char *name;          /* file name without folder and extension */
    const char *config_source; /* path of the YAML, or "safetensors header" */
    const char *container;     /* "torch zip", "torch stream" or "safetensors" */
    const char *weight_type;   /* element type of the first convolution: "f32", "f16", … */
    const char *norm;          /* as in the configuration, such as "InstanceNorm" */
    const char *act;           /* as in the configuration, such as "gelu" */
    const char *const *stems;  /* stem names in output order */
    int stem_count;
    int channels;    /* audio channels: 1 or 2 */
    int sample_rate; /* Hz */
    int chunk_size;  /* samples per chunk with blend fade: the largest multiple of hop_length (plus
                        one where n_fft is odd) in what the configuration says */
    int n_fft;       /* samples */
    int hop_length;  /* samples */
    int dim_f;       /* STFT bins kept */
    int dim_t;       /* frames per chunk */
    int num_subbands;
    int num_scales;
    int num_blocks_per_scale;
    int num_channels;
    int growth;
    int bottleneck_factor;
    int scale[2];           /* factor per scale in time and in frequency */
    int default_overlap;    /* inference.num_overlap, at least 1 */
    int normalize;          /* inference.normalize: 0 or 1 */
    int64_t parameters;     /* number of weights */
    double flops_per_chunk; /* floating-point operations by direct computation, a multiply and an
                               add counted as two */
} cleave_model_info;

CLEAVE_API void cleave_model_get_info(const cleave_model *model, cleave_model_info *info);

/* A part of the network, for one chunk of chunk_size samples. */
typedef struct cleave_block {
    char name[32];      /* "STFT", "encoder 1", "bottleneck", "decoder 1", … */
    const char *kind;   /* "stft", "first_conv", "encoder", "bottleneck", "decoder", "final_conv" or
                           "istft"; static storage */
    int input[3];       /* channels, frequencies, frames; a waveform: channels, samples, 1 */
    int output[3];      /* likewise */
    int64_t parameters; /* trained values */
    double flops;       /* as in cleave_model_info */
} cleave_block;

/* Writes up to `capacity` parts to `blocks` in the order in which they run and returns how many
 * there are; 0 where memory ran out. Their parameters and flops add up to the model's. */
CLEAVE_API int cleave_model_blocks(const cleave_model *model, cleave_block *blocks, int capacity);

/* A tensor of the checkpoint. */
typedef struct cleave_weight {
    const char *name; /* in the state dict, less what wrappers put in front; the model's */
    const char *type; /* "f32", "f16", "bf16", "f64", "i64" or "other"; static storage */
    int dim_count;
    int64_t dims[8]; /* as in PyTorch */
} cleave_weight;

/* Writes up to `capacity` tensors to `weights` in the order of the file and returns how many there
 * are, those that the network does not use included. */
CLEAVE_API int cleave_model_weights(const cleave_model *model, cleave_weight *weights,
                                    int capacity);

/* ---- Devices ---------------------------------------------------------------------------- */

typedef enum cleave_device_kind {
    CLEAVE_DEVICE_CPU = 0,
    CLEAVE_DEVICE_MPS = 1, /* an Apple GPU */
    CLEAVE_DEVICE_CUDA = 2 /* an NVIDIA GPU */
} cleave_device_kind;

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

typedef struct cleave_device_info {
    char id[32]; /* what -d takes: "cpu", "mps", "cuda:0" */
    cleave_device_kind kind;
    char name[128];   /* "AMD EPYC …" */
    char kernels[32]; /* CPU: the instruction set in use, such as "avx512"; else "" */
    int threads;      /* CPU: processors this process may use; else 0 */
    int available;    /* 0 or 1 */
    char reason[256]; /* why not available; "" where it is */
    cleave_capability capabilities[CLEAVE_CAPABILITIES]; /* by cleave_capability_kind */
    int64_t memory_total;                                /* bytes; 0 where unknown */
    int64_t memory_available;        /* bytes; 0 where unknown; read afresh at each call */
    int64_t system_memory_total;     /* bytes, of the machine, where the device shares its memory; 0
                                        where it does not, or where unknown */
    int64_t system_memory_available; /* likewise; read afresh at each call */
    char system[128];                /* operating system and version */
    char driver[64];                 /* and its version; "" where there is none */
    char runtime[64];                /* likewise */
    char warning[256]; /* of a version that limits what the device can do; "" if none does */
    int simulated;     /* 1: there is no such device, and a program plays its part, as in builds for
                          tests: it computes what the device would, in a time that means nothing */
} cleave_device_info;

/* Writes up to `capacity` devices to `devices` in the order in which "auto" prefers them and
 * returns how many there are. What is not memory is asked of the system once per process.
 * Thread-safe. */
CLEAVE_API int cleave_devices(cleave_device_info *devices, int capacity);

/* For programs that may run on Apple GPUs. MPSGraph, which computes there, answers most faults with
 * an assertion that ends the process, and nothing can catch that. So before "auto" takes "mps" for
 * the first time on a build of macOS, the library starts a program as a child of its own, which
 * computes a small network on it in each precision and compares it with the CPU. "mps" counts as
 * available if that ends well and f32 within 60 dB; what came of it is kept in the user's cache
 * folder. Whoever asks for "mps" by its name gets a new trial where the one that is kept failed.
 *
 * The program that is started is the one that begins its main() with this, before it does anything
 * else:
 *     int code = cleave_trial_main(argc, argv);
 *     if (code >= 0)
 *         return code;
 * In a program that does not, it is the program `cleave` of the library's own installation. Where
 * there is neither, the library cannot try: "auto" does not take "mps", which can be had by its
 * name, untried. A trial takes some seconds, a minute at most, in which cleave_devices(),
 * cleave_choose_device() and cleave_separator_open() wait for it. No process is forked that uses
 * the GPU. CLEAVE_TRIAL=skip in the environment takes "mps" untried. On other systems there is
 * nothing to try. Not thread-safe. */
CLEAVE_API int cleave_trial_main(int argc, char **argv);

/* The device that cleave_separator_open() would take. */
typedef struct cleave_device_choice {
    char id[32];      /* as in cleave_device_info */
    char reason[256]; /* such as "the only device present", in words that follow the id */
} cleave_device_choice;

/* Chooses for `device` ("auto", which NULL stands for, or an id or kind as in
 * cleave_separator_settings) as cleave_separator_open() does: "auto" takes MPS, then CUDA, then the
 * CPU; a named device that is absent is replaced by the best one present, or with `strict` is an
 * error. Thread-safe. Errors: CLEAVE_ERROR_ARGUMENT (no such name), CLEAVE_ERROR_DEVICE. */
CLEAVE_API cleave_status cleave_choose_device(const char *device, int strict,
                                              cleave_device_choice *choice, cleave_error *error);

/* ---- Separator: a model made ready for a device ----------------------------------------- */

typedef struct cleave_separator cleave_separator;

/* The most chunks that may cover a moment. */
#define CLEAVE_OVERLAP_MAX 50

/* How chunks become one signal again. */
typedef enum cleave_blend {
    CLEAVE_BLEND_FADE = 0, /* linear fades, the training framework's way */
    CLEAVE_BLEND_MEAN = 1  /* plain mean of all overlapping chunks, UVR's way */
} cleave_blend;

typedef enum cleave_precision {
    CLEAVE_PRECISION_AUTO = 0, /* f32 on the CPU */
    CLEAVE_PRECISION_F32 = 1,
    CLEAVE_PRECISION_F16 = 2,
    CLEAVE_PRECISION_BF16 = 3
} cleave_precision;

/* How the way in which each layer of the network is computed is chosen: the algorithm, and in what
 * order and parts it goes. On the CPU a convolution can be computed in several ways, of which one
 * is the fastest, and whose results differ in rounding. */
typedef enum cleave_plan {
    CLEAVE_PLAN_ESTIMATE = 0, /* by a model of what each way costs: the same everywhere, at once */
    CLEAVE_PLAN_MEASURE = 1   /* by timing them on this machine, a minute at most, the first time
                                 that a network of this shape is used; what is found is kept in
                                 $XDG_CACHE_HOME/cleave or ~/.cache/cleave (macOS:
                                 ~/Library/Caches/cleave). Where it cannot be kept, each opening
                                 measures anew, and may choose otherwise */
} cleave_plan;

/* How far a measurement is. */
typedef struct cleave_plan_progress {
    double seconds;      /* wall time since it began */
    double seconds_left; /* about */
} cleave_plan_progress;

/* Called between the timed runs of a measurement, which take up to a second, from the calling
 * thread. A return other than 0 cancels: the call ends with CLEAVE_ERROR_CANCELLED. */
typedef int (*cleave_plan_callback)(void *user, const cleave_plan_progress *progress);

typedef struct cleave_separator_settings {
    const char *device;         /* "auto" (default), "cpu", "mps", "cuda", "cuda:1" */
    int strict_device;          /* 1: a device that is absent or fails is an error; 0 (default): go
                                   on with the next best one, with a warning */
    cleave_precision precision; /* default CLEAVE_PRECISION_AUTO */
    int threads;                /* CPU threads, 1 to 256; 0 (default): all this process may use */
    int overlap;                /* 1 to CLEAVE_OVERLAP_MAX; 0 (default): as configured */
    int batch;                  /* chunks per run, 1 to 64; 0 (default): chosen for the device.
                                   Lowered, with a warning, to what memory allows */
    int64_t max_memory;         /* bytes that the process may use; 0 (default): what the device, the
                                   system, its containers (cgroups) and ulimit leave */
    cleave_blend blend;         /* default CLEAVE_BLEND_FADE */
    int tta;                    /* 1: test-time augmentation, three runs averaged; default 0 */
    int compile;                /* 1 (default): fused graph; 0: op by op */
    cleave_plan plan;           /* default CLEAVE_PLAN_ESTIMATE */
    cleave_plan_callback plan_progress; /* default NULL */
    void *plan_progress_user;
    int profile;       /* 1: time every op, for cleave_separator_profile(); takes 5 MB; default 0 */
    cleave_logger log; /* default: none */
} cleave_separator_settings;

CLEAVE_API void cleave_separator_settings_default(cleave_separator_settings *settings);

/* What a separator takes, in bytes, planned before any of it is taken. */
typedef struct cleave_memory_need {
    char device[32];        /* that these figures are for: "cpu" */
    int device_batch;       /* chunks per run that suit it at this overlap, memory aside */
    int batch;              /* chunks per run that these figures are for */
    int64_t weights;        /* as the device holds them, or reads them in the mapped checkpoint,
                               and the checkpoint where its container is compressed; the other
                               pages of a mapped one are the system's to drop */
    int64_t activations;    /* of a run, with what its steps work in */
    int64_t buffers;        /* chunks on their way, stems being blended, and about 42 MB for the
                               program, its libraries, decoders and encoders */
    int64_t total;          /* sum of the three */
    int64_t limit;          /* what may be used; INT64_MAX: unknown */
    char limit_source[160]; /* what sets it, such as "the container's limit, cgroup /a" */
} cleave_memory_need;

/* Plans what cleave_separator_open() with the same settings would take, without taking it: some
 * milliseconds. A batch is taken as given, whether it fits or not; 0 gives the one that would be
 * chosen: the device's for this overlap, lowered to what fits (1 if nothing does). Nothing is
 * measured: a plan that was not measured before is taken as estimated.
 * Thread-safe. Errors: as cleave_separator_open(); CLEAVE_ERROR_MEMORY only where the figures
 * exceed the address space, or there is no memory to plan in. */
CLEAVE_API cleave_status cleave_model_memory(const cleave_model *model,
                                             const cleave_separator_settings *settings,
                                             cleave_memory_need *need, cleave_error *error);

/* How the layers of a class are computed: those of the same op, sizes and plan. */
typedef struct cleave_layer {
    const char *op; /* "conv", "conv_transposed", "linear", "stft", "istft" and the like; static
                       storage, as are the other strings */
    int kernel[2];  /* of convolutions, in frequency and in time; else 0 */
    int stride[2];  /* likewise */
    int input[3];   /* channels, frequencies, frames; a waveform: channels, samples, 1 */
    int output[3];  /* likewise */
    int count;      /* layers of this class */
    const char *algorithm; /* of convolutions: "direct" or "winograd"; else "" */
    const char *first;     /* of Winograd's two parts: "weights" or "patches"; else "" */
    int patch[2]; /* tiles of 4 by 4 that Winograd takes at once, in frequency and in time; else 0
                   */
    double flops; /* of all `count` layers for one chunk by direct computation */
    double share; /* of the time of all layers, 0 to 1: measured, or else estimated */
} cleave_layer;

/* The plan of a network. Free it with cleave_layer_list_free(). */
typedef struct cleave_layer_list {
    cleave_layer *layers; /* in the order in which the first of each class runs */
    int count;
    const char *source; /* "estimate", "measurement", or "cache": measured before; static storage */
} cleave_layer_list;

/* Plans how each layer is computed, as cleave_separator_open() with the same settings would: by
 * estimate in some milliseconds, by measurement within a minute, kept for the next time.
 * On success *list is the caller's, to be freed; on failure it is empty. Thread-safe.
 * Errors: as cleave_separator_open(). */
CLEAVE_API cleave_status cleave_model_plan(const cleave_model *model,
                                           const cleave_separator_settings *settings,
                                           cleave_layer_list *list, cleave_error *error);

/* NULL and an empty list are allowed. */
CLEAVE_API void cleave_layer_list_free(cleave_layer_list *list);

/* Compiles `model` for a device. The model must outlive the separator. A batch that memory does not
 * allow, by plan or when it is taken, is lowered with a warning. Where the whole network cannot be
 * compiled, it runs op by op, with a warning. Where a device fails, here or later while it runs, or
 * has no memory for one chunk, the separator goes on with the next best one, with a warning, unless
 * settings->strict_device; what was computed until then is kept, and the separator stays there.
 * On success *separator is the caller's, to be closed; on failure it is NULL.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE, CLEAVE_ERROR_MODEL, CLEAVE_ERROR_CANCELLED
 * (by settings->plan_progress), and CLEAVE_ERROR_MEMORY where not even one chunk per run fits. */
CLEAVE_API cleave_status cleave_separator_open(cleave_separator **separator,
                                               const cleave_model *model,
                                               const cleave_separator_settings *settings,
                                               cleave_error *error);

/* Closes a separator; NULL is allowed. */
CLEAVE_API void cleave_separator_close(cleave_separator *separator);

/* What a separator settled on; it may settle on less later, where a device fails or its memory runs
 * out. Strings belong to the separator. */
typedef struct cleave_separator_info {
    const char *device;    /* id, such as "cpu" */
    const char *kernels;   /* CPU: instruction set in use; else "" */
    const char *precision; /* "f32", … */
    const char *blend;     /* "fade" or "mean" */
    const char *plan;      /* "estimate", "measurement" or "cache"; see cleave_layer_list */
    int threads;
    int overlap;
    int batch;
    int tta;
    int chunk_size;        /* samples per chunk with this blend */
    int compiled;          /* 1: the whole graph is compiled; 0: it runs op by op */
    int64_t device_memory; /* bytes of weights and activations on the device; 0 while released */
    int64_t peak_device_memory; /* the most that the separator ever took there */
    int64_t memory_needed;      /* bytes planned for the whole process; see cleave_memory_need */
    int64_t degraded_ops;       /* ops that run elsewhere than on the device; see
                                   cleave_separator_degraded() */
} cleave_separator_info;

CLEAVE_API void cleave_separator_get_info(const cleave_separator *separator,
                                          cleave_separator_info *info);

/* Does everything for which a first run would otherwise pay, and one run of noise at the
 * separator's batch. `seconds`, which may be NULL, becomes the wall time that it took.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE, CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_MODEL,
 * CLEAVE_ERROR_CANCELLED. */
CLEAVE_API cleave_status cleave_separator_warm_up(cleave_separator *separator, double *seconds,
                                                  cleave_error *error);

/* Waits until the device has done all that it was given, as is needed before a clock is read. The
 * separating calls have done so when they return.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE. */
CLEAVE_API cleave_status cleave_separator_synchronize(cleave_separator *separator,
                                                      cleave_error *error);

/* Releases what the separator holds on its device: executables, weights and pooled buffers. The
 * next call that needs them compiles again, with the same result; what was planned is kept.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE. */
CLEAVE_API cleave_status cleave_separator_release_cache(cleave_separator *separator,
                                                        cleave_error *error);

/* An op that does not run on the device on which the network does. */
typedef struct cleave_degraded_op {
    char name[64];       /* of the op in the network */
    char op[32];         /* "conv", "stft" and the like */
    char device[32];     /* where it runs */
    char instead_of[32]; /* the network's device: the separator's, or one that it left */
    char reason[160];    /* why */
    int64_t runs;        /* how often it has run there */
} cleave_degraded_op;

/* Writes up to `capacity` such ops to `ops` and returns how many there are; those of a network on
 * the CPU are none. They are counted since the separator was opened, on each device that it used.
 */
CLEAVE_API int cleave_separator_degraded(const cleave_separator *separator, cleave_degraded_op *ops,
                                         int capacity);

/* Makes the call that is now running on `separator` (or else the next one) end with
 * CLEAVE_ERROR_CANCELLED at its next operation. Async-signal-safe; any thread. */
CLEAVE_API void cleave_separator_cancel(cleave_separator *separator);

/* ---- Separating ------------------------------------------------------------------------- */

typedef struct cleave_progress {
    int64_t samples_done;       /* of the output, per channel, at the model's rate */
    int64_t samples_total;      /* 0 where the length is not known beforehand */
    double seconds;             /* wall time since the call began */
    int64_t peak_host_memory;   /* bytes, of the whole process since its start; 0: unknown */
    int64_t peak_device_memory; /* bytes, of the network on its device; 0 where none runs */
} cleave_progress;

/* Called about once per batch of chunks, from the calling thread. A return other than 0 cancels:
 * the call ends with CLEAVE_ERROR_CANCELLED and leaves no output. */
typedef int (*cleave_progress_callback)(void *user, const cleave_progress *progress);

typedef enum cleave_format {
    CLEAVE_FORMAT_WAV = 0,
    CLEAVE_FORMAT_FLAC = 1,
    CLEAVE_FORMAT_AIFF = 2,
    CLEAVE_FORMAT_OGG = 3, /* Vorbis */
    CLEAVE_FORMAT_MP3 = 4,
    CLEAVE_FORMAT_RAW = 5,  /* interleaved samples without a header, little-endian */
    CLEAVE_FORMAT_OPUS = 6, /* at 8, 12, 16, 24 or 48 kHz: the next that is not lower */
    CLEAVE_FORMAT_M4A = 7,  /* AAC in M4A; in builds with FFmpeg, as is the next */
    CLEAVE_FORMAT_ALAC = 8, /* Apple Lossless in M4A */
    CLEAVE_FORMATS          /* how many there are */
} cleave_format;

typedef enum cleave_bits {
    CLEAVE_BITS_AUTO = 0, /* float for WAV, AIFF and raw, 24 for FLAC and ALAC; lossy formats have
                             none */
    CLEAVE_BITS_16 = 16,
    CLEAVE_BITS_24 = 24,
    CLEAVE_BITS_FLOAT = 32 /* the network's floats, neither scaled nor clipped */
} cleave_bits;

/* How more than two channels become left and right. */
typedef enum cleave_channels {
    CLEAVE_CHANNELS_DOWNMIX = 0, /* all are mixed down as Recommendation ITU-R BS.775 says: centre
                                    and surround 3 dB lower, no low-frequency effects */
    CLEAVE_CHANNELS_FRONT = 1    /* left and right alone */
} cleave_channels;

/* How an input is read. All zeros are the defaults. */
typedef struct cleave_input_settings {
    int stream;               /* of a file with several audio streams, as videos have them: 1 is the
                                 first; 0 (default): the best, as FFmpeg ranks them. The log says at
                                 level INFO which there are */
    cleave_channels channels; /* default CLEAVE_CHANNELS_DOWNMIX. Where a file does not say which
                                 channel is which, the first two are taken, with a warning */
    int keep_going;           /* 1: of an input that cannot be read to its end (it breaks off within
                                 a frame, or reading fails) write what there is, with a warning.
                                 Default 0: that is an error, and nothing is written. Damage that
                                 can be passed over, and a length that a header only promises, are
                                 warnings anyway */
} cleave_input_settings;

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
CLEAVE_API int cleave_formats(cleave_format_info *formats, int capacity);

/* Sample rates that stems can be written at, in Hz, and what stands for the input's own. */
#define CLEAVE_RATE_MIN    1000
#define CLEAVE_RATE_MAX    768000
#define CLEAVE_RATE_SOURCE (-1)

typedef struct cleave_output_settings {
    const char *directory;     /* default "separated"; made where it is missing */
    const char *name_template; /* default "{track}/{stem}"; {track}, {stem}, {model}, {folder} and
                                  {ext} (the format's extension) are filled in. The extension is
                                  added where the template does not end in .{ext}. Must hold {stem}
                                  if several are written */
    const char *const *stems;  /* stems to write, NULL (default): all. Names match exactly, or
                                  without regard to ASCII case if nothing matches exactly */
    int stem_count;            /* length of stems */
    const char *residual;      /* NULL (default), or the name of one more stem: the mix less all
                                  the stems that are written */
    cleave_format format;      /* default CLEAVE_FORMAT_WAV */
    cleave_bits bits;          /* default CLEAVE_BITS_AUTO */
    int resume;                /* 1: keep a journal of what is done beside the outputs, so that a
                                  run that is interrupted, killed even, goes on from its last
                                  completed chunk when it is called again, with the same bits out;
                                  takes about as much disk space as float WAV. A run that had moved
                                  to another device goes on there, with a warning, or starts over
                                  where it cannot. Default 0 */
    cleave_progress_callback progress; /* default NULL */
    void *progress_user;
    int stream_fd; /* default -1. A descriptor: the one output (a stem, or a residual; name it with
                      stems) is written to it as it becomes ready, as WAV whose lengths are
                      0xFFFFFFFF ("until the end") or raw. It is not closed; directory and
                      name_template are not used. The caller ignores SIGPIPE. */
    const char *folder; /* what {folder} stands for: folders below one that is being worked through,
                           such as "live/1999". NULL (default) or "": none, and the slash behind
                           {folder} is left out with it */
    int sample_rate;    /* of the stems: 0 (default): the model's; CLEAVE_RATE_SOURCE: the input's,
                           with as many frames as it has; or a rate in Hz. Stems are resampled on
                           their way out, without delay; above half of the model's rate they hold
                           nothing. A journal is for any rate */
    cleave_input_settings input; /* how the input is read */
} cleave_output_settings;

CLEAVE_API void cleave_output_settings_default(cleave_output_settings *settings);

/* The files that a separation would write. Free it with cleave_output_list_free(). */
typedef struct cleave_output_list {
    char **stems; /* names: the stems that are written, then the residual; NULL-terminated */
    char **paths; /* of the same order and length */
    int count;
} cleave_output_list;

/* Lists what cleave_separate_file() would write for `input`, without touching any file: to see
 * beforehand whether outputs are there already, or would be those of another input.
 * On success *list is the caller's, to be freed; on failure it is empty. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_MEMORY. */
CLEAVE_API cleave_status cleave_list_outputs(const cleave_model *model, const char *input,
                                             const cleave_output_settings *settings,
                                             cleave_output_list *list, cleave_error *error);

/* Sets *whole to 1 where every output of the list is there and whole, else to 0: regular files that
 * open as audio in a format that cleave writes, hold all that their headers promise, and are all of
 * the same length, and no run that was killed over them left its claim or its journal. It takes a
 * moment, whatever their length, since no audio is decoded but at a file's end; damage in the midst
 * of a file goes unseen, and the input is not looked at. Of an empty list *whole is 0. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_MEMORY. */
CLEAVE_API cleave_status cleave_outputs_whole(const cleave_output_list *outputs, int *whole,
                                              cleave_error *error);

/* NULL and an empty list are allowed. */
CLEAVE_API void cleave_output_list_free(cleave_output_list *list);

/* One stem that was written. */
typedef struct cleave_stem_result {
    char *name;
    char *path;
    double peak;     /* largest absolute sample, 1.0 is full scale */
    int64_t clipped; /* samples beyond full scale: cut in an integer format; kept in a lossy one,
                        whose players cut them; 0 with float */
} cleave_stem_result;

/* What a separation did. Free it with cleave_result_free(). */
typedef struct cleave_result {
    cleave_stem_result *stems;
    int stem_count;
    int sample_rate;            /* Hz, of the stems */
    int channels;               /* of the stems: the model's */
    int64_t samples;            /* per channel, of the stems */
    double audio_seconds;       /* length of the input */
    double seconds;             /* wall time of the call */
    double network_seconds;     /* of which the network ran */
    int64_t peak_host_memory;   /* bytes, of the whole process since its start */
    int64_t peak_device_memory; /* bytes that the separator took on its device at most */
    int64_t degraded_ops;       /* as in cleave_separator_info */
    int source_rate;            /* Hz, of the input */
} cleave_result;

CLEAVE_API void cleave_result_free(cleave_result *result);

/* Separates one audio file into one file per stem. `input` is a path or "-", standard input, whose
 * {track} is "stdin"; what is no regular file (a pipe, a named pipe, /dev/fd/N) is read as a
 * stream: decoded as it comes where FFmpeg can (WAV of PCM, FLAC, AAC, Matroska), else, and for a
 * network that normalizes, copied first to a temporary file without a name in $TMPDIR (else /tmp).
 * Any format that libsndfile reads, and FFmpeg's where it was found at build time; any sample rate
 * (resampled to the model's, at which the stems come where settings->sample_rate asks for no
 * other); mono is doubled for a stereo model, for a mono model left and right are
 * mixed (their mean); of more than two channels settings->input decides. Each output is a temporary
 * file in its target's folder, without a name where the system has such files (Linux), so that a
 * process killed while it works leaves no file. When all are whole and every target can be
 * replaced, they are named and renamed one after the other; files of an earlier run stay whole
 * until then. After a failure or a cancellation before the first rename none is left. Should a
 * rename fail after others succeeded, those others stay and the error names their stems. With
 * settings->stream_fd the output is a stream: after a failure what was sent of it stays sent. While
 * it works, a locked file beside the first output (.NAME.lock) claims the track; where another
 * process has the claim, the call ends at once with CLEAVE_ERROR_BUSY. A process that dies keeps no
 * claim. With settings->resume the journal is .NAME.resume; it goes when the stems are written. A
 * network that puts out something that is not a number is an error that says where. Reading, the
 * network, and writing overlap: the call uses a few threads of its own beside the network's.
 * `result` may be NULL; on success it is filled (a stream's path is "-") and must be freed, on
 * failure it is empty.
 * Errors: CLEAVE_ERROR_INPUT, CLEAVE_ERROR_OUTPUT, CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE,
 * CLEAVE_ERROR_MODEL (no numbers), CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_BUSY,
 * CLEAVE_ERROR_CANCELLED. */
CLEAVE_API cleave_status cleave_separate_file(cleave_separator *separator, const char *input,
                                              const cleave_output_settings *settings,
                                              cleave_result *result, cleave_error *error);

/* Separates audio in memory, at the model's sample rate.
 * mix: `channels` arrays (1, or at least the model's number) of `samples` floats each. One is
 *      doubled for a stereo model; a mono model gets the mean of the first two.
 * stems: (stems, channels, samples), row-major, the model's number of stems and channels:
 *        stems[(s * model_channels + c) * samples + i]. Allocated by the caller.
 * progress may be NULL. After an error the content of `stems` is unspecified.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_INPUT (a sample that is not a number),
 * CLEAVE_ERROR_MODEL (likewise, of the network's output), CLEAVE_ERROR_DEVICE, CLEAVE_ERROR_MEMORY,
 * CLEAVE_ERROR_CANCELLED. */
CLEAVE_API cleave_status cleave_separate_memory(cleave_separator *separator,
                                                const float *const *mix, int channels,
                                                int64_t samples, float *stems,
                                                cleave_progress_callback progress,
                                                void *progress_user, cleave_error *error);

/* ---- Profiles --------------------------------------------------------------------------- */

/* An op of the network with all that is computed along with it, or a kind of work on the host:
 * "open" (the input and the outputs), "compile" (where that was to be done again), "scan" (what
 * networks that normalize measure first), "decode" (and resample, and cut into chunks), "blend",
 * "journal", "encode" and "finish" (what is outstanding, and the renames). */
typedef struct cleave_profile_op {
    char name[128]; /* of the layer, as in the checkpoint; on the host as op */
    const char *op; /* as in cleave_layer, or the kind of work; static storage */
    int host;       /* 1: on the host. Most of it runs beside the network */
    int kernel[2];  /* of convolutions, in frequency and in time; else 0 */
    int input[3];   /* channels, frequencies, frames; a waveform: channels, samples, 1; host: 0 */
    int output[3];  /* likewise */
    const char *algorithm; /* of convolutions: "direct" or "winograd"; else ""; static storage */
    int64_t calls;         /* 0: it has not run */
    double seconds;        /* of all calls, each from its begin to its end */
    double thread_seconds; /* CPU: the time that its threads worked meanwhile, summed over them;
                              else as seconds */
    double share;          /* of the profile's seconds, 0 to 1 */
    double flops;          /* as in cleave_model_info, of all calls; what is computed a second time
                              rather than kept counts once */
    double bytes;          /* activations read and written, and weights, each once a call */
    double peak_share;     /* what is multiplied by convolutions and linears, and Winograd's is less
                              than flops, as a share of what the device multiplies at best, with as
                              many threads; NaN for other ops, and where that is not known */
} cleave_profile_op;

/* Where the time went. Free it with cleave_profile_free(). */
typedef struct cleave_profile {
    cleave_profile_op *ops; /* the host's, then the network's in the order in which they run. An op
                               keeps its place for as long as the separator is open */
    int count;
    double seconds;          /* wall time of the calls that were profiled */
    double network_seconds;  /* sum of the network's ops */
    int64_t chunks;          /* that the network ran; silent ones take no run */
    double flops;            /* sum over the ops: the network's flops per chunk, times chunks */
    double peak_flops;       /* per second, as measured on the operands' precision; 0: not known, as
                                where the network was released before anybody asked */
    int64_t events;          /* in the trace */
    int64_t events_left_out; /* the trace ends early by so many: it has room for
                                CLEAVE_PROFILE_EVENTS_MAX. The figures above are whole */
} cleave_profile;

#define CLEAVE_PROFILE_EVENTS_MAX 200000

/* Fills in what the calls of cleave_separate_*() on this separator took since it was opened, failed
 * and cancelled ones included, warm-ups left out. Clocks are read when the device has finished an
 * op, so that a profiled run may be slower than another. The first time, it takes some ten
 * milliseconds to measure the peak.
 * On success *profile is the caller's, to be freed; on failure it is empty.
 * Errors: CLEAVE_ERROR_ARGUMENT (the separator was opened without settings.profile),
 * CLEAVE_ERROR_MEMORY. */
CLEAVE_API cleave_status cleave_separator_profile(cleave_separator *separator,
                                                  cleave_profile *profile, cleave_error *error);

/* NULL and an empty profile are allowed. */
CLEAVE_API void cleave_profile_free(cleave_profile *profile);

/* Forgets what was measured so far, events included. Errors: CLEAVE_ERROR_ARGUMENT, as above. */
CLEAVE_API cleave_status cleave_separator_profile_reset(cleave_separator *separator,
                                                        cleave_error *error);

/* Writes what happened when as a trace that ui.perfetto.dev and chrome://tracing show, in the JSON
 * form of Chrome's trace events: a row for the calling thread, with each op; one for each of the
 * network's other threads, with the parts of ops that it worked on; and the threads that decode,
 * blend and encode. Of each row the events are in order and do not overlap.
 * The file is replaced when the new one is whole, and its folder is made where it is missing; after
 * an error nothing is left. Errors: CLEAVE_ERROR_ARGUMENT, as above, CLEAVE_ERROR_OUTPUT,
 * CLEAVE_ERROR_MEMORY. */
CLEAVE_API cleave_status cleave_profile_write_trace(cleave_separator *separator, const char *path,
                                                    cleave_error *error);

/* ---- Export ----------------------------------------------------------------------------- */

typedef struct cleave_export_settings {
    int frames; /* T of the exported network; 0 (default): those of a chunk of chunk_size. They must
                   divide by scale[0], num_scales times over */
} cleave_export_settings;

CLEAVE_API void cleave_export_settings_default(cleave_export_settings *settings);

/* What was written. */
typedef struct cleave_export_result {
    int64_t bytes; /* of the file */
    int opset;     /* version of ONNX's operators that it takes */
    int input[3];  /* of "spectrogram": 2 · channels, dim_f, T */
    int output[4]; /* of "stems": stems, 2 · channels, dim_f, T */
} cleave_export_result;

/* Writes the network between the transforms as an ONNX file, weights included, for other runtimes:
 *   spectrogram (batch, 2 · channels, dim_f, T) → stems (batch, stems, 2 · channels, dim_f, T)
 * any batch, f32, spectrograms as PyTorch's network has them: channel 2c is the real and 2c + 1 the
 * imaginary part of audio channel c, of an unnormalised STFT with a periodic Hann window, centred
 * frames and reflected ends, of which the lowest dim_f bins are kept. The STFT and its inverse are
 * left to the caller, since few runtimes have them; the file's metadata_props say what they need:
 * sample_rate, channels, n_fft, hop_length, dim_f, dim_t (T), and stems, the names as a JSON array.
 * Weights keep their names; those of linears are transposed, and their names end in ".T".
 * The file is replaced when the new one is whole, and its folder is made where it is missing; after
 * an error nothing is left. Weights are converted as they are written, so that it takes a few MB of
 * memory. settings and result may be NULL; *result is written on success only. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_OUTPUT, CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_MODEL (a
 * weight is not a number, or the file would have 2 GiB, which is more than ONNX allows). */
CLEAVE_API cleave_status cleave_export_onnx(const cleave_model *model, const char *path,
                                            const cleave_export_settings *settings,
                                            cleave_export_result *result, cleave_error *error);

/* ---- Scoring ---------------------------------------------------------------------------- */

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
CLEAVE_API cleave_status cleave_score_files(const char *reference, const char *estimate,
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
 * power 1. Bins in which both are at or below the floor of -90 dBFS are left out, and so are frames
 * and channels of nothing else; 0 where nothing is left.
 * *comparison is written on success only. Takes about 60 KB. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT (a sample of the reference that is not a number too),
 * CLEAVE_ERROR_MEMORY. */
CLEAVE_API cleave_status cleave_compare_audio(const float *const *reference,
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

/* Reads the loudest `seconds` of an audio file: those with the most power, to 4096 samples, the
 * first of equals; 0, or more than there is: all of it. `channels` and `sample_rate` convert as
 * cleave_separate_file() does; 0: the file's own. The file is decoded twice, of which the second
 * pass ends with the part; progress (may be NULL) gets both together.
 * On success *audio is the caller's, to be freed; on failure it is empty. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_INPUT (an empty file too), CLEAVE_ERROR_MEMORY,
 * CLEAVE_ERROR_CANCELLED. */
CLEAVE_API cleave_status cleave_read_audio(const char *path, int channels, int sample_rate,
                                           double seconds, cleave_audio *audio,
                                           cleave_progress_callback progress, void *progress_user,
                                           cleave_error *error);

/* NULL and empty audio are allowed. */
CLEAVE_API void cleave_audio_free(cleave_audio *audio);

/* ---- Reports ---------------------------------------------------------------------------- */

/* How loud a file is. */
typedef struct cleave_loudness {
    double integrated;  /* LUFS, EBU R 128 (ITU-R BS.1770); -inf: silent or shorter than 0.4 s */
    double range;       /* LU, EBU Tech 3342; 0 where there is nothing to measure */
    double true_peak;   /* dBTP: of the oversampled signal; -inf: silent */
    double sample_peak; /* dBFS; -inf: silent */
    int64_t full_scale_samples; /* at or beyond full scale (16 bits' largest value), all channels
                                   together: as good as surely clipped in an integer format */
    int64_t samples;            /* per channel */
    int sample_rate;            /* Hz */
    int channels;               /* as many as were measured: up to 64; one counts as one, not as
                                   the same signal in two loudspeakers */
} cleave_loudness;

/* Measures an audio file, of which no more than a block is in memory at a time. None of the figures
 * is ever NaN. `progress` may be NULL; otherwise it is called at every block with samples of the
 * file, and cancels with a return other than 0. *loudness is written on success only. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_INPUT, CLEAVE_ERROR_MEMORY,
 * CLEAVE_ERROR_CANCELLED. */
CLEAVE_API cleave_status cleave_measure_loudness(const char *path, cleave_loudness *loudness,
                                                 cleave_progress_callback progress,
                                                 void *progress_user, cleave_error *error);

#define CLEAVE_SPECTROGRAM_PANELS_MAX 64

/* One spectrogram of a picture. */
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
 * cleave_measure_loudness(), for one file after the other. Thread-safe.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_INPUT, CLEAVE_ERROR_OUTPUT, CLEAVE_ERROR_MEMORY,
 * CLEAVE_ERROR_CANCELLED. */
CLEAVE_API cleave_status cleave_write_spectrogram(const char *png_path,
                                                  const cleave_spectrogram_panel *panels, int count,
                                                  const char *title,
                                                  cleave_progress_callback progress,
                                                  void *progress_user, cleave_error *error);

/* ---- Diagnosis -------------------------------------------------------------------------- */

/* What a bug report should say, beside what cleave_devices() does. */
typedef enum cleave_topic {
    CLEAVE_TOPIC_BUILD = 0,     /* version, compiler, options, C library, formats written */
    CLEAVE_TOPIC_LIBRARIES = 1, /* versions of the others that it uses */
    CLEAVE_TOPIC_SYSTEM = 2,    /* the operating system */
    CLEAVE_TOPIC_PROCESSOR = 3, /* the instruction sets that the CPU has, and lacks */
    CLEAVE_TOPIC_KERNELS = 4,   /* the CPU's kernel tables, slowest first: which is in use, and why
                                   the others are not */
    CLEAVE_TOPIC_MEMORY = 5,    /* what is left, and by which limit */
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
 * topic that does not exist. They name no file, no user and no host, but cgroups' paths where they
 * limit memory. Thread-safe. */
CLEAVE_API int cleave_diagnose(cleave_topic topic, cleave_finding *findings, int capacity);

/* Opens a tiny network of random weights, which separates nothing but takes every step that others
 * do: to see that an installation works where there is no model. It is written to a temporary
 * folder ($TMPDIR, else /tmp), opened as cleave_model_open() does, and removed again before this
 * returns. `log` may be NULL. Thread-safe. Errors: as cleave_model_open(), and CLEAVE_ERROR_OUTPUT.
 */
CLEAVE_API cleave_status cleave_model_open_sample(cleave_model **model, const cleave_logger *log,
                                                  cleave_error *error);

/* The file extensions (lower case, no dot) that this build reads, NULL-terminated. */
CLEAVE_API const char *const *cleave_input_extensions(void);

#ifdef __cplusplus
}
#endif

#endif
