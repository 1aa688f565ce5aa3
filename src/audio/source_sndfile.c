/* source_sndfile.c: libsndfile as a source. libsndfile clamps lengths that cannot be so and drops
 * what it cannot decode, both without a word; the words are said here. */
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

#include "audio/lengths.h"
#include "audio/source.h"

typedef struct SndfileSource {
    AudioSource base;
    InputFile file;
    cleave_logger log;
    SNDFILE *sndfile;
    SF_INFO info;
    int64_t position; /* frames decoded since the start */
    int64_t promised; /* frames that must come, 0 where no header says so exactly */
    bool warned;      /* the remarks on the end of the file are made once */
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
    return sf_open_virtual(&io, SFM_READ, info, file);
}

/* ---- Lengths ---- */

static void warn_of_data_length(const SndfileSource *source, const DataChunk *chunk) {
    double rate = source->info.samplerate;
    double held = (double)source->info.frames / rate;
    if (chunk->unfinished)
        log_write(&source->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": the header does not tell the length (the writer has not finished "
                              "it); reading the %.3f s that are there",
                  source->file.path, held);
    else
        log_write(&source->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT
                  ": the header promises %.3f s but the file holds %.3f s: cut short, or "
                  "still being written; reading what is there",
                  source->file.path, held * (double)chunk->declared / (double)chunk->held, held);
}

/* A length of 0 would make libsndfile stop at once; the largest one makes it read to the end. */
static void hide_zero_length(InputFile *file, const DataChunk *chunk) {
    if (!chunk->unfinished || chunk->declared != 0 || chunk->size_offset == 0)
        return;
    memset(file->overlay, 0xff, 4);
    file->overlay_offset = chunk->size_offset;
    file->overlay_size = 4;
}

/* Frames that the headers promise, and a warning where they and the file's size disagree. */
static void judge_length(SndfileSource *source, const DataChunk *chunk, int64_t flac_frames) {
    int kind = source->info.format & SF_FORMAT_TYPEMASK;
    int64_t frames = source->info.frames == SF_COUNT_MAX ? 0 : source->info.frames;
    if (kind == SF_FORMAT_FLAC && flac_frames > 0)
        frames = flac_frames;
    source->base.format.frames = frames;
    source->promised = frames;
#ifdef HAVE_SNDFILE_MPEG
    if (kind == SF_FORMAT_MPEG && !length_of_mp3_is_exact(&source->file))
        source->promised = 0;
#endif
    bool lost_frames = source->info.frames > 0 && chunk->held > 0 &&
                       chunk->declared - chunk->held >= chunk->held / source->info.frames;
    if (chunk->found && (chunk->unfinished || lost_frames))
        warn_of_data_length(source, chunk);
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

static cleave_status broken_off(SndfileSource *source, cleave_error *error) {
    char why[160] = "the file ends too early";
    if (source->file.error != 0)
        tidy_text(strerror(source->file.error), why, sizeof(why));
    else if (sf_error(source->sndfile) != SF_ERR_NO_ERROR)
        tidy_text(sf_strerror(source->sndfile), why, sizeof(why));
    return source_breaks_off(&source->base, source->file.path, source->position, source->promised,
                             why, error);
}

static cleave_status judge_ogg_end(SndfileSource *source, cleave_error *error) {
    if ((source->info.format & SF_FORMAT_TYPEMASK) != SF_FORMAT_OGG)
        return CLEAVE_OK;
    OggEnd end = end_of_ogg(&source->file);
    if (end == OGG_ENDS_WITHIN_PAGE)
        return broken_off(source, error);
    if (end == OGG_ENDS_WITHOUT_MARK && !source->warned) {
        log_write(&source->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": the stream has no end mark; it may have been longer than %.3f s",
                  source->file.path, (double)source->position / source->info.samplerate);
        source->warned = true;
    }
    return CLEAVE_OK;
}

static cleave_status judge_end(SndfileSource *source, cleave_error *error) {
    if (source->file.error != 0 || sf_error(source->sndfile) != SF_ERR_NO_ERROR ||
        source->position < source->promised)
        return broken_off(source, error);
    if (source->promised > 0 && source->position > source->promised && !source->warned) {
        log_write(&source->log, CLEAVE_LOG_WARNING,
                  PATH_FORMAT ": the header promises %.3f s but there are %.3f s; all are read",
                  source->file.path, (double)source->promised / source->info.samplerate,
                  (double)source->position / source->info.samplerate);
        source->warned = true;
    }
    return judge_ogg_end(source, error);
}

static cleave_status sndfile_read(AudioSource *base, float *interleaved, int64_t frames,
                                  int64_t *got, cleave_error *error) {
    SndfileSource *source = (SndfileSource *)base;
    sf_count_t read = sf_readf_float(source->sndfile, interleaved, frames);
    *got = read > 0 ? read : 0;
    source->position += *got;
    return *got > 0 ? CLEAVE_OK : judge_end(source, error);
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
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "cannot read audio: " PATH_FORMAT
                     ": it changed or vanished between two passes; "
                     "leave the file alone while it is read",
                     source->file.path);
}

static void sndfile_close(AudioSource *base) {
    SndfileSource *source = (SndfileSource *)base;
    if (source->sndfile)
        sf_close(source->sndfile);
    input_file_close(&source->file);
    free(source);
}

static cleave_status open_failed(SndfileSource *source, cleave_error *error) {
    char why[160];
    tidy_text(source->file.error != 0 ? strerror(source->file.error) : sf_strerror(NULL), why,
              sizeof(why));
    free(source);
    return error_set(error, CLEAVE_ERROR_INPUT, "libsndfile: %s", why);
}

/* libsndfile takes the largest length that a header can say for the truth. */
static cleave_status refuse_outgrown(SndfileSource *source, cleave_error *error) {
    free(source);
    return error_set(error, CLEAVE_ERROR_INPUT,
                     "libsndfile: there is more audio than the lengths of its header can say");
}

cleave_status source_sndfile_open(AudioSource **source, InputFile *file, const cleave_logger *log,
                                  cleave_error *error) {
    *source = NULL;
    SndfileSource *created = calloc(1, sizeof(*created));
    if (!created)
        return error_memory(error, "a decoder", sizeof(*created));
    created->file = *file;
    created->file.overlay_size = 0;
    if (log)
        created->log = *log;
    DataChunk chunk = length_of_data_chunk(&created->file);
    if (chunk.outgrown)
        return refuse_outgrown(created, error);
    hide_zero_length(&created->file, &chunk);
    int64_t flac_frames = length_of_flac(&created->file);
    created->sndfile = open_virtual(&created->file, &created->info);
    if (!created->sndfile)
        return open_failed(created, error);
    created->base.format.channels = created->info.channels;
    created->base.format.sample_rate = created->info.samplerate;
    created->base.read = sndfile_read;
    created->base.rewind = sndfile_rewind;
    created->base.close = sndfile_close;
    judge_length(created, &chunk, flac_frames);
    *source = &created->base;
    return CLEAVE_OK;
}
