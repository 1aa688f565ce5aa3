/* ogg_page.h: the framing of Ogg pages, as far as it takes to tell where a page ends and to
 * renumber a stream. Packets and codecs are libsndfile's. */
#ifndef CLEAVE_AUDIO_INPUT_OGG_PAGE_H
#define CLEAVE_AUDIO_INPUT_OGG_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OGG_HEADER_SIZE 27
#define OGG_MAX_PAGE    (OGG_HEADER_SIZE + 255 + 255 * 255)

/* Size of the page that begins at `data`: 0 if none begins there, and the size so far known (more
 * than `size`) if `size` bytes do not hold it whole. */
size_t ogg_page_size(const unsigned char *data, size_t size);

/* Whether a page is marked as its stream's last. OGG_HEADER_SIZE bytes of it are needed. */
bool ogg_page_is_last(const unsigned char *page);

/* Whether it is its stream's first; the same bytes are needed. */
bool ogg_page_is_first(const unsigned char *page);

/* The number of its stream; the same bytes are needed. */
uint32_t ogg_page_serial(const unsigned char *page);

/* Gives a whole page another stream number, and the checksum that goes with it. */
void ogg_page_set_serial(unsigned char *page, size_t size, uint32_t serial);

#endif
