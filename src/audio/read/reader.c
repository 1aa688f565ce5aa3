/* reader.c: the AudioReader: chooses a source, takes the channels that are asked for, checks that
 * they are numbers, and resamples. Decoding itself lives in the sources. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/audio.h"
#include "audio/decode/source.h"
#include "audio/input/identify.h"
#include "audio/input/metadata_tags.h"
#include "audio/input/wave_chunks.h"
#include "audio/resample.h"
#include "base/memory.h"
#include "base/path.h"

/* Frames decoded at a time. */
#define BLOCK_FRAMES 4096

/* plane += gain × channel */
typedef struct MixTerm {
    int plane;
    int channel; /* of the source */
    float gain;
} MixTerm;

struct AudioReader {
    AudioSource *source;
    char *name;                /* path, for error texts */
    const atomic_bool *cancel; /* or NULL */
    int channels;
    int sample_rate;
    bool front;     /* of more than two channels take left and right */
    int taken;      /* planes that are decoded: 1 of a mono source, else `channels` */
    MixTerm *terms; /* what the planes are made of; of one plane all behind each other */
    int term_count;
    AudioDownmix downmix;
    int64_t position; /* frames decoded */
    bool started;
    bool ended;           /* the source is at its end */
    float *interleaved;   /* BLOCK_FRAMES × source channels */
    float **out;          /* `channels` pointers: where the call at hand writes next */
    Resampler *resampler; /* NULL: rates are equal */
    float *block;         /* taken × BLOCK_FRAMES, planar: decoded, not yet resampled */
    float **in;           /* `taken` pointers into block */
    int64_t block_start;
    int64_t block_end;
};

/* ---- Opening ---- */

/* Of a FLAC the bits of a sample, else 0. Older decoders know at most 24. */
static int flac_bits(InputFile *file) {
    unsigned char head[22];
    int64_t start = tags_before(file);
    if (input_file_read_at(file, start, head, sizeof(head)) != (int64_t)sizeof(head) ||
        memcmp(head, "fLaC", 4) != 0)
        return 0;
    return ((head[20] & 1) << 4 | head[21] >> 4) + 1;
}

static cleave_status no_such_stream(const InputFile *file, const char *why, int wanted,
                                    cleave_error *error) {
    int count = atoi(strstr(why, SOURCE_NO_SUCH_STREAM) + strlen(SOURCE_NO_SUCH_STREAM));
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT
                     ": there is no audio stream %d in it; it has %d: ask for one from 1 on",
                     file->path, wanted, count);
}

/* Files that are whole, of a kind that is known, and that nothing here decodes. */
static cleave_status cannot_decode(InputFile *file, const char *why, cleave_error *error) {
    const char *disguise = strstr(why, SOURCE_DISGUISED);
    if (disguise) {
        const char *coding = disguise + strlen(SOURCE_DISGUISED);
        return error_set(
            error, CLEAVE_ERROR_INPUT,
            "cannot read audio: " PATH_FORMAT ": its samples are no PCM, as its "
            "header says, but %.*s, which cannot be decoded from it here; convert it with FFmpeg "
            "or a player that knows it",
            file->path, (int)strcspn(coding, ","), coding);
    }
    if (strstr(why, SOURCE_PROTECTED))
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": it is " SOURCE_PROTECTED
                         "; only the seller's programs can play it: give a copy without protection",
                         file->path);
    if (flac_bits(file) > 24)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": its samples have %d bits, and the "
                         "FLAC decoders of this build know 24 at most; convert it to 24 bits or "
                         "to WAV (flac -d)",
                         file->path, flac_bits(file));
    return CLEAVE_OK;
}

static cleave_status cannot_read(InputFile *file, const FileLook *look, const char *why,
                                 const AudioReaderSettings *settings, cleave_error *error) {
    if (strstr(why, SOURCE_NO_SUCH_STREAM))
        return no_such_stream(file, why, settings->stream, error);
    cleave_status status = cannot_decode(file, why, error);
    if (status != CLEAVE_OK)
        return status;
#ifdef HAVE_FFMPEG
    bool have_ffmpeg = true;
#else
    bool have_ffmpeg = false;
#endif
    if (look->kind == FILE_FFMPEG_AUDIO && !have_ffmpeg)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": this is %s, and this build of cleave "
                         "lacks FFmpeg; install libavformat, libavcodec and libavutil for "
                         "developers and build again, or convert the file to WAV",
                         file->path, look->name);
    if (look->kind == FILE_NOT_AUDIO)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": this is %s, not audio; give an audio "
                         "file such as WAV, FLAC or MP3",
                         file->path, look->name);
    if (strstr(why, SOURCE_NO_AUDIO))
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": this is %s with no audio stream in "
                         "it; give a file that holds sound, or if this one should, try to copy or "
                         "download it again",
                         file->path, look->kind == FILE_UNKNOWN ? "a file" : look->name);
    if (look->kind == FILE_UNKNOWN)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": not a known audio format (%s); "
                         "convert the file to WAV or FLAC",
                         file->path, why);
    const char *or_ffmpeg =
        have_ffmpeg ? "" : ", or needs FFmpeg, which this build of cleave lacks";
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT ": it begins like %s but is truncated or "
                     "damaged (%s)%s; try to copy or download it again",
                     file->path, look->name, why, or_ffmpeg);
}

typedef cleave_status (*OpenSource)(AudioSource **source, InputFile *file,
                                    const AudioReaderSettings *settings, cleave_error *error);

#ifdef HAVE_FFMPEG
static const OpenSource sndfile_first[] = {source_sndfile_open, source_ffmpeg_open, NULL};
static const OpenSource ffmpeg_first[] = {source_ffmpeg_open, source_sndfile_open, NULL};
#else
static const OpenSource sndfile_first[] = {source_sndfile_open, NULL};
static const OpenSource ffmpeg_first[] = {source_sndfile_open, NULL};
#endif

/* A WAV or W64 of plain samples is libsndfile's, and so is G.721, which FFmpeg unpacks wrongly;
 * what else they may hold (MP3, DTS, ADPCM, …), in the open or in the place of samples, is
 * FFmpeg's. */
static bool is_for_sndfile(InputFile *file) {
    DataChunk chunk = length_of_data_chunk(file);
    unsigned tag = chunk.wave.tag;
    if (!chunk.wave.found && chunk.wave.channels > 2)
        return false; /* an AIFF whose loudspeakers FFmpeg knows */
    bool plain = !chunk.wave.found || tag == WAVE_PCM || tag == WAVE_FLOAT || tag == WAVE_ALAW ||
                 tag == WAVE_MULAW || tag == WAVE_G721;
    return plain && !disguised_coding(file, &chunk);
}

static const OpenSource *decoders_for(InputFile *file, const FileLook *look) {
    bool encoded = look->kind == FILE_ENCODED_AUDIO || look->kind == FILE_FFMPEG_AUDIO;
    return !encoded && is_for_sndfile(file) ? sndfile_first : ffmpeg_first;
}

/* An error that says it all: no other decoder need be asked. */
static bool is_final(const cleave_error *failure) {
    return strstr(failure->text, SOURCE_PROTECTED) || strstr(failure->text, SOURCE_NO_SUCH_STREAM);
}

/* Some put an ID3 tag before a WAV. The places in its chunks count from its own beginning. */
static void skip_tags(InputFile *file) {
    int64_t size = file->stream ? 0 : tags_before(file);
    if (size > 0 && size < file->size) {
        file->base += size;
        file->size -= size;
    }
}

static cleave_status open_file(AudioSource **source, InputFile *file,
                               const AudioReaderSettings *settings, cleave_error *error) {
    FileLook look = file_identify(file);
    char why[2 * 160] = "";
    if (look.kind == FILE_AUDIO)
        skip_tags(file);
    bool final = false;
    for (const OpenSource *open = decoders_for(file, &look); *open && !final; open++) {
        cleave_error failure;
        cleave_status status = (*open)(source, file, settings, &failure);
        if (status == CLEAVE_OK)
            return CLEAVE_OK;
        if (status == CLEAVE_ERROR_MEMORY)
            return error_set(error, status, "%s", failure.text);
        size_t used = strlen(why);
        snprintf(why + used, sizeof(why) - used, "%s%.150s", used > 0 ? ", " : "", failure.text);
        final = is_final(&failure);
    }
    return cannot_read(file, &look, why, settings, error);
}

/* ---- Streams ---- */

static cleave_status broken_stream(const InputFile *file, int number, cleave_error *error) {
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT
                     ": %s; look at the program that writes to it",
                     file->path, strerror(number));
}

/* Decodes a stream as it comes; false where that cannot be. A decoder that gives up has taken less
 * than is kept, or else its word is final. */
static bool open_flow(AudioSource **source, InputFile *file, const AudioReaderSettings *settings) {
#ifdef HAVE_FFMPEG
    FileLook look = file_identify(file);
    /* Of a WAV FFmpeg must not take more than is kept before it is known what is in it. */
    bool is_wav = look.kind == FILE_AUDIO;
    if (!settings->once || !look.flows || (is_wav && !length_of_data_chunk(file).found))
        return false;
    return source_ffmpeg_open(source, file, settings, NULL) == CLEAVE_OK;
#else
    (void)source;
    (void)file;
    (void)settings;
    return false;
#endif
}

/* An endless stream of something else must not fill the disk: what begins like no known format is
 * shown to the decoders first as a file that ends with the bytes that are kept. */
static cleave_status check_head(InputFile *file, cleave_error *error) {
    FileLook look = file_identify(file);
    if (look.kind != FILE_UNKNOWN && look.kind != FILE_NOT_AUDIO)
        return CLEAVE_OK;
    if (!input_stream_fill(file->stream, INPUT_STREAM_KEPT))
        return broken_stream(file, errno, error);
    InputFile head;
    cleave_status status = input_file_spool(file, &head, true, error);
    if (status != CLEAVE_OK)
        return status;
    AudioSource *source = NULL;
    status = open_file(&source, &head, &(AudioReaderSettings){0}, error);
    if (source)
        source->close(source);
    else
        input_file_close(&head);
    return status;
}

static cleave_status spool(InputFile *file, cleave_error *error) {
    if (!input_stream_is_whole(file->stream))
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot read audio: " PATH_FORMAT ": no audio in the first megabytes of "
                         "the stream; save it to a file first",
                         file->path);
    cleave_status status = check_head(file, error);
    InputFile copy;
    if (status == CLEAVE_OK)
        status = input_file_spool(file, &copy, false, error);
    if (status != CLEAVE_OK)
        return status;
    input_file_close(file);
    *file = copy;
    return CLEAVE_OK;
}

static cleave_status check_begun(InputFile *file, cleave_error *error) {
    if (!input_stream_fill(file->stream, 1))
        return broken_stream(file, errno, error);
    if (file->stream->kept > 0)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT ": the stream is empty; look at the program "
                     "that should write to it",
                     file->path);
}

static cleave_status open_source(AudioSource **source, InputFile *file,
                                 const AudioReaderSettings *settings, cleave_error *error) {
    cleave_status status = CLEAVE_OK;
    if (file->stream) {
        file->stream->cancel = settings->cancel;
        status = check_begun(file, error);
        if (status == CLEAVE_OK && open_flow(source, file, settings))
            return CLEAVE_OK;
        if (status == CLEAVE_OK)
            status = spool(file, error);
    }
    return status == CLEAVE_OK ? open_file(source, file, settings, error) : status;
}

static cleave_status check_format(const AudioFormat *format, const char *name,
                                  cleave_error *error) {
    if (format->channels >= 1 && format->channels <= SOURCE_MAX_CHANNELS &&
        format->sample_rate >= 1)
        return CLEAVE_OK;
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT ": %d channels at %d Hz make no sense; the "
                     "file is damaged, try to copy or download it again",
                     name, format->channels, format->sample_rate);
}

static cleave_status allocate_reader(AudioReader *reader, const char *name, cleave_error *error) {
    size_t floats = (size_t)reader->source->format.channels * BLOCK_FRAMES;
    reader->name = string_copy(name);
    reader->interleaved = malloc(floats * sizeof(float));
    if (!reader->name || !reader->interleaved)
        return error_memory(error, "a reader's block", floats * sizeof(float));
    const AudioFormat *format = &reader->source->format;
    return audio_reader_convert(reader, format->channels, format->sample_rate, error);
}

/* Takes the source over, also when it fails. */
static cleave_status reader_create(AudioReader **reader, AudioSource *source, const char *name,
                                   cleave_error *error) {
    AudioReader *created = calloc(1, sizeof(*created));
    if (!created) {
        source->close(source);
        return error_memory(error, "a reader", sizeof(*created));
    }
    created->source = source;
    cleave_status status = check_format(&source->format, name, error);
    if (status == CLEAVE_OK)
        status = allocate_reader(created, name, error);
    if (status != CLEAVE_OK) {
        audio_reader_close(created);
        return status;
    }
    *reader = created;
    return CLEAVE_OK;
}

/* A decoder that waits for a stream ends with some error of its own when it is told to stop. */
static cleave_status or_cancelled(cleave_status status, const atomic_bool *cancel,
                                  cleave_error *error) {
    if (status == CLEAVE_OK || !cancel || !atomic_load(cancel))
        return status;
    return error_set(error, CLEAVE_ERROR_CANCELLED, "cancelled");
}

cleave_status audio_reader_open_with(AudioReader **reader, const char *path,
                                     const AudioReaderSettings *settings, cleave_error *error) {
    *reader = NULL;
    error_clear(error);
    InputFile file;
    cleave_status status = input_file_open(&file, path, error);
    if (status != CLEAVE_OK)
        return status;
    AudioSource *source = NULL;
    status = open_source(&source, &file, settings, error);
    if (!source) {
        input_file_close(&file);
        return or_cancelled(status, settings->cancel, error);
    }
    status = reader_create(reader, source, path_shown(path), error);
    if (status == CLEAVE_OK) {
        (*reader)->cancel = settings->cancel;
        (*reader)->front = settings->front;
    }
    return status;
}

cleave_status audio_reader_open(AudioReader **reader, const char *path, const cleave_logger *log,
                                cleave_error *error) {
    return audio_reader_open_with(reader, path, &(AudioReaderSettings){.log = log}, error);
}

cleave_status audio_reader_open_memory(AudioReader **reader, const float *const *planes,
                                       int channels, int64_t frames, int sample_rate,
                                       cleave_error *error) {
    *reader = NULL;
    error_clear(error);
    AudioSource *source = NULL;
    cleave_status status =
        source_memory_open(&source, planes, channels, frames, sample_rate, error);
    if (status != CLEAVE_OK)
        return status;
    return reader_create(reader, source, "audio in memory", error);
}

void audio_reader_close(AudioReader *reader) {
    if (!reader)
        return;
    resampler_destroy(reader->resampler);
    reader->source->close(reader->source);
    free(reader->interleaved);
    free(reader->block);
    free(reader->in);
    free(reader->out);
    free(reader->terms);
    free(reader->name);
    free(reader);
}

/* ---- Conversion ---- */

static void free_conversion(AudioReader *reader) {
    resampler_destroy(reader->resampler);
    reader->resampler = NULL;
    free(reader->block);
    free(reader->in);
    free(reader->out);
    free(reader->terms);
    reader->block = NULL;
    reader->in = NULL;
    reader->out = NULL;
    reader->terms = NULL;
    reader->term_count = 0;
}

static void add_term(AudioReader *reader, int plane, int channel, float gain) {
    if (gain != 0.0f)
        reader->terms[reader->term_count++] = (MixTerm){plane, channel, gain};
}

static int channel_of_role(const ChannelLayout *layout, ChannelRole role) {
    int c = 0;
    while (layout->roles[c] != role)
        c++;
    return c;
}

/* Adds what the left (side 0) or right gives to a plane. */
static void add_side(AudioReader *reader, int plane, int side, float gain) {
    const ChannelLayout *layout = &reader->source->layout;
    ChannelRole role = side == 0 ? CHANNEL_LEFT : CHANNEL_RIGHT;
    if (reader->downmix == AUDIO_FRONT)
        add_term(reader, plane, channel_of_role(layout, role), gain);
    else if (reader->downmix == AUDIO_MIXED)
        for (int c = 0; c < reader->source->format.channels; c++)
            add_term(reader, plane, c, gain * channel_downmix_gain(layout->roles[c], side));
    else
        add_term(reader, plane, side, gain);
}

static AudioDownmix choose_downmix(const AudioReader *reader) {
    if (reader->source->format.channels <= 2 || reader->channels > 2)
        return AUDIO_AS_IT_IS;
    if (!reader->source->layout.known)
        return AUDIO_FIRST_TWO;
    return reader->front ? AUDIO_FRONT : AUDIO_MIXED;
}

/* A stereo file's mono downmix is the mean; each half is taken before the sum, which could
 * overflow. */
static cleave_status plan_mix(AudioReader *reader, cleave_error *error) {
    int channels = reader->source->format.channels;
    size_t most = 2 * (size_t)(channels > reader->channels ? channels : reader->channels);
    reader->terms = calloc(most, sizeof(*reader->terms));
    if (!reader->terms)
        return error_memory(error, "a reader's channels", most * sizeof(*reader->terms));
    reader->downmix = choose_downmix(reader);
    if (channels > 1 && reader->channels == 1) {
        add_side(reader, 0, 0, 0.5f);
        add_side(reader, 0, 1, 0.5f);
    } else if (reader->downmix != AUDIO_AS_IT_IS) {
        add_side(reader, 0, 0, 1.0f);
        add_side(reader, 1, 1, 1.0f);
    } else {
        for (int c = 0; c < reader->taken; c++)
            add_term(reader, c, c, 1.0f);
    }
    return CLEAVE_OK;
}

static cleave_status allocate_conversion(AudioReader *reader, cleave_error *error) {
    reader->out = calloc((size_t)reader->channels, sizeof(*reader->out));
    if (!reader->out)
        return error_memory(error, "a reader's channels", (size_t)reader->channels);
    if (reader->sample_rate == reader->source->format.sample_rate)
        return CLEAVE_OK;
    size_t floats = (size_t)reader->taken * BLOCK_FRAMES;
    reader->block = malloc(floats * sizeof(float));
    reader->in = calloc((size_t)reader->taken, sizeof(*reader->in));
    if (!reader->block || !reader->in)
        return error_memory(error, "a resampler's block", floats * sizeof(float));
    cleave_status status =
        resampler_create(&reader->resampler, reader->taken, reader->source->format.sample_rate,
                         reader->sample_rate, error);
    if (status != CLEAVE_OK)
        error_prefix(error, PATH_FORMAT, reader->name);
    return status;
}

cleave_status audio_reader_convert(AudioReader *reader, int channels, int sample_rate,
                                   cleave_error *error) {
    error_clear(error);
    const AudioFormat *format = &reader->source->format;
    if (reader->started || channels < 1 || sample_rate < 1)
        return error_set(
            error, CLEAVE_ERROR_ARGUMENT,
            "cannot convert audio: " PATH_FORMAT ": to %d channels at %d Hz%s; ask for "
            "a conversion once, before the first read",
            reader->name, channels, sample_rate, reader->started ? " after the first read" : "");
    if (format->channels != 1 && format->channels < channels)
        return error_set(error, CLEAVE_ERROR_INPUT,
                         "cannot convert audio: " PATH_FORMAT ": it has %d channels and %d are "
                         "needed; give a file with %d channels or with one",
                         reader->name, format->channels, channels, channels);
    free_conversion(reader);
    reader->channels = channels;
    reader->sample_rate = sample_rate;
    reader->taken = format->channels == 1 ? 1 : channels;
    cleave_status status = plan_mix(reader, error);
    return status == CLEAVE_OK ? allocate_conversion(reader, error) : status;
}

const char *audio_reader_name(const AudioReader *reader) {
    return reader->name;
}

const AudioFormat *audio_reader_format(const AudioReader *reader) {
    return &reader->source->format;
}

AudioDownmix audio_reader_downmix(const AudioReader *reader) {
    return reader->downmix;
}

int64_t audio_reader_expected_frames(const AudioReader *reader) {
    const AudioFormat *format = &reader->source->format;
    return resampled_frames(format->frames, format->sample_rate, reader->sample_rate);
}

int64_t audio_reader_position(const AudioReader *reader) {
    return reader->position;
}

/* ---- Reading ---- */

/* The first frame of the interleaved block in which a channel is no number, or -1. */
static int64_t find_bad(const float *interleaved, int channels, int channel, int64_t frames) {
    for (int64_t i = 0; i < frames; i++)
        if (!isfinite(interleaved[i * channels + channel]))
            return i;
    return -1;
}

static cleave_status check_samples(const AudioReader *reader, int64_t frames, cleave_error *error) {
    const AudioFormat *format = &reader->source->format;
    for (int i = 0; i < reader->term_count; i++) {
        int channel = reader->terms[i].channel;
        int64_t bad = find_bad(reader->interleaved, format->channels, channel, frames);
        if (bad >= 0)
            return error_set(
                error, CLEAVE_ERROR_INPUT,
                "cannot read audio: " PATH_FORMAT ": channel %d is not a number (NaN or "
                "infinity) at %.3f s; repair or render the file again",
                reader->name, channel + 1, (double)(reader->position + bad) / format->sample_rate);
    }
    return CLEAVE_OK;
}

static void mix_channels(const AudioReader *reader, float *const *planes, int64_t frames) {
    int channels = reader->source->format.channels;
    int begun = -1; /* the plane that has its first term */
    for (int i = 0; i < reader->term_count; i++) {
        const MixTerm *term = &reader->terms[i];
        const float *from = reader->interleaved + term->channel;
        float *plane = planes[term->plane];
        if (term->plane != begun)
            for (int64_t f = 0; f < frames; f++)
                plane[f] = term->gain * from[f * channels];
        else
            for (int64_t f = 0; f < frames; f++)
                plane[f] += term->gain * from[f * channels];
        begun = term->plane;
    }
}

/* Decodes up to `frames` frames (at most BLOCK_FRAMES) into the `taken` planes. */
static cleave_status decode(AudioReader *reader, float *const *planes, int64_t frames, int64_t *got,
                            cleave_error *error) {
    AudioSource *source = reader->source;
    if (frames > BLOCK_FRAMES)
        frames = BLOCK_FRAMES;
    cleave_status status = source->read(source, reader->interleaved, frames, got, error);
    if (status != CLEAVE_OK)
        return status;
    if (*got == 0)
        reader->ended = true;
    status = check_samples(reader, *got, error);
    if (status != CLEAVE_OK)
        return status;
    mix_channels(reader, planes, *got);
    reader->position += *got;
    return CLEAVE_OK;
}

static cleave_status read_plain(AudioReader *reader, int64_t frames, int64_t *got,
                                cleave_error *error) {
    return decode(reader, reader->out, frames, got, error);
}

static cleave_status refill(AudioReader *reader, cleave_error *error) {
    for (int c = 0; c < reader->taken; c++)
        reader->in[c] = reader->block + (size_t)c * BLOCK_FRAMES;
    int64_t got = 0;
    cleave_status status = decode(reader, reader->in, BLOCK_FRAMES, &got, error);
    reader->block_start = 0;
    reader->block_end = status == CLEAVE_OK ? got : 0;
    return status;
}

/* One step of the resampler; *got may be 0 before the end. */
static cleave_status read_resampled(AudioReader *reader, int64_t frames, int64_t *got,
                                    cleave_error *error) {
    if (reader->block_start == reader->block_end && !reader->ended) {
        cleave_status status = refill(reader, error);
        if (status != CLEAVE_OK)
            return status;
    }
    for (int c = 0; c < reader->taken; c++)
        reader->in[c] = reader->block + (size_t)c * BLOCK_FRAMES + reader->block_start;
    int64_t left = reader->block_end - reader->block_start;
    int64_t used = 0;
    const float *const *in = left > 0 ? (const float *const *)reader->in : NULL;
    cleave_status status =
        resampler_run(reader->resampler, in, left, &used, reader->out, frames, got, error);
    reader->block_start += used;
    return status;
}

static bool at_end(const AudioReader *reader, int64_t got) {
    return reader->ended && got == 0 && reader->block_start == reader->block_end;
}

static void copy_mono(const AudioReader *reader, float *const *planes, int64_t frames) {
    for (int c = reader->taken; c < reader->channels; c++)
        memcpy(planes[c], planes[0], (size_t)frames * sizeof(float));
}

cleave_status audio_reader_read(AudioReader *reader, float *const *planes, int64_t frames,
                                int64_t *got, cleave_error *error) {
    error_clear(error);
    reader->started = true;
    int64_t done = 0;
    cleave_status status = CLEAVE_OK;
    while (done < frames) {
        for (int c = 0; c < reader->channels; c++)
            reader->out[c] = planes[c] + done;
        int64_t step = 0;
        status = reader->resampler ? read_resampled(reader, frames - done, &step, error)
                                   : read_plain(reader, frames - done, &step, error);
        if (status != CLEAVE_OK || at_end(reader, step))
            break;
        done += step;
    }
    copy_mono(reader, planes, done);
    *got = done;
    return or_cancelled(status, reader->cancel, error);
}

cleave_status audio_reader_rewind(AudioReader *reader, cleave_error *error) {
    error_clear(error);
    reader->position = 0;
    reader->block_start = 0;
    reader->block_end = 0;
    reader->ended = false;
    cleave_status status = reader->source->rewind(reader->source, error);
    if (status == CLEAVE_OK && reader->resampler)
        status = resampler_reset(reader->resampler, error);
    return status;
}
