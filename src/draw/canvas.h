/* canvas.h: a picture in memory: pixels, rectangles and lines of text. What lies beyond the edges
 * is left out. */
#ifndef CLEAVE_DRAW_CANVAS_H
#define CLEAVE_DRAW_CANVAS_H

#include "base/error.h"
#include "draw/colours.h"

typedef struct Canvas {
    int width, height;
    uint8_t *pixels; /* rows from the top, red, green, blue */
} Canvas;

/* Free it in either case. */
cleave_status canvas_create(Canvas *canvas, int width, int height, cleave_error *error);
void canvas_free(Canvas *canvas);

void canvas_pixel(Canvas *canvas, int x, int y, Colour colour);

/* `opacity` from 0 to 1. */
void canvas_rectangle(Canvas *canvas, int x, int y, int width, int height, Colour colour,
                      double opacity);

#define CANVAS_TEXT_HEIGHT 14 /* of capitals and digits */

/* Pixels that a text takes; one letter for each character of UTF-8. */
int canvas_text_width(const char *text);

/* Draws from (x, y), the top left corner of the first capital; ends with "..." where the text is
 * wider than `room`. Characters beyond ASCII are drawn as '?'. */
void canvas_text(Canvas *canvas, int x, int y, int room, const char *text, Colour colour);

#endif
