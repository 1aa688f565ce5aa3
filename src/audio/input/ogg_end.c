/* ogg_end.c: looks for the last page of an Ogg file. */
#include "audio/input/ogg_end.h"

#include <stdlib.h>

#include "audio/input/ogg_page.h"

/* Two of the largest pages before the last byte that is not zero, and one behind it, for a page may
 * end in zeros: among these bytes is the last page. */
#define OGG_TAIL   (3 * OGG_MAX_PAGE)
#define OGG_BEHIND OGG_MAX_PAGE

typedef struct LastPage {
    OggEnd end;
    uint32_t serial; /* of its stream */
} LastPage;

/* Of the pages in the last bytes of a file, the last. */
static LastPage judge_last_page(const unsigned char *tail, size_t size) {
    size_t at = 0;
    LastPage last = {.end = OGG_ENDS_WITHIN_PAGE};
    while (at < size) {
        size_t page = ogg_page_size(tail + at, size - at);
        if (page > size - at) {
            last.end = OGG_ENDS_WITHIN_PAGE;
            return last;
        }
        if (page > 0) {
            last.end = ogg_page_is_last(tail + at) ? OGG_ENDS_WHOLE : OGG_ENDS_WITHOUT_MARK;
            last.serial = ogg_page_serial(tail + at);
        }
        at += page > 0 ? page : 1;
    }
    return last;
}

/* Where a file ends if zeros at its end, as of a disk that was full, do not count. */
static int64_t end_before_zeros(InputFile *file) {
    unsigned char block[4096];
    int64_t end = file->size;
    while (end > 0) {
        int64_t size = end < (int64_t)sizeof(block) ? end : (int64_t)sizeof(block);
        int64_t got = input_file_read_at(file, end - size, block, size);
        int64_t used = got;
        while (used > 0 && block[used - 1] == 0)
            used--;
        end -= size - (used > 0 ? used : 0);
        if (used > 0 || got <= 0)
            break;
    }
    return end;
}

/* Without memory for it, an end that causes no error. */
static LastPage find_last_page(InputFile *file) {
    LastPage last = {.end = OGG_ENDS_WITHOUT_MARK};
    unsigned char *tail = malloc((size_t)OGG_TAIL);
    if (!tail)
        return last;
    int64_t end = end_before_zeros(file) + OGG_BEHIND;
    if (end > file->size)
        end = file->size;
    int64_t start = end > (int64_t)OGG_TAIL ? end - (int64_t)OGG_TAIL : 0;
    int64_t got = input_file_read_at(file, start, tail, end - start);
    last = judge_last_page(tail, got > 0 ? (size_t)got : 0);
    free(tail);
    return last;
}

OggEnd ogg_end_find(InputFile *file) {
    return find_last_page(file).end;
}

/* Streams that belong together have their first pages at the start of the file. */
bool ogg_is_joined(InputFile *file) {
    unsigned char page[OGG_HEADER_SIZE + 255];
    uint32_t serial = find_last_page(file).serial;
    int64_t at = 0;
    for (;;) {
        int64_t got = input_file_read_at(file, at, page, sizeof(page));
        size_t size = got > 0 ? ogg_page_size(page, (size_t)got) : 0;
        if (size == 0 || !ogg_page_is_first(page))
            return at > 0;
        if (ogg_page_serial(page) == serial)
            return false;
        at += (int64_t)size;
    }
}

const char *ogg_end_doubt(OggEnd end) {
    return end == OGG_ENDS_WITHOUT_MARK ? "the stream has no end mark; it may have been longer"
                                        : NULL;
}
