/* metadata_tags.c: finds tags by their marks. The formats are those of id3.org and of the APEv2
 * specification. */
#include "audio/input/metadata_tags.h"

#include <stdlib.h>
#include <string.h>

#include "audio/input/byte_order.h"

#define ID3V2_HEADER     10
#define ID3V1_SIZE       128
#define ID3V1_EXTENSION  227
#define APE_FOOTER       32
#define APE_HAS_HEADER   UINT32_C(0x80000000)
#define LYRICS_MARK      9 /* "LYRICS200" or "LYRICSEND" */
#define LYRICS_LENGTH    6 /* decimal digits before "LYRICS200" */
#define MOST_TAGS_BEHIND 16

/* The length has 7 bits a byte. */
int64_t tags_before(InputFile *file) {
    unsigned char head[ID3V2_HEADER];
    if (input_file_read_at(file, 0, head, sizeof(head)) != (int64_t)sizeof(head) ||
        memcmp(head, "ID3", 3) != 0)
        return 0;
    int64_t size = 0;
    for (int i = 6; i < ID3V2_HEADER; i++)
        size = size << 7 | (head[i] & 0x7f);
    return size + ID3V2_HEADER;
}

/* Whether the bytes at `before` less `distance` are `mark`. */
static bool mark_stands(InputFile *file, int64_t before, int64_t distance, const char *mark) {
    unsigned char bytes[16];
    int64_t size = (int64_t)strlen(mark);
    return before >= distance && input_file_read_at(file, before - distance, bytes, size) == size &&
           memcmp(bytes, mark, (size_t)size) == 0;
}

static int64_t id3v1_before(InputFile *file, int64_t end) {
    if (!mark_stands(file, end, ID3V1_SIZE, "TAG"))
        return 0;
    return mark_stands(file, end, ID3V1_SIZE + ID3V1_EXTENSION, "TAG+")
               ? ID3V1_SIZE + ID3V1_EXTENSION
               : ID3V1_SIZE;
}

/* The footer's length counts the footer but no header. */
static int64_t ape_before(InputFile *file, int64_t end) {
    unsigned char footer[APE_FOOTER];
    if (!mark_stands(file, end, APE_FOOTER, "APETAGEX") ||
        input_file_read_at(file, end - APE_FOOTER, footer, APE_FOOTER) != APE_FOOTER)
        return 0;
    int64_t size = (int64_t)get_number(footer + 12, 4, false);
    if ((get_number(footer + 20, 4, false) & APE_HAS_HEADER) != 0)
        size += APE_FOOTER;
    return size;
}

static int64_t lyrics_before(InputFile *file, int64_t end) {
    char digits[LYRICS_LENGTH + 1] = "";
    if (!mark_stands(file, end, LYRICS_MARK, "LYRICS200") ||
        input_file_read_at(file, end - LYRICS_MARK - LYRICS_LENGTH, digits, LYRICS_LENGTH) !=
            LYRICS_LENGTH)
        return 0;
    return strtol(digits, NULL, 10) + LYRICS_LENGTH + LYRICS_MARK;
}

int64_t tags_behind(InputFile *file) {
    if (file->stream)
        return 0;
    int64_t end = file->size;
    for (int i = 0; i < MOST_TAGS_BEHIND; i++) {
        int64_t size = id3v1_before(file, end);
        if (size == 0)
            size = ape_before(file, end);
        if (size == 0)
            size = lyrics_before(file, end);
        if (size <= 0 || size >= end)
            break;
        end -= size;
    }
    return file->size - end;
}

bool tag_begins(const unsigned char *data, size_t size) {
    static const char *const marks[] = {"ID3", "TAG", "APETAGEX", "LYRICSBEGIN"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (size >= strlen(marks[i]) && memcmp(data, marks[i], strlen(marks[i])) == 0)
            return true;
    return false;
}
