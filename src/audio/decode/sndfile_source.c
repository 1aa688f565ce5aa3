/* sndfile_source.c: libsndfile as a source. libsndfile cuts lengths that cannot be true and drops
 * what it cannot decode, both without a word; here the user is told. */
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/decode/source_end.h"
#include "audio/input/ogg_end.h"
#include "audio/input/stream_headers.h"

typedef struct SndfileSource {
    AudioSource base;
    InputFile file;
    SNDFILE *sndfile;
    SF_INFO info;
    int64_t position; /* frames decoded since the start */
    int64_t promised; /* frames that must come, 0 where no header says so exactly */
    int64_t limit;    /* frames that there are; libsndfile may take padding for more. 0: none */
    OggEnd ogg_end;   /* of an Ogg file, at its end */
} SndfileSource;

/* ---- libsndfile reads through an InputFile ---- */

static sf_count_t file_length(void *user) {
    return ((InputFile *)user)->size;
}

static sf_count_t file_seek(sf_count_t offset, int whence, void *user) {
    return input_file_seek(user, offset, whence);
}

static sf_count_t file_read(void *buffer, sf_count_t bytes, void *user) {
    int64_t got = input_file_read(user, buffer, bytes);
    return got < 0 ? 0 : got;
}

static sf_count_t file_tell(void *user) {
    return ((InputFile *)user)->position;
}

static SNDFILE *open_virtual(InputFile *file, SF_INFO *info) {
    SF_VIRTUAL_IO io = {file_length, file_seek, file_read, NULL, file_tell};
    memset(info, 0, sizeof(*info));
    file->position = 0;
    file->error = 0;
    file->shrunk = false;
    return sf_open_virtual(&io, SFM_READ, info, file);
}

/* ---- Lengths ---- */

/* A length of 0 would make libsndfile stop at once; the largest one makes it read to the end, and
 * in RF64 the true one. */
static void hide_zero_length(InputFile *file, const DataChunk *chunk) {
    if (!chunk->unfinished || chunk->declared != 0 || chunk->size_offset == 0)
        return;
    if (chunk->long_offset > 0) {
        int64_t there = file->size - chunk->offset;
        for (int i = 0; i < 8; i++)
            file->overlay[i] = (unsigned char)(there >> (8 * i));
        file->overlay_offset = chunk->long_offset;
        file->overlay_size = 8;
        return;
    }
    memset(file->overlay, 0xff, 4);
    file->overlay_offset = chunk->size_offset;
    file->overlay_size = 4;
}

/* The samples of a W64 are padded to 8 bytes, which libsndfile takes for samples, too. */
static int64_t frames_of_chunk(const DataChunk *chunk) {
    bool is_w64 = chunk->found && chunk->size_offset == 0;
    const WaveFormat *wave = &chunk->wave;
    bool even = wave->found && wave->block > 0 && wave->block == wave->channels * wave->bits / 8;
    return is_w64 && even && !chunk->unfinished ? chunk->held / wave->block : 0;
}

/* Frames that the headers promise, and a warning where they and the file's size disagree. */
static void judge_length(SndfileSource *source, const DataChunk *chunk) {
    int kind = source->info.format & SF_FORMAT_TYPEMASK;
    int64_t frames = source->info.frames == SF_COUNT_MAX ? 0 : source->info.frames;
    int64_t flac_frames = kind == SF_FORMAT_FLAC ? flac_length(&source->file) : 0;
    if (flac_frames > 0)
        frames = flac_frames;
    source->limit = frames_of_chunk(chunk);
    if (source->limit > 0)
        frames = source->limit;
    source->base.format.frames = frames;
    source->promised = frames;
#ifdef HAVE_SNDFILE_MPEG
    if (kind == SF_FORMAT_MPEG && !mp3_length_is_exact(&source->file))
        source->promised = 0;
#endif
    if (chunk->found)
        chunk_warn_of_length(chunk, source->file.path, frames, source->info.samplerate,
                             &source->base.log);
}

/* ---- Channels ---- */

/* libsndfile gives channels in the file's order. Its own description of them
 * (SFC_GET_CHANNEL_MAP_INFO) is not used: for AIFF files libsndfile 1.2.0 reads beyond its memory.
 */
static ChannelLayout sndfile_layout(const SndfileSource *source, const DataChunk *chunk) {
    int channels = source->info.channels;
    switch (source->info.format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_OGG:
        return channel_layout_of_vorbis(channels);
    case SF_FORMAT_FLAC:
        return channel_layout_of_flac(channels);
    default:
        return channel_layout_of_mask(chunk->wave.mask, channels);
    }
}

/* ---- The source ---- */

/* libsndfile's texts read "Error : flac decoder lost sync."; what fits into a sentence is returned.
 */
static void tidy_text(const char *text, char *tidy, size_t capacity) {
    const char *start = strncmp(text, "Error : ", 8) == 0 ? text + 8 : text;
    size_t length = strlen(start);
    while (length > 0 && (start[length - 1] == '.' || start[length - 1] == '\n'))
        length--;
    if (length >= capacity)
        length = capacity - 1;
    memcpy(tidy, start, length);
    tidy[length] = '\0';
}

/* Why decoding stopped before the file's end; NULL: it did not. */
static const char *why_broken(const SndfileSource *source, char *text, size_t size) {
    bool is_ogg = (source->info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_OGG;
    if (sf_error(source->sndfile) != SF_ERR_NO_ERROR)
        tidy_text(sf_strerror(source->sndfile), text, size);
    else if (is_ogg && source->ogg_end == OGG_ENDS_WITHIN_PAGE)
        snprintf(text, size, "the file ends within a page of its stream");
    else
        return NULL;
    return text;
}

/* An MP3's frame count may include the frame that holds the header, or not. */
#define MP3_FRAME 1152

static int64_t tolerance_of(const SndfileSource *source) {
#ifdef HAVE_SNDFILE_MPEG
    int kind = source->info.format & SF_FORMAT_TYPEMASK;
    int coding = source->info.format & SF_FORMAT_SUBMASK;
    if (kind == SF_FORMAT_MPEG || coding == SF_FORMAT_MPEG_LAYER_III)
        return MP3_FRAME;
#else
    (void)source;
#endif
    return 0;
}

static const char *why_doubtful(SndfileSource *source) {
    if (ogg_is_joined(&source->file))
        return "several streams are joined in it, and the first one was read; a build of cleave "
               "with FFmpeg reads them all";
    return ogg_end_doubt(source->ogg_end);
}

static cleave_status sndfile_judge_end(SndfileSource *source, cleave_error *error) {
    char why[160];
    int kind = source->info.format & SF_FORMAT_TYPEMASK;
    if (kind == SF_FORMAT_OGG)
        source->ogg_end = ogg_end_find(&source->file);
    SourceEnd end = {.path = source->file.path,
                     .position = source->position,
                     .promised = source->promised,
                     .tolerance = tolerance_of(source),
                     .read_error = input_file_failure(&source->file),
                     .broken = why_broken(source, why, sizeof(why)),
                     .doubt = kind == SF_FORMAT_OGG ? why_doubtful(source) : NULL,
                     .more_is_remarkable = true};
    return source_end_judge(&source->base, &end, error);
}

static cleave_status sndfile_read(AudioSource *base, float *interleaved, int64_t frames,
                                  int64_t *got, cleave_error *error) {
    SndfileSource *source = (SndfileSource *)base;
    if (source->limit > 0 && frames > source->limit - source->position)
        frames = source->limit - source->position;
    sf_count_t read = frames > 0 ? sf_readf_float(source->sndfile, interleaved, frames) : 0;
    *got = read > 0 ? read : 0;
    source->position += *got;
    return *got > 0 ? CLEAVE_OK : sndfile_judge_end(source, error);
}

/* Opened anew: seeking to the start leaves some of libsndfile's decoders in another state. */
static cleave_status sndfile_rewind(AudioSource *base, cleave_error *error) {
    SndfileSource *source = (SndfileSource *)base;
    sf_close(source->sndfile);
    source->position = 0;
    source->sndfile = open_virtual(&source->file, &source->info);
    if (source->sndfile && source->info.channels == base->format.channels &&
        source->info.samplerate == base->format.sample_rate)
        return CLEAVE_OK;
    return source_changed(source->file.path, error);
}

static void sndfile_close(AudioSource *base) {
    SndfileSource *source = (SndfileSource *)base;
    if (source->sndfile)
        sf_close(source->sndfile);
    input_file_close(&source->file);
    free(source);
}

/* libsndfile reads an extensible header of a W64 as if its samples were integers: a plain one with
 * the same coding takes its place. */
static void hide_extensible_header(InputFile *file, const DataChunk *chunk) {
    bool is_w64 = chunk->found && chunk->size_offset == 0;
    if (!is_w64 || !chunk->wave.extensible)
        return;
    file->overlay[0] = (unsigned char)(chunk->wave.tag & 0xff);
    file->overlay[1] = (unsigned char)(chunk->wave.tag >> 8);
    file->overlay_offset = chunk->wave.tag_offset;
    file->overlay_size = 2;
}

/* libsndfile takes the largest length that a header can say for the truth. */
static cleave_status check_description(const FileDescription *description, SourceFailure *failure) {
    if (description->chunk.outgrown)
        return source_fail(failure, SOURCE_FAILED,
                           "libsndfile: there is more audio than the lengths of its header can "
                           "say");
    if (description->disguise)
        return source_is_disguised(failure, description->disguise);
    return CLEAVE_OK;
}

static cleave_status sndfile_start(SndfileSource *source, const DataChunk *chunk, int stream,
                                   SourceFailure *failure) {
    char why[160];
    hide_zero_length(&source->file, chunk);
    hide_extensible_header(&source->file, chunk);
    flac_hide_length(&source->file);
    source->sndfile = open_virtual(&source->file, &source->info);
    if (source->sndfile)
        return stream > 1 ? source_lacks_stream(failure, 1) : CLEAVE_OK;
    const char *read_error = input_file_failure(&source->file);
    tidy_text(read_error ? read_error : sf_strerror(NULL), why, sizeof(why));
    return source_fail(failure, SOURCE_FAILED, "libsndfile: %s", why);
}

cleave_status source_sndfile_open(AudioSource **source, InputFile *file,
                                  const FileDescription *description,
                                  const AudioReaderSettings *settings, SourceFailure *failure) {
    const DataChunk *chunk = &description->chunk;
    *source = NULL;
    cleave_status status = check_description(description, failure);
    if (status != CLEAVE_OK)
        return status;
    SndfileSource *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(&failure->error, "a decoder", sizeof(*created));
    source_init(&created->base, settings);
    created->file = *file;
    created->file.overlay_size = 0;
    status = sndfile_start(created, chunk, settings->stream, failure);
    if (status != CLEAVE_OK) {
        if (created->sndfile)
            sf_close(created->sndfile);
        free(created);
        return status;
    }
    created->base.format.channels = created->info.channels;
    created->base.format.sample_rate = created->info.samplerate;
    created->base.layout = sndfile_layout(created, chunk);
    created->base.read = sndfile_read;
    created->base.rewind = sndfile_rewind;
    created->base.close = sndfile_close;
    judge_length(created, chunk);
    *source = &created->base;
    return CLEAVE_OK;
}
