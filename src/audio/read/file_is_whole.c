/* file_is_whole.c: whether a written file is complete, by its headers and its end. A container that
 * is not known here is never complete. */
#include <sndfile.h>
#include <string.h>
#include <sys/stat.h>

#include "audio/audio.h"
#include "audio/input/ogg_end.h"
#include "audio/input/stream_headers.h"
#include "audio/input/wave_chunks.h"

/* Other files could block, or have different content the second time. */
static bool is_regular(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
}

#define FLAC_MAX_CHANNELS 8

/* FLAC gives its length in frames only, so the last of them must be found and decoded. */
static bool holds_last_frame(const InputFile *file, int64_t frames) {
    SF_INFO info = {0};
    bool found = false;
    SNDFILE *sndfile = sf_open_fd(file->fd, SFM_READ, &info, SF_FALSE);
    if (!sndfile)
        return false;
    float frame[FLAC_MAX_CHANNELS];
    if (info.frames == frames && info.channels <= FLAC_MAX_CHANNELS &&
        sf_seek(sndfile, frames - 1, SEEK_SET) == frames - 1)
        found = sf_readf_float(sndfile, frame, 1) == 1 && sf_error(sndfile) == SF_ERR_NO_ERROR;
    sf_close(sndfile);
    return found;
}

/* The size of an MP4 box, and its kind; 0: there is no box. A size of 1 means that one of 64 bits
 * follows the kind. */
static int64_t read_box(InputFile *file, int64_t offset, char *kind) {
    unsigned char head[16] = {0};
    int64_t size = 0;
    if (input_file_read_at(file, offset, head, sizeof(head)) < 8)
        return 0;
    memcpy(kind, head + 4, 4);
    for (int i = 0; i < 4; i++)
        size = size << 8 | head[i];
    if (size != 1)
        return size;
    size = head[8] & 0x7f;
    for (int i = 9; i < 16; i++)
        size = size << 8 | head[i];
    return size;
}

static bool is_mp4(InputFile *file) {
    char kind[4] = {0};
    return read_box(file, 0, kind) >= 8 && memcmp(kind, "ftyp", 4) == 0;
}

/* An MP4 file's boxes lie one behind the other. The one with the index comes last and is written
 * when all else is there. */
static bool holds_its_boxes(InputFile *file) {
    bool has_index = false;
    int64_t offset = 0;
    while (offset < file->size) {
        char kind[4] = {0};
        int64_t size = read_box(file, offset, kind);
        if (size < 8 || size > file->size - offset)
            return false;
        has_index = has_index || memcmp(kind, "moov", 4) == 0;
        offset += size;
    }
    return has_index;
}

static bool holds_its_length(InputFile *file) {
    unsigned char magic[4] = {0};
    input_file_read_at(file, 0, magic, sizeof(magic));
    if (is_mp4(file))
        return holds_its_boxes(file);
    if (memcmp(magic, "OggS", sizeof(magic)) == 0)
        return ogg_end_find(file) == OGG_ENDS_WHOLE;
    DataChunk chunk = data_chunk_find(file);
    if (chunk.found)
        return !chunk.unfinished && chunk.held == chunk.declared;
    int64_t flac_frames = flac_length(file);
    if (flac_frames > 0)
        return holds_last_frame(file, flac_frames);
    return mp3_length_is_held(file);
}

cleave_status audio_file_is_whole(const char *path, bool *whole, int64_t *frames,
                                  cleave_error *error) {
    InputFile file;
    AudioReader *reader = NULL;
    *whole = false;
    *frames = 0;
    error_clear(error);
    if (!is_regular(path))
        return CLEAVE_OK;
    cleave_status status = input_file_open(&file, path, error);
    if (status == CLEAVE_OK) {
        bool held = holds_its_length(&file);
        input_file_close(&file);
        if (held)
            status = audio_reader_open(&reader, path, NULL, error);
    }
    int64_t length = reader ? audio_reader_format(reader)->frames : 0;
    audio_reader_close(reader);
    if (status == CLEAVE_ERROR_MEMORY)
        return status;
    error_clear(error);
    *whole = length > 0;
    *frames = length;
    return CLEAVE_OK;
}
