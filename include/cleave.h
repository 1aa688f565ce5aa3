/* cleave.h: the public interface of libcleave, a music source separator for MDX23C (TFC-TDF v3),
 * BS-Roformer and Mel-Band Roformer networks. It is the manual, too. cleave/extra.h has the rest,
 * which most programs do not need.
 *
 * Separating a file into files:
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
 * Separating audio in memory, with the same model and separator. `left` and `right` hold `samples`
 * floats each, at the model's sample rate:
 *
 *   cleave_model_info info;
 *   cleave_model_get_info(model, &info);
 *   const float *mix[] = {left, right};
 *   size_t stem_size = (size_t)info.channels * (size_t)samples;
 *   float *stems = malloc((size_t)info.stem_count * stem_size * sizeof(float));
 *   if (stems && cleave_separator_separate_memory(separator, mix, 2, samples, stems, NULL, NULL,
 *                                                 &error) == CLEAVE_OK)
 *       for (int i = 0; i < info.stem_count; i++)
 *           play(info.stems[i], stems + i * stem_size, info.channels, samples);
 *   free(stems);
 *
 * Conventions
 *   - A function that can fail returns a cleave_status and takes a cleave_error last. The error may
 *     be NULL. If it is not, it is always written: CLEAVE_OK and an empty text on success.
 *   - A settings argument may be NULL: the defaults then hold. Otherwise fill the struct with its
 *     *_default() function, and then change what you need.
 *   - Strings are UTF-8, but paths, which are bytes as the file system takes them. The library
 *     copies the strings that it keeps.
 *   - Audio is 32-bit float, full scale ±1, planar: one array per channel.
 *   - Threads: an open cleave_model never changes, and any number of threads may share it. A
 *     cleave_separator serves one thread at a time; several separators run side by side. Only
 *     cleave_separator_cancel() may be called from another thread, or from a signal handler.
 *   - The library never prints, never exits, and never changes the locale or signal handlers.
 *   - Structs may grow: later versions add fields at their ends, and a program still works with a
 *     library of another version. So the library must know how long your structs are. Settings
 *     begin with their size, which *_default() sets. A function that fills a struct of yours is an
 *     inline function that passes the struct's size to an exported one, whose name ends in _sized.
 *     (Call those from other languages.) Fields that the library does not know it sets to 0. If you
 *     set such a field, it refuses your settings with CLEAVE_ERROR_ARGUMENT. A list in a result is
 *     an array of pointers. The library allocates its elements, as it does a cleave_progress: read
 *     a field that was added later only if cleave_version() has it. cleave_error and cleave_logger
 *     never grow. */
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

/* Passes the sizes of the caller's structs on; the bodies are at the end of the header. */
#define CLEAVE_INLINE static inline

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

/* What went wrong. `text` says all of it in one line: "WHAT AND WHERE: REASON; ADVICE", for example
 *     cannot read audio: song.wav: it is empty; try another file
 * It is safe to show: valid UTF-8 without control characters, whatever bytes the names in it have.
 * A program that shows the parts in different places finds them by these offsets into text:
 *     [0, reason)           what was being done, and to which file, with ": " at its end
 *     [reason, reason_end)  why that failed; details for a bug report may follow in brackets
 *     [advice, end)         what the user can try; cleave_error_advice() returns it
 * Without a first part reason is 0. Without advice, advice is the text's length. */
typedef struct cleave_error {
    cleave_status status;
    char text[CLEAVE_ERROR_TEXT_SIZE];
    int reason;
    int reason_end;
    int advice;
    int reserved[8]; /* always 0 */
} cleave_error;

/* The part of the text that says what the user can try; "" if there is none. */
CLEAVE_INLINE const char *cleave_error_advice(const cleave_error *error);

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

/* Receives messages, one line each, without a newline and as safe to show as an error's text. It is
 * called from the thread that called the library, never from several threads at once. With write ==
 * NULL nothing is logged. This struct is part of others, so it never grows. */
typedef struct cleave_logger {
    void (*write)(void *user, cleave_log_level level, const char *line);
    void *user;
    cleave_log_level level; /* messages above this level are dropped */
} cleave_logger;

/* ---- Model: configuration and weights --------------------------------------------------- */

typedef struct cleave_model cleave_model;

typedef struct cleave_model_settings {
    size_t size; /* of this struct; set by cleave_model_settings_default() */
    /* YAML configuration. NULL (default): MODEL's name with .yaml or .yml, then model.yaml,
     * model.yml, config_model.yaml in its folder, then what a safetensors header carries. */
    const char *config_path;
    cleave_logger log; /* default: none */
} cleave_model_settings;

CLEAVE_INLINE void cleave_model_settings_default(cleave_model_settings *settings);

/* Opens a checkpoint (.ckpt, .pth, .pt, .th of torch.save in its ZIP or its old stream form, or
 * .safetensors) and its configuration, and checks each against the other. Executes nothing that a
 * file contains. Weights stay memory-mapped where the container allows it: do not truncate the file
 * or write to it while the model is open, since a device may read it at any time.
 * On success *model is the caller's, to be closed; on failure it is NULL.
 * Errors: CLEAVE_ERROR_MODEL, CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_ARGUMENT. */
CLEAVE_API cleave_status cleave_model_open(cleave_model **model, const char *path,
                                           const cleave_model_settings *settings,
                                           cleave_error *error);

/* Closes a model; NULL is allowed. Close the separators that were opened from it first. */
CLEAVE_API void cleave_model_close(cleave_model *model);

/* What a model is. Strings and arrays belong to the model and live as long as it does. */
typedef struct cleave_model_info {
    const char *path;          /* as given */
    const char *name;          /* file name without folder and extension */
    const char *config_source; /* path of the YAML, or "safetensors header" */
    const char *container;     /* "torch zip", "torch stream" or "safetensors" */
    const char *weight_type;   /* element type of the first weight: "f32", "f16", … */
    const char *norm;         /* MDX23C: as in the configuration, such as "InstanceNorm"; else "" */
    const char *act;          /* MDX23C: as in the configuration, such as "gelu"; else "" */
    const char *const *stems; /* stem names in output order */
    int stem_count;
    int channels;     /* audio channels: 1 or 2 */
    int sample_rate;  /* Hz */
    int chunk_size;   /* samples per chunk with blend fade. MDX23C: the largest multiple of
                         hop_length (plus one where n_fft is odd) in what the configuration says */
    int n_fft;        /* samples */
    int hop_length;   /* samples */
    int dim_f;        /* STFT bins kept */
    int dim_t;        /* frames per chunk */
    int num_subbands; /* this and those up to scale: MDX23C; else 0 */
    int num_scales;
    int num_blocks_per_scale;
    int num_channels;
    int growth;
    int bottleneck_factor;
    int scale[2];             /* factor per scale in time and in frequency */
    int default_overlap;      /* inference.num_overlap, at least 1 */
    int normalize;            /* inference.normalize: 0 or 1 */
    int64_t parameters;       /* number of weights */
    double flops_per_chunk;   /* floating-point operations by direct computation, a multiply and an
                                 add counted as two */
    const char *architecture; /* "MDX23C", "BS-Roformer" or "Mel-Band Roformer" */
    /* Of Roformers; else 0. By the names of the configuration, where not said otherwise. */
    int dim;                    /* features of a token */
    int depth;                  /* blocks */
    int heads;                  /* of attention */
    int dim_head;               /* features of a head */
    int bands;                  /* how many bands the bins are grouped into */
    int time_transformer_depth; /* layers of a block along the frames */
    int freq_transformer_depth; /* layers of a block along the bands */
    int mask_estimator_depth;
    int mlp_expansion_factor; /* of the masks' hidden layers */
} cleave_model_info;

CLEAVE_INLINE void cleave_model_get_info(const cleave_model *model, cleave_model_info *info);

/* ---- Devices ---------------------------------------------------------------------------- */

typedef enum cleave_device_kind {
    CLEAVE_DEVICE_CPU = 0,
    CLEAVE_DEVICE_MPS = 1, /* an Apple GPU */
    CLEAVE_DEVICE_CUDA = 2 /* an NVIDIA GPU */
} cleave_device_kind;

typedef struct cleave_device_info {
    char id[32]; /* the name of the device in settings: "cpu", "mps", "cuda:0" */
    cleave_device_kind kind;
    int available;               /* 0 or 1 */
    int threads;                 /* CPU: processors this process may use; else 0 */
    int simulated;               /* 1: there is no such device: in builds for tests a program
                                    plays its part, with its results but not its speed */
    char name[128];              /* "AMD EPYC …" */
    char kernels[32];            /* CPU: the instruction set in use, such as "avx512"; else "" */
    char reason[256];            /* why not available; "" where it is */
    int64_t memory_total;        /* bytes; 0 where unknown */
    int64_t memory_available;    /* bytes; 0 where unknown; read afresh at each call */
    int64_t system_memory_total; /* bytes, of the machine, where the device shares its memory; 0
                                    where it does not, or where unknown */
    int64_t system_memory_available; /* likewise; read afresh at each call */
    char system[128];                /* operating system and version */
    char driver[64];                 /* and its version; "" where there is none */
    char runtime[64];                /* likewise */
    char warning[256]; /* of a version that limits what the device can do; "" if none does */
} cleave_device_info;

/* Writes up to `capacity` devices to `devices` in the order in which "auto" prefers them and
 * returns how many there are. What is not memory is asked of the system once per process.
 * A program that may run on Apple GPUs also needs cleave_trial_main() (cleave/extra.h).
 * Thread-safe. */
CLEAVE_INLINE int cleave_device_list(cleave_device_info *devices, int capacity);

/* ---- Separator: a model made ready for a device ----------------------------------------- */

typedef struct cleave_separator cleave_separator;

/* The most chunks that may cover a moment. */
#define CLEAVE_OVERLAP_MAX 50

/* How chunks become one signal again. */
typedef enum cleave_blend {
    CLEAVE_BLEND_FADE = 0, /* linear fades, the training framework's way */
    CLEAVE_BLEND_MEAN = 1, /* plain mean of all overlapping chunks, UVR's way */
    /* A mean weighted by a Hamming window, without padding, audio-separator's way with Roformers;
     * its chunks are those of CLEAVE_BLEND_MEAN. Where inference.num_overlap is not given, 8 chunks
     * cover a moment. Input shorter than a chunk, or than 10 s, is cut into chunks of the same
     * length as any other; audio-separator takes shorter ones there. */
    CLEAVE_BLEND_HAMMING = 2
} cleave_blend;

typedef enum cleave_precision {
    CLEAVE_PRECISION_AUTO = 0, /* f16 on an NVIDIA GPU as far as it reaches, f32 elsewhere */
    CLEAVE_PRECISION_F32 = 1,
    CLEAVE_PRECISION_F16 = 2,
    CLEAVE_PRECISION_BF16 = 3
} cleave_precision;

typedef struct cleave_separator_settings {
    size_t size;                /* of this struct; set by cleave_separator_settings_default() */
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
    const char *const *stems; /* names of those that calls will ask for; NULL (default): all. Some
                                 networks, such as Roformers, then load and compute no others. A
                                 call that asks for more makes the network ready again, once */
    int stem_count;
} cleave_separator_settings;

CLEAVE_INLINE void cleave_separator_settings_default(cleave_separator_settings *settings);

/* Compiles `model` for a device. The model must outlive the separator. What does not work is
 * replaced by the next best, with a warning:
 *   - A batch that needs more memory than there is, is lowered.
 *   - A network that cannot be compiled whole runs op by op.
 *   - If a device fails, or lacks memory for a single chunk, now or in a later call, the separator
 *     goes on with the next best device and stays there. What was computed until then is kept. With
 *     settings->strict_device it is an error.
 *   - If precision AUTO stands for f16, and what the network puts out in it is not a number, that
 *     chunk is computed again in bf16, or in f32 where the device has no bf16, or where bf16 does
 *     not reach far enough either. The separator stays with that precision, in later calls as well.
 * On success *separator is the caller's, to be closed; on failure it is NULL.
 * Errors: CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE, CLEAVE_ERROR_MODEL and, where memory lacks
 * for one chunk per run, CLEAVE_ERROR_MEMORY. */
CLEAVE_API cleave_status cleave_separator_open(cleave_separator **separator,
                                               const cleave_model *model,
                                               const cleave_separator_settings *settings,
                                               cleave_error *error);

/* Closes a separator; NULL is allowed. */
CLEAVE_API void cleave_separator_close(cleave_separator *separator);

/* What a separator settled on. It may settle on less later, when a device fails or runs out of
 * memory. Strings belong to the separator. */
typedef struct cleave_separator_info {
    const char *device;    /* id, such as "cpu" */
    const char *kernels;   /* CPU: instruction set in use; else "" */
    const char *precision; /* "f32", …; the latest, if a call changed it */
    const char *blend;     /* "fade", "mean" or "hamming" */
    int threads;
    int overlap;
    int batch;
    int tta;
    int chunk_size;        /* samples per chunk with this blend */
    int compiled;          /* 1: the whole graph is compiled; 0: it runs op by op */
    int64_t device_memory; /* bytes of weights and activations on the device; 0 while released */
    int64_t peak_device_memory; /* the most that the separator ever took there */
    int64_t memory_needed;      /* bytes of the whole process, by estimate (cleave_memory_need) */
    int64_t fallback_ops;       /* ops that run elsewhere than on the device
                                   (cleave_separator_fallbacks()) */
} cleave_separator_info;

CLEAVE_INLINE void cleave_separator_get_info(const cleave_separator *separator,
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

/* ---- Separating files ------------------------------------------------------------------- */

/* How more than two channels become left and right. */
typedef enum cleave_channels {
    CLEAVE_CHANNELS_DOWNMIX = 0, /* all are mixed down as Recommendation ITU-R BS.775 says: centre
                                    and surround 3 dB lower, no low-frequency effects */
    CLEAVE_CHANNELS_FRONT = 1    /* left and right alone */
} cleave_channels;

/* What stems are written as. cleave_format_list() (cleave/extra.h) says what a build has. */
typedef enum cleave_format {
    CLEAVE_FORMAT_WAV = 0,
    CLEAVE_FORMAT_FLAC = 1,
    CLEAVE_FORMAT_AIFF = 2,
    CLEAVE_FORMAT_OGG = 3, /* Vorbis */
    CLEAVE_FORMAT_MP3 = 4,
    CLEAVE_FORMAT_RAW = 5,  /* interleaved samples without a header, little-endian */
    CLEAVE_FORMAT_OPUS = 6, /* at 8, 12, 16, 24 or 48 kHz: the next that is not lower */
    CLEAVE_FORMAT_M4A = 7,  /* AAC in M4A; this and the next in builds with FFmpeg */
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

/* Sample rates that stems can be written at, in Hz, and what stands for the input's own. */
#define CLEAVE_RATE_MIN    1000
#define CLEAVE_RATE_MAX    768000
#define CLEAVE_RATE_SOURCE (-1)

/* How a file is read, and what is written. */
typedef struct cleave_file_settings {
    size_t size; /* of this struct; set by cleave_file_settings_default() */

    /* Reading */
    int input_stream; /* of a file with several audio streams, such as a video: 1 is the first; 0
                         (default): the best, as FFmpeg ranks them. The log lists them at level
                         INFO */
    cleave_channels input_channels; /* default CLEAVE_CHANNELS_DOWNMIX. If the file does not say
                         which channel is which, the first two are taken, with a warning */
    int keep_going; /* 1: if the input cannot be read to its end (it breaks off within a frame, or
                       reading fails), write what there is, with a warning. 0 (default): that is
                       an error, and nothing is written. Damage that can be passed over is a
                       warning anyway, and so is an end before the length in the header */

    /* Names */
    const char *directory;     /* default "separated"; made where it is missing */
    const char *name_template; /* default "{track}/{stem}"; {track}, {stem}, {model}, {folder} and
                                  {ext} (the format's extension) are filled in. The extension is
                                  added where the template does not end in .{ext}. Must hold {stem}
                                  if several are written */
    const char *folder;        /* for {folder}: the folders between the one that a program works
                                  through and the input, such as "live/1999". NULL (default) or "":
                                  none; then the slash behind {folder} is left out, too */

    /* What is written */
    const char *const *stems; /* stems to write, NULL (default): all. Names match exactly, or
                                 without regard to ASCII case if nothing matches exactly */
    int stem_count;           /* length of stems */
    const char *residual;     /* NULL (default), or the name of one more stem: the mix less all
                                 the stems that are written */
    cleave_format format;     /* default CLEAVE_FORMAT_WAV */
    cleave_bits bits;         /* default CLEAVE_BITS_AUTO */
    int sample_rate;          /* of the stems, in Hz; 0 (default): the model's; CLEAVE_RATE_SOURCE:
                                 the input's, with as many frames as it has. Stems are resampled
                                 without delay. Above half of the model's rate they hold nothing */
    int stream_fd;            /* default -1. Otherwise a descriptor that the one output is written
                                 to while it is computed (a stem, chosen with stems, or a residual):
                                 WAV, whose lengths are 0xFFFFFFFF ("until the end"), or raw. It is
                                 not closed. directory and name_template are not used. Ignore
                                 SIGPIPE */

    /* The call */
    int resume; /* 1: keep a journal of what is done beside the outputs. If the run is interrupted,
                   or even killed, the next one goes on from its last completed chunk, with the same
                   bits out, at any sample_rate. Takes about as much disk space as float WAV. A run
                   that had moved to another device, or to a wider precision, goes on there, with a
                   warning, or starts over where it cannot. Default 0 */
    cleave_progress_callback progress; /* default NULL */
    void *progress_user;
} cleave_file_settings;

CLEAVE_INLINE void cleave_file_settings_default(cleave_file_settings *settings);

/* One stem that was written. */
typedef struct cleave_stem_result {
    char *name;
    char *path;      /* "-" with settings->stream_fd */
    double peak;     /* largest absolute sample, 1.0 is full scale */
    int64_t clipped; /* samples beyond full scale: cut in an integer format; kept in a lossy one,
                        whose players cut them; 0 with float */
} cleave_stem_result;

/* What a separation did. Free it with cleave_result_free(). */
typedef struct cleave_result {
    cleave_stem_result **stems;
    int stem_count;
    int sample_rate;            /* Hz, of the stems */
    int source_rate;            /* Hz, of the input */
    int channels;               /* of the stems: the model's */
    int64_t samples;            /* per channel, of the stems */
    double audio_seconds;       /* length of the input */
    double seconds;             /* wall time of the call */
    double network_seconds;     /* the part of it in which the network ran */
    int64_t peak_host_memory;   /* bytes, of the whole process since its start */
    int64_t peak_device_memory; /* bytes that the separator took on its device at most */
    int64_t fallback_ops;       /* as in cleave_separator_info */
} cleave_result;

/* Frees the list of stems and leaves it empty; NULL and an empty result are allowed. */
CLEAVE_API void cleave_result_free(cleave_result *result);

/* Separates one audio file into one file per stem. Reading, the network and writing overlap: the
 * call uses a few threads beside the network's.
 *
 * Input: a path, or "-" for standard input, whose {track} is "stdin". Any format that libsndfile
 * reads and, where FFmpeg was found at build time, FFmpeg's; any sample rate. The input is
 * resampled to the model's rate. Mono is doubled for a stereo model; a mono model gets the mean of
 * left and right. A pipe, or another path that is no regular file (a named pipe, /dev/fd/N), is
 * decoded as it comes where FFmpeg can (WAV of PCM, FLAC, AAC, Matroska). Otherwise, and always for
 * a network that normalizes, it is copied first to a temporary file without a name in $TMPDIR (else
 * /tmp).
 *
 * Outputs: each is written to a temporary file in the folder where it will be. On Linux that file
 * has no name, so that nothing is left if the process is killed. When all are whole and all of the
 * old files can be replaced, they are renamed one after the other. Until then the files of an
 * earlier run stay as they are, and a failure or cancellation leaves nothing. If a rename fails
 * after others have succeeded, those others stay, and the error names their stems. With
 * settings->stream_fd, what has been sent before a failure stays sent.
 *
 * Other processes: while the call works, a locked file beside the first output (.NAME.lock) claims
 * the track. If another process has claimed it, the call ends at once with CLEAVE_ERROR_BUSY. The
 * claim of a process that has died does not count. The journal of settings->resume is .NAME.resume;
 * it is removed when the stems are written.
 *
 * `result` may be NULL. On success it is filled, to be freed; on failure it is empty.
 * Errors: CLEAVE_ERROR_INPUT, CLEAVE_ERROR_OUTPUT, CLEAVE_ERROR_ARGUMENT, CLEAVE_ERROR_DEVICE,
 * CLEAVE_ERROR_MODEL (the network puts out something that is not a number; the text says where),
 * CLEAVE_ERROR_MEMORY, CLEAVE_ERROR_BUSY, CLEAVE_ERROR_CANCELLED. */
CLEAVE_INLINE cleave_status cleave_separator_separate_file(cleave_separator *separator,
                                                           const char *input,
                                                           const cleave_file_settings *settings,
                                                           cleave_result *result,
                                                           cleave_error *error);

/* ---- Sizes: the functions above that are inline, and what they call ---------------------- */

CLEAVE_API void cleave_model_settings_default_sized(cleave_model_settings *settings, size_t size);
CLEAVE_API void cleave_model_get_info_sized(const cleave_model *model, cleave_model_info *info,
                                            size_t info_size);
CLEAVE_API int cleave_device_list_sized(cleave_device_info *devices, int capacity,
                                        size_t device_size);
CLEAVE_API void cleave_separator_settings_default_sized(cleave_separator_settings *settings,
                                                        size_t size);
CLEAVE_API void cleave_separator_get_info_sized(const cleave_separator *separator,
                                                cleave_separator_info *info, size_t info_size);
CLEAVE_API void cleave_file_settings_default_sized(cleave_file_settings *settings, size_t size);
CLEAVE_API cleave_status cleave_separator_separate_file_sized(
    cleave_separator *separator, const char *input, const cleave_file_settings *settings,
    cleave_result *result, size_t result_size, cleave_error *error);

CLEAVE_INLINE const char *cleave_error_advice(const cleave_error *error) {
    return error->text + error->advice;
}

CLEAVE_INLINE void cleave_model_settings_default(cleave_model_settings *settings) {
    cleave_model_settings_default_sized(settings, sizeof(*settings));
}

CLEAVE_INLINE void cleave_model_get_info(const cleave_model *model, cleave_model_info *info) {
    cleave_model_get_info_sized(model, info, sizeof(*info));
}

CLEAVE_INLINE int cleave_device_list(cleave_device_info *devices, int capacity) {
    return cleave_device_list_sized(devices, capacity, sizeof(*devices));
}

CLEAVE_INLINE void cleave_separator_settings_default(cleave_separator_settings *settings) {
    cleave_separator_settings_default_sized(settings, sizeof(*settings));
}

CLEAVE_INLINE void cleave_separator_get_info(const cleave_separator *separator,
                                             cleave_separator_info *info) {
    cleave_separator_get_info_sized(separator, info, sizeof(*info));
}

CLEAVE_INLINE void cleave_file_settings_default(cleave_file_settings *settings) {
    cleave_file_settings_default_sized(settings, sizeof(*settings));
}

CLEAVE_INLINE cleave_status cleave_separator_separate_file(cleave_separator *separator,
                                                           const char *input,
                                                           const cleave_file_settings *settings,
                                                           cleave_result *result,
                                                           cleave_error *error) {
    return cleave_separator_separate_file_sized(separator, input, settings, result, sizeof(*result),
                                                error);
}

#ifdef __cplusplus
}
#endif

#endif
