/* cleave.h: the public interface of libcleave, a music source separator for
 * MDX23C (TFC-TDF v3) networks.
 *
 *   cleave_model *model = NULL;
 *   cleave_separator *separator = NULL;
 *   cleave_error error;
 *   if (cleave_model_open(&model, "drumsep.ckpt", NULL, &error) == CLEAVE_OK &&
 *       cleave_separator_open(&separator, model, NULL, &error) == CLEAVE_OK)
 *       cleave_separator_separate_file(separator, "song.flac", NULL, NULL, &error);
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

/* What went wrong. `text` says it all in one line, "WHAT AND WHERE: REASON; ADVICE", and the
 * offsets say where its parts begin. Names in it are made fit to be shown: valid UTF-8 without
 * control characters, whatever bytes they have. */
typedef struct cleave_error {
    cleave_status status;
    char text[CLEAVE_ERROR_TEXT_SIZE];
    int reason;     /* where in text the reason begins; 0: text begins with it */
    int reason_end; /* where the reason ends, and the text if there is no advice */
    int advice;     /* where what to try begins, behind "; "; the text's length: no advice */
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
CLEAVE_API int cleave_device_list(cleave_device_info *devices, int capacity);

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
 * name, untried. A trial takes some seconds, a minute at most, in which cleave_device_list(),
 * cleave_device_choose() and cleave_separator_open() wait for it. No process is forked that uses
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
CLEAVE_API cleave_status cleave_device_choose(const char *device, int strict,
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
    int profile;       /* 1: time every op, for cleave_separator_profile(); takes 5 MB; default 0 */
    cleave_logger log; /* default: none */
} cleave_separator_settings;

CLEAVE_API void cleave_separator_settings_default(cleave_separator_settings *settings);

/* Compiles `model` for a device. The model must outlive the separator. A batch that memory does not
 * allow, by plan or when it is taken, is lowered with a warning. Where the whole network cannot be
 * compiled, it runs op by op, with a warning. Where a device fails, here or later while it runs, or
 * has no memory for one chunk, the separator goes on with the next best one, with a warning, unless
 * settings->strict_device; what was computed until then is kept, and the separator stays there.
 * On success *separator is the caller's, to be closed; on failure it is NULL.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE, CLEAVE_ERROR_MODEL
 * and CLEAVE_ERROR_MEMORY where not even one chunk per run fits. */
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
    int threads;
    int overlap;
    int batch;
    int tta;
    int chunk_size;        /* samples per chunk with this blend */
    int compiled;          /* 1: the whole graph is compiled; 0: it runs op by op */
    int64_t device_memory; /* bytes of weights and activations on the device; 0 while released */
    int64_t peak_device_memory; /* the most that the separator ever took there */
    int64_t memory_needed;      /* bytes planned for the whole process; see cleave_memory_need */
    int64_t fallback_ops;       /* ops that run elsewhere than on the device; see
                                   cleave_separator_fallbacks() */
} cleave_separator_info;

CLEAVE_API void cleave_separator_get_info(const cleave_separator *separator,
                                          cleave_separator_info *info);

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
    int64_t fallback_ops;       /* as in cleave_separator_info */
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
CLEAVE_API cleave_status cleave_separator_separate_file(cleave_separator *separator,
                                                        const char *input,
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
CLEAVE_API cleave_status cleave_separator_separate_memory(cleave_separator *separator,
                                                          const float *const *mix, int channels,
                                                          int64_t samples, float *stems,
                                                          cleave_progress_callback progress,
                                                          void *progress_user, cleave_error *error);

#ifdef __cplusplus
}
#endif

#endif
