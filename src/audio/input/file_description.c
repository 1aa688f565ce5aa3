/* file_description.c: puts a description together, and looks for other codings in the place of PCM.
 */
#include "audio/input/file_description.h"

#include <stdlib.h>
#include <string.h>

#include "audio/input/metadata_tags.h"

/* ---- What calls itself PCM ---- */

/* Where sync words are looked for: some bursts of each kind. */
#define SNIFFED_BYTES 131072

/* One in so many bytes happens by chance once in thousands of files, two never. */
#define SYNC_WORDS_NEEDED 2

typedef struct SyncWord {
    unsigned char bytes[4];
    const char *coding;
} SyncWord;

#define IEC_61937 "Dolby Digital or DTS (IEC 61937)"

/* DTS in words of 16 and of 14 bits (ETSI TS 102 114), and the preamble of a burst of IEC 61937;
 * each in both byte orders. */
static const SyncWord sync_words[] = {
    {{0xfe, 0x7f, 0x01, 0x80}, "DTS"},     {{0x7f, 0xfe, 0x80, 0x01}, "DTS"},
    {{0xff, 0x1f, 0x00, 0xe8}, "DTS"},     {{0x1f, 0xff, 0xe8, 0x00}, "DTS"},
    {{0x72, 0xf8, 0x1f, 0x4e}, IEC_61937}, {{0xf8, 0x72, 0x4e, 0x1f}, IEC_61937},
};

static const char *find_sync_words(const unsigned char *samples, int64_t size) {
    for (size_t word = 0; word < sizeof(sync_words) / sizeof(sync_words[0]); word++) {
        int found = 0;
        for (int64_t at = 0; at + 4 <= size; at += 2)
            if (memcmp(samples + at, sync_words[word].bytes, 4) == 0 &&
                ++found == SYNC_WORDS_NEEDED)
                return sync_words[word].coding;
    }
    return NULL;
}

static const char *find_disguise(InputFile *file, const DataChunk *chunk) {
    if (!chunk->found || !chunk->wave.found || chunk->wave.tag != WAVE_PCM ||
        chunk->wave.bits != 16)
        return NULL;
    unsigned char *samples = malloc(SNIFFED_BYTES);
    if (!samples)
        return NULL;
    int64_t got = input_file_read_at(file, chunk->offset, samples, SNIFFED_BYTES);
    const char *coding = find_sync_words(samples, got);
    free(samples);
    return coding;
}

/* ---- The description ---- */

/* Some programs put an ID3 tag before a WAV. */
static void skip_tag(InputFile *file) {
    int64_t size = file->stream ? 0 : tags_before(file);
    if (size > 0 && size < file->size) {
        file->base += size;
        file->size -= size;
    }
}

FileDescription file_describe(InputFile *file) {
    FileDescription description = {.look = file_identify(file)};
    if (description.look.kind == FILE_AUDIO)
        skip_tag(file);
    description.chunk = data_chunk_find(file);
    description.disguise = find_disguise(file, &description.chunk);
    return description;
}
